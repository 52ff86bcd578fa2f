"""The random generators of Python, NumPy and PyTorch, as one value that a checkpoint holds."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping
from typing import Any

from . import _arrays
from .errors import BadDataError


class RandomState:
    """The global random generators of this process: what a training needs to go on with the same numbers.

    It has no state of its own: `state_dict` reads the generators, and `load_state_dict` sets them.
    """

    def state_dict(self) -> dict[str, Any]:
        """The state of all generators of libraries that the program has imported."""
        version, numbers, gauss = random.getstate()
        state: dict[str, Any] = {
            "python": {"version": version, "numbers": struct.pack(f"<{len(numbers)}I", *numbers), "gauss": gauss}
        }
        numpy = _arrays.numpy()
        if numpy is not None:
            name, key, position, has_gauss, cached = numpy.random.get_state()
            state["numpy"] = {
                "name": name,
                "key": key.astype("<u4").tobytes(),
                "position": int(position),
                "has_gauss": int(has_gauss),
                "gauss": float(cached),
            }
        torch = _arrays.torch()
        if torch is not None:
            state["torch"] = torch.get_rng_state()
            if torch.cuda.is_available():
                state["cuda"] = torch.cuda.get_rng_state_all()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Sets the generators of which there is a state."""
        if not isinstance(state, Mapping) or "python" not in state:
            raise BadDataError("this is no state of random generators: take one that RandomState.state_dict() gave")
        python = state["python"]
        numbers = struct.unpack(f"<{len(python['numbers']) // 4}I", python["numbers"])
        random.setstate((python["version"], numbers, python["gauss"]))
        if "numpy" in state:
            import numpy

            entry = state["numpy"]
            key = numpy.frombuffer(entry["key"], dtype="<u4")
            numpy.random.set_state((entry["name"], key, entry["position"], entry["has_gauss"], entry["gauss"]))
        if "torch" in state:
            import torch

            torch.set_rng_state(state["torch"])
            if "cuda" in state and torch.cuda.is_available():
                torch.cuda.set_rng_state_all(state["cuda"])
