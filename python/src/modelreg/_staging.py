"""Shards of several processes, put together in a file that all of them map."""

from __future__ import annotations

import mmap
import os
import uuid
import weakref
from collections.abc import Sequence
from typing import Any, Optional

import torch

from .errors import StorageError

#: Tensors begin at multiples of this: a cache line.
_ALIGNMENT = 64


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


class _Mapped:
    """Whole tensors in a mapped file, by name."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, torch.dtype, tuple[int, ...]]] = {}
        self._memory: Optional[mmap.mmap] = None

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def _map(self, path: str) -> None:
        with open(path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def tensor(self, name: str) -> Any:
        """The whole tensor, which is the file's memory."""
        start, dtype, shape = self._places[name]
        count = _byte_count(dtype, shape)
        if not count:
            return torch.empty(shape, dtype=dtype)
        # A storage of its own for each: views of one would be saved as such.
        memory = torch.frombuffer(self._memory, dtype=torch.uint8, count=count, offset=start)
        return memory.view(dtype).reshape(shape)


class Staging(_Mapped):
    """The coordinator's side: what goes where, and what has come together."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._path = os.path.join(os.path.abspath(folder), f".modelreg-dcp-{uuid.uuid4().hex}")
        self._length = 0
        self._finalizer: Any = None

    def add(self, name: str, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
        """Finds a place for a tensor."""
        self._places[name] = (self._length, dtype, shape)
        self._length += -(-_byte_count(dtype, shape) // _ALIGNMENT) * _ALIGNMENT

    def make(self) -> None:
        """Makes the file, with room for all of it: a full disk is found now, and not by a fault later."""
        if not self._length:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StorageError(f"{error}; name another folder for shards: Writer(staging=...)") from None
        # Whoever ends without an answer leaves nothing behind.
        self._finalizer = weakref.finalize(self, _remove, self._path)
        try:
            os.posix_fallocate(descriptor, 0, self._length)
        except OSError as error:
            self.remove()
            message = f"no room for shards of {self._length} bytes: {error}; name another folder: Writer(staging=...)"
            raise StorageError(message) from None
        finally:
            os.close(descriptor)

    def description(self, is_coordinator: bool) -> dict[str, Any]:
        """What a process needs to know to write its shards."""
        return {"path": self._path, "places": self._places, "is_coordinator": is_coordinator}

    def remove(self) -> None:
        """Removes the file."""
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self) -> Staging:
        if self._length:
            self._map(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        self._memory = None


class Stage(_Mapped):
    """The side of whoever holds shards."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__()
        self._path: str = description["path"]
        self._places = description["places"]

    def write(self, name: str, shard: Any, offsets: Sequence[int]) -> None:
        """Copies a shard to its place in the whole tensor."""
        if not shard.numel():
            return
        if self._memory is None:
            try:
                self._map(self._path)
            except OSError as error:
                raise StorageError(
                    f"{error}: all processes must see this folder; name one that they do: Writer(staging=...)"
                ) from None
        part = self.tensor(name)
        for axis, (start, length) in enumerate(zip(offsets, shard.shape)):
            part = part.narrow(axis, start, length)
        part.copy_(shard)

    def close(self) -> None:
        """Lets others see what was written, where they are on other machines, too."""
        if self._memory is not None:
            self._memory.flush()
            self._memory = None


def _byte_count(dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    count: int = dtype.itemsize
    for length in shape:
        count *= length
    return count
