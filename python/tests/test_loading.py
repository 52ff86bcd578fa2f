"""Loading a part, and loading in place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import modelreg


class Tied(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(10, 4)
        self.head = torch.nn.Linear(4, 10, bias=False)
        self.head.weight = self.embedding.weight
        self.norm = torch.nn.BatchNorm1d(4)


def test_a_part_is_loaded_alone(registry: modelreg.Registry) -> None:
    registry.save({"model": {"a.w": torch.ones(1), "b.w": torch.ones(2)}, "step": 3, "none": {}}, "m")
    assert list(registry.load("m", only="model/a.*")["model"]) == ["a.w"]
    assert registry.load("m", only=["step"])["step"] == 3
    with pytest.raises(modelreg.Error, match="mdel"):
        registry.load("m", only="mdel/*")


def test_a_module_is_filled_in_place(registry: modelreg.Registry) -> None:
    saved, other = Tied(), Tied()
    registry.save(saved.state_dict(), "m")
    pointers = {name: tensor.data_ptr() for name, tensor in other.state_dict().items()}
    report = registry.load_into("m", other)
    assert {name: tensor.data_ptr() for name, tensor in other.state_dict().items()} == pointers
    assert len(report.loaded) == len(pointers) and not report.missing and not report.unexpected
    for name, tensor in saved.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name
    assert other.head.weight is other.embedding.weight


def test_what_is_tied_in_the_version_may_be_apart_in_the_model(registry: modelreg.Registry) -> None:
    registry.save(Tied().state_dict(), "m")
    apart = Tied()
    apart.head.weight = torch.nn.Parameter(torch.zeros(10, 4))
    registry.load_into("m", apart)
    assert torch.equal(apart.head.weight, apart.embedding.weight)
    assert apart.head.weight.data_ptr() != apart.embedding.weight.data_ptr()


def test_views_and_other_axes_are_filled(registry: modelreg.Registry) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    registry.save({"t": base.T, "s": base[:, 1], "c": torch.arange(6.0).reshape(2, 3)}, "m")
    target = {"t": torch.zeros(4, 3), "s": torch.zeros(6)[::2], "c": torch.zeros(3, 2).T}
    registry.load_into("m", target)
    assert torch.equal(target["t"], base.T) and torch.equal(target["s"], base[:, 1])
    assert torch.equal(target["c"], torch.arange(6.0).reshape(2, 3))


def test_arrays_are_filled(registry: modelreg.Registry) -> None:
    registry.save({"a": np.arange(6).reshape(2, 3), "b": np.ones(2)}, "m")
    target = {"a": np.zeros((2, 3), dtype=np.int64), "b": np.zeros(4)[::2]}
    registry.load_into("m", target)
    assert np.array_equal(target["a"], np.arange(6).reshape(2, 3)) and target["b"].tolist() == [1, 1]


def test_what_does_not_fit_is_listed_and_nothing_is_written(registry: modelreg.Registry) -> None:
    registry.save({"module.w": torch.ones(2, 2), "module.b": torch.ones(2), "extra": torch.ones(1)}, "m")
    target = {"w": torch.zeros(2, 3), "b": torch.zeros(2, dtype=torch.float64), "more": torch.zeros(1)}
    with pytest.raises(modelreg.MismatchError) as failure:
        registry.load_into("m", target, strip_prefix="module.")
    for text in (
        'missing from the version: "more"', 'unexpected in the version: "extra"',
        'shape of "w": [2, 2] in the version, [2, 3] in the model', 'dtype of "b": float32 in the version, float64',
    ):  # fmt: skip
        assert text in str(failure.value)
    assert all((tensor == 0).all() for tensor in target.values())
    del target["w"]
    report = registry.load_into("m", target, strip_prefix="module.", strict=False, cast=True)
    assert report.loaded == ("b",) and report.missing == ("more",) and report.unexpected == ("w", "extra")
    assert target["b"].tolist() == [1, 1]


def test_a_state_dict_within_a_checkpoint_is_loaded(registry: modelreg.Registry) -> None:
    model, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    registry.save({"model": model.state_dict(), "optimizer": {"state": {0: torch.ones(1)}}}, "m")
    registry.load_into("m", other, at="model")
    assert torch.equal(model.weight, other.weight)


def test_rows_are_read_as_numpy_slices_them(registry: modelreg.Registry) -> None:
    table = torch.arange(60.0).reshape(12, 5)
    registry.save({"table": table, "t": table.T, "scalar": torch.tensor(3.0), "n": 5}, "m")
    with registry.lazy("m") as lazy:
        tensor = lazy["table"]
        for index in (0, -1, slice(2, 5), slice(None), slice(1, None, 3), slice(5, 5), (slice(0, 4), 2), (3, slice(1, 3))):
            assert torch.equal(tensor[index], table[index]), index
        assert torch.equal(lazy["t"][1:3], table.T[1:3])
        assert lazy.get_tensor("scalar") == 3 and lazy["n"] == 5
        assert lazy.get_slice("table").get_shape() == [12, 5] and tensor.dtype == "float32" and len(tensor) == 12
        assert np.asarray(tensor).shape == (12, 5)
        assert list(lazy.keys()) == ["table", "t", "scalar", "n"]
        with pytest.raises(IndexError):
            tensor[12]
        with pytest.raises(KeyError):
            lazy["none"]


def test_a_lazy_version_stays_the_one_that_it_was(registry: modelreg.Registry) -> None:
    registry.save({"w": torch.ones(1)}, "m")
    with registry.lazy("m") as lazy:
        registry.save({"w": torch.zeros(1)}, "m")
        assert lazy.get_tensor("w") == 1
