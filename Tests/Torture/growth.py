#!/usr/bin/env python3
"""Tries to find a command that takes more than its share when there is more.

  growth.py [--long] [--only TEXT]

Each command runs at a size and at twice that size of one axis: parameters, versions, bytes of a tensor, runs, metrics. Its
processor time, less that of an empty command, may be 2.5 times as long at most, and its memory 2.5 times as large; times
under 50 ms and memory under 64 MB do not count. Where a ratio is too large, both are measured twice more, and medians count.
Without --long: in less than a minute; commands that are too short to say anything are counted, and with --long named. MODELREG names the binary.
Says what it did in one line and exits with 1 where a ratio was too large.
"""

import argparse
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from generated import MODELREG, Generator, safetensors

RATIO = 2.5
SECONDS = 0.05
BYTES = 64 << 20
TENSOR = 256


def versions(path, count, parameters, changed):
    generator = Generator(path, TENSOR)
    generator.versions(generator.model("m"), count, parameters, changed)
    generator.close()


def parameters_axis(folder, size):
    versions(f"{folder}/models.db", 3, size, size // 2)
    versions(f"{folder}/theirs.db", 2, size, 1)
    safetensors(f"{folder}/new.safetensors", size, TENSOR)
    safetensors(f"{folder}/old.safetensors", size, TENSOR, changed=[1])
    # Half of them change and were all equal: what asks at each place who else has the chunk is quadratic.
    equal = Generator(f"{folder}/equal.db", TENSOR)
    equal.alike(equal.model("m"), size)
    equal.close()


def versions_axis(folder, size):
    versions(f"{folder}/models.db", size, 20, 2)
    versions(f"{folder}/theirs.db", size, 20, 1)
    safetensors(f"{folder}/new.safetensors", 20, TENSOR)


def bytes_axis(folder, size):
    generator = random.Random(1)
    block = generator.randbytes(1 << 20).replace(b"\x7f", b"\0").replace(b"\xff", b"\0")
    for name, other in [("old", b""), ("new", b"\x11" * 4096)]:
        with open(f"{folder}/{name}.safetensors", "wb") as file:
            header = f'{{"w":{{"dtype":"F32","shape":[{size << 18}],"data_offsets":[0,{size << 20}]}}}}'.encode()
            header += b" " * (-len(header) % 8)
            file.write(len(header).to_bytes(8, "little") + header)
            for number in range(size):
                file.write(number.to_bytes(4, "little") + other + block[4 + len(other):])
    for name in ["old", "new"]:
        must(folder, f"save {name}.safetensors m --no-pack")


def runs_axis(folder, size):
    for name in ["models", "theirs"]:
        generator = Generator(f"{folder}/{name}.db")
        generator.runs(generator.model("m" if name == "models" else "t"), size, 10)
        generator.close()


def metrics_axis(folder, size):
    generator = Generator(f"{folder}/models.db")
    model = generator.model("m")
    generator.runs(model, 1, size, steps=2)
    generator.runs(model, 1, 1, steps=20 * size, first=1)
    generator.close()
    with open(f"{folder}/lines", "w") as file:
        file.writelines(f'{{"step": {step}, "loss": {1 / (step + 1)}}}\n' for step in range(5 * size))


# By axis: what makes it, sizes of the short and of the long form, and the commands.
AXES = {
    "parameters": (parameters_axis, 2_500, 40_000, [
        "save new.safetensors m --no-pack", "save new.safetensors other", "load m -o out.safetensors",
        "load m --only layer.0000007 -o out.safetensors", "show m", "show m --health", "log m '*'", "log m layer.0000007",
        "diff m:v1 m", "diff m:v1 m --name-status", "diff m:v1 m -o out.mrpatch", "diff old.safetensors new.safetensors",
        "blame m", "bisect m --expr 'loss < 0.4'", "ls", "log m", "lineage m", "verify", "gc", "rm m:v1; gc", "gc --dry-run",
        "rm m:v1 --dry-run", "prune m --keep-last 1; gc", "pack", "pack --best", "pack --registry equal.db", "du", "du m",
        "du m:v1 --explain", "export --all -o out.db", "merge theirs.db", "note m remark", "alias set m:v1 best --pin; pack",
    ]),
    "versions": (versions_axis, 250, 4_000, [
        "save new.safetensors m", "save new.safetensors m --no-pack", "load m -o out.safetensors", "show m", "log m",
        "log m '*'", "log m layer.0000007", "log m --where 'loss < 0.5' --sort loss", "diff m:v1 m", "blame m",
        "bisect m --expr 'loss < 0.01'", "ls", "lineage m", "plot loss m", "verify", "gc", "rm m:v1; gc", "gc --dry-run",
        "rm m:v1 --dry-run", "prune m --keep-last 10 --dry-run", "prune m --keep-last 10; gc", "pack", "pack --best", "du",
        "du m", "du m:v1", "export --all -o out.db", "merge theirs.db", "note m remark", "alias set m:v1 best; alias log m",
    ]),
    "bytes": (bytes_axis, 16, 384, [
        "save new.safetensors other", "load m -o out.safetensors", "diff m:v1 m", "diff old.safetensors new.safetensors",
        "diff m:v1 m -o out.mrpatch", "verify", "gc", "rm m:v1; gc", "pack", "export --all -o out.db", "du m:v1",
        "load m --only w --rows 5:9 -o out.safetensors",
    ]),
    "runs": (runs_axis, 1_000, 20_000, [
        "run start m --name new", "run show m/run-000001", "run ls", "run ls --where 'lr < 0.1' --sort lr", "ls", "verify",
        "gc", "plot metric-00001 'm/*' -o out.svg", "export --all -o out.db", "merge theirs.db", "run rm m/run-000001",
        "run log m/run-000001 --step 5 loss=1",
    ]),
    "metrics": (metrics_axis, 5_000, 80_000, [
        "run show m/run-000000", "run ls", "plot metric-00000 m/run-000001 -o out.svg", "run log m/run-000001 --stdin < lines",
        "verify", "export --all -o out.db", "run rm m/run-000001",
    ]),
}


def measure(folder, command):
    """Seconds of processor time and bytes of memory of a command line: several commands, parted by semicolons."""
    seconds = memory = 0
    for part in command.split(";"):
        words = shlex.split(part)
        stdin = subprocess.DEVNULL
        if "<" in words:
            stdin = open(os.path.join(folder, words[words.index("<") + 1]), "rb")
            words = words[:words.index("<")]
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [MODELREG, *words], cwd=folder, stdin=stdin, stdout=subprocess.DEVNULL, stderr=errors,
                env={**os.environ, "MODELREG_REGISTRY": "models.db"})
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                errors.seek(0)
                sys.exit(f"modelreg {part}: {child.returncode}\n{errors.read(500).decode()}")
        seconds += usage.ru_utime + usage.ru_stime
        memory = max(memory, usage.ru_maxrss * 1024)
    return seconds, memory


