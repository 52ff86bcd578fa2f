"""A version without its tensors' elements."""

from __future__ import annotations

from typing import Any

import torch

from ._decoding import Assembly


class _Shapes:
    """In place of storages: tensors that have a type and a shape, and no memory."""

    def __init__(self) -> None:
        self.paths: dict[int, str] = {}

    def view(
        self, path: str, dtype: str, storage: int, offset: int, shape: list[int], strides: list[int], *_: Any
    ) -> Any:
        """A tensor on the device `meta`."""
        tensor = torch.empty(shape, dtype=getattr(torch, dtype), device="meta")
        self.paths[id(tensor)] = path
        return tensor


def skeleton(description: dict[str, Any]) -> tuple[Any, dict[int, str]]:
    """The checkpoint that a layout describes, with tensors on the device `meta`, and their paths by their identity."""
    shapes = _Shapes()
    value = Assembly(description, shapes).value()  # type: ignore[arg-type]
    return value, shapes.paths
