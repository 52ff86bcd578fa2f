"""Eight processes do everything at once, on one file.

Version numbers rise and none comes twice; each save that exited with 0 is there with its bytes, unless it was removed; no
command finds the registry in use for longer than it waits; at the end `verify` is ok. How long `save` and `ls` take is said,
not judged. With --gigabytes they are measured beside upkeep of a large registry.
"""

import os
import random
import re
import statistics
import threading
import time

from program import Losses, modelreg, must
from registry import safetensors, set_up


class Crowd:
    """What its members have done."""

    def __init__(self, base, losses):
        self.base, self.losses = base, losses
        self.lock = threading.Lock()
        self.saved = {}  # what each version's file was, by number
        self.removed = set()
        self.seconds = {"save": [], "ls": []}
        self.count = 0

    def do(self, command, expected=()):
        start = time.monotonic()
        result = modelreg(self.base, command)
        word = command.split()[0]
        with self.lock:
            self.count += 1
            if word in self.seconds:
                self.seconds[word].append(time.monotonic() - start)
        if result.returncode != 0 and result.returncode not in expected:
            self.losses.append(f"{command}: {result.returncode} {result.stderr[:200]!r} {result.stdout[-200:]!r}")
        return result

    def pick(self, generator):
        """A version that is there, to be removed by whoever asked for it."""
        with self.lock:
            numbers = sorted(set(self.saved) - self.removed)
            return generator.choice(numbers[:-1]) if len(numbers) > 1 else None


def saver(crowd, number, rounds, generator):
    weights, last = bytearray(generator.randbytes(400_000)), 0
    for _ in range(rounds):
        for _ in range(500):
            weights[generator.randrange(len(weights))] = generator.randrange(256)
        safetensors(f"{crowd.base}/saver-{number}.safetensors", {"w": bytes(weights), f"own{number}": bytes(weights[:4096])})
        result = crowd.do(f"save saver-{number}.safetensors crowd" + generator.choice([""] * 3 + [" --alias moving"]))
        found = re.match(r"crowd:v(\d+)", result.stdout)
        if not found:
            continue
        version = int(found[1])
        with open(f"{crowd.base}/saver-{number}.safetensors", "rb") as file:
            content = file.read()
        with crowd.lock:
            if version <= last or version in crowd.saved:
                crowd.losses.append(f"version {version} after {last}, or for the second time")
            crowd.saved[version] = content
        last = version


def reader(crowd, number, rounds, generator):
    for _ in range(rounds):
        crowd.do("ls")
        crowd.do("log crowd", expected=(66,))
        # It may be deleted, and freed, while it is read.
        output = f"reader-{number}.safetensors"
        result = crowd.do(f"load crowd -o {output} --force", expected=(66,))
        found = re.match(r"crowd:v(\d+) ->", result.stdout)
        if found and int(found[1]) in crowd.saved:
            with open(f"{crowd.base}/{output}", "rb") as file:
                if file.read() != crowd.saved[int(found[1])]:
                    crowd.losses.append(f"crowd:v{found[1]} loads as something else")


def remover(crowd, number, rounds, generator):
    for _ in range(rounds):
        # The first saves may take a while.
        for _ in range(200):
            version = crowd.pick(generator)
            if version is not None:
                break
            time.sleep(0.05)
        if version is None:
            return
        with crowd.lock:
            crowd.removed.add(version)
        crowd.do(f"rm crowd:v{version} --force")
        # Where gc was faster, there is nothing to bring back.
        if generator.random() < 0.5 and crowd.do(f"restore crowd:v{version}", expected=(66,)).returncode == 0:
            with crowd.lock:
                crowd.removed.discard(version)


def keeper(crowd, number, rounds, generator):
    for _ in range(rounds):
        crowd.do(generator.choice(["gc", "pack crowd", "gc --dry-run", "note m remark", "du"]), expected=(66,))


def checker(crowd, number, rounds, generator):
    for _ in range(rounds):
        crowd.do("verify")


def traveller(crowd, number, rounds, generator):
    for turn in range(rounds):
        crowd.do("merge theirs.db" if turn % 2 else "export --all -o away.db --force")
        if turn % 2 == 0:
            must(crowd.base, "verify --registry away.db")


MEMBERS = [(saver, 1), (saver, 1), (saver, 1), (reader, 0.7), (remover, 0.6), (keeper, 0.6), (checker, 0.4), (traveller, 0.3)]


def run(options, work, generator):
    base = set_up(work, generator)
    losses = Losses()
    crowd = Crowd(base, losses)
    if options.gigabytes:
        return losses, large(crowd, options, generator)
    threads = []
    for number, (member, share) in enumerate(MEMBERS):
        arguments = (crowd, number, max(1, int(options.runs * share)), random.Random(generator.random()))
        threads.append(threading.Thread(target=member, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for version, content in crowd.saved.items():
        if version in crowd.removed:
            continue
        crowd.do(f"load crowd:v{version} -o last.safetensors --force")
        with open(f"{base}/last.safetensors", "rb") as file:
            if file.read() != content:
                losses.append(f"crowd:v{version} is something else")
    crowd.do("verify")
    return losses, (
        f"{crowd.count} commands of {len(MEMBERS)} processes, {len(crowd.saved)} saves, {len(crowd.removed)} removed; "
        + times(crowd.seconds))


def times(seconds):
    """p50 and p99."""
    def text(values):
        if len(values) < 2:
            return "-"
        return f"{statistics.median(values):.2f}/{statistics.quantiles(values, n=100, method='inclusive')[98]:.2f}"
    return ", ".join(f"{word} p50/p99 {text(values)} s" for word, values in seconds.items())


def large(crowd, options, generator):
    """Saves and lists beside one other command at a time, over a large registry."""
    base = crowd.base
    part = 256 << 20
    for number in range(max(1, int(options.gigabytes * (1 << 30) / part))):
        safetensors(f"{base}/part.safetensors", {f"t{n}": os.urandom(part // 8) for n in range(8)})
        must(base, f"save part.safetensors large{number % 4} --no-pack")
    size = os.path.getsize(f"{base}/models.db")
    beside = {
        "nothing": None, "verify": "verify", "load": "load large0 -o back.safetensors --force",
        "export": "export --all -o away.db --force", "pack": "pack --best", "rm and gc": "gc",
        "merge": "merge away.db",
    }
    lines = []
    for name, command in beside.items():
        if name == "rm and gc":
            must(base, "rm large1")
        if name == "merge":
            # Into the file that is saved to.
            os.remove(f"{base}/models.db")
            must(base, "save small.safetensors m")
        crowd.seconds = {"save": [], "ls": []}
        done = threading.Event()
        other = threading.Thread(target=lambda: (command and crowd.do(command), done.set()))
        start = time.monotonic()
        other.start()
        turns = 0
        while turns < 30 or not done.is_set() and turns < options.runs:
            safetensors(f"{base}/own.safetensors", {"w": generator.randbytes(4_000_000)})
            crowd.do("save own.safetensors own --no-pack")
            crowd.do("ls")
            turns += 1
        other.join()
        lines.append(f"beside {name} ({time.monotonic() - start:.0f} s): {times(crowd.seconds)}")
        print("  " + lines[-1], flush=True)
    return f"{size / 1e9:.1f} GB; " + "; ".join(lines)