def must(folder, command):
    measure(folder, command)


class Axis:
    """The registries of an axis, made when they are asked for."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.make = AXES[name][0]

    def measure(self, size, command):
        made = f"{self.folder}/{self.name}-{size}"
        if not os.path.exists(made):
            os.mkdir(made)
            self.make(made, size)
        work = f"{self.folder}/work"
        shutil.rmtree(work, ignore_errors=True)
        os.mkdir(work)
        for name in os.listdir(made):
            if name.endswith(".db"):
                shutil.copy(f"{made}/{name}", work)
            else:
                os.link(f"{made}/{name}", f"{work}/{name}")
        return measure(work, command)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", default="", help="axes and commands that hold this text")
    options = parser.parse_args()
    begin = time.monotonic()
    judged, short, exceeded, largest = 0, [], [], 0
    # Processor time counts: waiting for a disk only takes ours.
    memory_disk = "/dev/shm" if not options.long and os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory_disk) as folder:
        empty = statistics.median(measure(folder, "--version")[0] for _ in range(5))
        for name, (_, small, large, commands) in AXES.items():
            axis, size = Axis(folder, name), large if options.long else small
            for command in commands:
                if options.only not in f"{name}: {command}":
                    continue
                count = command.count(";") + 1
                twice = axis.measure(2 * size, command)
                if twice[0] - count * empty < SECONDS and twice[1] < RATIO * BYTES:
                    short.append(f"{name}: {command}")
                    continue
                points = [[axis.measure(size, command)], [twice]]

                def ratios():
                    (time1, memory1), (time2, memory2) = (
                        [statistics.median(values) for values in zip(*point)] for point in points)
                    time1, time2 = max(time1 - count * empty, SECONDS), time2 - count * empty
                    return time1, time2, time2 / time1, memory2 / max(memory1, BYTES)

                if max(ratios()[2:]) > RATIO * 0.9:
                    for _ in range(2):
                        for n, point in zip((size, 2 * size), points):
                            point.append(axis.measure(n, command))
                time1, time2, ratio, memory = ratios()
                judged += 1
                largest = max(largest, ratio)
                if max(ratio, memory) > RATIO:
                    exceeded.append(
                        f"{name}: {command}: {time1:.2f} s and {time2:.2f} s, {ratio:.1f} times; memory {memory:.1f} times")
                if options.long:
                    print(f"{name:11}{time1:8.2f}{time2:8.2f} s {ratio:5.2f} {memory:5.2f}  {command}", flush=True)
            for left in os.listdir(folder):
                shutil.rmtree(f"{folder}/{left}")
    if options.long:
        for command in short:
            print(f"too short: {command}")
    for line in exceeded:
        print(line)
    print(
        f"growth: {judged} commands at twice the size, {len(exceeded)} above {RATIO} times, the largest {largest:.2f}; "
        f"{len(short)} take less than {SECONDS * 1000:.0f} ms either way; {time.monotonic() - begin:.0f} s")
    sys.exit(1 if exceeded else 0)


if __name__ == "__main__":
    main()
