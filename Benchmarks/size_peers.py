#!/usr/bin/env python3
"""Measure how long `save` takes for files of very many values, beside `torch.load` of the same file, in one run.

usage: size_peers.py --modelreg BINARY [--work DIR] [--runs 3] [--scale 1.0] [--only NAME,…]
       (needs torch; `Benchmarks/run` installs it and builds the binary)

The files: 300,000 tensors in one `.pt`, a dictionary of 400,000 strings, and one of 2,000,000 numbers. Each run saves into
a new registry, the version comes back byte for byte once, and the two sides take turns; medians are compared. Memory is
the greatest resident set of the process, which of `torch.load` has Python and PyTorch in it. The bar is twice torch.load.
"""
import argparse
import filecmp
import os
import shutil
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--modelreg", required=True)
parser.add_argument("--work", default="/tmp/modelreg-sizes")
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--scale", type=float, default=1, help="of the number of values")
parser.add_argument("--only", default="")
options = parser.parse_args()
BAR = 2

MAKE = {
    "tensors": (300_000, "{f'layers.{i}.weight': torch.full((4,), float(i)) for i in range(n)}"),
    "strings": (400_000, "{'weight': torch.ones(4), 'vocabulary': [f'token number {i}' for i in range(n)]}"),
    "entries": (2_000_000, "{'weight': torch.ones(4), 'counts': {i: i * 0.5 for i in range(n)}}"),
}
# The time is that of the load alone, without the start of Python.
LOAD = """
import sys, time, torch
start = time.perf_counter()
value = torch.load(sys.argv[1], weights_only=sys.argv[2] == "weights_only")
print(time.perf_counter() - start)
"""


def run(command):
    """Seconds and greatest resident bytes of a command, and what it prints."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}: {errors}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024, output


def measure(name):
    count, expression = MAKE[name]
    count = int(count * options.scale)
    file, registry = (os.path.join(options.work, name + end) for end in (".pt", ".db"))
    subprocess.run(
        [sys.executable, "-c", f"import torch; n = {count}; torch.save({expression}, {file!r})"], check=True)
    times, memory = {}, {}
    for _ in range(options.runs):
        for end in ("", "-wal", "-shm"):
            if os.path.exists(registry + end):
                os.remove(registry + end)
        seconds, used, _ = run([options.modelreg, "save", file, name, "--registry", registry])
        times.setdefault("save", []).append(seconds)
        memory["save"] = max(memory.get("save", 0), used)
        for kind in ("torch.load", "weights_only"):
            _, used, output = run([sys.executable, "-c", LOAD, file, kind])
            times.setdefault(kind, []).append(float(output))
            memory[kind] = max(memory.get(kind, 0), used)
    back = os.path.join(options.work, name + ".back.pt")
    seconds, used, _ = run([options.modelreg, "load", name, "-o", back, "--force", "--registry", registry])
    if not filecmp.cmp(file, back, shallow=False):
        sys.exit(f"{name}: not the same bytes")
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    ratio = medians["save"] / medians["torch.load"]
    print(
        f"{count:>9} {name:<8} {os.path.getsize(file) / 1e6:7.1f} MB   save {medians['save']:6.2f} s {memory['save'] / 1e6:6.0f} MB"
        f"   torch.load {medians['torch.load']:6.2f} s {memory['torch.load'] / 1e6:6.0f} MB"
        f"   weights_only {medians['weights_only']:6.2f} s   back {seconds:5.2f} s {used / 1e6:5.0f} MB"
        f"   ratio {ratio:5.2f}{'' if ratio <= BAR else f'  above {BAR}'}", flush=True)
    return ratio <= BAR


os.makedirs(options.work, exist_ok=True)
names = options.only.split(",") if options.only else list(MAKE)
results = [measure(name) for name in names]
shutil.rmtree(options.work)
sys.exit(not all(results))
