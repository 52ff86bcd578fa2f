"""The structure and leaves of a version → Python values."""

from __future__ import annotations

import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Optional

from . import _arrays
from ._arrays import Storages
from ._library import Layout, Progress
from .values import Name, Object, Reference

_NUMPY_VIEW = re.compile(r"numpy:(ndarray|bool_?|u?int\d+|float\d+|complex\d+)$")


class _Missing:
    """A leaf that was not selected."""


_MISSING = _Missing()


def read(
    layout: Layout, framework: str, device: Any, verify: bool, progress: Optional[Progress]
) -> tuple[Any, Storages]:
    """Reads all that a layout selects, and puts it together."""
    leaves, lengths = layout.json["leaves"], layout.json["storages"]
    storages = Storages(framework)
    layout.read(storages.allocate(lengths, has_gaps(leaves, lengths)), verify, progress)
    return Assembly(layout.json, storages, device).value(), storages


def has_gaps(leaves: list[Any], lengths: list[int]) -> list[bool]:
    """Whether each storage has bytes that perhaps no tensor covers."""
    gaps = [True] * len(lengths)
    for leaf in leaves:
        if leaf is None or leaf[0] != "tensor":
            continue
        _, dtype, storage, offset, shape, strides, _role = leaf
        count = 1
        for length in shape:
            count *= length
        covers = count * _arrays.WIDTHS.get(dtype, 0) == lengths[storage] or dtype not in _arrays.WIDTHS
        if covers and offset == 0 and is_row_major(shape, strides):
            gaps[storage] = False
    return gaps


def is_row_major(shape: list[int], strides: list[int]) -> bool:
    """Whether elements follow each other without gaps."""
    expected = 1
    for length, stride in zip(reversed(shape), reversed(strides)):
        if length != 1 and stride != expected:
            return 0 in shape
        expected *= length
    return True


class Assembly:
    """Puts a checkpoint together."""

    def __init__(self, json: dict[str, Any], storages: Storages, device: Any = None) -> None:
        self._json = json
        self._storages = storages
        self._device = device
        self._next = 0
        self._omitted: set[int] = set()

    def value(self) -> Any:
        """The checkpoint; an empty dictionary where nothing of it was selected."""
        value = self._node(self._json["structure"], None)
        return {} if value is _MISSING else value

    def _leaf(self, framework: Optional[str]) -> Any:
        index = self._next
        self._next += 1
        leaf = self._json["leaves"][index]
        if leaf is None:
            return _MISSING
        if leaf[0] == "tensor":
            _, dtype, storage, offset, shape, strides, role = leaf
            path = self._json["paths"][index]
            return self._storages.view(path, dtype, storage, offset, shape, strides, role, framework, self._device)
        return plain(leaf)

    def _node(self, node: Any, framework: Optional[str]) -> Any:
        if node == "tensor" or node == "value":
            return self._leaf(framework)
        # What an ordered dictionary has besides comes second.
        kind, content = next(iter(node.items()))
        if kind == "list" or kind == "tuple":
            items = self._members(content, lambda item: item)
            if items is _MISSING:
                return _MISSING
            values = [value for _, value in items]
            return values if kind == "list" else tuple(values)
        if kind == "dict" or kind == "ordered_dict":
            entries = self._members(content, lambda entry: entry[1])
            if entries is _MISSING:
                return _MISSING
            return _dictionary(node, ((key_of(entry[0]), value) for entry, value in entries))
        if kind == "reference":
            return _MISSING if content in self._omitted else Reference(content)
        return self._object(content)

    def _object(self, content: list[Any]) -> Any:
        name, construction, label, *parts = content
        match = _NUMPY_VIEW.match(name) if construction == "view" and label is None else None
        if match and len(parts) == 1 and parts[0] == ["value", "tensor"]:
            array = self._leaf("numpy")
            return array if match.group(1) == "ndarray" or array is _MISSING else array[()]
        members = self._members(parts, lambda part: part[1])
        if members is _MISSING:
            if label is not None:
                self._omitted.add(label)
            return _MISSING
        return Object(name, construction, label, {part[0]: value for part, value in members})

    def _members(self, members: list[Any], structure: Callable[[Any], Any]) -> Any:
        """Members that remain, with their values; _MISSING where there were some and none but references do."""
        is_alive, is_whole = not members, True
        result = []
        for member in members:
            node = structure(member)
            value = self._node(node, None)
            if value is _MISSING:
                is_whole = False
                continue
            if not (isinstance(node, dict) and "reference" in node):
                is_alive = True
            result.append((member, value))
        return result if is_alive or is_whole else _MISSING


def _dictionary(node: dict[str, Any], entries: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dictionary of the kind that a node says, with the attributes that it had."""
    if "dict" in node:
        return dict(entries)
    result = OrderedDict(entries)
    state = _plain_tree(node["attributes"]) if "attributes" in node else None
    if isinstance(state, dict):
        vars(result).update((key, value) for key, value in state.items() if isinstance(key, str))
    return result


def _plain_tree(node: Any) -> Any:
    """Attributes: plain values in lists and dictionaries, all of it within the structure."""
    if isinstance(node, dict):
        kind, content = next(iter(node.items()))
        if kind == "integer":
            return _integer(content)
        if kind == "list":
            return [_plain_tree(item) for item in content]
        if kind == "tuple":
            return tuple(_plain_tree(item) for item in content)
        if kind == "dict" or kind == "ordered_dict":
            return _dictionary(node, [(key_of(key), _plain_tree(value)) for key, value in content])
    return key_of(node)


def plain(leaf: list[Any]) -> Any:
    """A plain value."""
    kind = leaf[0]
    if kind == "none":
        return None
    value = leaf[1]
    if kind == "number":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "big_integer":
        return _integer(value)
    return _named(value) if kind == "name" else value


def _integer(digits: str) -> int:
    """An integer of any number of digits; `int` refuses more than 4300."""
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits)
    value = 0
    for start in range(0, len(digits), 18):
        part = digits[start : start + 18]
        value = value * 10 ** len(part) + int(part)
    return sign * value


def _named(text: str) -> Any:
    library = _arrays.torch()
    if library is not None and text.startswith("torch:"):
        dtype = getattr(library, text[6:], None)
        if isinstance(dtype, library.dtype):
            return dtype
    return Name(text)


def key_of(key: Any) -> Any:
    """A key of a dictionary."""
    if not isinstance(key, dict):
        return key
    ((kind, content),) = key.items()
    if kind == "number":
        return struct.unpack(">d", bytes.fromhex(content))[0]
    if kind == "bytes":
        return bytes.fromhex(content)
    return Name(content) if kind == "name" else tuple(key_of(item) for item in content)
