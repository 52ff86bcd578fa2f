"""Whatever is refused: the message says what it was, and what to do."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import modelreg


@dataclasses.dataclass
class Settings:
    rate: float = 0.1


class Weights(torch.Tensor):
    pass


REFUSED: list[tuple[Any, str]] = [
    ({1, 2}, "a list"),
    (collections.namedtuple("Point", "x")(1), "tuple()"),
    (collections.defaultdict(list), "dict()"),
    (datetime.datetime(2026, 1, 1), "isoformat()"),
    (pathlib.Path("x"), "str()"),
    (decimal.Decimal("1.5"), "str()"),
    (1j, "[value.real, value.imag]"),
    (Settings(), "dataclasses.asdict()"),
    (range(3), "list()"),
    (memoryview(b"x"), "bytes()"),
    (bytearray(b"x"), "bytes()"),
    (lambda: 1, "leave it out"),
    ("\ud800", "os.fsencode()"),
    ({np.int64(1): 2}, "int()"),
    ({1.5 + 0j: 2}, "text, numbers"),
    (1 << 20000, "its bytes"),
    (torch.device("cpu"), "str()"),
    (torch.Generator(), "get_state()"),
    (torch.nn.Linear(1, 1), "state_dict()"),
    (torch.eye(2).to_sparse(), "to_dense()"),
    (torch.empty(2, device="meta"), "initialise"),
    (torch.nested.nested_tensor([torch.ones(2)], layout=torch.strided), "unbind()"),
    (torch.ones(2).as_subclass(Weights), "as_subclass(torch.Tensor)"),
    (np.ma.array([1, 2]), "numpy.asarray"),
    (np.array(["x"]), "tolist()"),
    (np.array([object()]), "tolist()"),
    (np.array([1], "datetime64[s]"), 'view("int64")'),
    (np.zeros(2, [("a", "f4")]), "each field"),
    (np.datetime64("2026"), 'view("int64")'),
]


@pytest.mark.parametrize(("value", "advice"), REFUSED, ids=[type(value).__name__ for value, _ in REFUSED])
def test_a_value_without_a_place_is_told_what_to_save(registry: modelreg.Registry, value: Any, advice: str) -> None:
    with pytest.raises(TypeError) as caught:
        registry.save({"model": {"w": torch.ones(1)}, "odd": [0, value]}, "m")
    message = str(caught.value)
    assert message.startswith('"odd/1') and advice in message.split(";", 1)[1], message
    assert registry.models() == []


def test_a_container_in_itself_is_refused_in_a_short_message(registry: modelreg.Registry) -> None:
    circle: list[Any] = []
    circle.append({"a name of some length": circle})
    with pytest.raises(TypeError, match="within themselves; flatten them") as caught:
        registry.save(circle, "m")
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda r: r.save("m", {"w": 1}), TypeError, "the checkpoint comes first"),
        (lambda r: r.save([1], 3), TypeError, "the model's name is a text, not a int: 3"),
        (lambda r: r.load(3), TypeError, 'named by a text such as "mlp:best"'),
        (lambda r: r.save([1], "m", metrics={"acc": None}), TypeError, 'the metric "acc" is no number but None'),
        (lambda r: r.save([1], "m", metrics={"acc": "good"}), TypeError, "note it in attributes"),
        (lambda r: r.save([1], "m", attributes="abc"), TypeError, "attributes are a dictionary"),
        (lambda r: r.save([1], "m", attributes={"a": object()}), TypeError, "settings and facts are text"),
        (lambda r: r.save([1], "m", step="a"), TypeError, "integer"),
        (lambda r: r.load("nothing"), LookupError, r"registry.models\(\) lists"),
        (lambda r: r.load("m:other"), LookupError, r"registry.aliases\(\) lists"),
        (lambda r: r.load("m", only="zz"), LookupError, r"keys\(\)"),
        (lambda r: r.delete("m:best"), ValueError, "or use force=True"),
        (lambda r: r.run("m", "first"), ValueError, r"\(resume=True\)"),
        (lambda r: r.run("m", "next").log({"loss": "x"}), TypeError, 'the metric "loss" is no number'),
        (lambda r: r.load_file("m"), ValueError, "was not saved from a file; export it"),
        (lambda r: r.export("m", "/none/of/this.pt"), modelreg.OutputError, "make the folder first"),
        (lambda r: r.prune("m"), ValueError, "keep_younger or keep_whole"),
        (lambda r: r.prune("m", keep_best=[("acc", "most", 1)]), ValueError, '"min" or "max"'),
        (lambda r: modelreg.open(r.path, read_only=True).save([1], "m"), OSError, "without read_only=True"),
        (lambda r: modelreg.open("/none.db", create=False), LookupError, "modelreg.open makes one unless create=False"),
        (lambda r: modelreg.open("/"), modelreg.NotARegistryError, "choose another path"),
    ],
)
def test_a_call_that_cannot_be_says_so(registry: modelreg.Registry, call: Any, kind: type[Exception], words: str) -> None:
    registry.save({"w": torch.ones(1)}, "m", aliases=["best"])
    registry.run("m", "first").finish()
    with pytest.raises(kind, match=words) as caught:
        call(registry)
    assert "--" not in str(caught.value), "no words of the command line"
    assert len(registry.versions("m")) == 1


def test_a_closed_registry_says_so(registry: modelreg.Registry) -> None:
    registry.save({"w": torch.ones(1)}, "m")
    lazy = registry.lazy("m")
    registry.close()
    registry.close()
    for call in (registry.models, lambda: lazy["w"][0], lambda: registry.save([1], "m")):
        with pytest.raises(modelreg.UsageError, match=r"was closed; modelreg.open opens it again"):
            call()


def test_copies_open_the_file_once_more(registry: modelreg.Registry) -> None:
    registry.save([1], "m")
    again = pickle.loads(pickle.dumps(registry))
    other = copy.deepcopy(registry)
    registry.close()
    assert again.load("m") == other.load("m") == [1]


def test_facts_are_kept_as_json_holds_them(registry: modelreg.Registry) -> None:
    facts = {"rate": np.float32(0.5), "count": torch.tensor(3), "path": pathlib.Path("a"), "clip": float("inf"),
             "text": "inf", "list": [np.int64(1), {"nan": float("nan")}], "none": None, "array": np.arange(2)}  # fmt: skip
    registry.save([1], "m", attributes=facts)
    assert registry.version("m").attributes == {
        "rate": 0.5, "count": 3, "path": "a", "clip": "inf", "text": "inf", "list": [1, {"nan": "nan"}], "none": None,
        "array": [0, 1],
    }  # fmt: skip
    assert registry.run("m", "r", config=facts).reference == "m/r"
    assert registry.runs("m")[0].config["text"] == "inf"
