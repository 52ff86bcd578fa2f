"""Small disks, little memory, few descriptors, files that may not be written, and paths that are no registry.

An error is one line with the exit status that it should have, and never says that a full disk is damage; the registry is in
the state before or after, nothing is left behind, and the same command works once there is room.
"""

import os
import resource
import shutil
import subprocess
import time

from cases import Case
from program import MODELREG, Losses, compiled, failure
from registry import leftovers, set_up, state

# What needs room; "save batches" needs most.
WRITING = [
    "save", "save batches", "pack", "gc", "merge", "apply", "load", "export", "export over", "diff", "run attach", "rm"]
READING = [
    "ls", "log m", "show m", "verify", "du", "blame m", "diff m:v2 m:v3", "run ls",
    "load m:v2 -o ../out.safetensors --force"]


def run(options, work, generator):
    base = set_up(work, generator)
    compiled("faults.c", f"{work}/faults.so", "-shared", "-fPIC", "-ldl")
    cases = [Case(base, name, work) for name in WRITING]
    limits = Limits(base, work, Losses(), generator)
    for _ in range(options.runs):
        limits.small_file(generator.choice(cases))
        limits.small_disk(generator.choice(cases))
        limits.gone(generator.choice(cases))
    for descriptors in (16, 20, 32, 64):
        for case in cases:
            limits.few(case, resource.RLIMIT_NOFILE, descriptors, "descriptors")
    for megabytes in (192, 256, 384, 512):
        for case in cases:
            # What cannot be allocated ends a Swift program.
            limits.few(case, resource.RLIMIT_AS, megabytes << 20, "bytes of memory", expected=(70, 74, 127))
    limits.read_only()
    limits.no_registry()
    note = "" if limits.may_mount else "; no small disks, as nothing may be mounted"
    return limits.losses, f"{limits.count} commands, {limits.failed} of them failed as they should{note}"


