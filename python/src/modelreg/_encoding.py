"""Python values → the structure and leaves that the library saves."""

from __future__ import annotations

import ctypes
import dataclasses
import enum
import numbers
import os
import re
import struct
import types
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Optional

from . import _arrays
from ._arrays import HostCopies, Place, Unsuitable
from .values import Name, Object, Reference

#: Containers within containers, at most.
MAXIMUM_DEPTH = 128

_STRING, _INTEGER, _NUMBER, _BOOLEAN, _NONE, _BYTES, _BIG_INTEGER, _NAME = range(1, 9)

#: `mr_leaf`.
_LEAF = struct.Struct("=iiQi4xQQqQqqd")

_ESCAPED = re.compile(r'["\\\x00-\x1f]')

#: The order of an object's parts.
_PARTS = ("value", "arguments", "keywords", "items", "entries", "state")

_CONSTRUCTIONS = ("new", "call", "apply", "persistent", "view")


def quoted(text: str) -> str:
    """A text in the one way that structures are written."""
    return '"' + _ESCAPED.sub(lambda match: _escape(match.group()), text) + '"'


def _escape(character: str) -> str:
    return "\\" + character if character in '"\\' else f"\\u{ord(character):04x}"


@dataclass
class Encoded:
    """A checkpoint, taken apart."""

    #: The canonical text of the containers.
    structure: bytes
    #: Tensors, and plain values as their kind and value, in the structure's order.
    leaves: list[Any] = field(default_factory=list)

    @property
    def places(self) -> list[Place]:
        """The tensors."""
        return [leaf for leaf in self.leaves if isinstance(leaf, Place)]

    def pack(self) -> Packed:
        """The leaves as the library reads them."""
        return Packed(self.leaves)


def encode(value: Any) -> Encoded:
    """Takes a checkpoint apart. Tensors are not copied, unless they are on another device.

    Raises TypeError, with the path, for what has no place in a checkpoint.
    """
    encoder = _Encoder(_has_tensor(value, 0))
    text = "".join(encoder.parts_of(value))
    return Encoded(text.encode("utf-8"), encoder.leaves)


def _has_tensor(value: Any, depth: int) -> bool:
    if _arrays.is_tensor(value):
        return True
    if depth > MAXIMUM_DEPTH:
        return False
    if isinstance(value, dict):
        return any(_has_tensor(item, depth + 1) for item in value.values())
    return isinstance(value, (list, tuple)) and any(_has_tensor(item, depth + 1) for item in value)


