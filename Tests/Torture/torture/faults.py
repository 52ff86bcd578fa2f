"""A call that changes a file fails, is cut short, or is the process's last.

Each run starts from the same registry, does one command with one fault, and then asks: does the registry verify, is it in
the state before or after the command, and in that after it where the command had exited with 0?
"""

import errno
import os
import signal

from cases import all_cases, is_between
from program import Losses
from registry import state


def run(options, work, generator):
    cases = all_cases(work, generator, options.only)
    kinds = ["kill", "die", "short", str(errno.EIO), str(errno.ENOSPC), str(errno.EINTR)]
    losses, failed = Losses(), 0
    for _ in range(options.runs):
        case = generator.choice(cases)
        at, kind = generator.randint(1, len(case.events)), generator.choice(kinds)
        folder = case.fresh("run")
        result = case.run(folder, TORTURE_AT=str(at), TORTURE_FAULT=kind)
        where = f"{case.name}, call {at} of {len(case.events)}, {kind}"
        failed += result.returncode != 0
        found, problem = state(folder)
        if found is None:
            losses.append(f"{where}: {problem}")
        elif found not in (case.before, case.after) and not is_between(found, case):
            losses.append(f"{where}: neither the state before nor the one after")
        elif result.returncode == 0 and found != case.after:
            losses.append(f"{where}: exited with 0, and is not done")
        if result.returncode < 0 and result.returncode != -signal.SIGKILL or result.returncode in (1, 70):
            losses.append(f"{where}: exit status {result.returncode} {result.stderr[:200]}")
        if kind not in ("kill", "die"):
            left = [name for name in os.listdir(folder) if name.startswith(".modelreg-")]
            if left:
                losses.append(f"{where}: left {left}")
        again = case.run(folder)
        if found == case.before and (again.returncode != 0 or state(folder)[0] != case.after):
            losses.append(f"{where}: the same command, again: {again.returncode} {again.stderr[:200]}")
    calls = sum(len(case.events) for case in cases)
    return losses, f"{options.runs} runs, {failed} of them failed as they should; {len(cases)} commands of {calls} calls"