class Limits:
    def __init__(self, base, work, losses, generator):
        self.base, self.work, self.losses, self.generator = base, work, losses, generator
        self.count = self.failed = 0
        self.mount = f"{work}/disk"
        os.mkdir(self.mount)
        self.may_mount = self.mounted("-t", "tmpfs", "-o", "size=1m", "torture")
        if self.may_mount:
            self.unmount()

    def mounted(self, *arguments):
        return subprocess.run(["mount", *arguments, self.mount], capture_output=True).returncode == 0

    def unmount(self):
        subprocess.run(["umount", self.mount], check=True)

    def call(self, folder, command, **options):
        self.count += 1
        result = subprocess.run(
            [MODELREG, *command.split()], cwd=folder, capture_output=True, text=True, timeout=60,
            env={**os.environ, "MODELREG_REGISTRY": "models.db", "SWIFT_BACKTRACE": "enable=no"}, **options)
        self.failed += result.returncode != 0
        return result

    def judge(self, where, case, folder, result, expected=(74,)):
        found, problem = state(folder)
        problem = problem if found is None else case.problem_of(found, result.returncode == 0)
        if problem:
            self.losses.append(f"{where}: {problem}")
        if result.returncode not in (0, *expected) or result.returncode not in (70, 127) and failure(result):
            self.losses.append(f"{where}: {result.returncode} {result.stderr[:200]!r}")
        if leftovers(folder):
            self.losses.append(f"{where}: left {leftovers(folder)}")

    def again(self, where, case, folder):
        if state(folder)[0] == case.before:
            result = self.call(folder, case.command)
            if result.returncode != 0 or state(folder)[0] != case.after:
                self.losses.append(f"{where}: the same command, again: {result.returncode} {result.stderr[:200]!r}")

    def small_file(self, case):
        folder = case.fresh("run")
        size = os.path.getsize(f"{folder}/models.db")
        limit = int(self.generator.choice([0.1, 0.9, 1, 1.1, 5]) * size) + self.generator.randint(0, 1 << 20)
        where = f"{case.name}, files of {limit} bytes at most"
        result = self.call(folder, case.command, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.judge(where, case, folder, result)
        self.again(where, case, folder)

    def small_disk(self, case):
        if not self.may_mount:
            return
        size = sum(os.path.getsize(f"{self.base}/{name}") for name in ("models.db", "old.db", "old.safetensors"))
        room = int(self.generator.random() ** 2 * (60 << 20 if case.name == "save batches" else 2 << 20))
        limit = (size + 65536 >> 12 << 12) + (room >> 12 << 12)
        if not self.mounted("-t", "tmpfs", "-o", f"size={limit}", "torture"):
            return
        try:
            disk = Case.__new__(Case)
            disk.__dict__ = {**case.__dict__, "work": self.mount}
            folder = disk.fresh("run")
            where = f"{case.name}, a disk with room for {room} bytes"
            result = self.call(folder, case.command)
            self.judge(where, disk, folder, result)
            subprocess.run(["mount", "-o", "remount,size=300m", self.mount], check=True)
            self.again(where, disk, folder)
        finally:
            self.unmount()

    def gone(self, case):
        """Somebody takes the file away, or puts another one in its place."""
        folder, is_replaced = case.fresh("run"), self.generator.random() < 0.5
        process = subprocess.Popen(
            [MODELREG, *case.command.split()], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "MODELREG_REGISTRY": "models.db", "SWIFT_BACKTRACE": "enable=no"})
        time.sleep(self.generator.random() * 0.1)
        if is_replaced:
            shutil.copy(f"{self.base}/models.db", f"{folder}/new")
            os.rename(f"{folder}/new", f"{folder}/models.db")
        else:
            os.remove(f"{folder}/models.db")
        errors = process.communicate(timeout=60)[1]
        self.count += 1
        self.failed += process.returncode != 0
        result = subprocess.CompletedProcess(case.command, process.returncode, "", errors)
        if failure(result) or result.returncode == 75:
            self.losses.append(f"{case.name}, the file {'replaced' if is_replaced else 'removed'}: {failure(result)}")

    def few(self, case, what, count, name, expected=(74,)):
        folder = case.fresh("run")
        where = f"{case.name}, {count} {name}"
        result = self.call(folder, case.command, preexec_fn=lambda: resource.setrlimit(what, (count, count)))
        self.judge(where, case, folder, result, expected)

    def read_only(self):
        """A folder on a read-only mount."""
        folder = f"{self.work}/read-only"
        shutil.copytree(self.base, folder)
        if not self.mounted("--bind", folder) or subprocess.run(
                ["mount", "-o", "remount,bind,ro", self.mount], capture_output=True).returncode != 0:
            return
        try:
            for command in READING:
                result = self.call(self.mount, command)
                if result.returncode != 0:
                    self.losses.append(f"{command}, on a read-only mount: {result.returncode} {result.stderr[:200]!r}")
            for command in ["save small.safetensors m", "rm m:v4", "gc", "pack", "note m text", "load m:v2 -o in.safetensors",
                            "export m -o in.db", "diff m:v2 m:v3 -o in.mrpatch"]:
                result = self.call(self.mount, command)
                if result.returncode not in (73, 74) or failure(result):
                    self.losses.append(f"{command}, on a read-only mount: {result.returncode} {result.stderr[:200]!r}")
        finally:
            self.unmount()

    def no_registry(self):
        """Paths at which there is none."""
        folder = f"{self.work}/paths"
        os.mkdir(folder)
        shutil.copy(f"{self.base}/small.safetensors", folder)
        os.mkdir(f"{folder}/directory")
        os.mkfifo(f"{folder}/fifo")
        os.symlink("missing/models.db", f"{folder}/dangling")
        os.symlink("circle", f"{folder}/circle")
        with open(f"{folder}/text", "w") as file:
            file.write("no registry\n" * 100)
        expected = {"directory": (78, 78), "fifo": (78, 78), "/dev/null": (78, 78), "/dev/zero": (78, 78), "text": (78, 78),
                    "dangling": (66, 73), "circle": (74, 74), "none/models.db": (66, 73), "text/models.db": (66, 66)}
        before = sorted(os.listdir(folder))
        for path, (reads, saves) in expected.items():
            for command, status in [("ls", reads), ("verify", reads), ("gc", reads), ("save small.safetensors m", saves)]:
                result = self.call(folder, f"{command} --registry {path}")
                if result.returncode != status or failure(result):
                    self.losses.append(f"{command} --registry {path}: {result.returncode} {result.stderr[:200]!r}")
        if sorted(os.listdir(folder)) != before:
            self.losses.append(f"left {sorted(set(os.listdir(folder)) - set(before))}")
