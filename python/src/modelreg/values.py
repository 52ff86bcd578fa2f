"""Values that a checkpoint may hold besides those of Python, NumPy and PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass(frozen=True)
class Name:
    """A class or function by its name alone: nothing is imported."""

    #: `module:name`, such as `torch.nn.modules.linear:Linear`.
    text: str


@dataclass
class Object:
    """A Python object of another class, taken apart and never run, as a file brought it."""

    #: `module:name` of its class, or of the function that makes it.
    name: str
    #: `new`, `call`, `apply`, `persistent` or `view`; see docs/format.md.
    construction: str
    #: The number that references to it carry.
    label: Optional[int] = None
    #: `value`, `arguments`, `keywords`, `items`, `entries`, `state`.
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """An object that is elsewhere in the checkpoint, by its label."""

    label: int
