"""Python's own kinds of values in place of those that frameworks derive from them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A checkpoint with dictionaries, lists and texts in place of kinds that are derived from them."""
    if isinstance(value, Mapping):
        entries = ((key, plain(item)) for key, item in value.items())
        return OrderedDict(entries) if isinstance(value, OrderedDict) else dict(entries)
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value) is bool or type(value).__module__ == "numpy":
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def described(value: Any) -> Any:
    """A setting as text, numbers, lists and dictionaries by text: what is something else is what it prints."""
    value = plain(value)
    if isinstance(value, dict):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        return value.item()
    return str(value)
