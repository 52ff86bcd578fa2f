"""Kinds that frameworks derive become Python's own, and nothing else changes."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from enum import IntEnum
from pathlib import Path

import numpy as np

from modelreg._plain import plain


class Colour(IntEnum):
    RED = 1


def test_kinds() -> None:
    value = {
        "flag": True, "number": np.float32(1), "path": Path("a/b"), "enum": Colour.RED, "none": None,
        "default": defaultdict(list, {"x": [1.5]}), "ordered": OrderedDict(a=(False,)), "text": "t",
    }  # fmt: skip
    found = plain(value)
    assert found["flag"] is True and found["ordered"]["a"][0] is False and type(found["number"]) is np.float32
    assert found["path"] == "a/b" and type(found["enum"]) is int and found["none"] is None
    assert type(found["default"]) is dict and type(found["ordered"]) is OrderedDict and found["default"] == {"x": [1.5]}
