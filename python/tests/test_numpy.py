"""NumPy is enough: nothing here imports PyTorch, so that it runs on every Python that NumPy has."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest

import modelreg

np = pytest.importorskip("numpy")


def test_values_come_back(registry: modelreg.Registry) -> None:
    base = np.arange(24, dtype="float32").reshape(4, 6)
    value = {
        "w": base, "t": base.T, "part": base[1:3, ::2], "b": np.array([True]), "z": np.complex64(1j), "s": np.int8(3),
        "empty": np.empty((0, 3)), "text": "ü", "n": [1, 2.5, None, b"x", 2**70], "pair": (1, {"deep": -0.0}),
    }  # fmt: skip
    saved = registry.save(value, "m", metrics={"acc": np.float64(0.5)}, aliases="best")
    loaded = registry.load("m:best", framework="numpy")
    for name in ("w", "t", "part", "b", "empty"):
        assert np.array_equal(loaded[name], value[name]) and loaded[name].dtype == value[name].dtype, name
    assert loaded["n"] == value["n"] and loaded["pair"] == (1, {"deep": 0.0}) and loaded["text"] == "ü"
    loaded["w"][0, 0] = 9
    assert loaded["t"][0, 0] == 9, "ties are kept"
    target = {"w": np.zeros((4, 6), "float32"), "t": np.zeros((6, 4), "float32")}
    report = registry.load_into(saved, target, strict=False)
    assert set(report.loaded) == {"w", "t"} and np.array_equal(target["t"], base.T)
    with registry.lazy("m", framework="numpy") as lazy:
        assert np.array_equal(lazy["w"][-2:, 1], base[-2:, 1]) and np.array_equal(lazy["w"][np.int64(1)], base[1])
        assert dict(lazy.items())["n/0"] == 1 and lazy.get("none") is None
        with pytest.raises(KeyError, match='did you mean "text"'):
            lazy["txet"]


def test_a_training_goes_on(registry: modelreg.Registry) -> None:
    def step(state: dict[str, Any]) -> None:
        state["w"] += np.random.rand(4) + random.random()

    state: dict[str, Any] = {"w": np.zeros(4), "rng": modelreg.RandomState(), "seen": []}
    checkpointer = modelreg.Checkpointer(registry, "m", max_to_keep=2, keep_best=("loss", "min", 1))
    for number in range(1, 6):
        step(state)
        state["seen"].append(number)
        checkpointer.save(number, state, metrics={"loss": abs(number - 2)})
    checkpointer.wait_until_finished()
    assert [version.step for version in registry.versions("m")] == [5, 4, 2]
    step(state)
    expected = state["w"].copy()
    assert checkpointer.restore(state) == 5 and state["seen"] == [1, 2, 3, 4, 5]
    step(state)
    assert np.array_equal(state["w"], expected)


def test_versions_are_compared_and_travel(registry: modelreg.Registry, tmp_path: Path) -> None:
    weights = np.ones(1000, "float32")
    registry.save({"layer.w": weights}, "m")
    weights[7] = 2
    registry.save({"layer.w": weights}, "m")
    diff = registry.diff("m:v1", "m:v2")
    assert diff.changes[0].statistics["max_at"] == [7] and "rgba" in diff._repr_html_()
    registry.push("m", to=f"oci:{tmp_path}/there", all=True)
    with modelreg.open(tmp_path / "other.db") as other:
        assert len(other.pull("m", source=f"oci:{tmp_path}/there", all=True)["added"]) == 2
        assert other.version("m:v2").content_id == registry.version("m:v2").content_id


def test_a_signal_is_waited_for(registry: modelreg.Registry) -> None:
    with modelreg.Checkpointer(registry, "m", on_signal=signal.SIGUSR2, every=10) as checkpointer:
        assert not checkpointer.save(1, {"w": np.ones(1)})
        signal.raise_signal(signal.SIGUSR2)
        with pytest.raises(modelreg.Preempted):
            checkpointer.save(2, {"w": np.ones(1)})
    assert registry.version("m").step == 2
