#!/usr/bin/env python3
"""Measure modelreg beside what people use instead, and print one table: ratio, bar, stretch.

usage: registry_peers.py --modelreg BINARY --tool BINARY [--work DIR] [--history DIR] [--mb 500] [--runs 5]
                         [--only NAME,…] [--full]
       (needs torch, safetensors, numpy and zipnn; `Benchmarks/run` installs them and builds the binaries)

Each pair of measurements is interleaved, and the medians are compared. Writes are synced, loads touch every page. Weights
for speeds are N(0, 0.02), reproducible; sizes are those of a trained history (history.py). Cold means that the page cache
was dropped, which needs root. `--full` trains the history of the defaults (12 minutes on two cores) and makes the model
of 4 GB; otherwise a small history is trained and a model of 1 GB stands in.
"""
import argparse
import glob
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--modelreg", required=True)
parser.add_argument("--tool", required=True, help="RegistryBenchmark")
parser.add_argument("--work", default="/tmp/modelreg-bench")
parser.add_argument("--history", help="a folder that history.py wrote; trained where there is none")
parser.add_argument("--mb", type=int, default=500)
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--only", default="")
parser.add_argument("--full", action="store_true")
options = parser.parse_args()

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

os.makedirs(options.work, exist_ok=True)
rows = []


def path(name):
    return os.path.join(options.work, name)


def remove(*names):
    for name in names:
        for file in glob.glob(path(name) + "*"):
            shutil.rmtree(file) if os.path.isdir(file) else os.remove(file)


def sync(file):
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")


