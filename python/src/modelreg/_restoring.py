"""The parts of a training as a checkpoint, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _arrays
from .errors import BadDataError

#: The part that says at which step a checkpoint was made.
STEP = "step"


def state_of(state: Any) -> dict[str, Any]:
    """A checkpoint with states in place of the objects that have one."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f'a checkpoint is a dictionary of parts by name, such as {{"model": model}}, not a {type(state).__qualname__}'
        )
    result: dict[str, Any] = {}
    for name, part in state.items():
        get = getattr(part, "state_dict", None)
        result[name] = get() if callable(get) else part
    return result


def give_back(state: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    """Gives the parts of a checkpoint back to what they came from. Nothing is changed where they do not fit."""
    if not isinstance(state, Mapping):
        raise TypeError(f"restore takes a dictionary of parts by name, not a {type(state).__qualname__}")
    missing = [name for name in state if name not in value]
    if missing:
        raise BadDataError(
            f"the checkpoint at step {value.get(STEP)} has no {', '.join(map(repr, missing))}; it has "
            + ", ".join(map(repr, value))
        )
    for name, part in state.items():
        _check(name, part, value[name])
    for name, part in state.items():
        _give(part, value[name])


def _give(part: Any, value: Any) -> None:
    load = getattr(part, "load_state_dict", None)
    if callable(load):
        load(value)
    elif isinstance(part, dict):
        part.clear()
        part.update(value)
    elif isinstance(part, list):
        part[:] = value
    elif _arrays.is_array(part):
        part[...] = value
    else:
        with _arrays.torch().no_grad():
            part.copy_(value)


def _check(name: str, part: Any, value: Any) -> None:
    """Compares a part with its state, as load_state_dict would once it had begun."""
    is_tensor = _arrays.is_tensor(part) or _arrays.is_array(part)
    if callable(getattr(part, "load_state_dict", None)):
        if callable(getattr(part, "named_parameters", None)) and callable(getattr(part, "state_dict", None)):
            _check_module(name, part, value)
    elif is_tensor:
        if not hasattr(value, "shape") or tuple(value.shape) != tuple(part.shape):
            shape = list(value.shape) if hasattr(value, "shape") else f"no tensor but a {type(value).__qualname__}"
            raise BadDataError(f'"{name}" does not fit: {shape} in the checkpoint, {list(part.shape)} here')
    elif not isinstance(part, (dict, list)) or not isinstance(value, dict if isinstance(part, dict) else (list, tuple)):
        raise TypeError(
            f'"{name}" cannot be filled: it is a {type(part).__qualname__} here and a {type(value).__qualname__} in the '
            f'checkpoint; leave it out, and take load()["{name}"]'
        )


def _check_module(name: str, part: Any, value: Any) -> None:
    own = part.state_dict()
    problems = [f"{key} is missing" for key in own if key not in value]
    problems += [f"{key} is unexpected" for key in value if key not in own]
    problems += [
        f"shape of {key}: {list(value[key].shape)} in the checkpoint, {list(own[key].shape)} in the model"
        for key in own
        if key in value and hasattr(own[key], "shape") and own[key].shape != getattr(value[key], "shape", None)
    ]
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise BadDataError(f'"{name}" does not fit: ' + "; ".join(problems[:10]) + more)
