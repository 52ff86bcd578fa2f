"""Versions whose tensors are read when they are asked for."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from . import _arrays, _decoding, _library
from ._arrays import Storages
from ._library import Layout


class LazyTensor:
    """A tensor that has not been read; indexing reads the rows that it takes."""

    def __init__(self, version: LazyVersion, path: str, leaf: list[Any]) -> None:
        self._version = version
        self.path = path
        self.dtype: str = leaf[1]
        self.shape: tuple[int, ...] = tuple(leaf[4])
        self.ndim = len(self.shape)

    def get_shape(self) -> list[int]:
        """The shape, as safetensors calls it."""
        return list(self.shape)

    def __getitem__(self, index: Any) -> Any:
        """Part of the tensor. Only rows between the first and the last one that it takes are read."""
        first = index[0] if isinstance(index, tuple) and index else index
        if _arrays.is_scalar(first) and first.dtype.kind in "iu":
            first = int(first)
        if not self.shape or not isinstance(first, (int, slice)) or isinstance(first, bool):
            return self._version.get_tensor(self.path)[index]
        length = self.shape[0]
        if isinstance(first, int):
            row = first + length if first < 0 else first
            if not 0 <= row < length:
                raise IndexError(f'row {first} of "{self.path}", which has {length}')
            start, stop = row, row + 1
            inner: Any = 0
        else:
            rows = range(*first.indices(length))
            start, stop = (min(rows), max(rows) + 1) if rows else (0, 0)
            if first.step is not None and first.step < 0:
                # Neither library reads backwards from a stretch as from the whole: read it, and let it say so.
                return self._version.get_tensor(self.path)[index]
            inner = slice(0, stop - start, first.step)
        rest = index[1:] if isinstance(index, tuple) else ()
        place = (inner, *rest)
        return self._version.rows(self.path, start, stop)[place]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        # One row after the other would be a call each.
        return iter(self._version.get_tensor(self.path))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Any:
        array = self._version.get_tensor(self.path, framework="numpy")
        return array if dtype is None else array.astype(dtype)

    def __repr__(self) -> str:
        return f"LazyTensor({self.path!r}, {self.dtype}, {list(self.shape)})"


class LazyVersion(Mapping[str, Any]):
    """A version of which only names, types and shapes have been read: a mapping of paths. `Registry.lazy` makes one."""

    def __init__(self, handle: int, reference: str, framework: str) -> None:
        self._handle = handle
        self._framework = framework
        with Layout(handle, reference, {}) as layout:
            description = layout.json
        #: By number: what the reference named then.
        self.reference: str = description["version"]["reference"]
        self._leaves = dict(zip(description["paths"], description["leaves"]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._leaves)

    def __len__(self) -> int:
        return len(self._leaves)

    def __contains__(self, path: object) -> bool:
        return path in self._leaves

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __getitem__(self, path: str) -> Any:
        """A tensor to be read when it is indexed, or a plain value."""
        leaf = self._leaves.get(path)
        if leaf is None:
            near = difflib.get_close_matches(str(path), self._leaves, 1)
            raise KeyError(
                f'no tensor or value "{path}" in {self.reference}' + (f' (did you mean "{near[0]}"?)' if near else "")
            )
        return LazyTensor(self, path, leaf) if leaf[0] == "tensor" else _decoding.plain(leaf)

    def get_tensor(self, path: str, *, framework: Optional[str] = None) -> Any:
        """A whole tensor, or a plain value."""
        value = self[path]
        if not isinstance(value, LazyTensor):
            return value
        if not value.shape or 0 in value.shape or value.dtype == "float4_e2m1fn":
            return self._whole(path, framework)
        return self.rows(path, 0, value.shape[0], framework=framework)

    def get_slice(self, path: str) -> LazyTensor:
        """A tensor to be read when it is indexed."""
        value = self[path]
        if not isinstance(value, LazyTensor):
            raise TypeError(f'"{path}" in {self.reference} is no tensor')
        return value

    def offset_keys(self) -> list[str]:
        """The paths, as safetensors calls them in the order of the file: here, that of the checkpoint."""
        return list(self._leaves)

    def metadata(self) -> dict[str, str]:
        """Facts of the version as texts, as safetensors has them."""
        facts = _library.call(self._handle, "version", {"reference": self.reference}).get("attributes") or {}
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}

    def rows(self, path: str, start: int, stop: int, *, framework: Optional[str] = None) -> Any:
        """Some rows of a tensor: the first one, and that after the last."""
        options = {"only": [path], "rows": [start, stop]}
        return self._read(options, framework)

    def _whole(self, path: str, framework: Optional[str]) -> Any:
        return self._read({"only": [path]}, framework)

    def _read(self, options: dict[str, Any], framework: Optional[str]) -> Any:
        with Layout(self._handle, self.reference, options) as layout:
            leaves, lengths = layout.json["leaves"], layout.json["storages"]
            storages = Storages(framework or self._framework)
            layout.read(storages.allocate(lengths, [False] * len(lengths)), False, None)
            for path, leaf in zip(layout.json["paths"], leaves):
                if leaf is not None:
                    _, dtype, storage, offset, shape, strides, _role = leaf
                    return storages.view(path, dtype, storage, offset, shape, strides, 0, None, None)
        raise KeyError(options["only"][0])

    def __enter__(self) -> LazyVersion:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"LazyVersion({self.reference!r}, {len(self)} tensors and values)"
