"""The registry: models, their versions, and all that is known of them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import _arrays, _decoding, _encoding, _library
from ._library import Progress
from ._options import Reference, patterns, save_options
from .lazy import LazyVersion
from .loading import load_into
from .results import Diff, LoadReport, Model, SavedVersion, Table, Version
from .run import Run

_PathLike = Union[str, "os.PathLike[str]"]


def open(  # noqa: A001  (as `zipfile` and `tarfile` do)
    path: Optional[_PathLike] = None,
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
    name = os.fspath(path)
    handle = _library.open_registry(name, create, read_only, -1.0 if wait is None else wait, pack)
    return Registry(handle, name)


def _close(handle: int) -> None:
    if _library.is_usable():
        _library.library().mr_close(handle, None)


class Registry:
    """Every version of models' weights in one file. May be used from several threads; `open` makes one."""

    def __init__(self, handle: int, path: str) -> None:
        #: Where the file is.
        self.path = path
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

    def __repr__(self) -> str:
        return f"modelreg.open({self.path!r})"

    def _call(self, command: str, progress: Optional[Progress] = None, quick: bool = False, **arguments: Any) -> Any:
        return _library.call(self._handle, command, arguments, progress, quick)

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
        with _library.Layout(self._handle, str(reference), {"only": patterns(only)}) as layout:
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
            self._handle, str(reference), target, at=at, strip_prefix=strip_prefix, strict=strict, cast=cast,
            verify=verify, progress=progress,
        )  # fmt: skip

    def lazy(self, reference: Reference, *, framework: Optional[str] = None) -> LazyVersion:
        """A version whose tensors are read when they are asked for; the shape of `safetensors.safe_open`."""
        return LazyVersion(self._handle, str(reference), framework or _arrays.default_framework())

    def save_file(
        self,
        path: _PathLike,
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

    def load_file(self, reference: Reference, path: Optional[_PathLike] = None, *, replace: bool = False) -> str:
        """Writes the file that a version was saved from, byte for byte, and returns where it is."""
        return self.export(reference, path, replace=replace)

    def export(
        self,
        reference: Reference,
        path: Optional[_PathLike] = None,
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
            reference=str(reference),
            path=None if path is None else os.fspath(path),
            format=format,
            only=patterns(only),
            flatten=flatten,
            force=replace,
            verify=verify,
        )
        return str(result["path"])

    # What is there

    def models(self) -> list[Model]:
        """All models."""
        return [
            Model(
                model["name"],
                model["version_count"],
                tuple(model["aliases"]),
                Version.from_json(model["latest"]) if model.get("latest") else None,
            )
            for model in self._call("ls")
        ]

    def versions(
        self,
        model: Optional[str] = None,
        *,
        where: Optional[str] = None,
        sort: Union[str, Sequence[str]] = (),
        limit: Optional[int] = None,
    ) -> list[Version]:
        """The versions of a model, or of all, latest first.

        where: a condition, such as "accuracy > 0.97 and lr <= 1e-3".
        sort: an expression, or several; "-accuracy" puts the greatest first.
        """
        found = self._call("log", model=model, where=where, sort=patterns(sort), limit=limit)
        return [Version.from_json(version) for version in found]

    def version(self, reference: Reference) -> Version:
        """What is known of a version."""
        return Version.from_json(self._call("version", reference=str(reference)))

    def history(
        self, model: str, paths: Union[str, Sequence[str]] = (), *, exact: bool = False, limit: Optional[int] = None
    ) -> dict[str, list[dict[str, Any]]]:
        """What became of parameters, oldest version first; the keys of entries are those of docs/json.md.

        exact: whether tensors are read, to say how far each moved.
        """
        found = self._call("history", model=model, paths=patterns(paths), exact=exact, limit=limit)
        return {parameter["path"]: parameter["history"] for parameter in found["parameters"]}

    def blame(self, reference: Reference, paths: Union[str, Sequence[str]] = ()) -> dict[str, str]:
        """In which version each parameter last changed: `{"0.weight": "mlp:v2"}`. No tensor is read."""
        found = self._call("blame", reference=str(reference), paths=patterns(paths))
        return {parameter["path"]: parameter["changed_in"] for parameter in found["parameters"]}

    def lineage(self, reference: Reference, *, descendants: bool = False) -> dict[str, Any]:
        """What a version was made from, across models, or what was made from it: a tree, as docs/json.md says."""
        found: dict[str, Any] = self._call("lineage", reference=str(reference), descendants=descendants)
        return found

    def diff(
        self,
        old: Reference,
        new: Reference,
        *,
        only: Union[str, Sequence[str]] = (),
        stats: bool = True,
        fail_if: Union[str, Sequence[str]] = (),
        progress: Optional[Progress] = None,
    ) -> Diff:
        """What changed from one version to another, and by how much.

        stats: whether elements are compared; otherwise no tensor is read.
        fail_if: conditions, such as "rel_l2 > 0.1"; those that hold are in `failed`.
        """
        return Diff(
            self._call(
                "diff",
                progress,
                old=str(old),
                new=str(new),
                only=patterns(only),
                statistics=stats,
                fail_if=patterns(fail_if),
            )
        )

    def sql(self, query: str) -> Table:
        """Asks the registry in SQL, by the library's own connection. Nothing is changed. Bytes come back as bytes."""
        found = self._call("sql", query=query)
        rows = [
            tuple(bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value for value in row)
            for row in found["rows"]
        ]
        return Table(found["columns"], rows)

    # Names

    def alias(self, reference: Reference, alias: str, *, pin: Optional[bool] = None, force: bool = False) -> None:
        """Points an alias at a version. force: also where it is protected."""
        self._call("alias set", reference=str(reference), alias=alias, pin=pin, force=force)

    def remove_alias(self, model: str, alias: str, *, force: bool = False) -> None:
        """Removes an alias. Its version stays."""
        self._call("alias rm", model=model, alias=alias, force=force)

    def aliases(self, model: Optional[str] = None) -> dict[str, str]:
        """The versions that aliases name: `{"mlp:best": "mlp:v3"}`."""
        found = self._call("alias ls", model=model)
        return {f"{alias['model']}:{alias['alias']}": f"{alias['model']}:v{alias['version']}" for alias in found}

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
        arguments = {"model": model, "name": name, "config": dict(config or {}), "parent": parent, "resume": resume}
        return Run(self._handle, _library.call(self._handle, "run start", arguments))

    # Upkeep

    def delete(self, *references: Reference, force: bool = False) -> list[str]:
        """Deletes versions, all of them or none. force: also those that aliases name."""
        found: list[str] = self._call("rm", references=[str(reference) for reference in references], force=force)
        return found

    def prune(
        self,
        model: str,
        *,
        keep_last: Optional[int] = None,
        keep_best: Sequence[tuple[str, str, int]] = (),
        keep_every: Optional[int] = None,
        keep_younger: Optional[float] = None,
        keep_whole: Optional[int] = None,
        thin: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Deletes or thins versions by rules. One stays if any rule says so, is the latest, or has an alias.

        keep_best: the best by metrics: `[("acc", "max", 3)]`.
        keep_younger: seconds.
        thin: whether optimiser and random state go, and weights stay, instead of all.
        Returns what docs/json.md says of `prune`. `gc` then frees the bytes.
        """
        best = [{"metric": metric, "mode": mode, "count": count} for metric, mode, count in keep_best]
        found: dict[str, Any] = self._call(
            "prune",
            model=model,
            keep_last=keep_last,
            keep_best=best,
            keep_every=keep_every,
            keep_younger_seconds=keep_younger,
            keep_whole=keep_whole,
            thin=thin,
            dry_run=dry_run,
        )
        return found

    def gc(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Frees what no version needs, and returns what docs/json.md says of `gc`."""
        return dict(self._call("gc", dry_run=dry_run))

    def verify(self, reference: Optional[Reference] = None, *, progress: Optional[Progress] = None) -> dict[str, Any]:
        """Reads everything, and compares it with its hashes. `is_intact` says whether all is well; see docs/json.md."""
        name = None if reference is None else str(reference)
        return dict(self._call("verify", progress, reference=name))

    def wait_for_packing(self) -> None:
        """Waits until what is packed in the background is done."""
        self._call("wait")
