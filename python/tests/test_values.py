"""Any checkpoint comes back as it was saved."""

from __future__ import annotations

import math
import struct
from collections import OrderedDict
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modelreg


def same_bytes(a: torch.Tensor, b: torch.Tensor) -> bool:
    def raw(tensor: torch.Tensor) -> bytes:
        return bytes(tensor.detach().contiguous().flatten().view(torch.uint8).numpy()) if tensor.numel() else b""

    return a.dtype == b.dtype and a.shape == b.shape and raw(a) == raw(b)


DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64,
    torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex32, torch.complex64,
    torch.complex128, torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz,
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_each_type_come_back_bit_for_bit(registry: modelreg.Registry, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(7)
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (48,), generator=generator, dtype=torch.uint8)
    tensor = raw.view(dtype).reshape(3, -1)
    registry.save({"w": tensor}, "m")
    assert same_bytes(registry.load("m")["w"], tensor)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (2, 3, 4)])
def test_shapes_come_back(registry: modelreg.Registry, shape: tuple[int, ...]) -> None:
    registry.save({"t": torch.full(shape, 2.5), "n": torch.full(shape, 3)}, "m")
    loaded = registry.load("m")
    assert torch.equal(loaded["t"], torch.full(shape, 2.5)) and loaded["t"].shape == shape
    registry.save({"a": np.full(shape, 2.5)}, "n")
    array = registry.load("n", framework="numpy")["a"]
    assert array.shape == shape and (array == 2.5).all()


def test_ties_and_views_stay(registry: modelreg.Registry) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    registry.save({"base": base, "tied": base, "row": base[1], "t": base.T, "apart": base.clone()}, "m")
    loaded = registry.load("m")
    loaded["base"][1, 0] = -1
    assert loaded["tied"][1, 0] == loaded["row"][0] == loaded["t"][0, 1] == -1
    assert loaded["apart"][1, 0] == 6
    assert loaded["t"].stride() == (1, 6)
    assert registry.version("m").byte_count == 4 * (24 * 4 + 6)


def test_axes_keep_their_order_in_memory(registry: modelreg.Registry) -> None:
    image = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    registry.save({"image": image}, "m")
    loaded = registry.load("m")["image"]
    assert torch.equal(loaded, image) and loaded.is_contiguous(memory_format=torch.channels_last)


def test_a_slice_does_not_drag_its_storage_along(registry: modelreg.Registry) -> None:
    large = torch.zeros(1000, 1000)
    registry.save({"corner": large[:2, :2], "expanded": torch.ones(1).expand(1000)}, "m")
    assert registry.load("m")["corner"].untyped_storage().nbytes() == 16
    assert torch.equal(registry.load("m")["expanded"], torch.ones(1000))


def test_conjugates_and_negatives_are_what_they_look_like(registry: modelreg.Registry) -> None:
    z = torch.tensor([1 + 2j, 3 - 4j])
    registry.save({"conj": z.conj(), "imag": z.conj().imag}, "m")
    loaded = registry.load("m")
    assert loaded["conj"].tolist() == [1 - 2j, 3 + 4j] and loaded["imag"].tolist() == [-2, 4]


def test_parameters_stay_parameters(registry: modelreg.Registry) -> None:
    frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    registry.save({"p": torch.nn.Parameter(torch.ones(2)), "f": frozen, "t": torch.ones(2, requires_grad=True)}, "m")
    loaded = registry.load("m")
    assert isinstance(loaded["p"], torch.nn.Parameter) and loaded["p"].requires_grad
    assert isinstance(loaded["f"], torch.nn.Parameter) and not loaded["f"].requires_grad
    assert not isinstance(loaded["t"], torch.nn.Parameter) and loaded["t"].requires_grad


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -(1 << 63), (1 << 63) - 1, 1 << 63, -(1 << 127), 10**4000, -(10**30) + 1, 0.0, -0.0, 1e-320,
        math.inf, "", "a\0b", "ü\n\"\\/~\x1f\x7f", "\U0001f600", b"", b"\0\xff", [], (), {}, [[], ()], (1, (2, [3])),
        {"a": {"b/c": 1, "~": 2}}, {1: "a", "1": "b", None: 0, 2.5: 1, b"k": 2, (1, ("x",)): 3, True: 9},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_plain_values_come_back(registry: modelreg.Registry, value: Any) -> None:
    registry.save({"v": value, "w": [value]}, "m")
    loaded = registry.load("m")
    assert loaded == {"v": value, "w": [value]}
    assert type(loaded["v"]) is type(value)
    if isinstance(value, float):
        assert struct.pack("d", loaded["v"]) == struct.pack("d", value)
    registry.save(value, "alone")
    assert registry.load("alone") == value


def test_the_bits_of_nan_stay(registry: modelreg.Registry) -> None:
    nan = struct.unpack("<d", bytes.fromhex("efbeadde0000f87f"))[0]
    registry.save([nan], "m")
    assert struct.pack("<d", registry.load("m")[0]).hex() == "efbeadde0000f87f"


def test_ordered_dictionaries_and_sizes(registry: modelreg.Registry) -> None:
    state = torch.nn.Linear(2, 3).state_dict()
    registry.save({"state": state, "size": torch.Size([2, 3]), "dtype": torch.bfloat16}, "m")
    loaded = registry.load("m")
    assert type(loaded["state"]) is OrderedDict and list(loaded["state"]) == ["weight", "bias"]
    assert loaded["size"] == (2, 3) and loaded["dtype"] is torch.bfloat16


