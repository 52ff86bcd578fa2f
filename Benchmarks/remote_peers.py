#!/usr/bin/env python3
"""Push and pull against curl and whole files, with Debian's docker-registry on loopback.

usage: remote_peers.py --modelreg PATH [--folder FOLDER] [--mb 1000] [--runs 5] [--versions 1000]
       (needs docker-registry, curl, numpy and safetensors)

Prints ratios of one run: speeds are medians of pairs, bytes and requests are what the registry counted.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import re
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

import numpy
from safetensors.numpy import save_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--modelreg", required=True)
parser.add_argument("--folder")
parser.add_argument("--mb", type=int, default=1000)
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--versions", type=int, default=1000)
options = parser.parse_args()

work = pathlib.Path(tempfile.mkdtemp(dir=options.folder))
tool = os.path.abspath(options.modelreg)
random = numpy.random.default_rng(1)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
(work / "registry.yml").write_text(f"""
version: 0.1
log: {{level: info, formatter: json}}
storage: {{filesystem: {{rootdirectory: {work}/registry}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}", secret: bench}}
""")
log = open(work / "registry.log", "wb")
server = subprocess.Popen(["docker-registry", "serve", work / "registry.yml"], stdout=log, stderr=log)
host = f"127.0.0.1:{port}"
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.1)
remote = f"oci://{host}/team"


def run(*arguments: object, registry: str = "models.db") -> str:
    command = [tool, *map(str, arguments), "--registry", str(work / registry)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def seconds(body) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def requests() -> int:
    log.flush()
    return len(re.findall(rb'"(?:GET|HEAD|POST|PUT|PATCH|DELETE) /v2/', (work / "registry.log").read_bytes()))


def stored() -> int:
    return sum(file.stat().st_size for file in (work / "registry").rglob("data"))


def ours_and_bytes(body) -> tuple[int, int]:
    before = requests(), stored()
    body()
    return requests() - before[0], stored() - before[1]


def weights(count: int, mega: int) -> dict[str, numpy.ndarray]:
    return {
        f"layer{index}.weight": (0.02 * random.standard_normal(mega * 250_000 // count)).astype(numpy.float32)
        for index in range(count)
    }


def curl(*arguments: object) -> None:
    subprocess.run(["curl", "-sSf", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def put_by_curl(file: pathlib.Path) -> None:
    beginning = urllib.request.Request(f"http://{host}/v2/peer/blob/blobs/uploads/", method="POST", data=b"")
    location = urllib.request.urlopen(beginning).headers["Location"]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    took = seconds(
        lambda: curl("-T", file, "-H", "Content-Type: application/octet-stream", f"{location}&digest=sha256:{digest}"))
    speeds["curl -T"].append(file.stat().st_size / took)
    took = seconds(lambda: curl("-o", work / "got", f"http://{host}/v2/peer/blob/blobs/sha256:{digest}"))
    speeds["curl -o"].append(file.stat().st_size / took)


def row(what: str, value: str, bar: str) -> None:
    print(f"{what:64} {value:>22}   {bar}", flush=True)


speeds: dict[str, list[float]] = {"curl -T": [], "curl -o": [], "push": [], "pull": []}
try:
    # New weights each time: nothing is at the remote.
    for number in range(options.runs):
        file = work / "new.safetensors"
        save_file(weights(40, options.mb), file)
        size = file.stat().st_size
        run("save", file, f"new{number}")
        put_by_curl(file)
        speeds["push"].append(size / seconds(lambda: run("push", f"new{number}", "--to", remote)))
        pull = lambda: run("pull", f"new{number}", "--from", remote, registry=f"pulled{number}.db")  # noqa: E731
        speeds["pull"].append(size / seconds(pull))
        os.remove(work / f"pulled{number}.db")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    for ours, theirs in [("push", "curl -T"), ("pull", "curl -o")]:
        ratio = statistics.median(a / b for a, b in zip(speeds[ours], speeds[theirs]))
        row(f"{ours} of {options.mb} MB new weights / {theirs}, in speed", f"{ratio:.2f}", "0.8 or more")
    row("memory, the largest of all processes", f"{peak} MB", "200 MB or less")

    state = weights(100, options.mb)
    save_file(state, work / "base.safetensors")
    run("save", work / "base.safetensors", "step")
    first = ours_and_bytes(lambda: run("push", "step", "--to", remote))
    state["layer7.weight"] = (state["layer7.weight"] * 1.01).astype(numpy.float32)
    save_file(state, work / "base.safetensors")
    run("save", work / "base.safetensors", "step")
    count, size = ours_and_bytes(lambda: run("push", "step", "--to", remote))
    row("push with 1 of 100 tensors changed: requests", f"{count}", "20 or less")
    row("  bytes, of those of the first push", f"{size / first[1]:.3%}", "2 % or less")
    one = ["load", f"{remote}/step", "--only", "layer3.weight", "-o", work / "one.safetensors"]
    count, _ = ours_and_bytes(lambda: run(*one))
    row("one tensor of it: requests", f"{count}", "8 or less")

    for step in range(options.versions):
        file = work / "small.safetensors"
        save_file({f"p{index}": numpy.array([step, index], numpy.float32) for index in range(20)}, file)
        run("save", file, "many", "--metric", f"loss={1 / (step + 1)}")
    run("push", "many", "--all", "--to", remote)
    count, _ = ours_and_bytes(lambda: run("log", f"{remote}/many"))
    took = statistics.median(seconds(lambda: run("log", f"{remote}/many")) for _ in range(5))
    row(f"log of {options.versions} versions: seconds", f"{took:.2f}", "3 or less")
    row("  requests", f"{count}", "none for each version")
    save_file({f"p{index}": numpy.array([-1, index], numpy.float32) for index in range(20)}, file)
    run("save", file, "many")
    took = seconds(lambda: run("push", "many", "--to", remote))
    row("push of one more: seconds", f"{took:.2f}", "3 or less")

    # Ten checkpoints of one training: weights that move by small steps, as those of an optimiser do.
    whole = 0
    state = weights(20, max(1, options.mb // 20))
    for step in range(10):
        for name in state:
            rate = 1e-4 * random.standard_normal(state[name].shape)
            state[name] = (state[name] - rate * numpy.abs(state[name])).astype(numpy.float32)
        save_file(state, work / "train.safetensors")
        whole += (work / "train.safetensors").stat().st_size
        run("save", work / "train.safetensors", "train")
    _, size = ours_and_bytes(lambda: run("push", "train", "--all", "--to", remote))
    row("ten checkpoints of one training / whole files, in bytes", f"{size / whole:.2f}", "0.6 or less")
finally:
    server.kill()
    shutil.rmtree(work)
