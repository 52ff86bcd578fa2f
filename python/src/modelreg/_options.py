"""Arguments of calls, as the library reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from .results import Version
from .run import Run

#: A version: `mlp`, `mlp:v3`, `mlp:best~1`, `models:/mlp/3`, or a Version.
Reference = Union[str, Version]


def patterns(value: Union[str, Sequence[str]]) -> list[str]:
    """One text, or several, as a list."""
    return [value] if isinstance(value, str) else list(value)


def save_options(
    message: str,
    aliases: Union[str, Sequence[str]],
    metrics: Optional[Mapping[str, float]],
    attributes: Optional[Mapping[str, Any]],
    step: Optional[int],
    run: Optional[Run],
    parent: Optional[Reference],
    merged_from: Sequence[Reference],
    gate: Optional[str],
) -> dict[str, Any]:
    """What is said about a version, as the library reads it."""
    return {
        "message": message,
        "aliases": patterns(aliases),
        "metrics": {name: float(value) for name, value in (metrics or {}).items()},
        "attributes": dict(attributes or {}),
        "step": None if step is None else int(step),
        "run": None if run is None else run.reference,
        "parent": None if parent is None else str(parent),
        "merged_from": [str(reference) for reference in merged_from],
        "gate": gate,
    }
