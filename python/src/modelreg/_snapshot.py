"""The values of a checkpoint at one moment, in memory that nobody writes to meanwhile."""

from __future__ import annotations

import ctypes
import mmap
from dataclasses import replace
from typing import Any, Optional

from ._arrays import WIDTHS, Place
from ._encoding import Encoded

#: Storages begin at multiples of this: a cache line.
_ALIGNMENT = 64


class SnapshotBuffer:
    """Memory for one snapshot after the other, so that its pages are fetched from the system once."""

    def __init__(self) -> None:
        self._memory: Optional[mmap.mmap] = None
        self._view: Any = None

    def copy(self, encoded: Encoded) -> Encoded:
        """Copies all tensors, each stretch of a storage once. Ties and views of one storage stay such."""
        stretches = _stretches(encoded.places)
        starts: dict[tuple[int, int], int] = {}
        length = 0
        for key, (low, high) in stretches.items():
            starts[key] = length
            length += (high - low + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
        base = self._address(length)
        for key, (low, high) in stretches.items():
            # Without the lock of the interpreter.
            ctypes.memmove(base + starts[key], key[0] + low, high - low)

        def moved(leaf: Any) -> Any:
            if not isinstance(leaf, Place) or _key(leaf) not in stretches:
                return leaf
            low, high = stretches[_key(leaf)]
            width = WIDTHS.get(leaf.dtype, 1)
            return replace(
                leaf, address=base + starts[_key(leaf)], byte_count=high - low, offset=leaf.offset - low // width,
                owner=self._memory,
            )  # fmt: skip

        return Encoded(encoded.structure, [moved(leaf) for leaf in encoded.leaves])

    def _address(self, length: int) -> int:
        if self._memory is None or len(self._memory) < length:
            # The old one goes first: both at once would be twice the memory.
            self._view = None
            self._memory = None
            self._memory = mmap.mmap(-1, max(length, mmap.PAGESIZE))
            if hasattr(mmap, "MADV_HUGEPAGE"):
                try:
                    self._memory.madvise(mmap.MADV_HUGEPAGE)
                except OSError:
                    pass  # A kernel without large pages is slower, and no worse.
            self._view = (ctypes.c_char * len(self._memory)).from_buffer(self._memory)
        return ctypes.addressof(self._view)


def _key(place: Place) -> tuple[int, int]:
    return (place.address, place.byte_count)


def _stretches(places: list[Place]) -> dict[tuple[int, int], tuple[int, int]]:
    """The bytes of each storage that tensors lie in, from a multiple of a cache line on."""
    stretches: dict[tuple[int, int], tuple[int, int]] = {}
    for place in places:
        if not place.byte_count or 0 in place.shape:
            continue
        width = WIDTHS.get(place.dtype)
        if width is None:
            low, high = 0, place.byte_count
        else:
            last = sum((length - 1) * stride for length, stride in zip(place.shape, place.strides))
            low = place.offset * width // _ALIGNMENT * _ALIGNMENT
            high = (place.offset + last + 1) * width
        key = _key(place)
        before = stretches.get(key, (low, high))
        stretches[key] = (min(low, before[0]), max(high, before[1]))
    return stretches
