"""Files that become versions, and versions that become files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from ._calls import Calls
from ._library import Progress
from ._options import PathLike, Reference, patterns, reference_text, save_options
from .results import SavedVersion
from .run import Run


class Files(Calls):
    """What the registry does with files."""

    def save_file(
        self,
        path: PathLike,
        model: str,
        *,
        message: str = "",
        aliases: Sequence[str] = (),
        metrics: Optional[Mapping[str, float]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        step: Optional[int] = None,
        run: Optional[Run] = None,
        parent: Optional[Reference] = None,
        allow_unsafe: bool = False,
        progress: Optional[Progress] = None,
    ) -> SavedVersion:
        """Saves a file of PyTorch, safetensors, NumPy or llama.cpp, or a folder, which comes back byte for byte."""
        options = save_options(message, aliases, metrics, attributes, step, run, parent, (), None)
        result = self._call(
            "save file", progress, path=os.fspath(path), model=model, allow_unsafe=allow_unsafe, **options
        )
        return SavedVersion.from_result(result)

    def load_file(self, reference: Reference, path: Optional[PathLike] = None, *, replace: bool = False) -> str:
        """Writes the file that a version was saved from, byte for byte, and returns where it is.

        One that was not saved from a file is a UsageError: `export` writes it to one.
        """
        name = None if path is None else os.fspath(path)
        result = self._call("export", reference=reference_text(reference), path=name, force=replace, source=True)
        return str(result["path"])

    def export(
        self,
        reference: Reference,
        path: Optional[PathLike] = None,
        *,
        format: Optional[str] = None,  # noqa: A002
        only: Union[str, Sequence[str]] = (),
        flatten: bool = False,
        replace: bool = False,
        verify: bool = False,
        progress: Optional[Progress] = None,
    ) -> str:
        """Writes a version, or part of it, to a file, and returns where it is.

        path: where; the ending says the format: .safetensors, .pt, .npz, .npy, .gguf.
        flatten: whether nested names are joined by ".", where a format has only names.
        replace: whether a file that is there gives way.
        """
        result = self._call(
            "export",
            progress,
            reference=reference_text(reference),
            path=None if path is None else os.fspath(path),
            format=format,
            only=patterns(only),
            flatten=flatten,
            force=replace,
            verify=verify,
        )
        return str(result["path"])
