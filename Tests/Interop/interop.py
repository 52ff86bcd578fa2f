"""Random checkpoints, written by the real libraries and compared after a round trip through this package.

    python interop.py generate FOLDER COUNT SEED    writes cases into FOLDER
    python interop.py compare FOLDER                compares each case with what came back as its `.out`

InteropTests.swift reads each case and writes it again in between. Needs torch, safetensors and numpy.
"""

import os
import random
import struct
import sys
import warnings
from collections import OrderedDict

import numpy
import safetensors.torch
import torch
from torch import nn

warnings.filterwarnings("ignore")

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz, torch.float8_e8m0fnu,
]
ONLY_TORCH = [torch.complex32, torch.complex128]
LEGACY = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128,
]
NAMES = ["weight", "bias", "hidden.weight", "größe", "a/b", "a~b", "", " ", "😀", "x" * 300, "\n\t\"\\", "0"]


class Maker:
    def __init__(self, rng, dtypes):
        self.rng, self.dtypes, self.made = rng, dtypes, []

    def tensor(self):
        rng = self.rng
        if self.made and rng.random() < 0.3:
            # The same tensor, or a view of one that is there.
            base = rng.choice(self.made)
            kind = rng.randrange(5)
            if kind == 0 or base.dim() == 0:
                return base
            if kind == 1:
                return base.detach().t() if base.dim() == 2 else base.detach()
            if kind == 2:
                return base.detach()[rng.randrange(base.shape[0] + 1):]
            if kind == 3:
                return base.detach()[..., :: rng.randrange(1, 3)]
            return base.detach().unsqueeze(0).expand(3, *base.shape)
        dtype = rng.choice(self.dtypes)
        shape = [rng.choice([0, 1, 2, 3, 5, 17]) for _ in range(rng.randrange(4))]
        count = 1
        for length in shape:
            count *= length
        width = torch.empty(0, dtype=dtype).element_size()
        # Any bits: NaN payloads, -0 and subnormals among them. Booleans are 0 and 1.
        limit = 2 if dtype == torch.bool else 256
        data = bytearray(rng.randrange(limit) for _ in range(count * width))
        flat = torch.frombuffer(data, dtype=torch.uint8).clone() if data else torch.empty(0, dtype=torch.uint8)
        value = flat.view(dtype).reshape(shape)
        if rng.random() < 0.15 and (dtype.is_floating_point or dtype.is_complex):
            value = nn.Parameter(value)
        self.made.append(value)
        return value

    def value(self, depth):
        rng = self.rng
        kind = rng.random()
        if depth == 0 or kind < 0.5:
            return self.tensor()
        if kind < 0.6:
            return rng.choice([
                None, True, False, 0, -1, 255, 256, 65536, 2**31, -2**31 - 1, 2**63 - 1, -2**63, "", "text", "\0é😀",
                0.1, -0.0, float("inf"), struct.unpack("<d", rng.randbytes(8))[0]])
        if kind < 0.7:
            return [self.value(depth - 1) for _ in range(rng.randrange(5))]
        if kind < 0.8:
            return tuple(self.value(depth - 1) for _ in range(rng.randrange(5)))
        keys = [rng.choice(NAMES + [rng.randrange(-3, 1000)]) for _ in range(rng.randrange(6))]
        if rng.random() < 0.1:
            keys.append(False)
            keys = [key for key in keys if key is False or key != 0]
        pairs = [(key, self.value(depth - 1)) for key in keys]
        return OrderedDict(pairs) if rng.random() < 0.5 else dict(pairs)


