"""A call that changes a file fails, is cut short, or is the process's last.

Each run starts from the same registry, does one command with one fault, and then asks: does the registry verify, is it in
the state before or after the command, and in that after it where the command had exited with 0? With --every, each call
of each command meets each fault.
"""

import errno
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

from cases import all_cases
from program import Losses, failure
from registry import leftovers, state

KINDS = ["kill", "die", "short", str(errno.EIO), str(errno.ENOSPC), str(errno.EINTR)]


def run(options, work, generator):
    cases = all_cases(work, generator, options.only)
    plans = list(every(cases)) if options.every else []
    for _ in range(0 if options.every else options.runs):
        case = generator.choice(cases)
        plans.append((case, generator.randint(1, len(case.events)), generator.choice(KINDS)))
    losses = Losses()
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = sum(pool.map(lambda plan: attempt(*plan[1], plan[0], losses), enumerate(plans)))
    calls = sum(len(case.events) for case in cases)
    return losses, f"{len(plans)} runs, {failed} of them failed as they should; {len(cases)} commands of {calls} calls"


def every(cases):
    """Each fault at each call, without those that are the same: killed before a call is killed after the one before."""
    for case in cases:
        yield case, 1, "kill"
        for at, event in enumerate(case.events, 1):
            for kind in KINDS[1:]:
                if kind != "short" or event[0] == "w":
                    yield case, at, kind


def attempt(case, at, kind, number, losses):
    """Does it, and looks. Returns: Whether the command failed."""
    folder = case.fresh(f"run-{number}")
    result = case.run(folder, TORTURE_AT=str(at), TORTURE_FAULT=kind)
    where = f"{case.name}, call {at} of {len(case.events)}, {kind}"
    found, problem = state(folder)
    problem = problem if found is None else case.problem_of(found, result.returncode == 0)
    if problem:
        losses.append(f"{where}: {problem}")
    if not (kind in ("kill", "die") and result.returncode == -signal.SIGKILL) and failure(result):
        losses.append(f"{where}: {failure(result)}")
    # What cannot be removed stays.
    is_removal = case.events[at - 1][0] == "u"
    if kind not in ("kill", "die") and not is_removal and leftovers(folder):
        losses.append(f"{where}: left {leftovers(folder)}")
    if found == case.before:
        again = case.run(folder)
        if again.returncode != 0 or state(folder)[0] != case.after:
            losses.append(f"{where}: the same command, again: {again.returncode} {again.stderr[:200]}")
    shutil.rmtree(folder)
    return result.returncode != 0
