"""The registry: models, their versions, and all that is known of them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import _arrays, _decoding, _encoding, _library
from ._files import Files
from ._json import mapping
from ._library import Progress
from ._options import PathLike, Reference, patterns, reference_text, save_options
from ._queries import Queries
from ._remotes import Remotes
from ._upkeep import Upkeep
from .lazy import LazyVersion
from .loading import load_into
from .results import LoadReport, SavedVersion
from .run import Run


def open(  # noqa: A001  (as `zipfile` and `tarfile` do)
    path: Optional[PathLike] = None,
    *,
    create: bool = True,
    read_only: bool = False,
    wait: Optional[float] = None,
    pack: bool = True,
) -> Registry:
    """Opens a registry: a file, which is made where there is none.

    path: where it is; otherwise what MODELREG_REGISTRY says, otherwise `modelreg.db`.
    create: whether to make one.
    read_only: whether calls that write are refused.
    wait: seconds to wait for other processes, at each step; 10 unless said otherwise.
    pack: whether versions before a saved one are packed in the background.
    """
    if path is None:
        path = os.environ.get("MODELREG_REGISTRY") or "modelreg.db"
    name = os.fsdecode(path)
    handle = _library.open_registry(name, create, read_only, -1.0 if wait is None else wait, pack)
    return Registry(handle, name, (os.path.abspath(name), read_only, wait, pack))


def _open_again(path: str, read_only: bool, wait: Optional[float], pack: bool) -> Registry:
    return open(path, create=False, read_only=read_only, wait=wait, pack=pack)


def registry_of(registry: Union[Registry, PathLike]) -> Registry:
    """A registry, or the one at a path."""
    return registry if isinstance(registry, Registry) else open(registry)


def _close(handle: int) -> None:
    if _library.is_usable():
        _library.library().mr_close(handle, None)


class Registry(Files, Queries, Upkeep, Remotes):
    """Every version of models' weights in one file; `open` makes one.

    May be used from several threads. A copy, or what another process unpickles, opens the file once more.
    """

    def __init__(self, handle: int, path: str, origin: tuple[str, bool, Optional[float], bool]) -> None:
        #: Where the file is.
        self.path = path
        self._origin = origin
        self._handle = handle
        self._finalizer = weakref.finalize(self, _close, handle)

    def close(self) -> None:
        """Closes the file. Calls that are under way end first; later ones raise."""
        if self._finalizer.detach() is not None:
            _library.close_registry(self._handle)

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_open_again, self._origin)

    def __repr__(self) -> str:
        return f"modelreg.open({self.path!r})"

    # Weights

    def save(
        self,
        checkpoint: Any,
        model: str,
        *,
        message: str = "",
        aliases: Sequence[str] = (),
        metrics: Optional[Mapping[str, float]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        step: Optional[int] = None,
        run: Optional[Run] = None,
        parent: Optional[Reference] = None,
        merged_from: Sequence[Reference] = (),
        gate: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> SavedVersion:
        """Saves a checkpoint as the next version of a model.

        checkpoint: tensors of PyTorch, arrays of NumPy, text, numbers, bytes, None, and lists, tuples and dictionaries
            of them: `model.state_dict()`, or all that a training goes on from. What has no place is a TypeError that
            names its path.
        model: the model's name; it comes into being with its first version.
        gate: a condition that no tensor may fulfil, such as "nan > 0 or infinity > 0"; GateError where one does.
        progress: called with the bytes that are done and all that there are; see `tqdm` in the manual.

        When it returns, the version is on the disk. Where it raises, or is interrupted, nothing is saved.
        """
        if isinstance(checkpoint, str) and not isinstance(model, str):
            raise TypeError("the checkpoint comes first, then the model's name: save(checkpoint, model)")
        encoded = _encoding.encode(checkpoint)
        packed = encoded.pack()
        result = _library.save(
            self._handle,
            model,
            encoded.structure,
            packed.count,
            packed.address or 0,
            save_options(message, aliases, metrics, attributes, step, run, parent, merged_from, gate),
            progress,
        )
        return SavedVersion.from_result(result)

    def load(
        self,
        reference: Reference,
        *,
        only: Union[str, Sequence[str]] = (),
        framework: Optional[str] = None,
        device: Any = None,
        verify: bool = False,
        progress: Optional[Progress] = None,
    ) -> Any:
        """Loads a version, or part of it, as it was saved.

        only: paths, or patterns with *, such as "encoder.*"; containers that are left empty vanish.
        framework: "torch" or "numpy"; PyTorch where the program has imported it.
        device: of tensors of PyTorch.
        verify: whether SHA-256 is checked, too, and not only checksums.
        """
        framework = framework or _arrays.default_framework()
        with _library.Layout(self._handle, reference_text(reference), {"only": patterns(only)}) as layout:
            return _decoding.read(layout, framework, device, verify, progress)[0]

    def load_into(
        self,
        reference: Reference,
        target: Any,
        *,
        at: str = "",
        strip_prefix: str = "",
        strict: bool = True,
        cast: bool = False,
        verify: bool = False,
        progress: Optional[Progress] = None,
    ) -> LoadReport:
        """Fills the tensors of a module, or of a dictionary, in place. Nothing is allocated where they fit as they are.

        at: where the state dict is in the checkpoint, such as "model".
        strip_prefix: what is taken off the version's names, such as "module.".
        strict: whether both must have the same names.
        cast: whether elements of another type are converted.

        Names, shapes and types are compared first: where they do not fit, MismatchError lists all, and nothing is
        written. Damage that is found while reading raises DamagedError, and leaves some tensors written.
        """
        return load_into(
            self._handle, reference_text(reference), target, at=at, strip_prefix=strip_prefix, strict=strict, cast=cast,
            verify=verify, progress=progress,
        )  # fmt: skip

    def lazy(self, reference: Reference, *, framework: Optional[str] = None) -> LazyVersion:
        """A version whose tensors are read when they are asked for; the shape of `safetensors.safe_open`."""
        return LazyVersion(self._handle, reference_text(reference), framework or _arrays.default_framework())

    # Runs

    def run(
        self,
        model: Optional[str] = None,
        name: Optional[str] = None,
        *,
        config: Optional[Mapping[str, Any]] = None,
        parent: Optional[str] = None,
        resume: bool = False,
    ) -> Run:
        """Starts a run: one training, with its settings, metrics by step and versions.

        resume: whether a run of this name goes on, if there is one.
        """
        arguments = {"model": model, "name": name, "config": mapping(config, "settings"), "parent": parent, "resume": resume}
        return Run(self._handle, _library.call(self._handle, "run start", arguments))
