"""Makes a registry to look at: two models, runs, notes, an attachment, a norm that jumps, a NaN.

usage: registry.py MODELREG REGISTRY
"""

import json
import math
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

MODELREG, REGISTRY = sys.argv[1], sys.argv[2]
SHAPES = {
    "encoder.embed.weight": [96, 32], "encoder.layers.0.attention.qkv.weight": [96, 32],
    "encoder.layers.0.attention.qkv.bias": [96], "encoder.layers.0.attention.out.weight": [32, 32],
    "encoder.layers.0.mlp.up.weight": [64, 32], "encoder.layers.0.mlp.down.weight": [32, 64],
    "encoder.layers.0.norm.weight": [32], "encoder.layers.1.attention.qkv.weight": [96, 32],
    "encoder.layers.1.attention.qkv.bias": [96], "encoder.layers.1.attention.out.weight": [32, 32],
    "encoder.layers.1.mlp.up.weight": [64, 32], "encoder.layers.1.mlp.down.weight": [32, 64],
    "encoder.layers.1.norm.weight": [32], "head.weight": [10, 32], "head.bias": [10],
}


def run(*words, text=None):
    command = [MODELREG, *words, "--registry", REGISTRY]
    return subprocess.run(command, check=True, input=text, capture_output=True, text=True).stdout


def write(path, tensors):
    header, offset, data = {}, 0, b""
    for name, values in tensors.items():
        part = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": SHAPES[name], "data_offsets": [offset, offset + len(part)]}
        offset += len(part)
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    random.seed(7)
    folder = Path(tempfile.mkdtemp())
    weights = {n: [random.gauss(0, 0.2) for _ in range(math.prod(s))] for n, s in SHAPES.items()}
    (folder / "config.json").write_text(json.dumps({"layers": 2, "width": 32, "heads": 4}))
    for name, rate, batch in [("baseline", 1e-3, 64), ("fast", 1e-2, 64), ("wide-batch", 1e-3, 256)]:
        run("run", "start", "digits/encoder", "--name", name, "--set", f"lr={rate}", "--set", f"batch={batch}",
            "--set", "optimizer=adamw", "--set", "seed=7")
        lines = []
        for step in range(0, 600, 2):
            loss = 2.3 * math.exp(-step * rate * 6) + 0.08 + random.gauss(0, 0.02)
            if name == "fast" and step > 300:
                loss += (step - 300) / 80
            lines.append(json.dumps({"step": step, "loss": loss, "accuracy": max(0.1, 1 - loss / 2.4),
                                     "grad_norm": abs(random.gauss(1, 0.3)) * (20 if step == 300 else 1)}))
        run("run", "log", f"digits/encoder/{name}", "--stdin", text="\n".join(lines))
    for number in range(1, 15):
        for tensor, values in weights.items():
            if number > 9 and tensor == "head.weight":
                continue
            scale = 0.02 if "encoder.embed" not in tensor else 0.002
            weights[tensor] = [v + random.gauss(0, scale) for v in values]
        if number == 8:
            weights["encoder.layers.1.mlp.up.weight"] = [
                6 * v for v in weights["encoder.layers.1.mlp.up.weight"]]
        tensors = dict(weights)
        if number == 12:
            tensors["head.bias"] = [float("nan")] + tensors["head.bias"][1:]
        file = folder / f"step-{number * 40}.safetensors"
        write(file, tensors)
        accuracy = min(0.981, 0.55 + 0.45 * (1 - math.exp(-number / 4))) - 0.0011 * abs(number - 11) - (0.09 if 8 <= number <= 9 else 0)
        words = ["save", str(file), "digits/encoder", "-m", f"step {number * 40}",
                 "--metric", f"val/accuracy={accuracy:.4f}", "--metric", f"val/loss={(1 - accuracy) * 2:.4f}",
                 "--run", "digits/encoder/baseline", "--step", str(number * 40)]
        if number == 1:
            words += ["--attach", str(folder / "config.json")]
        run(*words)
    run("run", "finish", "digits/encoder/baseline")
    run("run", "finish", "digits/encoder/fast", "--failed")
    run("alias", "set", "digits/encoder:v11", "best")
    run("note", "digits/encoder:v8", "The learning rate was set ten times too high by mistake.\nSee the norm of layers.1.")
    write(folder / "student.safetensors", {n: weights[n] for n in list(SHAPES)[:6]})
    run("save", str(folder / "student.safetensors"), "student", "-m", "the first layers alone", "--parent", "digits/encoder:v14")
    run("save", str(folder / "student.safetensors"), "student", "-m", "again", "--metric", "val/accuracy=0.91")


main()
