"""PyTorch's distributed checkpoints: each is one version, whose tensors carry the state dict's names.

    import torch.distributed.checkpoint as dcp
    from modelreg.dcp import Reader, Writer

    dcp.save({"model": model_state, "optimizer": optimizer_state}, storage_writer=Writer("models.db", "mlp", step=100))
    dcp.load(state, storage_reader=Reader("models.db", "mlp:best"))

Shards become whole tensors: the version loads on any number of processes, and without any. Only the coordinator opens the
registry to write; the others hand it their shards by a file beside the registry, or in `staging`, that all of them see.
"""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import torch
from torch.distributed.checkpoint import metadata as dcp_metadata
from torch.distributed.checkpoint import planner as dcp_planner
from torch.distributed.checkpoint import storage as dcp_storage
from torch.distributed.checkpoint._nested_dict import flatten_state_dict, unflatten_state_dict
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.futures import Future

from . import _library
from ._options import PathLike, Reference, reference_text
from ._skeleton import skeleton
from ._staging import Stage, Staging
from .errors import NotFoundError, UsageError
from .loading import load_into
from .registry import Registry, registry_of
from .results import SavedVersion
from .run import Run

#: The fact of a version that says by which `checkpoint_id` it was saved.
ID_ATTRIBUTE = "dcp_checkpoint_id"


class _Late:
    """A registry that is opened when it is needed: by the coordinator alone where processes save."""

    def __init__(self, registry: Union[Registry, PathLike]) -> None:
        self._registry = registry
        self.path = registry.path if isinstance(registry, Registry) else os.fsdecode(registry)

    @property
    def open(self) -> Registry:
        self._registry = registry_of(self._registry)
        return self._registry