def generate(folder, count, seed):
    torch.set_num_threads(1)
    for index in range(count):
        rng = random.Random(f"{seed} {index}")
        stem = os.path.join(folder, f"case-{index:04}")
        torch.save(Maker(rng, DTYPES + ONLY_TORCH).value(4), stem + ".pytorch")
        torch.save(Maker(rng, LEGACY).value(4), stem + ".old.pytorch", _use_new_zipfile_serialization=False)
        maker = Maker(rng, DTYPES)
        tensors = {}
        for _ in range(rng.randrange(8)):
            maker.made = []
            tensors[rng.choice(NAMES) + rng.choice(["", "0", "1"])] = maker.tensor().detach()
        metadata = {rng.choice(NAMES): rng.choice(NAMES)} if rng.random() < 0.5 else None
        safetensors.torch.save_file(tensors, stem + ".safetensors", metadata=metadata)
        arrays = {}
        for _ in range(rng.randrange(1, 6)):
            maker = Maker(rng, [dtype for dtype in LEGACY if dtype not in (torch.bfloat16,)])
            array = maker.tensor().detach().numpy()
            if rng.random() < 0.5:
                array = numpy.asfortranarray(array)
            if rng.random() < 0.3:
                array = array.astype(array.dtype.newbyteorder(">"))
            arrays[rng.choice(["weight", "größe", "a/b", " ", "😀"]) + rng.choice(["", "0"])] = array
        save = numpy.savez if rng.random() < 0.5 else numpy.savez_compressed
        with open(stem + ".npz", "wb") as file:
            save(file, **arrays)


def same(a, b, path, seen):
    where = path or "the checkpoint"
    assert type(a) is type(b), f"{where}: {type(a)} is not {type(b)}"
    if isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype and a.shape == b.shape, f"{where}: {a.dtype}{a.shape} is not {b.dtype}{b.shape}"
        assert a.stride() == b.stride() and a.storage_offset() == b.storage_offset(), f"{where}: another view"
        assert bytes(a.untyped_storage()) == bytes(b.untyped_storage()), f"{where}: other bytes"
        # One storage, and one object, stays one; two stay two.
        for kind, x, y in (
            ("storage", a.untyped_storage()._cdata, b.untyped_storage()._cdata), ("object", id(a), id(b))):
            for key, mine, other in ((f"{kind} there", x, y), (f"{kind} back", y, x)):
                assert seen.setdefault((key, mine), other) == other, f"{where}: {kind} no longer shared"
    elif isinstance(a, dict):
        assert list(a) == list(b), f"{where}: other keys"
        assert [type(key) for key in a] == [type(key) for key in b], f"{where}: other types of keys"
        for key in a:
            same(a[key], b[key], f"{path}/{key!r}", seen)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), f"{where}: other length"
        for index, (x, y) in enumerate(zip(a, b)):
            same(x, y, f"{path}/{index}", seen)
    elif isinstance(a, float):
        assert struct.pack("<d", a) == struct.pack("<d", b), f"{where}: {a} is not {b}"
    else:
        assert a == b, f"{where}: {a!r} is not {b!r}"


def compare(folder):
    names = sorted(name for name in os.listdir(folder) if not name.endswith(".out"))
    for name in names:
        path = os.path.join(folder, name)
        try:
            if name.endswith(".pytorch"):
                first, second = (torch.load(p, weights_only=True) for p in (path, path + ".out"))
                same(first, second, "", {})
            elif name.endswith(".safetensors"):
                with open(path, "rb") as first, open(path + ".out", "rb") as second:
                    assert first.read() == second.read(), "other bytes"
                assert len(safetensors.torch.load_file(path)) == len(safetensors.torch.load_file(path + ".out"))
            else:
                first, second = numpy.load(path), numpy.load(path + ".out")
                assert first.files == second.files, "other names"
                for key in first.files:
                    a, b = first[key], second[key]
                    assert a.shape == b.shape and a.dtype.newbyteorder("<") == b.dtype.newbyteorder("<"), key
                    assert a.astype(b.dtype).tobytes() == b.tobytes(), f"{key}: other bytes"
        except AssertionError as error:
            sys.exit(f"{name}: {error}")
    print(f"{len(names)} files are the same")


if __name__ == "__main__":
    if sys.argv[1] == "generate":
        generate(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        compare(sys.argv[2])
