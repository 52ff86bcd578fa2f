#!/usr/bin/env python3
"""Files in and out of a registry, as whole processes, beside what people use: cp, PyTorch, safetensors.

usage: file_peers.py MODELREG [--mb 500] [--runs 5]      (needs torch, safetensors)

Each pair is run in turn and the medians are compared; a ratio above 1 means that modelreg is faster. Writes are synced.
Weights are N(0, 0.02) in float32: like real ones to an entropy coder, and reproducible.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

import torch
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
parser.add_argument("modelreg")
parser.add_argument("--mb", type=int, default=500)
parser.add_argument("--runs", type=int, default=5)
options = parser.parse_args()
modelreg = os.path.abspath(options.modelreg)


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def run(*arguments):
    subprocess.run([modelreg, *arguments], check=True, stdout=subprocess.DEVNULL)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name, ours, peer_name, peer, before=lambda: None):
    pairs = []
    for _ in range(options.runs):
        before()
        pairs.append((timed(ours), timed(peer)))
    mine, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    print(f"{name:44} {mine:8.3f} s   {peer_name:28} {theirs:8.3f} s   ratio {theirs / mine:5.2f}", flush=True)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    torch.manual_seed(0)
    rows = int(options.mb * 1e6 / 4 / 64 / 64)
    weights = {f"layers.{i}.weight": torch.randn(rows, 64) * 0.02 for i in range(64)}
    save_file(weights, "w.safetensors")
    torch.save(weights, "w.pt")
    weights["layers.7.weight"] = weights["layers.7.weight"] + 1e-4
    torch.save(weights, "w2.pt")

    def no_registry():
        if os.path.exists("m.db"):
            os.remove("m.db")

    def copy(name):
        subprocess.run(["cp", name, "copy"], check=True)
        sync("copy")

    def both_and_compare():
        x, y = (torch.load(name, weights_only=True, mmap=True) for name in ("w.pt", "w2.pt"))
        return [k for k in x if not torch.equal(x[k], y[k])]

    registry = ("--registry", "m.db")
    compare("save a safetensors file, durable", lambda: run("save", "w.safetensors", "m", *registry),
            "cp and fsync", lambda: copy("w.safetensors"), before=no_registry)
    compare("save it again, unchanged", lambda: run("save", "w.safetensors", "m", *registry),
            "sha256sum", lambda: subprocess.run(["sha256sum", "w.safetensors"], check=True, stdout=subprocess.DEVNULL))
    run("save", "w.pt", "m", *registry)
    run("save", "w2.pt", "m", *registry)
    print(f"{'registry of four versions':44} {os.path.getsize('m.db') / os.path.getsize('w.pt'):8.3f} of one file")
    compare("load the file that was saved", lambda: run("load", "m", "-o", "o.pt", "--force", *registry),
            "cp", lambda: subprocess.run(["cp", "w2.pt", "copy"], check=True))
    compare("load one tensor of it", lambda: run("load", "m", "--only", "layers.3.weight", "-o", "o.safetensors",
                                                 "--force", *registry),
            "torch.load, in a process", lambda: torch.load("w2.pt", weights_only=True)["layers.3.weight"].sum())
    compare("diff of two versions", lambda: run("diff", "m~1", "m", *registry),
            "torch.load mapped, compare", both_and_compare)
