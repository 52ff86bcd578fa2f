"""A training that is saved beside itself, killed, and goes on to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modelreg


def parts() -> dict[str, Any]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.5), torch.nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    return {"model": model, "optimizer": optimizer, "scheduler": scheduler, "rng": modelreg.RandomState()}


def train(state: dict[str, Any]) -> float:
    """One step, with numbers of all generators."""
    model, optimizer = state["model"], state["optimizer"]
    x = torch.randn(4, 8) + float(np.random.rand()) + random.random()
    loss = model(x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    state["scheduler"].step()
    return float(loss)


def test_what_is_resumed_is_what_was_never_stopped(registry: modelreg.Registry) -> None:
    state = parts()
    checkpointer = modelreg.Checkpointer(registry, "mlp")
    assert checkpointer.restore(state) is None and checkpointer.latest_step() is None
    for step in range(1, 6):
        train(state)
        checkpointer.save(step, state)
    expected = [train(state) for _ in range(5)]
    checkpointer.wait_until_finished()

    random.seed(99), np.random.seed(99)
    again = parts()
    other = modelreg.Checkpointer(registry, "mlp")
    assert other.latest_step() == 5
    assert other.restore(again) == 5
    assert [train(again) for _ in range(5)] == expected
    for name, tensor in state["model"].state_dict().items():
        assert torch.equal(tensor, again["model"].state_dict()[name])
    assert other.restore(again, step=3) == 3


def test_what_is_saved_is_what_was_there_at_the_call(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "m")
    weights = torch.zeros(300_000)
    for step in range(1, 8):
        weights.fill_(step)
        checkpointer.save(step, {"w": weights, "tied": weights, "part": weights[10:20], "text": "x"})
        weights.fill_(-1)
    last = checkpointer.wait_until_finished()
    assert last is not None and last.step == 7
    for version in registry.versions("m"):
        value = registry.load(version)
        assert (value["w"] == version.step).all() and (value["part"] == version.step).all()
        assert value["w"].untyped_storage().data_ptr() == value["tied"].untyped_storage().data_ptr()
        assert value["step"] == version.step and value["text"] == "x"


def test_only_what_matters_is_kept(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "m", every=2, max_to_keep=2, keep_best=("acc", "max", 1))
    saved = [
        checkpointer.save(step, {"w": torch.full((4,), float(step))}, metrics={"acc": -abs(step - 4.0)})
        for step in range(1, 11)
    ]
    checkpointer.wait_until_finished()
    assert saved == [False, True] * 5
    assert [version.step for version in registry.versions("m")] == [10, 8, 4]
    assert checkpointer.save(11, {"w": torch.zeros(1)}, force=True)
    checkpointer.wait_until_finished()
    assert registry.verify()["is_intact"]


def test_a_failure_is_raised_by_the_next_call(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "a bad name")
    checkpointer.save(1, {"w": torch.ones(1)})
    with pytest.raises(modelreg.UsageError, match="a bad name"):
        checkpointer.wait_until_finished()
    with pytest.raises(TypeError, match='"w/0" cannot be saved'):
        checkpointer.save(2, {"w": [object()]})
    with pytest.raises(TypeError, match="a dictionary of parts"):
        checkpointer.save(2, torch.ones(1))
    for arguments in ({"every": 0}, {"max_to_keep": 0}):
        with pytest.raises(ValueError):
            modelreg.Checkpointer(registry, "m", **arguments)


def test_a_model_that_does_not_fit_is_left_as_it_is(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "m")
    checkpointer.save(1, {"model": torch.nn.Linear(2, 2), "rng": modelreg.RandomState()})
    other, state = torch.nn.Linear(3, 2), torch.get_rng_state()
    before = other.weight.clone()
    with pytest.raises(modelreg.Error, match=r"shape of weight: \[2, 2\] in the checkpoint, \[2, 3\] in the model"):
        checkpointer.restore({"rng": modelreg.RandomState(), "model": other})
    with pytest.raises(modelreg.Error, match="has no 'optimizer'"):
        checkpointer.restore({"optimizer": other})
    assert torch.equal(other.weight, before) and torch.equal(torch.get_rng_state(), state)


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with modelreg.open(path, pack=False) as registry:
        checkpointer = modelreg.Checkpointer(registry, "m")
        for step in (1, 2):
            generator = torch.Generator().manual_seed(step)
            checkpointer.save(step, {"w": torch.randn(100_000, generator=generator)})
        checkpointer.wait_until_finished()
    data = bytearray(path.read_bytes())
    data[-100_000:-99_900] = bytes(100)
    path.write_bytes(data)
    with modelreg.open(path) as registry:
        value = modelreg.Checkpointer(registry, "m").load()
    assert value is not None and value["step"] == 1


def test_versions_of_a_run_are_its_own(registry: modelreg.Registry) -> None:
    registry.save({"step": 9}, "m", step=9)
    with registry.run("m", "r") as run:
        checkpointer = modelreg.Checkpointer(registry, "m", run=run)
        assert checkpointer.latest_step() is None
        checkpointer.save(3, {"w": torch.ones(1)}, metrics={"loss": 1.0})
        checkpointer.wait_until_finished()
        assert checkpointer.latest_step() == 3 and checkpointer.latest().run == "m/r"


def test_an_interpreter_that_ends_finishes_what_is_on_its_way(
    registry: modelreg.Registry, run_python: Callable[..., Any]
) -> None:
    done = run_python(
        """
