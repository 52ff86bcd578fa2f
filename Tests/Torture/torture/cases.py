"""Commands that change a registry, and what each of them does to files."""

import os
import shutil
import struct

from program import compiled, modelreg
from registry import set_up, state

# Each changes the registry "models.db" beside the files that `set_up` makes.
COMMANDS = {
    "save": "save small.safetensors m -m small --alias best --metric loss=1",
    "save new model": "save small.safetensors other/name",
    "save batches": "save big.safetensors m --no-pack",
    "alias": "alias set m:v3 prod",
    "alias rm": "alias rm m kept",
    "rm": "rm m:v3 m:v4",
    "restore": "restore m:v1",
    "note": "note m remark",
    "pack": "pack",
    "gc": "gc",
    "prune": "prune m --keep-last 1",
    "merge": "merge theirs.db",
    "apply": "apply change.mrpatch",
    "run": "run start m --name second --set lr=1",
    "run finish": "run finish m/first",
}


class Case:
    """A command, the registry before it, and the state before and after."""

    def __init__(self, base, name, work):
        self.base, self.name, self.work = base, name, work
        self.before, problem = state(base)
        assert self.before is not None, problem
        folder = self.fresh("expected")
        self.log = f"{work}/{name.replace(' ', '-')}.log"
        result = self.run(folder, TORTURE_LOG=self.log)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        self.after, problem = state(folder)
        assert self.after is not None, problem
        self.events = list(events(self.log, folder))

    def fresh(self, name):
        folder = f"{self.work}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for file in os.listdir(self.base):
            # Only the registry changes.
            if file == "models.db":
                shutil.copy(f"{self.base}/{file}", folder)
            else:
                os.symlink(f"{self.base}/{file}", f"{folder}/{file}")
        return folder

    def run(self, folder, **environment):
        return modelreg(
            folder, COMMANDS[self.name], LD_PRELOAD=f"{self.work}/faults.so", TORTURE_FOLDER=folder, **environment)


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


def all_cases(work, generator, only):
    """The cases, or one of them."""
    compiled("faults.c", f"{work}/faults.so", "-shared", "-fPIC", "-ldl")
    base = set_up(work, generator)
    return [Case(base, name, work) for name in COMMANDS if only in (None, name)]


def is_between(found, case):
    """Merges and upkeep are several transactions, each of which leaves a whole registry."""
    return case.name in ("merge", "gc", "pack", "prune")
