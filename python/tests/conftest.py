"""What tests share: a registry in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import modelreg


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[modelreg.Registry]:
    with modelreg.open(tmp_path / "models.db", wait=60) as registry:
        yield registry


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a process of its own, in the test's folder."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=tmp_path, env=os.environ, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    return run
