"""What a notebook shows."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import modelreg


def grown(registry: modelreg.Registry, count: int) -> modelreg.Diff:
    state = {f"layer{index}.weight": torch.ones(3) for index in range(count)}
    registry.save(state, "m")
    for index, tensor in enumerate(state.values()):
        tensor += index + 1
    registry.save(state, "m")
    return registry.diff("m:v1", "m:v2")


def test_a_diff_is_a_heat_map_of_modules_and_tensors(registry: modelreg.Registry) -> None:
    page = grown(registry, 3)._repr_html_()
    assert page.count("<table>") == 2, "modules, and what changed"
    modules, changes = page.split("</table>")[:2]
    for name in ("whole model", "layer0", "layer1", "layer2"):
        assert f"<code>{name}</code>" in modules
    shares = [float(share) for share in re.findall(r"rgba\(214, 69, 65, ([\d.]+)\)", changes)]
    # Three measures of three tensors: the third one moved furthest, all of them everywhere.
    assert shares == [0.58, 0.58, 1.0, 0.82, 0.82, 1.0, 1.0, 1.0, 1.0]


def test_names_are_escaped(registry: modelreg.Registry) -> None:
    registry.save({"<script>alert(1)</script>": torch.ones(1)}, "m")
    registry.save({"<script>alert(1)</script>": torch.zeros(1)}, "m")
    page = registry.diff("m:v1", "m:v2")._repr_html_() + registry.sql("SELECT '<b>' AS '<i>'")._repr_html_()
    assert "<script>" not in page and "<b>" not in page and "<i>" not in page and "&lt;script&gt;" in page


def test_a_long_table_says_where_the_rest_is(registry: modelreg.Registry) -> None:
    diff = grown(registry, 150)
    assert "50 more: to_pandas() has them all" in diff._repr_html_()
    assert "and 130 more" in repr(diff)
    rows = registry.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 103) SELECT i FROM n")
    assert "and 3 more" in rows._repr_html_() and len(rows) == 103


def test_the_same_weights_are_said_to_be(registry: modelreg.Registry) -> None:
    registry.save({"w": torch.ones(1)}, "m")
    diff = registry.diff("m", "m")
    assert "the same weights" in repr(diff) and "the same weights" in diff._repr_html_()


def test_pandas_has_a_row_for_each_change(registry: modelreg.Registry) -> None:
    pytest.importorskip("pandas")
    frame = grown(registry, 3).to_pandas()
    assert list(frame["path"]) == ["layer0.weight", "layer1.weight", "layer2.weight"]
    assert list(frame["max_abs"]) == [1, 2, 3] and set(frame["change"]) == {"changed"}
    assert list(registry.diff("m", "m").to_pandas().columns) == ["path", "change", "differences", "old_path"]
    assert registry.sql("SELECT name FROM model").to_pandas().to_dict("list") == {"name": ["m"]}


def test_without_pandas_it_says_what_to_install(registry: modelreg.Registry, monkeypatch: Any) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    for table in (grown(registry, 1), registry.sql("SELECT 1")):
        with pytest.raises(ImportError, match="pip install pandas"):
            table.to_pandas()