def timed(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def touch(tensors):
    for tensor in tensors.values():
        if tensor.numel():
            tensor.view(torch.uint8).flatten()[::4096].sum()


def modelreg(*arguments, registry):
    return subprocess.run(
        [options.modelreg, *arguments, "--registry", path(registry)], check=True, capture_output=True, text=True
    ).stdout


def tool(*arguments):
    output = subprocess.run([options.tool, *arguments], check=True, capture_output=True, text=True).stdout
    return [float(line) for line in output.split()]


def report(name, value, bar, stretch, unit="x", larger=True, note=""):
    def good(limit):
        return value >= limit if larger else value <= limit

    verdict = "stretch" if good(stretch) else "bar" if good(bar) else "MISSED"
    rows.append((name, f"{value:.3g}{unit}", f"{bar:g}", f"{stretch:g}", verdict, note))
    print("  ".join(rows[-1]), flush=True)


def pairs(ours, peer, before=lambda: None):
    """Medians of interleaved runs, and the ratio of speeds: above 1, we are faster."""
    measured = []
    for _ in range(options.runs):
        before()
        mine = ours()
        before()
        measured.append((mine, peer()))
    mine, other = (statistics.median(column) for column in zip(*measured))
    return other / mine, f"{mine:.3f} s, peer {other:.3f} s"


def weights(mb, seed=0, tensors=128):
    torch.manual_seed(seed)
    count = mb * 1_000_000 // 4 // tensors
    state = {f"layers.{i}.weight": torch.randn(count // 64, 64) * 0.02 for i in range(tensors)}
    state["small.weight"] = torch.randn(512, 512) * 0.02
    return state


def prepared():
    """The weights as files of torch and safetensors, and in a registry."""
    if not os.path.exists(path("w.safetensors")):
        state = weights(options.mb)
        save_file(state, path("w.safetensors"))
        torch.save(state, path("w.pt"))
    if not os.path.exists(path("w.db")):
        modelreg("save", path("w.safetensors"), "m", registry="w.db")


def save_from_memory():
    prepared()
    state = torch.load(path("w.pt"), weights_only=True)
    # Both live on from save to save, as a training run does.
    process = subprocess.Popen(
        [options.tool, "save", path("w.safetensors"), path("s.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ours():
        remove("s.db")
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    def peer():
        remove("s.pt")
        return timed(lambda: (torch.save(state, path("s.pt")), sync(path("s.pt"))))

    report("save from memory / torch.save + fsync", *with_bar(pairs(ours, peer), 1.0, 1.5))
    process.stdin.close()
    process.wait()
    remove("s.db", "s.pt")


def with_bar(measured, bar, stretch):
    value, note = measured
    return value, bar, stretch, "x", True, note


def save_by_command():
    prepared()

    def ours():
        remove("s.db")
        return timed(lambda: modelreg("save", path("w.safetensors"), "m", registry="s.db"))

    def peer():
        remove("copy")
        return timed(lambda: (subprocess.run(["cp", path("w.safetensors"), path("copy")], check=True), sync(path("copy"))))

    report("save by command / cp + fsync", *with_bar(pairs(ours, peer), 0.5, 0.8))
    remove("s.db", "copy")


def load_warm():
    prepared()
    # Each side's first load asks the system for memory; it is left out.
    ours = lambda: statistics.median(tool("load", "m", path("w.db"), "6")[1:])
    peer = lambda: statistics.median([timed(load_and_touch) for _ in range(6)][1:])
    load_and_touch = lambda: touch(torch.load(path("w.pt"), weights_only=True))
    report("load warm / torch.load", *with_bar(pairs(ours, peer), 2.0, 3.0))


def load_cold():
    if os.geteuid() != 0:
        return print("load cold: skipped, only root may drop the page cache")
    prepared()
    # Libraries of both sides are read before the clock starts, or belong to the process already.
    ours = lambda: tool("load", "m", path("w.db"))[0]
    peer = lambda: timed(lambda: touch(load_file(path("w.safetensors"))))
    report("load cold / safetensors cold", *with_bar(pairs(ours, peer, drop_caches), 1.1, 1.2))


def one_tensor():
    prepared()

    def ours():
        remove("one.safetensors")
        return timed(
            lambda: modelreg("load", "m", "--only", "small.weight", "-o", path("one.safetensors"), registry="w.db"))

    milliseconds = 1000 * statistics.median(ours() for _ in range(5 * options.runs))
    report("one 1 MB tensor, whole process", milliseconds, 20, 12, " ms", False)
    remove("one.safetensors")


def history():
    folder = options.history or path("history-full" if options.full else "history")
    if not glob.glob(folder + "/frozen-02.safetensors"):
        size = [] if options.full else ["--width", "128", "--layers", "4", "--steps", "400", "--every", "20"]
        subprocess.run([sys.executable, os.path.join(HERE, "history.py"), folder, *size], check=True)
    return sorted(
        (file for file in glob.glob(folder + "/*.safetensors") if not os.path.basename(file).startswith("opt-")),
        key=os.path.getmtime)


def zipped_byte_count(file, dtype):
    from zipnn import ZipNN

    with open(file, "rb") as opened:
        return len(ZipNN(input_format="byte", bytearray_dtype=dtype, threads=1).compress(bytearray(opened.read())))


def history_size():
    """The whole registry file against the sum of files that ZipNN compressed."""
    remove("h.db")
    peer = original = 0
    for file in history():
        optimiser = os.path.join(os.path.dirname(file), "opt-" + os.path.basename(file))
        for name, checkpoint in (("weights", file), ("optimiser", optimiser)):
            modelreg("save", checkpoint, name, registry="h.db")
            peer += zipped_byte_count(checkpoint, "float32")
            original += os.path.getsize(checkpoint)
    mine = os.path.getsize(path("h.db"))
    note = f"{mine / 1e6:.1f} MB, peer {peer / 1e6:.1f} MB, files {original / 1e6:.1f} MB"
    report("history with optimiser / ZipNN: bytes", mine / peer, 0.85, 0.80, "", False, note)
    modelreg("pack", "--best", registry="h.db")
    best = os.path.getsize(path("h.db"))
    report("the same after pack --best: bytes", best / peer, 0.85, 0.80, "", False, f"{best / 1e6:.1f} MB")


def history_size_bf16():
    remove("b.db")
    peer = 0
    for file in history():
        tensors = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(file).items()}
        save_file(tensors, path("bf16.safetensors"))
        modelreg("save", path("bf16.safetensors"), "weights", registry="b.db")
        peer += zipped_byte_count(path("bf16.safetensors"), "bfloat16")
    mine = os.path.getsize(path("b.db"))
    note = f"{mine / 1e6:.1f} MB, peer {peer / 1e6:.1f} MB"
    report("history in bf16, weights only / ZipNN: bytes", mine / peer, 0.55, 0.48, "", False, note)
    remove("bf16.safetensors")


def oldest_version():
    """The deepest chain that rules allow, on weights that change as training changes them."""
    remove("o.db")
    state = weights(options.mb // 2)
    for number in range(8):
        save_file(state, path("o.safetensors"))
        if number == 0:
            torch.save(state, path("o.pt"))
        modelreg("save", path("o.safetensors"), "m", registry="o.db")
        for tensor in state.values():
            tensor += torch.randn_like(tensor) * 2e-4
    ours = lambda: statistics.median(tool("load", "m:v1", path("o.db"), "3"))
    peer = lambda: timed(lambda: touch(torch.load(path("o.pt"), weights_only=True)))
    peer()
    report("oldest of 8 packed versions / torch.load", *with_bar(pairs(ours, peer), 0.25, 0.5))
    remove("o.db", "o.safetensors", "o.pt")


def peak_private_megabytes(arguments):
    """Peak memory of a process that is not a page of a mapped file."""
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
    if process.returncode:
        sys.exit(f"{arguments} failed")
    return peak / 1024


def memory():
    megabytes = 4000 if options.full else 1000
    remove("big")
    save_file(weights(megabytes, tensors=64), path("big.safetensors"))
    saved = peak_private_megabytes([options.modelreg, "save", path("big.safetensors"), "m", "-q", "--registry", path("big.db")])
    loaded = peak_private_megabytes(
        [options.modelreg, "load", "m", "-q", "-o", path("big-again.safetensors"), "--registry", path("big.db")])
    note = f"save {saved:.0f} MB, load {loaded:.0f} MB, of a model of {megabytes} MB"
    report("memory beyond the tensors", max(saved, loaded), 300, 150, " MB", False, note)
    remove("big")


def many_versions():
    """10,000 versions of 1000 parameters: one is saved, the others are made with SQL."""
    if not os.path.exists(path("many.db")):
        save_file({f"block.{i}.weight": torch.full((8,), float(i)) for i in range(1000)}, path("many.safetensors"))
        modelreg("save", path("many.safetensors"), "m", registry="many.db")
        with sqlite3.connect(path("many.db")) as database:
            database.execute("PRAGMA cache_size = -400000")
            columns = [row[1] for row in database.execute("PRAGMA table_info(version)")]
            copied = ", ".join(column for column in columns if column not in ("id", "number"))
            database.execute(
                f"""WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                    INSERT INTO version (id, number, {copied}) SELECT i, i, {copied} FROM n, version WHERE version.id = 1""")
            columns = [row[1] for row in database.execute("PRAGMA table_info(parameter)")]
            copied = ", ".join(f"parameter.{column}" for column in columns if column != "version")
            names = ", ".join(column for column in columns if column != "version")
            database.execute(
                f"""INSERT INTO parameter (version, {names}) SELECT version.id, {copied} FROM version, parameter
                    WHERE version.id > 1 AND parameter.version = 1 ORDER BY version.id, parameter.ordinal""")
            database.execute("UPDATE model SET next_number = 10001")
    for name, arguments in (
        ("resolve", ["alias", "ls", "m"]), ("show", ["show", "m:v5000"]), ("log", ["log", "m", "-n", "20"])
    ):
        times = [timed(lambda: modelreg(*arguments, registry="many.db")) for _ in range(3 * options.runs)]
        report(f"10,000 versions of 1000: {name}", 1000 * statistics.median(times), 30, 15, " ms", False)


def readers():
    """Four processes read single tensors while a model of 1 GB is saved."""
    prepared()
    remove("r.db", "r.safetensors")
    shutil.copy(path("w.db"), path("r.db"))
    save_file(weights(1000, seed=7), path("r.safetensors"))
    seconds = float(timed(lambda: modelreg("save", path("r.safetensors"), "x", "--no-pack", registry="r.db"))) * 1.5
    shutil.copy(path("w.db"), path("r.db"))
    processes = [
        subprocess.Popen(
            [options.tool, "read", "m:v1", f"layers.{i}.weight", path("r.db"), str(seconds)],
            stdout=subprocess.PIPE, text=True)
        for i in range(4)
    ]
    saved = timed(lambda: modelreg("save", path("r.safetensors"), "x", "--no-pack", registry="r.db"))
    times = sorted(1000 * float(line) for process in processes for line in process.communicate()[0].split())
    note = f"{len(times)} reads, median {statistics.median(times):.1f} ms, worst {times[-1]:.0f} ms; save {saved:.2f} s"
    report("four readers while 1 GB is saved: p99", times[int(len(times) * 0.99)], 200, 50, " ms", False, note)
    remove("r.db", "r.safetensors")


def headers():
    """The names, shapes and places of 10,000 tensors, without their bytes."""
    state = {f"layers.{i}.weight": torch.full((4, 4), float(i)) for i in range(10_000)}
    save_file(state, path("names.safetensors"))
    torch.save(state, path("names.pt"))

    def peer_safetensors():
        with safe_open(path("names.safetensors"), framework="pt") as file:
            for name in file.keys():
                file.get_slice(name).get_shape()

    def peer_torch():
        torch.load(path("names.pt"), weights_only=True, mmap=True)

    for name, file, peer in (("safetensors", "names.safetensors", peer_safetensors), ("PyTorch", "names.pt", peer_torch)):
        mine = 1000 * statistics.median(tool("open", path(file), str(3 * options.runs))[1:])
        other = 1000 * statistics.median(timed(peer) for _ in range(options.runs))
        report(f"10,000 tensors of a {name} file: names", mine, 30, 15, " ms", False, f"{name} itself {other:.0f} ms")


def unchanged():
    prepared()
    measured = []
    for _ in range(options.runs):
        remove("u.db")
        measured.append(tool("unchanged", path("w.safetensors"), path("u.db")))
    mine, hashing = (statistics.median(column) for column in zip(*measured))
    report("unchanged save / SHA-256", hashing / mine, 0.8, 0.95, "x", True, f"{mine:.3f} s, peer {hashing:.3f} s")
    remove("u.db")


MEASURES = {
    "save": save_from_memory, "command": save_by_command, "load": load_warm, "cold": load_cold, "tensor": one_tensor,
    "history": history_size, "bf16": history_size_bf16, "oldest": oldest_version, "memory": memory,
    "versions": many_versions, "readers": readers, "unchanged": unchanged,
    "headers": headers,
}
chosen = options.only.split(",") if options.only else list(MEASURES)
for measure in chosen:
    MEASURES[measure]()
print()
widths = [max(len(row[i]) for row in rows + [("what", "measured", "bar", "stretch", "", "")]) for i in range(6)]
for row in [("what", "measured", "bar", "stretch", "", "")] + rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
with open(path("results.json"), "w") as file:
    json.dump([dict(zip(("what", "measured", "bar", "stretch", "verdict", "note"), row)) for row in rows], file, indent=2)
