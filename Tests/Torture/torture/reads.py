"""A call that reads the registry fails with EIO.

The disk is at fault, and not what is on it: a command ends with 74 or does all that it should, the registry is in the state
before or after, and nothing is called damaged.
"""

import errno
import shutil
from concurrent.futures import ThreadPoolExecutor

from cases import COMMANDS, LOOKS, all_cases
from program import Losses, failure
from registry import state

# Each of its thousands of reads is one of the other saves', too.
NAMES = [name for name in [*LOOKS, *COMMANDS] if name != "save batches"]


def run(options, work, generator):
    cases = all_cases(work, generator, options.only, NAMES, reads=True)
    if options.every:
        plans = [(case, at) for case in cases for at in range(1, len(case.events) + 1)]
    else:
        chosen = [generator.choice(cases) for _ in range(options.runs)]
        plans = [(case, generator.randint(1, len(case.events))) for case in chosen]
    losses = Losses()
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = sum(pool.map(lambda plan: attempt(*plan[1], plan[0], losses), enumerate(plans)))
    calls = sum(len(case.events) for case in cases)
    return losses, f"{len(plans)} runs, {failed} of them failed as they should; {len(cases)} commands of {calls} calls"


def attempt(case, at, number, losses):
    """Does it, and looks. Returns: Whether the command failed."""
    folder = case.fresh(f"run-{number}")
    result = case.run(folder, TORTURE_AT=str(at), TORTURE_FAULT=str(errno.EIO))
    where = f"{case.name}, read {at} of {len(case.events)}"
    found, problem = state(folder)
    problem = problem if found is None else case.problem_of(found, result.returncode == 0)
    if problem:
        losses.append(f"{where}: {problem}")
    if result.returncode not in (0, 74) or failure(result) or "damaged" in result.stderr:
        losses.append(f"{where}: exit status {result.returncode} {result.stderr[:200]!r} {result.stdout[-100:]!r}")
    shutil.rmtree(folder)
    return result.returncode != 0
