"""modelreg: every version of a model's weights in one file, bit for bit.

    import modelreg

    registry = modelreg.open("models.db")
    registry.save(model.state_dict(), "mlp", message="baseline", aliases=["best"], metrics={"acc": 0.97})
    registry.load_into("mlp:best", model)
    registry.diff("mlp:v1", "mlp:v2")

Neither PyTorch nor NumPy is imported before it is needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .errors import (
    BadDataError,
    BusyError,
    CancelledError,
    DamagedError,
    Error,
    ForkedError,
    GateError,
    MismatchError,
    NotARegistryError,
    NotFoundError,
    OutputError,
    SoftwareError,
    StorageError,
    UsageError,
)
from .lazy import LazyTensor, LazyVersion
from .registry import Registry, open  # noqa: A004
from .results import Change, Diff, LoadReport, Model, SavedVersion, Table, Version
from .run import Run
from .values import Name, Object, Reference

if TYPE_CHECKING:
    from .checkpointer import Checkpointer
    from .random_state import RandomState

logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [
    "BadDataError", "BusyError", "CancelledError", "Change", "Checkpointer", "DamagedError", "Diff", "Error",
    "ForkedError", "GateError", "LazyTensor", "LazyVersion", "LoadReport", "MismatchError", "Model", "Name",
    "NotARegistryError", "NotFoundError", "Object", "OutputError", "RandomState", "Reference", "Registry", "Run",
    "SavedVersion", "SoftwareError", "StorageError", "Table", "UsageError", "Version", "__version__", "open",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "Checkpointer":
        from .checkpointer import Checkpointer

        return Checkpointer
    if name == "RandomState":
        from .random_state import RandomState

        return RandomState
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
