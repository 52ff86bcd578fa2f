"""The names of the package are there, whichever module they are in."""

from __future__ import annotations

import modelreg


def test_all_names_are_there() -> None:
    for name in modelreg.__all__:
        assert getattr(modelreg, name) is not None
    assert set(modelreg._PLACES) | {"__version__"} == set(modelreg.__all__)
