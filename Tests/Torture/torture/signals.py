"""Somebody ends a command: SIGINT, SIGTERM or SIGHUP, at a random moment.

The state is that before or after, the process ends by the signal (130, 143 or 129 to a shell) or was done, no temporary
file stays, and the same command works afterwards. It says one line, unless it had not begun.
"""

import os
import shutil
import signal
import subprocess
import time

from cases import Case
from program import MODELREG, Losses, must
from registry import leftovers, set_up, state

COMMANDS = {
    "save batches": "save big.safetensors m --no-pack",
    "load": "load big -o out.safetensors",
    "load over": "load big -o old.safetensors --force",
    "export": "export --all -o out.db",
    "diff": "diff m:v4 big -o out.mrpatch",
    "gc": "gc",
    "pack": "pack",
    "merge": "merge theirs.db",
    "apply": "apply large.mrpatch",
    "verify": "verify",
}
WORD = "modelreg: interrupted; what is saved is unharmed\n"


class Ended(Case):
    """A command that may be ended. `seconds` is what it takes."""

    def __init__(self, base, name, work):
        self.base, self.name, self.work, self.command = base, name, work, COMMANDS[name]
        self.before, _ = state(self.fresh("expected"))
        folder = self.fresh("expected")
        start = time.monotonic()
        result = self.run(folder)
        self.seconds = time.monotonic() - start
        assert result.returncode == 0, f"{name}: {result.stderr}"
        self.after, problem = state(folder)
        assert self.after is not None, problem

    def start(self, folder):
        return subprocess.Popen(
            [MODELREG, *self.command.split()], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "MODELREG_REGISTRY": "models.db"})

    def run(self, folder):
        process = self.start(folder)
        errors = process.communicate()[1]
        return subprocess.CompletedProcess(self.command, process.returncode, "", errors)


def prepared(work, generator):
    base = set_up(work, generator)
    must(base, "save big.safetensors big")
    shutil.copy(f"{base}/models.db", f"{base}/theirs.db")
    must(base, "diff m:v4 big -o large.mrpatch")
    must(base, "save small.safetensors m --no-pack")
    must(base, "save theirs.safetensors m --no-pack")
    must(base, "rm m:v3")
    return base


def run(options, work, generator):
    base = prepared(work, generator)
    cases = [Ended(base, name, work) for name in COMMANDS if options.only in (None, name)]
    losses, stopped, said = Losses(), 0, 0
    for _ in range(options.runs):
        case = generator.choice(cases)
        number = generator.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        delay = generator.random() * 1.1 * case.seconds
        folder = case.fresh("run")
        process = case.start(folder)
        time.sleep(delay)
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
        where = f"{case.name}, {number.name} after {delay:.3f} s of {case.seconds:.3f} s"
        if process.returncode not in (0, -number):
            losses.append(f"{where}: exit status {process.returncode} {errors[:200]!r}")
        stopped += process.returncode != 0
        said += process.returncode != 0 and errors.endswith(WORD)
        if process.returncode != 0 and errors not in ("", WORD):
            losses.append(f"{where}: said {errors[:200]!r}")
        if leftovers(folder):
            losses.append(f"{where}: left {leftovers(folder)}")
        found, problem = state(folder)
        problem = problem if found is None else case.problem_of(found, process.returncode == 0)
        if problem:
            losses.append(f"{where}: {problem}")
        elif found == case.before:
            again = case.run(folder)
            if again.returncode != 0 or state(folder)[0] != case.after:
                losses.append(f"{where}: the same command, again: {again.returncode} {again.stderr[:200]}")
    if stopped > 20 and said < stopped / 4:
        losses.append(f"only {said} of {stopped} said a word")
    return losses, f"{options.runs} signals, {stopped} commands ended by them, {said} with a word"