import sys, torch, modelreg
checkpointer = modelreg.Checkpointer(modelreg.open(sys.argv[1]), "m")
checkpointer.save(1, {"w": torch.randn(4_000_000)})
del checkpointer
""",
        registry.path,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert [version.step for version in registry.versions("m")] == [1]


def test_a_killed_training_goes_on_from_its_newest_checkpoint(
    registry: modelreg.Registry, run_python: Callable[..., Any]
) -> None:
    done = run_python(
        """
import os, signal, sys, torch, modelreg
checkpointer = modelreg.Checkpointer(modelreg.open(sys.argv[1]), "m")
state = {"model": torch.nn.Linear(500, 500)}
for step in range(1, 100):
    checkpointer.save(step, state)
    if step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
""",
        registry.path,
    )
    assert done.returncode == -9
    state = {"model": torch.nn.Linear(500, 500)}
    step = modelreg.Checkpointer(registry, "m").restore(state)
    # Two snapshots exist at most: the others are on the disk.
    assert step is not None and step >= 5
    assert registry.verify()["is_intact"]


def test_the_step_is_that_of_the_call(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "m")
    with pytest.raises(ValueError, match="give yours another name"):
        checkpointer.save(2, {"step": 5, "w": torch.ones(1)})
    with pytest.raises(TypeError, match="integer"):
        checkpointer.save("2", {"w": torch.ones(1)})  # type: ignore[arg-type]
    assert checkpointer.save(2, {"step": 2, "w": torch.ones(1)})
    assert checkpointer.load()["step"] == 2


def test_a_step_that_is_not_there_is_no_fresh_start(registry: modelreg.Registry) -> None:
    checkpointer = modelreg.Checkpointer(registry, "m")
    with pytest.raises(modelreg.NotFoundError, match="none at all"):
        checkpointer.load(step=3)
    checkpointer.save(1, {"w": torch.ones(1)})
    with pytest.raises(modelreg.NotFoundError, match="at step 3; there are 1"):
        checkpointer.restore({"w": torch.ones(1)}, step=3)


def test_all_kinds_of_parts_are_given_back_or_none(registry: modelreg.Registry) -> None:
    saved = {"ema": torch.arange(4.0), "rows": np.arange(3), "seen": [1, 2], "facts": {"a": 1}, "best": 0.5}
    here: dict[str, Any] = {"ema": torch.zeros(4), "rows": np.zeros(3, int), "seen": [], "facts": {"b": 2}}
    checkpointer = modelreg.Checkpointer(registry.path, "m")
    checkpointer.save(1, saved)
    with pytest.raises(TypeError, match='"best" cannot be filled: it is a float here'):
        checkpointer.restore({**here, "best": 0.0})
    with pytest.raises(modelreg.BadDataError, match=r'"ema" does not fit: \[4\] in the checkpoint, \[5\] here'):
        checkpointer.restore({"facts": here["facts"], "ema": torch.zeros(5)})
    with pytest.raises(modelreg.BadDataError, match="it has 'ema', 'rows'"):
        checkpointer.restore({"other": {}})
    assert here["facts"] == {"b": 2} and not here["ema"].any(), "nothing was changed"
    assert checkpointer.restore(here) == 1
    assert torch.equal(here["ema"], saved["ema"]) and (here["rows"] == saved["rows"]).all()
    assert here["seen"] == [1, 2] and here["facts"] == {"a": 1}


def test_rules_that_cannot_be_are_refused_at_once(registry: modelreg.Registry) -> None:
    for rule in (("acc", "most", 1), ("acc", "max", 0), "acc", ("acc", "max"), (1, "max", 1)):
        with pytest.raises(ValueError, match='keep_best is a metric, "min" or "max", and a count'):
            modelreg.Checkpointer(registry, "m", keep_best=rule)  # type: ignore[arg-type]


def test_a_block_waits_at_its_end(registry: modelreg.Registry) -> None:
    with modelreg.Checkpointer(registry, "m") as checkpointer:
        checkpointer.save(1, {"w": torch.ones(1_000_000)})
    assert registry.version("m").step == 1
    with pytest.raises(ZeroDivisionError), modelreg.Checkpointer(registry, "m") as checkpointer:
        checkpointer.save(2, {"w": torch.ones(1_000_000)})
        raise ZeroDivisionError
    assert registry.version("m").step == 2


PREEMPTED = """
import os, signal, sys, time, torch, modelreg
registry = modelreg.open(sys.argv[1])
weights = torch.zeros(1_000_000)
with registry.run("m", "r") as run:
    checkpointer = modelreg.Checkpointer(registry, "m", run=run, every=100, on_signal=signal.SIGTERM)
    for step in range(1, 1000):
        weights += 1
        if step == 42:
            assert not checkpointer.is_preempted
            os.kill(os.getpid(), signal.SIGTERM)
            assert checkpointer.is_preempted
        checkpointer.save(step, {"w": weights})
