"""What parts of the registry have in common."""

from __future__ import annotations

from typing import Any, Optional

from . import _library
from ._library import Progress


class Calls:
    """Carries out commands of the library with one registry."""

    _handle: int

    def _call(self, command: str, progress: Optional[Progress] = None, quick: bool = False, **arguments: Any) -> Any:
        return _library.call(self._handle, command, arguments, progress, quick)
