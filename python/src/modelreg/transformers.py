"""Hugging Face Trainer: checkpoints that are versions, written beside the training.

    from modelreg.transformers import Callback

    callback = Callback("models.db", "lm", save_steps=500)
    trainer = Trainer(model, TrainingArguments(save_strategy="no", ...), train_dataset=data, callbacks=[callback])
    with callback.resume_folder() as folder:
        trainer.train(resume_from_checkpoint=folder)
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional, Union

from transformers import TrainerCallback

from ._plain import plain
from .checkpointer import Checkpointer
from .errors import BadDataError
from .random_state import RandomState
from .registry import Registry
from .registry import open as open_registry
from .run import Run


class Callback(TrainerCallback):  # type: ignore[misc]
    """Saves model, optimiser, scheduler, random generators and the Trainer's own state as versions of a model."""

    def __init__(
        self,
        registry: Union[Registry, str, os.PathLike[str]],
        model: str,
        *,
        save_steps: Optional[int] = None,
        run: Optional[Run] = None,
        max_to_keep: Optional[int] = None,
        keep_best: Optional[tuple[str, str, int]] = None,
    ) -> None:
        """Saves to a registry, or the one at a path.

        save_steps: steps between two versions; None: whenever the Trainer saves, as `save_strategy` says. With
            `save_strategy="no"` there are no files at all.
        """
        self._checkpointer = Checkpointer(
            registry if isinstance(registry, Registry) else open_registry(registry),
            model,
            run=run,
            max_to_keep=max_to_keep,
            keep_best=keep_best,
        )
        self._save_steps = save_steps
        self._run = run

    def on_step_end(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Saves every so many steps."""
        if self._save_steps and state.global_step % self._save_steps == 0:
            self._save(args, state, parts)

    def on_save(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Saves when the Trainer does."""
        if not self._save_steps:
            self._save(args, state, parts)

    def on_log(self, args: Any, state: Any, control: Any, logs: Optional[Mapping[str, Any]] = None, **_: Any) -> None:
        """Notes metrics in the run."""
        if self._run is not None and logs:
            values = {name: value for name, value in logs.items() if isinstance(value, (int, float))}
            self._run.log(values, step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Waits until the last version is on the disk."""
        self._checkpointer.wait_until_finished()

    def _save(self, args: Any, state: Any, parts: Mapping[str, Any]) -> None:
        if not state.is_world_process_zero:
            return
        checkpoint: dict[str, Any] = {"model": parts["model"].state_dict()}
        if parts.get("optimizer") is not None:
            checkpoint["optimizer"] = plain(parts["optimizer"].state_dict())
        if parts.get("lr_scheduler") is not None:
            checkpoint["scheduler"] = plain(parts["lr_scheduler"].state_dict())
        checkpoint["rng"] = RandomState()
        checkpoint["trainer_state"] = json.dumps(dataclasses.asdict(state), sort_keys=True)
        self._checkpointer.save(state.global_step, checkpoint, metrics=_metrics(state))

    def latest_step(self) -> Optional[int]:
        """The step of the newest version; None where there is none."""
        return self._checkpointer.latest_step()

    @contextmanager
    def resume_folder(self, step: Optional[int] = None) -> Iterator[Optional[str]]:
        """A folder as the Trainer resumes from, of the newest version or that of a step; None where there is none.

        It is in memory where the system has `/dev/shm`, and gone at the end.
        """
        value = self._checkpointer.load(step)
        if value is None:
            yield None
            return
        if "trainer_state" not in value:
            raise BadDataError("the newest version is no checkpoint of a Trainer; name the step of one")
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="modelreg-", dir=place) as folder:
            write_folder(value, Path(folder))
            yield folder


def write_folder(value: Mapping[str, Any], folder: Path) -> None:
    """Writes the files that a Trainer resumes from."""
    import torch
    from safetensors.torch import save_file

    # A file has no ties: each name has its own copy.
    weights = {name: tensor.detach().clone().contiguous() for name, tensor in value["model"].items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    if "optimizer" in value:
        torch.save(value["optimizer"], folder / "optimizer.pt")
    if "scheduler" in value:
        torch.save(value["scheduler"], folder / "scheduler.pt")
    torch.save(_generators(value["rng"]), folder / "rng_state.pth")
    (folder / "trainer_state.json").write_text(value["trainer_state"])


def _generators(state: Mapping[str, Any]) -> dict[str, Any]:
    """The random state, as a Trainer keeps it."""
    import numpy

    python = state["python"]
    numbers = struct.unpack(f"<{len(python['numbers']) // 4}I", python["numbers"])
    result: dict[str, Any] = {"python": (python["version"], numbers, python["gauss"]), "cpu": state["torch"]}
    entry = state["numpy"]
    key = numpy.frombuffer(entry["key"], dtype="<u4").copy()
    result["numpy"] = (entry["name"], key, entry["position"], entry["has_gauss"], entry["gauss"])
    if "cuda" in state:
        result["cuda"] = state["cuda"]
    return result


def _metrics(state: Any) -> dict[str, float]:
    """The last values that the Trainer logged at this step."""
    metrics: dict[str, float] = {}
    for entry in state.log_history:
        if entry.get("step") == state.global_step:
            metrics.update({name: float(value) for name, value in entry.items() if isinstance(value, (int, float))})
    metrics.pop("step", None)
    return metrics