"""


def test_a_signal_saves_at_the_next_step_and_ends_the_training(
    registry: modelreg.Registry, run_python: Callable[..., Any]
) -> None:
    done = run_python(PREEMPTED, registry.path)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 143)
    assert [version.step for version in registry.versions("m")] == [42]
    assert (registry.load("m")["w"] == 42).all()
    assert [run.state for run in registry.runs()] == ["killed"]


def test_the_second_signal_ends_at_once(registry: modelreg.Registry, run_python: Callable[..., Any]) -> None:
    done = run_python(PREEMPTED.replace("assert checkpointer.is_preempted", "os.kill(os.getpid(), 15)"), registry.path)
    assert done.returncode == -15
    assert registry.versions("m") == [] if registry.models() else True
    assert registry.verify()["is_intact"]


def test_signals_are_given_back(registry: modelreg.Registry) -> None:
    import signal

    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: came.append(number))
    ours = signal.getsignal(signal.SIGUSR1)
    try:
        modelreg.Checkpointer(registry, "m")
        assert signal.getsignal(signal.SIGUSR1) is ours, "none is handled unless it is asked for"
        with modelreg.Checkpointer(registry, "m", on_signal=[signal.SIGUSR1]) as checkpointer:
            signal.raise_signal(signal.SIGUSR1)
            assert checkpointer.is_preempted and came == []
            with pytest.raises(modelreg.Preempted, match="SIGUSR1 ended the training; the checkpoint at step 7") as caught:
                checkpointer.save(7, {"w": torch.ones(1)})
        assert caught.value.code == 128 + signal.SIGUSR1 and caught.value.step == 7
        assert signal.getsignal(signal.SIGUSR1) is ours
        signal.raise_signal(signal.SIGUSR1)
        assert came == [signal.SIGUSR1]
        # One that is forgotten gives them back, too.
        forgotten = modelreg.Checkpointer(registry, "m", on_signal=signal.SIGUSR1)
        del forgotten
        assert signal.getsignal(signal.SIGUSR1) is ours
    finally:
        signal.signal(signal.SIGUSR1, before)
