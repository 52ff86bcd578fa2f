"""The notebook of the examples runs from the first cell to the last."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("pandas")

EXAMPLES = Path(__file__).resolve().parents[2] / "Examples"


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = EXAMPLES / "Python" / "digits.ipynb"
    if not page.exists():
        pytest.skip("the examples are not beside the tests")
    monkeypatch.setenv("DIGITS", str(EXAMPLES / "Digits" / "digits.npz"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
    if shutil.which("modelreg") is None:
        # A source tree has the command in its package.
        command = tmp_path / "modelreg"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m modelreg._command_line "$@"\n')
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    notebook = nbformat.read(page, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not kept"
    nbclient.NotebookClient(notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shown = "\n".join(
        str(output.get("text") or output.get("data", {})) for cell in notebook.cells for output in cell.get("outputs", [])
    )
    for expected in ("accuracy", "rgba(214, 69, 65", "output.weight", "('torch:v10'", "True"):
        assert expected in shown, expected
    if shutil.which("Digits"):
        assert "of the test digits right" in shown and "says PyTorch" in shown
