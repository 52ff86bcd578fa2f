"""Keras: checkpoints that are versions, written beside the training, with any backend.

    from modelreg.keras import Checkpoint

    checkpoint = Checkpoint("models.db", "mlp", keep_best=("val_loss", "min", 1), max_to_keep=3)
    epoch = checkpoint.restore(model) or 0
    model.fit(x, y, initial_epoch=epoch, epochs=20, callbacks=[checkpoint])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, Union

import keras
import numpy

from ._options import PathLike
from .checkpointer import Checkpointer
from .errors import BadDataError, MismatchError
from .random_state import RandomState
from .registry import Registry
from .run import Run


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves weights, optimiser and random generators as versions of a model; their steps are epochs or batches."""

    def __init__(
        self,
        registry: Union[Registry, PathLike],
        name: str,
        *,
        save_steps: Optional[int] = None,
        run: Optional[Run] = None,
        max_to_keep: Optional[int] = None,
        keep_best: Optional[tuple[str, str, int]] = None,
    ) -> None:
        """Saves to a registry, or the one at a path.

        name: the model's name in the registry.
        save_steps: batches between two versions; None: after each epoch, and then the steps of versions are epochs.
        run: gets the metrics of each epoch.
        max_to_keep, keep_best: as those of Checkpointer; metrics are those of Keras, such as "val_loss".
        """
        super().__init__()
        self._checkpointer = Checkpointer(registry, name, run=run, max_to_keep=max_to_keep, keep_best=keep_best)
        self._save_steps = save_steps
        self._run = run
        self._epoch = 0
        self._batches: Optional[int] = None

    def on_epoch_begin(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Notes where the training is."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Saves every so many batches."""
        if self._save_steps:
            step = int(self.model.optimizer.iterations)
            if step % self._save_steps == 0:
                self._save(step, self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Saves after each epoch, unless it saves every so many batches."""
        if self._run is not None:
            self._run.log(_numbers(logs), step=epoch + 1)
        if not self._save_steps:
            self._save(epoch + 1, epoch + 1, logs)

    def on_train_end(self, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Waits until the last version is on the disk."""
        self._checkpointer.wait_until_finished()

    def _save(self, step: int, epoch: int, logs: Optional[Mapping[str, Any]]) -> None:
        state: dict[str, Any] = {"model": _arrays_of(self.model.variables), "epoch": epoch, "rng": RandomState()}
        if self.model.optimizer is not None:
            state["optimizer"] = _arrays_of(self.model.optimizer.variables)
        self._checkpointer.save(step, state, metrics=_numbers(logs))

    def latest_step(self) -> Optional[int]:
        """The step of the newest version; None where there is none."""
        return self._checkpointer.latest_step()

    def restore(self, model: Any, step: Optional[int] = None) -> Optional[int]:
        """Gives a model its newest version back, or that of a step.

        The model is built and compiled; variables are compared by order and shape first, as Keras numbers names anew.
        Returns the epoch to go on from, for `fit(initial_epoch=)`; None where there is no version, and then nothing is
        changed.
        """
        value = self._checkpointer.load(step)
        if value is None:
            return None
        if not {"model", "epoch"} <= set(value):
            raise BadDataError("the newest version is no checkpoint of Keras; name the step of one")
        pairs = _pairs("the model", model.variables, value["model"])
        if "optimizer" in value and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
            pairs += _pairs("the optimizer", model.optimizer.variables, value["optimizer"])
        for variable, array in pairs:
            variable.assign(array)
        RandomState().load_state_dict(value["rng"])
        return int(value["epoch"])


def _arrays_of(variables: Any) -> dict[str, Any]:
    """The values of variables by their paths, which Keras does not promise to be unique."""
    result: dict[str, Any] = {}
    for variable in variables:
        name, count = variable.path, 1
        while name in result:
            count += 1
            name = f"{variable.path}#{count}"
        result[name] = keras.ops.convert_to_numpy(variable.value)
    return result


def _pairs(what: str, variables: Any, values: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    if len(variables) != len(values):
        raise MismatchError(f"{what} has {len(variables)} variables, and the version {len(values)}")
    pairs = []
    for variable, (name, value) in zip(variables, values.items()):
        if tuple(variable.shape) != tuple(value.shape):
            raise MismatchError(
                f'shape of "{variable.path}": {list(value.shape)} in the version ("{name}"), '
                f"{list(variable.shape)} in {what}"
            )
        pairs.append((variable, _array(value)))
    return pairs


def _array(value: Any) -> Any:
    if isinstance(value, numpy.ndarray):
        return value
    # NumPy has no bfloat16; float32 holds all of its values.
    return value.detach().float().numpy() if str(value.dtype) == "torch.bfloat16" else value.detach().numpy()


def _numbers(logs: Optional[Mapping[str, Any]]) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items() if numpy.ndim(value) == 0}