def test_optimizers_and_schedulers_come_back(registry: modelreg.Registry) -> None:
    model = torch.nn.Linear(4, 4)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    scheduler.step()
    registry.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, "m")
    loaded = registry.load("m")
    assert loaded["scheduler"] == scheduler.state_dict()
    assert loaded["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    assert torch.equal(loaded["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])


NUMPY = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64 complex128".split()


@pytest.mark.parametrize("name", NUMPY)
def test_arrays_of_each_type_come_back(registry: modelreg.Registry, name: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(name)
    registry.save({"a": array, "t": array.T, "back": array[::-1], "swapped": array.astype(array.dtype.newbyteorder(">"))}, "m")
    loaded = registry.load("m", framework="numpy")
    assert loaded["a"].dtype == array.dtype and np.array_equal(loaded["a"], array)
    assert np.array_equal(loaded["t"], array.T) and np.shares_memory(loaded["a"], loaded["t"])
    assert np.array_equal(loaded["back"], array[::-1]) and np.array_equal(loaded["swapped"], array)


def test_arrays_of_ml_dtypes_come_back(registry: modelreg.Registry) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    registry.save({"a": np.array([1.5, -2], dtype=ml_dtypes.bfloat16)}, "m")
    assert registry.load("m", framework="numpy")["a"].dtype == ml_dtypes.bfloat16
    assert registry.load("m", framework="torch")["a"].tolist() == [1.5, -2]


def test_arrays_and_numbers_of_numpy_stay_such_beside_tensors(registry: modelreg.Registry) -> None:
    registry.save({"t": torch.ones(1), "a": np.arange(3), "s": np.float32(2.5), "b": np.bool_(True)}, "m")
    loaded = registry.load("m")
    assert isinstance(loaded["a"], np.ndarray) and isinstance(loaded["s"], np.float32)
    assert loaded["s"] == 2.5 and loaded["b"].dtype == np.bool_


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1, 2}, "it is of the type set, which has no order; save a list"),
        (object(), "it is of the type object; save text, numbers"),
        (Colour.RED, "save its value, 1"),
        (bytearray(b"x"), "save bytes() of it"),
        (1j, "it is of the type complex"),
        ("\ud800", "a text that is not UTF-8"),
        (lambda: 0, "has a name in its module"),
        (torch.nn.Linear(1, 1), "save its state_dict()"),
        (torch.ones(2, device="meta"), "has no values"),
        (torch.ones(2, 2).to_sparse(), "save tensor.to_dense()"),
        (np.array(["x"]), "an array of <U1"),
        (np.array([object()]), "an array of object"),
        (np.datetime64("2026-01-01"), "a numpy.datetime64"),
        ({frozenset(): 1}, "a key that is frozenset"),
    ],
)
def test_what_has_no_place_is_named_by_its_path(registry: modelreg.Registry, value: Any, reason: str) -> None:
    with pytest.raises(TypeError) as failure:
        registry.save({"good": torch.ones(1), "a/b": [0, value]}, "m")
    assert str(failure.value).startswith('"a~1b/1" cannot be saved: ')
    assert reason in str(failure.value)
    assert registry.models() == []


def test_nesting_is_bounded(registry: modelreg.Registry) -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(TypeError, match="128 deep, or within themselves"):
        registry.save(deep, "m")


def test_objects_of_files_are_taken_apart_and_saved_again(registry: modelreg.Registry, tmp_path: Any) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / "module.pt")
    registry.save_file(tmp_path / "module.pt", "m")
    module = registry.load("m")
    assert isinstance(module, modelreg.Object) and module.name == "torch.nn.modules.container:Sequential"
    saved = registry.save(module, "again")
    assert saved.content_id == registry.version("m").content_id


def test_tensors_of_other_devices_are_copied_once() -> None:
    from modelreg import _arrays

    copies = _arrays.HostCopies()
    base = torch.arange(6.0)
    first, second = copies.of(base), copies.of(base[2:])
    assert first.data_ptr() == second.data_ptr() != base.untyped_storage().data_ptr()
    assert torch.empty(0).set_(first, 0, (6,), (1,)).tolist() == base.tolist()


def test_metadata_of_a_state_dict_is_kept(registry: modelreg.Registry, tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    weights: Any = model.state_dict()
    registry.save(weights, "m")
    assert registry.load("m")._metadata == weights._metadata
    torch.save(weights, tmp_path / "m.pt")
    filed = registry.save_file(str(tmp_path / "m.pt"), "m")
    assert registry.load("m")._metadata == weights._metadata
    assert filed.content_id == registry.versions("m")[-1].content_id


def test_attributes_of_an_ordered_dictionary_are_kept(registry: modelreg.Registry) -> None:
    value: Any = OrderedDict(w=torch.ones(2))
    attributes = {"a": [1, (None, 2.5)], "b": {True: b"x", (1, "y"): 1 << 70}, "c": OrderedDict(z=-1)}
    vars(value).update(attributes)
    registry.save(value, "m")
    assert vars(registry.load("m")) == attributes
    value.w = torch.ones(1)
    with pytest.raises(TypeError):
        registry.save(value, "m")
