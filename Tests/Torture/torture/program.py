"""The binary that is tried, the programs in C beside it, and what a campaign has found."""

import os
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODELREG = os.path.abspath(os.environ.get("MODELREG", f"{ROOT}/.build/release/modelreg"))


def modelreg(folder, arguments, **environment):
    return subprocess.run(
        [MODELREG, *arguments.split()], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "MODELREG_REGISTRY": "models.db", **environment})


def must(folder, arguments):
    result = modelreg(folder, arguments)
    if result.returncode != 0:
        sys.exit(f"modelreg {arguments}: {result.returncode}\n{result.stderr}{result.stdout}")
    return result


# 1 is an answer, and 70 a fault in modelreg itself.
STRANGE = (1, 70)


def failure(result, expected=()):
    """What is wrong with how a command failed; None if it said one line and what is to be expected."""
    if result.returncode in expected or result.returncode == 0:
        return None
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    is_well_said = len(lines) == 1 and lines[0].startswith("modelreg: ")
    is_raw = any(word in result.stderr for word in ("inputOutput(", "SQLite", "database disk image", "code:"))
    if result.returncode < 0 or result.returncode in STRANGE or not is_well_said or is_raw:
        return f"exit status {result.returncode} {result.stderr[:200]!r}"
    return None


def compiled(source, output, *arguments):
    """Compiles a program of this folder."""
    subprocess.run(
        [shutil.which("cc") or "clang", "-O1", "-o", output, f"{HERE}/{source}", *arguments, "-lpthread"], check=True)
    return output


class Losses(list):
    """Says each loss as soon as it is found: a campaign may take hours."""

    lock = threading.Lock()

    def append(self, loss):
        with self.lock:
            super().append(loss)
            print("  " + loss, flush=True)
