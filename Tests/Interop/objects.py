"""Random graphs of Python objects, written by PyTorch and pickle and compared after a round trip through this package.

    python objects.py generate FOLDER COUNT SEED    writes cases into FOLDER
    python objects.py compare FOLDER                compares each case with what came back as its `.out`

InteropTests.swift reads each case and writes it again in between. Needs torch and numpy.
"""

import argparse
import collections
import datetime
import decimal
import enum
import fractions
import functools
import os
import pathlib
import pickle
import random
import struct
import sys
import types
import uuid
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")

# Classes of a library: another process makes them again under the same names.
library = types.ModuleType("library")
sys.modules["library"] = library


def exported(made):
    made.__module__ = "library"
    setattr(library, made.__name__, made)
    return made


@exported
class Plain:
    pass


@exported
class Slotted:
    __slots__ = ("left", "right")


@exported
class ListOfMine(list):
    pass


@exported
class DictOfMine(dict):
    pass


@exported
class WithArguments:
    def __new__(cls, *args, **keywords):
        made = super().__new__(cls)
        made.made_from = (args, keywords)
        return made

    def __getnewargs_ex__(self):
        return self.made_from


Point = exported(collections.namedtuple("Point", "x y"))
Colour = exported(enum.Enum("Colour", {"RED": 1, "BLUE": "b"}, module="library"))
Level = exported(enum.IntEnum("Level", {"LOW": 1, "HIGH": 2}, module="library"))


