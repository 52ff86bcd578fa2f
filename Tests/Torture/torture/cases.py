"""Commands, and what each of them does to files."""

import os
import struct

from program import compiled, modelreg
from registry import fresh, set_up, state

# Each changes the registry "models.db" beside the files that `set_up` makes, or writes a file.
COMMANDS = {
    "save": "save small.safetensors m -m small --alias best --metric loss=1 --attach note.txt",
    "save new model": "save small.safetensors other/name",
    "save batches": "save big.safetensors m --no-pack",
    "save folder": "save folder whole",
    "alias": "alias set m:v3 prod",
    "alias protect": "alias protect m kept",
    "alias rm": "alias rm m kept",
    "rm": "rm m:v3 m:v4",
    "restore": "restore m:v1",
    "note": "note m remark",
    "pack": "pack",
    "pack best": "pack --best",
    "gc": "gc",
    "prune": "prune m --keep-last 1",
    "thin": "prune m --keep-last 1 --thin --drop same",
    "merge": "merge theirs.db",
    "apply": "apply change.mrpatch",
    "run": "run start m --name second --set lr=1",
    "run log": "run log m/first --step 2 loss=1",
    "run note": "run note m/first remark",
    "run attach": "run attach m/first note.txt",
    "run finish": "run finish m/first",
    "run rm": "run rm m/old",
    "load": "load m:v3 -o out.safetensors",
    "load over": "load m:v3 -o old.safetensors --force",
    "load folder": "load whole -o out/",
    "export": "export m -o out.db",
    "export over": "export --all -o old.db --force",
    "diff": "diff m:v2 m:v3 -o out.mrpatch",
    "diff page": "diff m:v2 m:v3 --html out.html",
    "plot": "plot loss m -o out.svg",
}

# They read, and change nothing.
LOOKS = {
    "ls": "ls", "log": "log m", "log path": "log m w --exact", "show": "show m", "blame": "blame m", "du": "du",
    "verify": "verify", "diff files": "diff m:v2 m:v3", "gc rehearsed": "gc --dry-run", "lineage": "lineage m",
    "prune rehearsed": "prune m --keep-last 1 --dry-run", "runs": "run ls",
}


class Case:
    """A command, the registry before it, and the state before and after."""

    def __init__(self, base, name, work, reads=False):
        self.base, self.name, self.work = base, name, work
        self.command = COMMANDS.get(name) or LOOKS[name]
        self.environment = {"TORTURE_READS": "1"} if reads else {}
        self.before, problem = state(self.fresh("expected"))
        assert self.before is not None, problem
        folder = self.fresh("expected")
        self.log = f"{work}/{name.replace(' ', '-')}.log"
        result = self.run(folder, TORTURE_LOG=self.log)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        self.after, problem = state(folder)
        assert self.after is not None, problem
        self.events = list(events(self.log, folder)) if os.path.exists(self.log) else []

    def fresh(self, name):
        return fresh(self.base, f"{self.work}/{name}")

    def run(self, folder, **environment):
        return modelreg(
            folder, self.command, LD_PRELOAD=f"{self.work}/faults.so", TORTURE_FOLDER=folder, **self.environment,
            **environment)

    def problem_of(self, found, is_done):
        """What is wrong with a state that is found after a fault; None if nothing is."""
        if found not in (self.before, self.after) and not self.is_between(found):
            return "neither the state before nor the one after"
        if is_done and found != self.after:
            return "exited with 0, and is not done"
        return None

    def is_between(self, found):
        """Merges and upkeep are several transactions, each of which leaves a whole registry; a folder is several files."""
        if self.name == "load folder":
            return found["rows"] == self.before["rows"] and found["files"].items() <= self.after["files"].items()
        is_in_steps = self.name in ("merge", "gc", "pack", "pack best", "prune", "thin")
        return is_in_steps and found["files"] == self.before["files"]


def all_cases(work, generator, only, names=tuple(COMMANDS), reads=False):
    """The cases, or one of them."""
    compiled("faults.c", f"{work}/faults.so", "-shared", "-fPIC", "-ldl")
    base = set_up(work, generator)
    cases = [Case(base, name, work, reads) for name in names if only in (None, name)]
    return [case for case in cases if case.events]


def events(path, folder):
    """The records of faults.c: kind, path, other path, offset, bytes."""
    with open(path, "rb") as file:
        content = file.read()
    position = 0
    while position < len(content):
        kind, path_length, other_length, offset, length = struct.unpack_from("<c3xIIqq", content, position)
        position += 28
        parts = []
        for size in (path_length, other_length, length):
            parts.append(content[position:position + size])
            position += size
        name, other = (os.path.relpath(part.decode(), folder) if part else "" for part in parts[:2])
        yield kind.decode(), name, other, offset, parts[2]
