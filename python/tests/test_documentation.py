"""The examples of the documentation run, in the order of the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "session_count"), [("README.md", 2), ("docs/python.md", 1)])
def test_examples_run(
    name: str, session_count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ROOT / name
    if not page.exists():
        pytest.skip("the pages are not beside the tests")
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for _ in range(session_count):  # A second session goes on where the first one ended.
        for block in blocks:
            exec(compile(block, str(page), "exec"), names)
    output = capsys.readouterr().out
    assert "rel_l2" in output or '"tags" cannot be saved' in output