@exported
class Net(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.tied = self.first
        self.register_buffer("scratch", torch.ones(2), persistent=False)
        self.children_of_mine = nn.ModuleList([nn.Linear(4, 2), nn.Dropout(0.1)])
        self.activation = torch.nn.functional.gelu


class Maker:
    def __init__(self, rng):
        self.rng, self.made, self.open = rng, [], []

    def plain(self):
        rng = self.rng
        return rng.choice([
            None, True, False, 0, -7, 2**40, 2**63, -2**63 - 1, 2**127 - 1, -2**200, 2**1000, 1.5, float("nan"), -0.0,
            "", "größe", "a\nb", b"", b"\0\xff", bytes(range(256)), "\ud800x", 3 + 4j])

    def tensor(self):
        rng = self.rng
        base = torch.tensor([rng.random() for _ in range(6)]).reshape(2, 3)
        made = rng.choice([
            lambda: base, lambda: base.to(torch.int16), lambda: nn.Parameter(base), lambda: base.clone().requires_grad_(),
            lambda: nn.Parameter(base, requires_grad=False), lambda: torch.eye(3).to_sparse(),
            lambda: torch.eye(3).to_sparse_csr(), lambda: torch.view_as_complex(base.reshape(3, 2)).conj(),
            lambda: base.untyped_storage(), lambda: torch.empty(2, 3, device="meta"),
            lambda: torch.quantize_per_tensor(base, 0.1, 2, torch.quint8)])()
        if isinstance(made, nn.Parameter) and rng.random() < 0.3:
            made.is_norm = True
        return made

    def array(self):
        rng = self.rng
        kind = rng.randrange(9)
        if kind == 0:
            return rng.choice([numpy.float64(0.93), numpy.int64(-5), numpy.float16(2), numpy.bool_(True), numpy.uint8(9),
                               numpy.complex64(1 + 2j)])
        if kind == 1:
            return numpy.array(rng.choice([["a", "bc"], [b"x", b"yz"], [["ä\0b"], ["😀"]], [b"\xff"] * 3, "x"]))
        if kind == 2:
            made = numpy.array(rng.choice([[1, "a", None], [[1, [2]], [None, {"a": Plain}]], []]), dtype=object)
            self.made.append(made)
            if made.size and rng.random() < 0.5:
                made.flat[0] = rng.choice([made, Plain(), numpy.ones(2), torch.ones(2)])
            return numpy.asfortranarray(made) if rng.random() < 0.2 else made
        if kind == 3:
            return rng.choice([
                numpy.array("2026-01-02", dtype="datetime64[D]"), numpy.array([1, -2, "NaT"], "timedelta64[25s]"),
                numpy.array(["2026-01-02T03:04:05.678"], "datetime64"), numpy.array([3], "timedelta64"),
                numpy.datetime64("2026-01-02"), numpy.array([(1, "a")], dtype=[("x", "i4"), ("y", "U2")])])
        dtype = rng.choice(["f4", "f8", "i2", "u4", "?", "c8", "u1", "i8", "f2"])
        made = numpy.arange(12).reshape(3, 4).astype(dtype)
        if kind == 4:
            made = numpy.asfortranarray(made)
        if kind == 5:
            made = made[:, ::2]
        if kind == 6:
            made = made[0:0]
        return made

    def leaf_object(self):
        rng = self.rng
        return rng.choice([
            lambda: datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), lambda: datetime.timedelta(3, 4),
            lambda: pathlib.PurePosixPath("a/b"), lambda: torch.device("cuda:1"), lambda: torch.float16,
            lambda: Colour.RED, lambda: Level.HIGH, lambda: torch.Size([1, 2]), lambda: range(1, 9, 2),
            lambda: slice(1, None, 2), lambda: bytearray(b"abc"), lambda: decimal.Decimal("1.10"),
            lambda: fractions.Fraction(1, 3), lambda: uuid.UUID(int=5), lambda: Plain, lambda: os.path.join,
            lambda: torch.strided, lambda: frozenset(["b", "a"]), lambda: numpy.random.default_rng(3).bit_generator.state,
            lambda: numpy.dtype("f4"), lambda: Ellipsis])()

    def value(self, depth):
        rng = self.rng
        kind = rng.random()
        if self.made and kind < 0.12:
            return rng.choice(self.made)
        if self.open and kind < 0.15:
            return rng.choice(self.open)
        if depth == 0 or kind < 0.3:
            return rng.choice([self.plain, self.plain, self.tensor, self.array, self.leaf_object])()
        many = [None] * rng.randrange(4)
        if kind < 0.38:
            return [self.value(depth - 1) for _ in many]
        if kind < 0.46:
            return tuple(self.value(depth - 1) for _ in many)
        if kind < 0.56:
            keys = [rng.choice(["a", "b", 1, None, 1.5, (0, 1), b"k", torch.float32, Colour.BLUE, 2**70]) for _ in many]
            return {key: self.value(depth - 1) for key in keys}
        if kind < 0.6:
            return {rng.choice([1, "x", None, 2.5, b"y"]) for _ in many}
        made = rng.choice([
            lambda: Plain(), lambda: Slotted(), lambda: ListOfMine(), lambda: DictOfMine(), lambda: argparse.Namespace(),
            lambda: collections.deque(maxlen=5), lambda: collections.defaultdict(list), lambda: collections.Counter(),
            lambda: WithArguments(1, name="x"), lambda: Net(rng.randrange(9)), lambda: Point(1, self.value(depth - 1)),
            lambda: functools.partial(max, 1), lambda: collections.OrderedDict(), lambda: nn.Linear(1, 1).state_dict(), lambda: types.SimpleNamespace()])()
        if isinstance(made, Point):
            return made
        self.made.append(made)
        # While an object is being filled, what is in it may name it.
        self.open.append(made)
        if isinstance(made, (list, collections.deque)):
            made.extend(self.value(depth - 1) for _ in many)
        elif isinstance(made, collections.Counter):
            made.update("abca")
        elif isinstance(made, dict):
            made.update((rng.choice("abcd"), self.value(depth - 1)) for _ in many)
        if isinstance(made, Slotted):
            made.left = self.value(depth - 1)
        elif hasattr(made, "__dict__") and not isinstance(made, (functools.partial, nn.Module)):
            for _ in many:
                setattr(made, rng.choice(["alpha", "beta", "gamma"]), self.value(depth - 1))
        self.open.pop()
        return made


def generate(folder, count, seed):
    torch.set_num_threads(1)
    index = attempt = 0
    while index < count:
        rng = random.Random(f"{seed} {attempt}")
        attempt += 1
        maker = Maker(rng)
        # Some have one value alone, so that some are harmless.
        value = {"weight": torch.ones(2), **{name: maker.value(4) for name in rng.choice(["abcd", "a"])}}
        protocol = rng.choice([2, 2, 2, 3, 4, 5])
        path = os.path.join(folder, f"case-{index:04}.p{protocol}.pytorch")
        try:
            if rng.random() < 0.7:
                torch.save(value, path, pickle_protocol=protocol)
            else:
                torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
            torch.load(path, weights_only=False)
        except Exception:
            # What Python cannot write or read is no case.
            os.path.exists(path) and os.remove(path)
            continue
        index += 1


def reduced(value):
    """What pickle would make `value` of, at protocol 2: the same for equal objects."""
    return value.__reduce_ex__(2)


