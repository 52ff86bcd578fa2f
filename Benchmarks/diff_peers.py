#!/usr/bin/env python3
"""Measure `modelreg diff` beside PyTorch, which maps both files and computes the same statistics.

usage: diff_peers.py --modelreg BINARY --tool BINARY [--work DIR] [--mb 500] [--runs 5] [--full]
       (needs torch, safetensors and numpy; `Benchmarks/run` installs them and builds the binaries)

Measurements of a pair are interleaved, and medians compared. Weights are N(0, 0.02), reproducible. Without `--full`,
a model of 2 GB stands in for the one of 5 GB. Statistics of PyTorch are checked against those of modelreg first.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--modelreg", required=True)
parser.add_argument("--tool", required=True, help="RegistryBenchmark")
parser.add_argument("--work", default="/tmp/modelreg-bench")
parser.add_argument("--mb", type=int, default=500)
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--full", action="store_true")
options, _ = parser.parse_known_args()

import torch
from safetensors import safe_open
from safetensors.torch import save_file

os.makedirs(options.work, exist_ok=True)
rows = []


def path(name):
    return os.path.join(options.work, name)


def remove(*names):
    for name in names:
        for file in glob.glob(path(name) + "*"):
            os.remove(file)


def report(name, value, bar, unit="x", larger=True, note=""):
    met = value >= bar if larger else value <= bar
    rows.append((name, f"{value:.3g}{unit}", f"{bar:g}", "bar" if met else "MISSED", note))
    print("  ".join(rows[-1]), flush=True)


def modelreg(*arguments, registry):
    return subprocess.run(
        [options.modelreg, *arguments, "--registry", path(registry)], check=True, capture_output=True, text=True
    ).stdout


def timed(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def median(body, runs=options.runs):
    return statistics.median(timed(body) for _ in range(runs))


def weights(mb, seed=0, tensors=128):
    torch.manual_seed(seed)
    count = mb * 1_000_000 // 4 // tensors
    state = {f"layers.{i}.weight": torch.randn(count // 64, 64) * 0.02 for i in range(tensors)}
    state["small.weight"] = torch.randn(512, 512) * 0.02
    return state


def one_changed(mb, name):
    """Two versions that differ in one tensor of 1 MB."""
    if not os.path.exists(path(name)):
        state = weights(mb)
        save_file(state, path("d.safetensors"))
        modelreg("save", path("d.safetensors"), "m", "-q", "--no-pack", registry=name)
        state["small.weight"] += torch.randn(512, 512) * 1e-3
        save_file(state, path("d.safetensors"))
        modelreg("save", path("d.safetensors"), "m", "-q", "--no-pack", registry=name)
        remove("d.safetensors")


def peer(old_path, new_path):
    """What modelreg says of each tensor, by PyTorch in float64, from mapped files."""
    result = {}
    with safe_open(old_path, "pt") as old, safe_open(new_path, "pt") as new:
        for name in new.keys():
            a, b = old.get_tensor(name).reshape(-1), new.get_tensor(name).reshape(-1)
            if torch.equal(a, b):
                continue
            changed = int((a.view(torch.int32) != b.view(torch.int32)).sum())
            x, y = a.double(), b.double()
            finite = torch.isfinite(x) & torch.isfinite(y)
            counts = [int(torch.isnan(x).sum()), int(torch.isnan(y).sum()), int(torch.isinf(x).sum()), int(torch.isinf(y).sum())]
            if not finite.all():
                x, y = torch.where(finite, x, 0), torch.where(finite, y, 0)
            d = y - x
            magnitude = d.abs()
            position = int(magnitude.argmax())
            keys = [torch.where(t < 0, -(t & 0x7FFFFFFF), t) for t in (a.view(torch.int32).long(), b.view(torch.int32).long())]
            distance = (keys[1] - keys[0]).abs()
            buckets = torch.frexp(distance.double())[1]
            result[name] = {
                "l2": float(d.norm()), "old_norm": float(x.norm()), "new_norm": float(y.norm()), "max_at": position,
                "max_abs": float(magnitude[position]), "mean": float(d.mean()), "mean_abs": float(magnitude.mean()),
                "cosine": float(torch.dot(x, y) / (x.norm() * y.norm())), "changed": changed, "counts": counts,
                "ulp_histogram": torch.bincount(buckets).tolist(),
            }
    return result


def peak_private_megabytes(arguments):
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                for line in status:
                    if line.startswith("RssAnon"):
                        peak = max(peak, int(line.split()[1]))
        except OSError:
            pass
        time.sleep(0.002)
    return peak / 1024


def one_tensor():
    large = 5000 if options.full else 2000
    small_name, large_name = f"diff-{options.mb}.db", f"diff-{large}.db"
    one_changed(options.mb, small_name)
    one_changed(large, large_name)
    times = {small_name: [], large_name: [], "start": []}
    for _ in range(5 * options.runs):
        for name in (small_name, large_name):
            times[name].append(timed(lambda: modelreg("diff", "m:v1", "m:v2", registry=name)))
        times["start"].append(timed(lambda: subprocess.run([options.modelreg, "--version"], capture_output=True)))
    small, big, start = (1000 * statistics.median(times[name]) for name in (small_name, large_name, "start"))
    note = f"of which {start:.1f} ms start the process"
    report(f"one 1 MB tensor of {options.mb} MB changed, whole process", small, 30, " ms", False, note)
    report(f"the same of {large} MB / of {options.mb} MB", big / small, 1.2, "x", False, f"{big:.1f} ms")


def all_changed():
    a, b = path("diff-a.safetensors"), path("diff-b.safetensors")
    if not os.path.exists(b):
        state = weights(options.mb)
        save_file(state, a)
        for tensor in state.values():
            tensor += torch.randn_like(tensor) * 2e-4
        save_file(state, b)
    remove("diff-all.db")
    for file in (a, b):
        modelreg("save", file, "m", "-q", "--no-pack", registry="diff-all.db")
    check(json.loads(modelreg("diff", "m:v1", "m:v2", "--json", registry="diff-all.db")), peer(a, b))
    measured = {"diff": [], "load": [], "files": [], "torch": []}
    for _ in range(options.runs):
        measured["diff"].append(timed(lambda: modelreg("diff", "m:v1", "m:v2", registry="diff-all.db")))
        measured["load"].append(sum(load(version) for version in ("m:v1", "m:v2")))
        measured["files"].append(timed(lambda: modelreg("diff", a, b, registry="diff-all.db")))
        measured["torch"].append(timed(lambda: peer(a, b)))
    diff, load_both, files, torch_time = (statistics.median(measured[name]) for name in ("diff", "load", "files", "torch"))
    report("all changed: loading both / diff", load_both / diff, 0.5, note=f"diff {diff:.3f} s, loads {load_both:.3f} s")
    report("all changed: PyTorch mapped / diff of versions", torch_time / diff, 1, note=f"PyTorch {torch_time:.3f} s")
    report("all changed: PyTorch mapped / diff of files", torch_time / files, 1, note=f"diff {files:.3f} s, hashing both")
    modelreg("pack", "m", registry="diff-all.db")
    packed = median(lambda: modelreg("diff", "m:v1", "m:v2", registry="diff-all.db"))
    loads = statistics.median(sum(load(version) for version in ("m:v1", "m:v2")) for _ in range(options.runs))
    report("the same, the old one packed as deltas", loads / packed, 0.5, note=f"diff {packed:.3f} s, loads {loads:.3f} s")
    memory = peak_private_megabytes(
        [options.modelreg, "diff", "m:v1", "m:v2", "--registry", path("diff-all.db")])
    report("all changed: private memory", memory, 150, " MB", False, f"of two models of {options.mb} MB")
    remove("diff-all.db")


def load(version):
    output = subprocess.run(
        [options.tool, "load", version, path("diff-all.db")], check=True, capture_output=True, text=True).stdout
    return float(output.split()[0])


def check(found, expected):
    changes = {change["path"]: change["statistics"] for change in found["changes"]}
    assert changes.keys() == expected.keys()
    for name, values in expected.items():
        ours = changes[name]
        for key in ("l2", "old_norm", "new_norm", "max_abs", "mean_abs", "cosine"):
            assert abs(ours[key] - values[key]) <= 1e-10 * abs(values[key]), (name, key, ours[key], values[key])
        assert ours["changed"] == values["changed"] and ours["ulp_histogram"] == values["ulp_histogram"], name
        assert ours["max_at"] == [values["max_at"] // ours["compared_shape"][1], values["max_at"] % ours["compared_shape"][1]]


one_tensor()
all_changed()
print()
widths = [max(len(row[i]) for row in rows + [("what", "measured", "bar", "", "")]) for i in range(5)]
for row in [("what", "measured", "bar", "", "")] + rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
with open(path("results-diff.json"), "w") as file:
    json.dump([dict(zip(("what", "measured", "bar", "verdict", "note"), row)) for row in rows], file, indent=2)
