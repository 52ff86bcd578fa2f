"""Arguments of calls, as the library reads them."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ._json import mapping, numbers
from .results import Version
from .run import Run

#: A version: `mlp`, `mlp:v3`, `mlp:best~1`, `models:/mlp/3`, or a Version.
Reference = Union[str, Version]

PathLike = Union[str, "os.PathLike[str]"]


def reference_text(reference: Reference) -> str:
    """The text of a reference."""
    if isinstance(reference, Version):
        return reference.reference
    if not isinstance(reference, str):
        raise TypeError(
            f'a version is named by a text such as "mlp:best" or a Version, not by a {type(reference).__qualname__}: '
            f"{reference!r:.80}"
        )
    return reference


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
        "metrics": numbers(metrics),
        "attributes": mapping(attributes, "attributes"),
        "step": None if step is None else operator.index(step),
        "run": None if run is None else run.reference,
        "parent": None if parent is None else reference_text(parent),
        "merged_from": [reference_text(reference) for reference in merged_from],
        "gate": gate,
    }


def is_rule(rule: Any) -> bool:
    """Whether something is a metric, "min" or "max", and a count."""
    if not isinstance(rule, (tuple, list)) or len(rule) != 3:
        return False
    metric, mode, count = rule
    return isinstance(metric, str) and bool(metric) and mode in ("min", "max") and isinstance(count, int) and count > 0


def best_rule(rule: Any) -> tuple[str, str, int]:
    """A rule of what stays because it is among the best."""
    if not is_rule(rule):
        raise ValueError(
            f'keep_best is a metric, "min" or "max", and a count, such as ("acc", "max", 3), not {rule!r:.80}'
        )
    return (rule[0], rule[1], rule[2])