class Writer(dcp_storage.StorageWriter):  # type: ignore[misc]
    """Saves each checkpoint as the next version of a model."""

    def __init__(
        self,
        registry: Union[Registry, PathLike],
        model: str,
        *,
        message: str = "",
        aliases: Sequence[str] = (),
        metrics: Optional[Mapping[str, float]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        step: Optional[int] = None,
        run: Optional[Run] = None,
        staging: Optional[PathLike] = None,
    ) -> None:
        """Saves to a registry, or the one at a path.

        staging: a folder that all processes see, for shards on their way; beside the registry where none is given. On one
            machine `/dev/shm` is the fastest.
        The rest is what `Registry.save` takes. A `checkpoint_id` that `dcp.save` is given becomes a fact of the version,
        by which a Reader finds it.
        """
        super().__init__()
        self._registry = _Late(registry)
        self._model = model
        self._options: dict[str, Any] = {
            "message": message, "aliases": aliases, "metrics": metrics, "step": step, "run": run
        }  # fmt: skip
        self._attributes = dict(attributes or {})
        self._staging = os.fsdecode(staging) if staging is not None else os.path.dirname(self._registry.path) or "."
        self._checkpoint_id: Optional[str] = None
        self._is_coordinator = True
        self._stage: Optional[Staging] = None
        self._kept: dict[str, Any] = {}
        #: The version that the last checkpoint became, in the coordinator's process; None elsewhere.
        self.saved: Optional[SavedVersion] = None

    def reset(self, checkpoint_id: Union[str, os.PathLike[str], None] = None) -> None:
        """Begins another checkpoint."""
        self._checkpoint_id = None if checkpoint_id is None else os.fspath(checkpoint_id)
        self.saved = None
        self._forget()

    def _forget(self) -> None:
        if self._stage is not None:
            self._stage.remove()
        self._stage, self._kept = None, {}

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        """Notes whether this process saves the version."""
        if not kwargs.get("use_collectives", True):
            raise UsageError("a version is one for all processes: save with use_collectives=True")
        self._is_coordinator = is_coordinator

    def prepare_local_plan(self, plan: Any) -> Any:
        """Marks the plan of the coordinator."""
        return dataclasses.replace(plan, storage_data=self._is_coordinator)

    def prepare_global_plan(self, plans: list[Any]) -> list[Any]:
        """Finds places for what other processes hold of tensors, and for what the coordinator holds in parts."""
        if not all(plan.usable for plan in plans):
            raise UsageError("plans that are cached name places of another checkpoint: save with enable_plan_caching=False")
        self._forget()
        parts: dict[str, list[tuple[bool, Any]]] = {}
        for plan in plans:
            for item in plan.items:
                if item.tensor_data is not None:
                    parts.setdefault(item.index.fqn, []).append((plan.storage_data is True, item.tensor_data))
        stage = Staging(self._staging)
        for name, held in parts.items():
            is_here, data = held[0]
            if not (len(held) == 1 and is_here and data.chunk.sizes == data.size):
                stage.add(name, data.properties.dtype, tuple(data.size))
        stage.make()
        self._stage = stage
        return [dataclasses.replace(plan, storage_data=stage.description(plan.storage_data is True)) for plan in plans]

    def write_data(self, plan: Any, planner: Any) -> Any:
        """Keeps what the coordinator holds whole, and hands over the rest."""
        stage = Stage(plan.storage_data)
        results = []
        for item in plan.items:
            name = item.index.fqn
            handed = None
            if item.tensor_data is None:
                value = _object(planner, item)
                handed = None if plan.storage_data["is_coordinator"] else value
                if handed is None:
                    self._kept[name] = value
            else:
                tensor = planner.resolve_data(item).detach()
                if name in stage:
                    stage.write(name, tensor, item.tensor_data.chunk.offsets)
                else:
                    self._kept[name] = _own(tensor)
            size = item.tensor_storage_size() or 0
            results.append(dcp_storage.WriteResult(item.index, size, (handed,)))
        stage.close()
        future: Future[list[Any]] = Future()
        future.set_result(results)
        return future

    def finish(self, metadata: Any, results: list[list[Any]]) -> None:
        """Saves the version: it is there whole, or not at all."""
        try:
            assert self._stage is not None
            handed = {result.index.fqn: result.storage_data[0] for of_rank in results for result in of_rank}
            values: dict[str, Any] = {}
            with self._stage as staged:
                for name in metadata.state_dict_metadata:
                    if name in staged:
                        values[name] = staged.tensor(name)
                    else:
                        values[name] = self._kept[name] if name in self._kept else handed[name]
                mapping = metadata.planner_data
                state = unflatten_state_dict(values, mapping) if mapping else values
                attributes = dict(self._attributes)
                if self._checkpoint_id is not None:
                    attributes[ID_ATTRIBUTE] = self._checkpoint_id
                self.saved = self._registry.open.save(state, self._model, attributes=attributes, **self._options)
                del values, state
        finally:
            self._forget()

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Union[str, os.PathLike[str]]) -> bool:
        """Any text identifies a checkpoint."""
        return isinstance(checkpoint_id, (str, os.PathLike))


def _own(tensor: Any) -> Any:
    """The tensor in the processor's memory, without what else its storage holds."""
    tensor = tensor.cpu()
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole else tensor.clone()


def _object(planner: Any, item: Any) -> Any:
    """A value that is no tensor, as the planner has it; where only the planner knows it, by its bytes."""
    if isinstance(planner, DefaultSavePlanner) and type(planner).transform_object is DefaultSavePlanner.transform_object:
        return planner.lookup_object(item.index)
    return torch.load(planner.resolve_data(item), weights_only=True)