def same(a, b, path, seen):
    where = path or "the checkpoint"
    assert type(a) is type(b), f"{where}: {type(a)} is not {type(b)}"
    if a is None or a is Ellipsis or isinstance(a, (bool, int, str, bytes, type, types.FunctionType, enum.Enum,
                                                    types.BuiltinFunctionType, torch.dtype, torch.layout, numpy.dtype)):
        assert a == b, f"{where}: {a!r} is not {b!r}"
        return
    if isinstance(a, float):
        assert struct.pack("<d", a) == struct.pack("<d", b), f"{where}: {a} is not {b}"
        return
    if isinstance(a, complex):
        assert a == b, f"{where}: {a} is not {b}"
        return
    # Lists and dictionaries that are there twice come back as two.
    mutable = not isinstance(a, (tuple, frozenset)) and type(a) not in (list, dict, collections.OrderedDict)
    if mutable or (id(a), id(b)) in seen["pairs"]:
        # One object stays one; two stay two.
        if id(a) in seen["there"] or id(b) in seen["back"]:
            if mutable:
                assert seen["there"].get(id(a)) == id(b) and seen["back"].get(id(b)) == id(a), f"{where}: identity"
            return
        seen["there"][id(a)], seen["back"][id(b)] = id(b), id(a)
    seen["pairs"].add((id(a), id(b)))
    seen["alive"] += [a, b]
    if isinstance(a, torch.Tensor):
        assert a.requires_grad == b.requires_grad and a.layout == b.layout, f"{where}: {a} is not {b}"
        assert (a.dtype, a.shape) == (b.dtype, b.shape), where
        assert a.is_conj() == b.is_conj(), f"{where}: conjugated"
        if a.device.type != "meta":
            x, y = (t.detach().dequantize() if t.is_quantized else t.detach().to_dense() for t in (a, b))
            assert torch.equal(x, y), f"{where}: {a} is not {b}"
        same(dict(vars(a)), dict(vars(b)), path + "/__dict__", seen)
    elif isinstance(a, (torch.UntypedStorage, torch.TypedStorage)):
        assert bytes(a.untyped()) == bytes(b.untyped()), f"{where}: other bytes"
    elif isinstance(a, numpy.ndarray) and a.dtype != object:
        assert (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes(), f"{where}: {a!r} is not {b!r}"
    elif isinstance(a, numpy.generic):
        assert a.tobytes() == b.tobytes(), f"{where}: {a!r} is not {b!r}"
    elif type(a) in (set, frozenset):
        assert a == b, f"{where}: {a!r} is not {b!r}"
    elif type(a) in (dict, collections.OrderedDict):
        assert len(a) == len(b), f"{where}: {a!r} is not {b!r}"
        for (k, x), (l, y) in zip(a.items(), b.items()):
            same(k, l, f"{path}/key {k!r}", seen)
            same(x, y, f"{path}/{k!r}", seen)
        if type(a) is collections.OrderedDict:
            same(dict(vars(a)), dict(vars(b)), path + "/__dict__", seen)
    elif type(a) in (list, tuple):
        assert len(a) == len(b), f"{where}: other length"
        for index, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{path}/{index}", seen)
    else:
        first, second = reduced(a), reduced(b)
        first, second = ((*r[:3], *(list(p) if p else None for p in r[3:5])) if isinstance(r, tuple) else r
                         for r in (first, second))
        same(first, second, f"{path}<{type(a).__name__}>", seen)


def weights_only_loads(path):
    try:
        torch.load(path, weights_only=True)
        return True
    except Exception:
        return False


def compare(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".pytorch"))
    failures = []
    harmless = 0
    for name in names:
        path = os.path.join(folder, name)
        try:
            first, second = (torch.load(p, weights_only=False) for p in (path, path + ".out"))
            same(first, second, "", {"there": {}, "back": {}, "pairs": set(), "alive": []})
            if os.path.exists(path + ".risk"):
                with open(path + ".risk") as file:
                    risk = file.read()
                harmless += risk == "harmless"
                loads = weights_only_loads(path)
                # Of protocols above 2, weights_only refuses operations, too.
                assert not loads or risk == "harmless", f"weights_only loads what is called {risk}"
                assert loads or risk != "harmless" or ".p2." not in name, "weights_only refuses what is called harmless"
        except AssertionError as error:
            failures.append(f"{name}: {error}")
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    if failures:
        sys.exit("\n".join(failures))
    print(f"{len(names)} files are the same, {harmless} of them harmless")


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    if sys.argv[1] == "generate":
        generate(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        compare(sys.argv[2])
