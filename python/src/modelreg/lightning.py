"""PyTorch Lightning: checkpoints that are versions, and nothing else on the disk.

    from modelreg.lightning import CheckpointIO

    trainer = Trainer(plugins=[CheckpointIO("models.db", "mlp")], callbacks=[ModelCheckpoint(monitor="loss")])
    trainer.fit(model)
    trainer.fit(model, ckpt_path="modelreg:mlp:v3")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional, Union

from ._plain import plain
from .errors import NotFoundError
from .registry import Registry
from .registry import open as open_registry
from .results import Version
from .run import Run

try:
    from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO as _Base
except ImportError:
    from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO as _Base

#: What a path begins with that is a reference to a version.
PREFIX = "modelreg:"

#: The fact of a version that says which path Lightning knows it by.
PATH_ATTRIBUTE = "lightning_path"


class CheckpointIO(_Base):  # type: ignore[misc]
    """Saves what Lightning would write to files as versions of a model.

    A path that Lightning makes up is a fact of the version; `modelreg:mlp:best` names a version of any model.
    """

    def __init__(self, registry: Union[Registry, str, os.PathLike[str]], model: str, *, run: Optional[Run] = None) -> None:
        """Saves to a registry, or the one at a path.

        run: the run that versions belong to.
        """
        super().__init__()
        self._registry = registry if isinstance(registry, Registry) else open_registry(registry)
        self._model = model
        self._run = run

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Optional[Any] = None) -> None:
        """Saves a checkpoint as the next version."""
        step = checkpoint.get("global_step")
        self._registry.save(
            plain(checkpoint),
            self._model,
            message=os.path.basename(str(path)),
            attributes={PATH_ATTRIBUTE: str(path)},
            metrics=_metrics(checkpoint),
            step=step if isinstance(step, int) else None,
            run=self._run,
        )

    def load_checkpoint(self, path: Any, map_location: Optional[Any] = None, weights_only: Optional[bool] = None) -> Any:
        """Loads the version of a path, or of a reference behind `modelreg:`. No code of a checkpoint is ever run."""
        device = map_location if not callable(map_location) and not isinstance(map_location, Mapping) else None
        return self._registry.load(self._version(path), framework="torch", device=device)

    def remove_checkpoint(self, path: Any) -> None:
        """Deletes the version of a path. One that an alias names stays."""
        for version in self._versions(path):
            if not version.aliases:
                self._registry.delete(version)

    def _version(self, path: Any) -> Union[str, Version]:
        text = str(path)
        if text.startswith(PREFIX):
            return text[len(PREFIX) :]
        found = self._versions(path)
        if not found:
            raise NotFoundError(
                f'no version of "{self._model}" was saved as {text}; {PREFIX}{self._model}:v1 names a version'
            )
        return found[0]

    def _versions(self, path: Any) -> list[Version]:
        try:
            versions = self._registry.versions(self._model)
        except NotFoundError:
            return []
        return [version for version in versions if version.attributes.get(PATH_ATTRIBUTE) == str(path)]


def _metrics(checkpoint: dict[str, Any]) -> dict[str, float]:
    """What ModelCheckpoint watches, where it says so."""
    metrics: dict[str, float] = {}
    for state in checkpoint.get("callbacks", {}).values():
        if isinstance(state, Mapping) and state.get("monitor") and state.get("current_score") is not None:
            metrics[str(state["monitor"])] = float(state["current_score"])
    return metrics
