"""What the registry answers, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modelreg


def test_a_version_says_what_is_known_of_it(registry: modelreg.Registry) -> None:
    saved = registry.save(
        {"w": torch.ones(2)}, "mlp", message="baseline", aliases=["best"], metrics={"acc": 0.97, "bad": float("nan")},
        attributes={"lr": 1e-3, "words": ["a", {"b": None}]}, step=100,
    )  # fmt: skip
    version = registry.version("mlp:best")
    assert (version.reference, version.message, version.step) == ("mlp:v1", "baseline", 100)
    assert version.metrics["acc"] == 0.97 and np.isnan(version.metrics["bad"])
    assert version.attributes == {"lr": 1e-3, "words": ["a", {"b": None}]}
    assert saved.new_byte_count == 8 and version.content_id == saved.content_id
    again = registry.save({"w": torch.ones(2)}, "mlp")
    assert again.same_content_as == "mlp:v1" and again.new_byte_count == 0
    assert registry.versions("mlp", where="acc > 0.9")[0].reference == "mlp:v1"
    assert [model.name for model in registry.models()] == ["mlp"]


def test_aliases_move(registry: modelreg.Registry) -> None:
    first = registry.save([1], "m")
    registry.save([2], "m")
    registry.alias(first, "best")
    assert registry.aliases() == {"m:best": "m:v1"}
    registry.alias("m:v2", "best")
    assert registry.load("m:best") == [2]
    registry.remove_alias("m", "best")
    assert registry.aliases("m") == {}


def test_a_diff_says_what_changed(registry: modelreg.Registry) -> None:
    model = torch.nn.Linear(2, 2)
    registry.save(model.state_dict(), "m")
    assert registry.diff("m", "m").is_empty
    with torch.no_grad():
        model.weight += 1
    registry.save(model.state_dict(), "m")
    diff = registry.diff("m:v1", "m:v2", fail_if="max_abs > 0.5")
    assert [change.path for change in diff.changes] == ["weight"]
    assert diff and diff.changes[0].statistics["max_abs"] == pytest.approx(1, rel=1e-6)
    assert diff.failed == ["max_abs > 0.5"]
    page = diff._repr_html_()
    assert "<code>weight</code>" in page and "1 unchanged" in page and "rgba(214, 69, 65, 1.00)" in page
    assert "weight" in repr(diff)


def test_history_follows_a_parameter(registry: modelreg.Registry) -> None:
    for value in (1.0, 1.0, 3.0):
        registry.save({"w": torch.full((4,), value), "b": torch.zeros(1)}, "m")
    history = registry.history("m", "w", exact=True)
    assert [entry["change"] for entry in history["w"]] == ["added", "unchanged", "changed"]
    assert history["w"][2]["distance"] == 4


def test_blame_and_lineage_say_where_things_come_from(registry: modelreg.Registry) -> None:
    registry.save({"w": torch.ones(2), "b": torch.ones(1)}, "base")
    registry.save({"w": torch.ones(2), "b": torch.zeros(1)}, "base")
    assert registry.blame("base") == {"w": "base:v1", "b": "base:v2"}
    registry.save({"w": torch.full((2,), 5.0)}, "tuned", parent="base:v2")
    assert registry.lineage("tuned")["from"][0]["reference"] == "base:v2"
    assert registry.lineage("base:v2", descendants=True)["from"][0]["reference"] == "tuned:v1"


def test_sql_asks_and_changes_nothing(registry: modelreg.Registry) -> None:
    registry.save([1], "m")
    table = registry.sql("SELECT name, x'00ff' AS bytes FROM model")
    assert list(table) == [{"name": "m", "bytes": b"\x00\xff"}]
    with pytest.raises(modelreg.UsageError, match="nothing is changed by SQL"):
        registry.sql("DELETE FROM model")
    assert len(registry.models()) == 1


def test_pruned_versions_go_and_the_best_stay(registry: modelreg.Registry) -> None:
    for index, accuracy in enumerate([0.1, 0.9, 0.2, 0.3]):
        registry.save([index], "m", metrics={"acc": accuracy})
    registry.prune("m", keep_last=1, keep_best=[("acc", "max", 1)])
    assert [version.number for version in registry.versions("m")] == [4, 2]
    assert registry.gc()["version_count"] == 2
    assert registry.verify()["is_intact"]
    assert registry.delete("m:v2") == ["m:v2"]


def test_files_come_back_byte_for_byte(registry: modelreg.Registry, tmp_path: Path) -> None:
    torch.save({"w": torch.ones(3)}, tmp_path / "model.pt")
    registry.save_file(tmp_path / "model.pt", "m", message="file")
    registry.load_file("m", tmp_path / "back.pt")
    assert (tmp_path / "back.pt").read_bytes() == (tmp_path / "model.pt").read_bytes()
    registry.export("m", tmp_path / "w.safetensors")
    with pytest.raises(modelreg.Error, match="w.safetensors"):
        registry.export("m", tmp_path / "w.safetensors")
    registry.export("m", tmp_path / "w.safetensors", replace=True)


def test_runs_hold_metrics_and_versions(registry: modelreg.Registry) -> None:
    with registry.run("mlp", "lr-3", config={"lr": 1e-3}) as run:
        run.log({"loss": 0.5})
        run.log({"loss": 0.25}, step=7)
        registry.save([1], "mlp", run=run, step=7, metrics={"acc": 0.5})
    version = registry.version("mlp")
    assert version.run == "mlp/lr-3" and version.metrics == {"acc": 0.5}
    assert registry.sql("SELECT count(*) FROM run_metric").rows == [(3,)]
    assert registry.sql("SELECT state FROM run").rows == [("finished",)]
    with pytest.raises(ZeroDivisionError), registry.run("mlp", "other"):
        raise ZeroDivisionError
    assert registry.sql("SELECT state FROM run ORDER BY id").rows[1] == ("failed",)
    with pytest.raises(modelreg.UsageError):
        registry.run("mlp", "lr-3")
    registry.run("mlp", "lr-3", resume=True).finish()


def test_a_gate_refuses_what_is_not_finite(registry: modelreg.Registry) -> None:
    with pytest.raises(modelreg.GateError, match="nothing is saved"):
        registry.save({"w": torch.tensor([float("nan")])}, "m", gate="nan > 0")
    assert registry.models() == []


def test_exceptions_say_what_to_do(registry: modelreg.Registry, tmp_path: Path) -> None:
    registry.save({"w": torch.ones(1)}, "mlp")
    cases: list[tuple[type[Exception], str, Any]] = [
        (modelreg.NotFoundError, 'no model "mpl" (did you mean "mlp"?)', lambda: registry.load("mpl")),
        (modelreg.NotFoundError, 'no version 7 of "mlp"', lambda: registry.load("mlp:v7")),
        (modelreg.UsageError, "a b", lambda: registry.save([1], "a b")),
        (ValueError, "NUL", lambda: registry.load("a\0b")),
        (LookupError, "x", lambda: registry.load("mlp", only="x")),
        (modelreg.NotFoundError, "none.db", lambda: modelreg.open(tmp_path / "none.db", create=False)),
        (modelreg.Error, "none", lambda: modelreg.open(tmp_path / "none" / "x.db")),
    ]
    for kind, text, call in cases:
        with pytest.raises(kind) as failure:
            call()
        assert text in str(failure.value), failure.value
    (tmp_path / "other.db").write_text("no registry, but a text")
    with pytest.raises(modelreg.NotARegistryError):
        modelreg.open(tmp_path / "other.db")


def test_the_registry_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELREG_REGISTRY", str(tmp_path / "env.db"))
    with modelreg.open() as registry:
        registry.save([1], "m")
    assert (tmp_path / "env.db").exists()


def test_damage_is_found_and_named(registry: modelreg.Registry) -> None:
    registry.save({"w": torch.randn(100_000, generator=torch.Generator().manual_seed(1))}, "m")
    path = Path(registry.path)
    registry.close()
    data = bytearray(path.read_bytes())
    # The weights come last.
    data[-100_000:-99_900] = bytes(100)
    path.write_bytes(data)
    with modelreg.open(path) as damaged, pytest.raises(modelreg.Error, match="repair") as failure:
        damaged.load("m")
    assert isinstance(failure.value, modelreg.DamagedError)