class _Encoder:
    def __init__(self, keeps_arrays: bool) -> None:
        self.leaves: list[Any] = []
        self._path: list[str] = []
        self._out: list[str] = []
        self._copies = HostCopies()
        # Beside tensors of PyTorch, arrays of NumPy come back as such.
        self._keeps_arrays = keeps_arrays

    def parts_of(self, value: Any) -> list[str]:
        self._value(value)
        return self._out

    @property
    def _shown(self) -> str:
        path = "/".join(part.replace("~", "~0").replace("/", "~1") for part in self._path)
        if len(path) > 300:
            path = path[:150] + "…" + path[-100:]
        return f'"{path}"' if path else "the checkpoint itself"

    def _refuse(self, reason: str) -> TypeError:
        return TypeError(f"{self._shown} cannot be saved: {reason}")

    def _leaf(self, kind: int, value: Any) -> None:
        self.leaves.append((kind, value))
        self._out.append('"value"')

    def _value(self, value: Any) -> None:
        kind = type(value)
        if _arrays.is_tensor(value):
            self._tensor(value)
        elif kind is dict or kind is OrderedDict:
            self._entries(value, "ordered_dict" if kind is OrderedDict else "dict")
        elif kind is list:
            self._items(value, "list")
        elif kind is tuple or kind.__module__ == "torch" and kind.__name__ == "Size":
            self._items(value, "tuple")
        elif kind is str:
            self._leaf(_STRING, self._utf8(value))
        elif kind is bool:
            self._leaf(_BOOLEAN, int(value))
        elif kind is int:
            self._integer(value)
        elif kind is float:
            self._leaf(_NUMBER, value)
        elif value is None:
            self._leaf(_NONE, None)
        elif kind is bytes:
            self._leaf(_BYTES, value)
        else:
            self._other(value)

    def _other(self, value: Any) -> None:
        if _arrays.is_array(value):
            self._array(value)
        elif _arrays.is_scalar(value):
            self._scalar(value)
        elif isinstance(value, Name):
            self._leaf(_NAME, self._utf8(value.text))
        elif isinstance(value, Reference):
            self._out.append(f'{{"reference":{int(value.label)}}}')
        elif isinstance(value, Object):
            self._object(value)
        elif type(value).__module__ == "torch" and type(value).__name__ == "dtype":
            self._leaf(_NAME, str(value).replace(".", ":", 1).encode())
        elif isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            self._named(value)
        else:
            raise self._refuse(_advice(value))

    def _integer(self, value: int) -> None:
        if -(1 << 63) <= value < 1 << 63:
            self._leaf(_INTEGER, value)
        elif value.bit_length() < 8 * 1784:
            # Hexadecimal first: Python limits the decimal digits that it prints.
            self._leaf(_BIG_INTEGER, _decimal(value).encode())
        else:
            raise self._refuse("an integer of more than 1784 bytes; save its bytes")

    def _named(self, value: Any) -> None:
        module, name = value.__module__, value.__qualname__
        if not module or "<" in name:
            raise self._refuse(f"{name} is no class or function that has a name in its module; leave it out")
        self._leaf(_NAME, f"{module}:{name}".encode())

    def _utf8(self, text: str) -> bytes:
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError:
            raise self._refuse(f"a text that is not UTF-8: {text!r:.80}; save os.fsencode() of it, or other bytes") from None

    # Tensors

    def _tensor(self, value: Any) -> None:
        try:
            self.leaves.append(_arrays.place_of_tensor(value, self._copies))
        except Unsuitable as reason:
            raise self._refuse(str(reason)) from None
        self._out.append('"tensor"')

    def _array(self, value: Any, name: str = "ndarray") -> None:
        try:
            self.leaves.append(_arrays.place_of_array(value))
        except Unsuitable as reason:
            raise self._refuse(str(reason)) from None
        if self._keeps_arrays or name != "ndarray":
            self._out.append(f'{{"object":["numpy:{name}","view",null,["value","tensor"]]}}')
        else:
            self._out.append('"tensor"')

    def _scalar(self, value: Any) -> None:
        library = _arrays.numpy()
        name = type(value).__name__
        if name not in _arrays.WIDTHS and name != "bool_":
            raise self._refuse(f"a {type(value).__module__}.{name}; {_arrays.advice_for(type(value).__name__)}")
        self._array(library.array(value), name)

    # Containers

    def _below(self, component: str, value: Any) -> None:
        if len(self._path) >= MAXIMUM_DEPTH:
            raise self._refuse(f"containers are nested more than {MAXIMUM_DEPTH} deep, or within themselves; flatten them")
        self._path.append(component)
        self._value(value)
        self._path.pop()

    def _items(self, values: Any, name: str) -> None:
        self._out.append(f'{{"{name}":[')
        for index, item in enumerate(values):
            if index:
                self._out.append(",")
            self._below(str(index), item)
        self._out.append("]}")

    def _entries(self, values: Any, name: str) -> None:
        self._out.append(f'{{"{name}":[')
        for index, (key, item) in enumerate(values.items()):
            self._out.append(",[" if index else "[")
            self._out.append(self._key(key))
            self._out.append(",")
            self._below(str(key), item)
            self._out.append("]")
        self._out.append("]")
        if name == "ordered_dict" and vars(values):
            self._out.append(f',"attributes":{self._plain(vars(values))}')
        self._out.append("}")

    def _plain(self, value: Any, depth: int = 0) -> str:
        """Attributes, as `_metadata` of a state dict: a part of the structure."""
        if depth > MAXIMUM_DEPTH:
            raise self._refuse(f"attributes are nested more than {MAXIMUM_DEPTH} deep, or within themselves")
        kind = type(value)
        if kind is list or kind is tuple:
            items = ",".join(self._plain(item, depth + 1) for item in value)
            return f'{{"{kind.__name__}":[{items}]}}'
        if kind is dict or kind is OrderedDict:
            entries = ",".join(
                f"[{self._key(key)},{self._plain(item, depth + 1)}]" for key, item in value.items()
            )
            attributes = f',"attributes":{self._plain(vars(value), depth + 1)}' if kind is OrderedDict and vars(value) else ""
            return f'{{"{"dict" if kind is dict else "ordered_dict"}":[{entries}]{attributes}}}'
        if kind is int and not -(1 << 63) <= value < 1 << 63 and value.bit_length() < 8 * 1784:
            return f'{{"integer":"{_decimal(value)}"}}'
        return self._key(value)

    def _key(self, key: Any) -> str:
        kind = type(key)
        if kind is str:
            self._utf8(key)
            return quoted(key)
        if kind is bool:
            return "true" if key else "false"
        if key is None:
            return "null"
        if kind is int and -(1 << 63) <= key < 1 << 63:
            return str(key)
        if kind is float:
            return f'{{"number":"{struct.pack(">d", key).hex()}"}}'
        if kind is bytes:
            return f'{{"bytes":"{key.hex()}"}}'
        if kind is tuple:
            return '{"tuple":[' + ",".join(self._key(item) for item in key) + "]}"
        if isinstance(key, Name):
            return f'{{"name":{quoted(key.text)}}}'
        kind_of = next((base for base in (bool, int, float, str) if isinstance(key, base)), None)
        if kind_of is None and _arrays.is_scalar(key):
            kind_of = type(key.item())
        advice = f"{kind_of.__name__}() of it" if kind_of else "text, numbers, bytes, None, or tuples of them"
        raise self._refuse(f"a key that is {_described(key)}: {key!r:.80}; use {advice}")

    def _object(self, value: Object) -> None:
        if value.construction not in _CONSTRUCTIONS or not set(value.parts) <= set(_PARTS):
            raise self._refuse(f"an object that is made by {value.construction} of {sorted(value.parts)}")
        label = "null" if value.label is None else str(int(value.label))
        self._out.append(f'{{"object":[{quoted(value.name)},{quoted(value.construction)},{label}')
        for part in _PARTS:
            if part in value.parts:
                self._out.append(f",[{quoted(part)},")
                self._below(part, value.parts[part])
                self._out.append("]")
        self._out.append("]}")


