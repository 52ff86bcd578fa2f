#!/usr/bin/env python3
"""Runs EngineBenchmark and engine_peer.py in turn and prints how many times as fast as PyTorch the engine is.

    swift build -c release --product EngineBenchmark && python3 engine_ratios.py [--rounds N] [NAME...]

Each round runs both programs one after the other, with 1 and with 2 threads, so that a load from outside meets both;
the ratio is the median over rounds of PyTorch's fastest time divided by the engine's. Needs PyTorch.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).parent
bars = {  # at least this many times as fast as PyTorch
    "mlp forward": 2, "mlp sgd step": 5, "mlp adamw step": 5, "784-": 1, "sgemm": 0.95, "state_dict": 1,
    "load_state_dict": 1, "memory": 1,
    "op ": 1, "op topk": 0.8, "conv ": 0.9, "conv depthwise": 0.8, "conv 1x1": 1, "lstm": 1,
}
parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", nargs="*", default=["1", "2"])
parser.add_argument("names", nargs="*")
options = parser.parse_args()


def run(command):
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line["what"]: line for line in map(json.loads, lines)}


def bar(name):
    return max((len(key), value) for key, value in bars.items() if name.startswith(key))[1]


failed = False
print(f"{'':48}{'engine':>12}{'PyTorch':>12}{'ratio':>8}{'spread':>14}{'bar':>6}")
for threads in options.threads:
    ratios, ours, theirs = {}, {}, {}
    for _ in range(options.rounds):
        engine = run([here.parent / ".build/release/EngineBenchmark", threads, *options.names])
        peer = run([sys.executable, here / "engine_peer.py", threads, *options.names])
        for name, line in engine.items():
            key = "min_us" if "min_us" in line else "kib"
            if name not in peer:
                ours.setdefault(name, []).append(line[key])
                continue
            ratios.setdefault(name, []).append(peer[name][key] / max(line[key], 1e-9))
            ours.setdefault(name, []).append(line[key])
            theirs.setdefault(name, []).append(peer[name][key])
    for name, values in ratios.items():
        ratio = statistics.median(values)
        failed |= ratio < bar(name)
        unit = "KiB" if name.startswith("memory") else "us"
        print(
            f"{name + ', ' + threads + ' threads':48}{min(ours[name]):>9.1f} {unit:<3}{min(theirs[name]):>8.1f} {unit:<3}"
            f"{ratio:>8.2f}{f'{min(values):.2f}-{max(values):.2f}':>14}{bar(name):>6}{'' if ratio >= bar(name) else '  below'}"
        )
    for name in ours.keys() - ratios.keys():
        print(f"{name + ', ' + threads + ' threads':48}{min(ours[name]):>9.1f} us")
sys.exit(failed)
