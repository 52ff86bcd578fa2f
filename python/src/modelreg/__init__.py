"""modelreg: every version of a model's weights in one file, bit for bit.

    import modelreg

    registry = modelreg.open("models.db")
    registry.save(model.state_dict(), "mlp", message="baseline", aliases=["best"], metrics={"acc": 0.97})
    registry.load_into("mlp:best", model)
    registry.diff("mlp:v1", "mlp:v2")

Neither PyTorch nor NumPy is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._preemption import Preempted
    from .checkpointer import Checkpointer
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
        NotPermittedError,
        OutputError,
        SoftwareError,
        StorageError,
        UnavailableError,
        UsageError,
    )
    from .lazy import LazyTensor, LazyVersion
    from .random_state import RandomState
    from .registry import Registry, open  # noqa: A004
    from .results import LoadReport, Model, RecordedRun, SavedVersion, Version
    from .run import Run
    from .tables import Change, Diff, Table
    from .values import Name, Object, Reference

#: Where each name is; a module is imported when the first of its names is asked for, as programs import everything first.
_MODULES = {
    "_preemption": "Preempted",
    "checkpointer": "Checkpointer",
    "errors": "BadDataError BusyError CancelledError DamagedError Error ForkedError GateError MismatchError "
    "NotARegistryError NotFoundError NotPermittedError OutputError SoftwareError StorageError UnavailableError UsageError",
    "lazy": "LazyTensor LazyVersion",
    "random_state": "RandomState",
    "registry": "Registry open",
    "results": "LoadReport Model RecordedRun SavedVersion Version",
    "run": "Run",
    "tables": "Change Diff Table",
    "values": "Name Object Reference",
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "BadDataError", "BusyError", "CancelledError", "Change", "Checkpointer", "DamagedError", "Diff", "Error",
    "ForkedError", "GateError", "LazyTensor", "LazyVersion", "LoadReport", "MismatchError", "Model", "Name",
    "NotARegistryError", "NotFoundError", "NotPermittedError", "Object", "OutputError", "Preempted", "RandomState", "RecordedRun",
    "Reference", "Registry", "Run", "SavedVersion", "SoftwareError", "StorageError", "Table", "UnavailableError", "UsageError",
    "Version", "__version__", "open",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    module = _PLACES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("." + module, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
