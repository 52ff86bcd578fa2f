"""Loading into tensors that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from . import _arrays
from ._arrays import Place, Storages, place_of_array
from ._decoding import has_gaps, is_row_major
from ._library import Layout, Progress
from .errors import MismatchError
from .results import LoadReport, Version

#: Problems of one kind that a message lists.
_SHOWN = 10


@dataclass
class _Target:
    """A tensor to be filled."""

    tensor: Any
    place: Optional[Place]
    dtype: str
    shape: tuple[int, ...]

    @property
    def address(self) -> int:
        """Where its first element is, where its elements follow each other in the processor's memory; else 0."""
        place = self.place
        if place is None or not is_row_major(list(place.shape), list(place.strides)):
            return 0
        width = _arrays.WIDTHS.get(place.dtype)
        return place.address + place.offset * width if width and place.byte_count else 0


def load_into(
    handle: int,
    reference: str,
    target: Any,
    *,
    at: str,
    strip_prefix: str,
    strict: bool,
    cast: bool,
    verify: bool,
    progress: Optional[Progress],
    only: Optional[list[str]] = None,
) -> LoadReport:
    """See `Registry.load_into`. only: the paths that are looked at."""
    state = target.state_dict() if callable(getattr(target, "state_dict", None)) else target
    if not isinstance(state, Mapping):
        raise TypeError(f"load_into takes a module or a dictionary of tensors, not a {type(target).__qualname__}")
    targets = {name: _target(name, tensor) for name, tensor in state.items() if _is_tensor(tensor)}
    options = {"only": [f"{at}/*"]} if at else {"only": only or []}
    with Layout(handle, reference, options) as layout:
        json = layout.json
        names = _names(json, at, strip_prefix)
        report = _compare(Version.from_json(json["version"]), names, targets, strict, cast)
        chosen = [(leaf, targets[name]) for name, leaf in names.items() if name in targets]
        _Filling(json["leaves"], json["storages"]).run(layout, chosen, verify, progress)
    return report


def _is_tensor(value: Any) -> bool:
    return _arrays.is_tensor(value) or _arrays.is_array(value)


def _target(name: str, tensor: Any) -> _Target:
    if _arrays.is_array(tensor):
        if not tensor.flags.writeable:
            raise MismatchError(f'"{name}" cannot be written: it is a read-only array')
        return _Target(tensor, place_of_array(tensor) if tensor.size else None, tensor.dtype.name, tensor.shape)
    is_here = tensor.device.type == "cpu" and tensor.layout is _arrays.torch().strided and tensor.numel() > 0
    place = _arrays.place_of_tensor(tensor.detach(), _arrays.HostCopies()) if is_here else None
    return _Target(tensor.detach(), place, str(tensor.dtype).split(".", 1)[-1], tuple(tensor.shape))


def _names(json: dict[str, Any], at: str, strip_prefix: str) -> dict[str, list[Any]]:
    """The tensors of the version, by the names of the model."""
    names: dict[str, list[Any]] = {}
    for path, leaf in zip(json["paths"], json["leaves"]):
        if leaf is None or leaf[0] != "tensor":
            continue
        name = path[len(at) + 1 :] if at else path
        name = name.replace("~1", "/").replace("~0", "~")
        if strip_prefix and name.startswith(strip_prefix):
            name = name[len(strip_prefix) :]
        names[name] = leaf
    return names


def _compare(
    version: Version, names: dict[str, list[Any]], targets: dict[str, _Target], strict: bool, cast: bool
) -> LoadReport:
    missing = [name for name in targets if name not in names]
    unexpected = [name for name in names if name not in targets]
    problems: list[str] = []
    if strict:
        problems += _listed("missing from the version", missing)
        problems += _listed("unexpected in the version", unexpected)
    both = [name for name in names if name in targets]
    problems += _differing("shape", {name: list(names[name][4]) for name in both}, {
        name: list(targets[name].shape) for name in both
    })
    if not cast:
        types = {name: targets[name].dtype for name in both}
        found = _differing("dtype", {name: names[name][1] for name in both}, types)
        problems += [*found, "cast=True converts"] if found else []
    if not both and not problems:
        problems.append("they have no name in common")
    if problems:
        raise MismatchError(f"{version.reference} does not fit: " + "; ".join(problems))
    return LoadReport(version, tuple(both), tuple(missing), tuple(unexpected))


