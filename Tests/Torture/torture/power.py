"""The power fails: what was not synced is lost, torn or reordered.

Calls that a command made are replayed up to one of them, on a disk that keeps what was synced and may keep the rest. Then
it is asked what `faults` asks.
"""

import os

from cases import COMMANDS, all_cases
from program import Losses
from registry import CHANGING, state

SECTOR = 512

# The bytes that these write by way of a mapping are in no record.
RECORDED = [name for name in COMMANDS if name.split()[0] not in ("load", "plot") and name != "diff page"]


class Disk:
    """Files and names as a disk may hold them when the power fails."""

    def __init__(self, folder, generator):
        self.generator = generator
        self.names = {}  # what the folder says, as processes see it
        self.durable_names = {}
        self.pending_names = []
        self.files = []  # content that is durable, and changes that are not
        self.names_before = [name for name in os.listdir(folder) if name in CHANGING]
        for name in self.names_before:
            with open(f"{folder}/{name}", "rb") as file:
                self.files.append([bytearray(file.read()), []])
            self.names[name] = self.durable_names[name] = len(self.files) - 1

    def do(self, kind, name, other, offset, data):
        if kind == "c":
            self.files.append([bytearray(), []])
            self.rename(name, len(self.files) - 1)
        elif kind == "w" and name in self.names:
            self.files[self.names[name]][1].append((offset, data))
        elif kind == "t" and name in self.names:
            self.files[self.names[name]][1].append((offset, None))
        elif kind == "s":
            if name == ".":
                for change in self.pending_names:
                    self.apply_name(self.durable_names, *change)
                self.pending_names = []
            elif name in self.names:
                content, changes = self.files[self.names[name]]
                for change in changes:
                    apply(content, *change)
                changes.clear()
        elif kind == "u":
            self.rename(name, None)
        elif kind == "r":
            self.rename(other, self.names.get(name))
            self.rename(name, None)
        elif kind == "l":
            self.rename(other, self.names.get(name))

    def rename(self, name, file):
        self.pending_names.append((name, file))
        self.apply_name(self.names, name, file)

    @staticmethod
    def apply_name(names, name, file):
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file

    def write(self, folder, fate):
        """Makes the folder that is found when the power is back.

        fate: "lost" (nothing that was not synced), "reached" (all of it), "mixed" (some of it, sectors one by one;
        names in their order), "reordered" (names too).
        """
        names = dict(self.durable_names)
        pending = self.pending_names
        if fate == "reached":
            chosen = pending
        elif fate == "lost":
            chosen = []
        elif fate == "mixed":
            chosen = pending[:self.generator.randint(0, len(pending))]
        else:
            chosen = [change for change in pending if self.generator.random() < 0.5]
        for change in chosen:
            self.apply_name(names, *change)
        for name, file in names.items():
            content, changes = self.files[file]
            content = bytearray(content)
            for offset, data in changes:
                if fate == "reached" or fate != "lost" and data is None and self.generator.random() < 0.5:
                    apply(content, offset, data)
                elif fate != "lost" and data is not None:
                    for start in range(0, len(data), SECTOR):
                        if self.generator.random() < 0.5:
                            apply(content, offset + start, data[start:start + SECTOR])
            with open(f"{folder}/{name}", "wb") as target:
                target.write(content)


def apply(content, offset, data):
    """Writes, or cuts off where there are no bytes to write."""
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset:offset + len(data)] = data


def run(options, work, generator):
    cases = all_cases(work, generator, options.only, RECORDED)
    losses, olds = Losses(), 0
    for _ in range(options.runs):
        case = generator.choice(cases)
        is_done = generator.random() < 0.3
        end = len(case.events) if is_done else generator.randint(0, len(case.events))
        fate = generator.choice(["lost", "reached", "mixed", "reordered"])
        disk = Disk(case.base, generator)
        for event in case.events[:end]:
            disk.do(*event)
        folder = case.fresh("run")
        for name in disk.names_before:
            os.remove(f"{folder}/{name}")
        disk.write(folder, fate)
        where = f"{case.name}, after call {end} of {len(case.events)}, {fate}"
        found, problem = state(folder)
        olds += found == case.before
        problem = problem if found is None else case.problem_of(found, end == len(case.events))
        if problem:
            losses.append(f"{where}: {problem}")
    calls = sum(len(case.events) for case in cases)
    return losses, (
        f"{options.runs} power cuts, the state before in {olds} of them; {len(cases)} commands of {calls} calls")
