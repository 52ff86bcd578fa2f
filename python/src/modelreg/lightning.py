"""PyTorch Lightning: checkpoints that are versions, metrics of a run, and nothing else on the disk.

    from modelreg.lightning import CheckpointIO, Logger

    logger = Logger("models.db", "mlp")
    trainer = Trainer(
        logger=logger, plugins=[CheckpointIO("models.db", "mlp", run=logger)], callbacks=[ModelCheckpoint(monitor="loss")]
    )
    trainer.fit(model)
    trainer.fit(model, ckpt_path="modelreg:mlp:v3")
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional, Union

from ._options import PathLike
from ._plain import described, plain
from .errors import NotFoundError
from .registry import Registry, registry_of
from .results import Version
from .run import Run

try:
    from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO as _Base
    from lightning.pytorch.loggers.logger import Logger as _LoggerBase
    from lightning.pytorch.loggers.logger import rank_zero_experiment
    from lightning.pytorch.utilities import rank_zero_only
except ImportError:
    from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO as _Base
    from pytorch_lightning.loggers.logger import Logger as _LoggerBase
    from pytorch_lightning.loggers.logger import rank_zero_experiment
    from pytorch_lightning.utilities import rank_zero_only

#: What a path begins with that is a reference to a version.
PREFIX = "modelreg:"

#: The fact of a version that says which path Lightning knows it by.
PATH_ATTRIBUTE = "lightning_path"


class CheckpointIO(_Base):  # type: ignore[misc]
    """Saves what Lightning would write to files as versions of a model.

    A path that Lightning makes up is a fact of the version; `modelreg:mlp:best` names a version of any model.
    """

    def __init__(
        self, registry: Union[Registry, PathLike], model: str, *, run: Union[Run, Logger, None] = None
    ) -> None:
        """Saves to a registry, or the one at a path.

        run: the run that versions belong to, or the logger that records it.
        """
        super().__init__()
        self._registry = registry_of(registry)
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
            run=self._run.experiment if isinstance(self._run, Logger) else self._run,
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


class Logger(_LoggerBase):  # type: ignore[misc]
    """Records what Lightning logs as a run. It begins with the first value, and ends with the training."""

    def __init__(
        self,
        registry: Union[Registry, PathLike],
        model: str,
        name: Optional[str] = None,
        *,
        config: Optional[Mapping[str, Any]] = None,
        parent: Optional[str] = None,
        prefix: str = "",
    ) -> None:
        """Records in a registry, or the one at a path.

        name: the run's; one that is there goes on. A name with the time in it where none is given.
        config: settings besides hyperparameters.
        prefix: before each metric's name.
        """
        super().__init__()
        self._registry = registry_of(registry)
        self._model = model
        self._run_name = name
        self._config = dict(config or {})
        self._parent = parent
        self._prefix = prefix
        self._run: Optional[Run] = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    @property
    def version(self) -> Optional[str]:
        """The run's name; None before it has begun without one."""
        return self._run_name

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator]
    def experiment(self) -> Run:
        """The run, which begins, or goes on, when it is asked for."""
        if self._run is None:
            self._run = self._registry.run(
                self._model, self._run_name, config=self._config, parent=self._parent, resume=self._run_name is not None
            )
            self._run_name = self._run.name
        return self._run

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: Mapping[str, float], step: Optional[int] = None) -> None:
        """Notes metrics at a step."""
        self.experiment.log({self._prefix + name: value for name, value in metrics.items()}, step=step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Notes settings. What is no text, number, list or dictionary is noted as text."""
        values = params if isinstance(params, Mapping) else vars(params)
        self.experiment.set({str(name): described(value) for name, value in values.items()})

    @rank_zero_only  # type: ignore[untyped-decorator]
    def finalize(self, status: str) -> None:
        """Ends the run; values that come later resume it."""
        if self._run is not None:
            states = {"success": "finished", "finished": "finished", "failed": "failed"}
            self._run.finish(states.get(status, "killed"))
            self._run = None
