#!/usr/bin/env python3
"""Saves files that gguf, NumPy with ml_dtypes and safetensors write, and compares what the program gives back, byte for byte.

usage: formats.py MODELREG
"""
import filecmp
import os
import struct
import subprocess
import sys
import tempfile

import gguf
import ml_dtypes
import numpy as np

rng = np.random.default_rng(1)
failures = []


def run(binary, *arguments, **options):
    result = subprocess.run([binary, *arguments], capture_output=True, text=True, **options)
    return result.returncode, result.stdout + result.stderr


def check(condition, what):
    if not condition:
        failures.append(what)


def split_gguf(folder, small_first_shard):
    """A model of six tensors in several files, with tokens that are not UTF-8."""
    os.mkdir(folder)
    writer = gguf.GGUFWriter(f"{folder}/m.gguf", "llama", split_max_tensors=2, small_first_shard=small_first_shard)
    writer.add_name("split")
    writer.add_token_list([b"a", b"\xff\xfe", b"\x80"] * 200)
    for i in range(5):
        writer.add_tensor(f"t{i}", rng.standard_normal((4, 64)).astype("f4" if i % 2 else "f2"))
    blocks = gguf.quants.quantize(rng.standard_normal((4, 64)).astype("f4"), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blocks", blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(os.listdir(folder))


def newer_type(path):
    """A file with a tensor whose type the program cannot know: a number that is changed after the library wrote it."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("new", rng.standard_normal((2, 64)).astype("f4"))
    writer.add_tensor("norm", np.ones(4, "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open(path, "rb") as file:
        content = file.read()
    # The name, the number of axes, two lengths, the type.
    start = content.index(b"new") + 3 + 4 + 16
    assert struct.unpack_from("<I", content, start) == (0,)
    with open(path, "wb") as file:
        file.write(content[:start] + struct.pack("<I", 999) + content[start + 4:])


def arrays():
    bfloat16 = np.arange(6, dtype="f4").reshape(2, 3).astype(ml_dtypes.bfloat16)
    return {
        "number": np.ones((4, 4), "f4"), "params/bfloat16": bfloat16, "fortran": np.asfortranarray(bfloat16),
        "float8": np.ones((2, 3), ml_dtypes.float8_e4m3fn), "text": np.array(["abc", "é"]), "bytes": np.array([b"x"]),
        "date": np.array(["2020-01-01"], "M8[D]"), "objects": np.array([{"a": 1}, None], object),
        "fields": np.zeros(3, [("a", "f4"), ("b", "u1", (2,))]), "wide": np.ones(3, np.longdouble),
        "scalar": np.array("x"), "empty": np.array([], "U5"),
    }


def main():
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for small in (False, True):
            name = f"split{int(small)}"
            files = split_gguf(name, small)
            check(len(files) > 2, f"{name}: {files}")
            # Whichever part is given.
            for file in files:
                check(run(binary, "save", f"{name}/{file}", name)[0] == 0, f"save {name}/{file}")
            check(run(binary, "load", name, "-o", f"{name}-back/")[0] == 0, f"load {name}")
            for file in files:
                check(filecmp.cmp(f"{name}/{file}", f"{name}-back/{file}", shallow=False), f"{name}/{file} differs")

        newer_type("new.gguf")
        np.savez("all.npz", **arrays())
        np.savez_compressed("compressed.npz", **arrays())
        pruned = np.zeros((5000, 5000), "f4")
        pruned[::100, ::100] = 1
        np.savez_compressed("pruned.npz", w=pruned)
        np.save("bfloat16.npy", arrays()["params/bfloat16"])
        for name in ("new.gguf", "all.npz", "compressed.npz", "pruned.npz", "bfloat16.npy"):
            model = name.replace(".", "-")
            status, text = run(binary, "save", name, model)
            check(status == 0, f"save {name}: {text}")
            status, text = run(binary, "load", model, "-o", f"back-{name}")
            check(status == 0 and filecmp.cmp(name, f"back-{name}", shallow=False), f"load {name}: {text}")
        check("999" in run(binary, "show", "new-gguf")[1], "the type of new.gguf is not shown")

        with open("all.npz", "rb") as file:
            check(run(binary, "save", "-", "piped", stdin=subprocess.DEVNULL)[0] != 0, "an empty device is saved")
            piped = subprocess.run([binary, "save", "-", "piped"], input=file.read(), capture_output=True)
        check(piped.returncode == 0, f"pipe: {piped.stderr}")
        status, text = run(binary, "verify")
        check(status == 0, text)
    for failure in failures:
        print(f"formats: {failure}", file=sys.stderr)
    print(f"formats: {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