def _differing(what: str, version: dict[str, Any], model: dict[str, Any]) -> list[str]:
    found = [name for name in version if version[name] != model[name]]
    lines = [
        f'{what} of "{name}": {version[name]} in the version, {model[name]} in the model' for name in found[:_SHOWN]
    ]
    return lines + ([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(f'"{name}"' for name in names[:_SHOWN])
    return [f"{what}: {shown}" + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")]


class _Filling:
    """Reads storages straight into tensors where one is exactly a storage, and by way of other memory elsewhere."""

    def __init__(self, leaves: list[Any], lengths: list[int]) -> None:
        self._leaves = leaves
        self._lengths = lengths

    def run(
        self, layout: Layout, chosen: list[tuple[list[Any], _Target]], verify: bool, progress: Optional[Progress]
    ) -> None:
        direct: dict[int, tuple[int, _Target]] = {}
        for leaf, target in chosen:
            storage = leaf[2]
            if storage not in direct and self._is_whole(leaf) and target.address and leaf[1] == target.dtype:
                direct[storage] = (target.address, target)
        framework = "torch" if any(_arrays.is_tensor(target.tensor) for _, target in chosen) else "numpy"
        others = Storages(framework)
        gaps = has_gaps(self._leaves, self._lengths)
        rest = [storage for storage in range(len(self._lengths)) if storage not in direct]
        numbers = {storage: number for number, storage in enumerate(rest)}
        made = others.allocate([self._lengths[storage] for storage in rest], [gaps[storage] for storage in rest])
        destinations = [
            (direct[storage][0], length) if storage in direct else made[numbers[storage]]
            for storage, length in enumerate(self._lengths)
        ]
        layout.read(destinations, verify, progress)
        for leaf, target in chosen:
            self._finish(leaf, target, direct, others, numbers)

    def _is_whole(self, leaf: list[Any]) -> bool:
        _, dtype, storage, offset, shape, strides, _role = leaf
        count = _arrays.WIDTHS.get(dtype, 0)
        for length in shape:
            count *= length
        return offset == 0 and count > 0 and count == self._lengths[storage] and is_row_major(shape, strides)

    def _finish(
        self, leaf: list[Any], target: _Target, direct: dict[int, tuple[int, _Target]], others: Storages,
        numbers: dict[int, int],
    ) -> None:  # fmt: skip
        _, dtype, storage, offset, shape, strides, _role = leaf
        if 0 in shape:
            return
        filled = direct.get(storage)
        if filled is None:
            source = others.view("", dtype, numbers[storage], offset, shape, strides, 0, None, None)
        elif filled[1] is target or filled[0] == target.address and self._is_whole(leaf):
            return
        else:
            # Tied in the version, apart in the model.
            source = self._view(filled[1].tensor, offset, shape, strides)
        _copy(source, target.tensor)

    def _view(self, whole: Any, offset: int, shape: list[int], strides: list[int]) -> Any:
        if _arrays.is_array(whole):
            width = whole.itemsize
            steps = tuple(stride * width for stride in strides)
            return _arrays.numpy().ndarray(shape, whole.dtype, whole, offset * width, steps)
        return whole.as_strided(shape, strides, whole.storage_offset() + offset)


def _copy(source: Any, target: Any) -> None:
    if _arrays.is_array(target):
        target[...] = source
    else:
        if _arrays.is_array(source):
            source = _arrays.torch().from_numpy(source)
        with _arrays.torch().no_grad():
            target.copy_(source)
