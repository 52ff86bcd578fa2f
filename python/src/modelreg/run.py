"""Runs: settings, metrics by step, and the versions that a training saves."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Optional

from . import _library
from ._json import mapping, numbers


class Run:
    """A run that is being recorded; `Registry.run` starts one. As a context it ends by itself."""

    def __init__(self, handle: int, json: dict[str, Any]) -> None:
        self._handle = handle
        #: `mlp/lr-3`
        self.reference: str = json["reference"]
        self.name: str = json["name"]
        self.model: Optional[str] = json.get("model")
        self._step: int = json.get("step") or 0
        self._has_ended = False

    def log(self, metrics: Mapping[str, float], *, step: Optional[int] = None) -> None:
        """Notes values of metrics at a step: the next one, where none is said. They are written about once a second."""
        self._step = self._step + 1 if step is None else operator.index(step)
        arguments = {"run": self.reference, "step": self._step, "metrics": numbers(metrics)}
        _library.call(self._handle, "run log", arguments, quick=True)

    def set(self, config: Mapping[str, Any]) -> None:
        """Adds settings, or changes them."""
        _library.call(self._handle, "run set", {"run": self.reference, "config": mapping(config, "settings")})

    def finish(self, state: str = "finished") -> None:
        """Writes what is left, and says how the run ended: `finished`, `failed` or `killed`."""
        if not self._has_ended:
            _library.call(self._handle, "run finish", {"run": self.reference, "state": state})
            self._has_ended = True

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], _: Optional[TracebackType]
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.finish("killed" if issubclass(kind, (KeyboardInterrupt, SystemExit)) else "failed")

    def __repr__(self) -> str:
        return f"Run({self.reference!r})"