class Reader(dcp_storage.StorageReader):  # type: ignore[misc]
    """Loads a version, whether it was saved by a Writer or by anything else. Each process reads what it needs."""

    def __init__(self, registry: Union[Registry, PathLike], reference: Reference) -> None:
        """Loads from a registry, or the one at a path.

        reference: the version. A `checkpoint_id` that `dcp.load` is given comes before it: that of a Writer, or a
            reference to another version.
        """
        super().__init__()
        self._registry = _Late(registry)
        self._reference = reference_text(reference)
        self._checkpoint_id: Optional[str] = None
        self._version = ""
        self._paths: dict[str, str] = {}
        self._sizes: dict[str, Any] = {}
        self._values: dict[str, Any] = {}

    def reset(self, checkpoint_id: Union[str, os.PathLike[str], None] = None) -> None:
        """Begins to load another checkpoint."""
        self._checkpoint_id = None if checkpoint_id is None else os.fspath(checkpoint_id)

    def _wanted(self) -> str:
        if self._checkpoint_id is None:
            return self._reference
        model = self._reference.split(":")[0].split("~")[0].split("@")[0]
        try:
            for version in self._registry.open.versions(model):
                if version.attributes.get(ID_ATTRIBUTE) == self._checkpoint_id:
                    return version.reference
        except NotFoundError:
            pass
        return self._checkpoint_id

    def read_metadata(self, *args: Any, **kwargs: Any) -> Any:
        """Names, types and shapes; no tensor is read."""
        with _library.Layout(self._registry.open._handle, self._wanted(), {}) as layout:
            description = layout.json
        self._version = description["version"]["reference"]
        tree, paths = skeleton(description)
        if not isinstance(tree, dict):
            raise UsageError(f"{self._version} is no dictionary of tensors by name, as a state dict is")
        flat, mapping = flatten_state_dict(tree)
        self._paths = {name: paths[id(value)] for name, value in flat.items() if id(value) in paths}
        self._values = {name: value for name, value in flat.items() if name not in self._paths}
        self._sizes = {path: flat[name].shape for name, path in self._paths.items()}
        entries: dict[str, Any] = {
            name: _described(value) if name in self._paths else dcp_metadata.BytesStorageMetadata()
            for name, value in flat.items()
        }
        return dcp_metadata.Metadata(entries, planner_data=mapping)

    def set_up_storage_reader(self, metadata: Any, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        """There is nothing to prepare."""

    def prepare_local_plan(self, plan: Any) -> Any:
        """Leaves the plan as it is."""
        return plan

    def prepare_global_plan(self, plans: list[Any]) -> list[Any]:
        """Leaves the plans as they are."""
        return plans

    def read_data(self, plan: Any, planner: Any) -> Any:
        """Fills whole tensors in one call, in place; of others it reads the rows that they need."""
        whole: dict[str, tuple[Any, Any]] = {}
        handle = self._registry.open._handle
        lazy = None
        for item in plan.items:
            name = item.storage_index.fqn
            if item.type == dcp_planner.LoadItemType.BYTE_IO:
                content = io.BytesIO()
                torch.save(self._values[name], content)
                content.seek(0)
                planner.load_bytes(item, content)
                continue
            target = planner.resolve_tensor(item).detach()
            path = self._paths[name]
            if not target.numel():
                planner.commit_tensor(item, target)
            elif path not in whole and not any(item.storage_offsets) and item.lengths == self._sizes[path]:
                whole[path] = (item, target)
            else:
                lazy = lazy or self._registry.open.lazy(self._version, framework="torch")
                first, count = item.storage_offsets[0] if item.lengths else 0, item.lengths[0] if item.lengths else 0
                part = lazy.rows(path, first, first + count) if item.lengths else lazy.get_tensor(path)
                for axis, (start, length) in enumerate(zip(item.storage_offsets, item.lengths)):
                    part = part.narrow(axis, 0 if axis == 0 else start, length)
                target.copy_(part)
                planner.commit_tensor(item, target)
        if whole:
            targets = {_unescaped(path): target for path, (_, target) in whole.items()}
            load_into(
                handle, self._version, targets, at="", strip_prefix="", strict=False, cast=True, verify=False,
                progress=None, only=list(whole),
            )  # fmt: skip
            for item, target in whole.values():
                planner.commit_tensor(item, target)
        future: Future[None] = Future()
        future.set_result(None)
        return future

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Union[str, os.PathLike[str]]) -> bool:
        """Any text identifies a checkpoint."""
        return isinstance(checkpoint_id, (str, os.PathLike))


def _described(tensor: Any) -> Any:
    """A whole tensor as one chunk."""
    properties = dcp_metadata.TensorProperties(dtype=tensor.dtype)
    chunk = dcp_metadata.ChunkStorageMetadata(torch.Size([0] * tensor.ndim), tensor.shape)
    return dcp_metadata.TensorStorageMetadata(properties, tensor.shape, [chunk])


def _unescaped(path: str) -> str:
    return path.replace("~1", "/").replace("~0", "~")