def _described(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _advice(value: Any) -> str:
    """What a value is, and what to save instead."""
    name = f"it is of the type {_described(value)}"
    if callable(getattr(value, "state_dict", None)):
        return f"{name}; save its state_dict()"
    if isinstance(value, dict):
        return f"{name}; save dict() of it"
    if isinstance(value, (set, frozenset)):
        return f"{name}, which has no order; save a list"
    if isinstance(value, tuple):
        return f"{name}; save tuple() of it, or a dictionary"
    if isinstance(value, list):
        return f"{name}; save list() of it"
    if isinstance(value, enum.Enum):
        return f"{name}; save its value, {value.value!r:.80}"
    if isinstance(value, (str, int, float, bytearray)):
        base = next(kind for kind in (str, int, float, bytearray) if isinstance(value, kind))
        return f"{name}; save {'bytes' if base is bytearray else base.__name__}() of it"
    if isinstance(value, (memoryview, range)) or callable(getattr(value, "tolist", None)):
        return f"{name}; save {'bytes' if isinstance(value, memoryview) else 'list'}() of it"
    if isinstance(value, complex):
        return f"{name}; save [value.real, value.imag]"
    if dataclasses.is_dataclass(value):
        return f"{name}; save dataclasses.asdict() of it"
    if callable(getattr(value, "isoformat", None)):
        return f"{name}; save its isoformat()"
    if callable(getattr(value, "get_state", None)):
        return f"{name}; save its get_state()"
    if isinstance(value, (os.PathLike, numbers.Number)) or _described(value) == "torch.device":
        return f"{name}; save str() of it"
    return f"{name}; save text, numbers, tensors, and lists and dictionaries of them"


def _decimal(value: int) -> str:
    """Decimal digits of any integer; `str` refuses those with more than 4300."""
    digits: list[str] = []
    rest, unit = abs(value), 10**18
    while rest >= unit:
        rest, low = divmod(rest, unit)
        digits.append(f"{low:018d}")
    digits.append(str(rest))
    return ("-" if value < 0 else "") + "".join(reversed(digits))


_NAMES: dict[str, ctypes.Array[ctypes.c_char]] = {}


def _name_address(dtype: str) -> int:
    if dtype not in _NAMES:
        _NAMES[dtype] = ctypes.create_string_buffer(dtype.encode())
    return ctypes.addressof(_NAMES[dtype])


class Packed:
    """Leaves in memory as `mr_leaf`, with all that they point to."""

    def __init__(self, leaves: list[Any]) -> None:
        self.count = len(leaves)
        numbers, contents = array("q"), bytearray()
        for leaf in leaves:
            if isinstance(leaf, Place):
                numbers.extend(leaf.shape)
                numbers.extend(leaf.strides)
            elif leaf[0] in (_STRING, _BYTES, _BIG_INTEGER, _NAME):
                contents += leaf[1]
        numbers.append(0)
        contents += b"\0"
        self._numbers = numbers
        self._contents = (ctypes.c_char * len(contents)).from_buffer(contents)
        self._owners = [leaf.owner for leaf in leaves if isinstance(leaf, Place)]
        self._leaves = bytearray(max(1, self.count) * _LEAF.size)
        number, content = numbers.buffer_info()[0], ctypes.addressof(self._contents)
        for index, leaf in enumerate(leaves):
            position = index * _LEAF.size
            if isinstance(leaf, Place):
                rank = len(leaf.shape)
                _LEAF.pack_into(
                    self._leaves, position, 0, leaf.role, _name_address(leaf.dtype), rank, number, number + 8 * rank,
                    leaf.offset, leaf.address if leaf.byte_count else 0, leaf.byte_count, 0, 0.0,
                )  # fmt: skip
                number += 16 * rank
                continue
            kind, value = leaf
            address, count, integer, real = 0, 0, 0, 0.0
            if kind in (_STRING, _BYTES, _BIG_INTEGER, _NAME):
                address, count = content, len(value)
                content += count
            elif kind == _NUMBER:
                real = value
            elif kind in (_INTEGER, _BOOLEAN):
                integer = value
            _LEAF.pack_into(self._leaves, position, kind, 0, 0, 0, 0, 0, 0, address, count, integer, real)
        self._array = (ctypes.c_char * len(self._leaves)).from_buffer(self._leaves)

    @property
    def address(self) -> Optional[int]:
        """Where the leaves are."""
        return ctypes.addressof(self._array)
