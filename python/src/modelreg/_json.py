"""Arguments of calls as JSON."""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from typing import Any, Optional

from .errors import error_of


def dumped(arguments: dict[str, Any]) -> bytes:
    """Arguments as the library reads them: what is None is left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        text = json.dumps(given, ensure_ascii=True, allow_nan=False, default=_simple)
    except ValueError as error:
        if "Circular" in str(error):
            raise error_of(64, "an argument is within itself") from None
        text = json.dumps(_finite(given), ensure_ascii=True)
    return text.encode("ascii")


def _simple(value: Any) -> Any:
    """The value of JSON that stands for another one: of a number of NumPy or PyTorch, a path, a member of an enumeration."""
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        return value.item()
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(
        f"settings and facts are text, numbers, None, lists and dictionaries by text, not a {type(value).__qualname__}: "
        f"{value!r:.80}"
    )


def _finite(value: Any) -> Any:
    """The value with texts in place of numbers that JSON does not have."""
    if not isinstance(value, (str, int, float, dict, list, tuple, type(None))):
        value = _simple(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "nan" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def numbers(values: Optional[Mapping[str, float]]) -> dict[str, float]:
    """Metrics as numbers of Python."""
    result: dict[str, float] = {}
    for name, value in (values or {}).items():
        try:
            result[name] = float(value)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(
                f'the metric "{name}" is no number but {value!r:.80}; leave it out, or note it in attributes'
            ) from None
    return result


def mapping(values: Optional[Mapping[str, Any]], what: str) -> dict[str, Any]:
    """Settings or facts, by name."""
    if values is not None and not isinstance(values, Mapping):
        raise TypeError(f"{what} are a dictionary, not a {type(values).__qualname__}: {values!r:.80}")
    return dict(values or {})
