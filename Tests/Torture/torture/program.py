"""The binary that is tried, the programs in C beside it, and what a campaign has found."""

import os
import shutil
import subprocess
import sys

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


def compiled(source, output, *arguments):
    """Compiles a program of this folder."""
    subprocess.run(
        [shutil.which("cc") or "clang", "-O1", "-o", output, f"{HERE}/{source}", *arguments, "-lpthread"], check=True)
    return output


class Losses(list):
    """Says each loss as soon as it is found: a campaign may take hours."""

    def append(self, loss):
        super().append(loss)
        print("  " + loss, flush=True)
