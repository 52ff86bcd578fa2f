"""Writes the example files of this folder with PyTorch, safetensors, NumPy and gguf, and expected.json with what they hold.

Run with torch 2.13.0+cpu, safetensors 0.8.0, numpy 2.4.6 and gguf 0.19.0 (`pip install torch safetensors numpy gguf`):

    python make_examples.py

Seeds are fixed and one thread is used, so a second run writes the same values.
"""

import hashlib
import importlib.metadata
import json
import os
import struct
import warnings
from collections import OrderedDict

import gguf
import numpy
import safetensors
import safetensors.torch
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_num_threads(1)
warnings.filterwarnings("ignore", "ComplexHalf support is experimental")


def path_of(name):
    return os.path.join(HERE, name)


# ---- What PyTorch sees in a file -------------------------------------------------------------------------

def escaped(key):
    text = str(key).lower() if isinstance(key, bool) else str(key)
    return text.replace("~", "~0").replace("/", "~1")


def packed(tensor):
    """The elements in row-major order, little-endian."""
    tensor = tensor.detach().clone(memory_format=torch.contiguous_format)
    return bytes(tensor.untyped_storage())


def tensor_leaf(path, tensor):
    data = packed(tensor)
    dtype, shape = str(tensor.dtype).removeprefix("torch."), list(tensor.shape)
    if tensor.dtype == torch.float4_e2m1fn_x2:
        # PyTorch counts bytes of two elements; a checkpoint counts elements.
        dtype, shape = "float4_e2m1fn", shape[:-1] + [2 * shape[-1]]
    leaf = {"path": path, "kind": "tensor", "dtype": dtype, "shape": shape}
    if tensor.dtype != torch.float4_e2m1fn_x2:
        leaf["strides"] = list(tensor.stride())
        leaf["offset"] = tensor.storage_offset()
    if isinstance(tensor, nn.Parameter):
        leaf["role"] = "parameter" if tensor.requires_grad else "frozen_parameter"
    else:
        leaf["role"] = "requires_grad" if tensor.requires_grad else "unspecified"
    leaf["sha256"] = hashlib.sha256(data).hexdigest()
    leaf["first_bytes"] = data[:16].hex()
    try:
        leaf["printed"] = str(tensor.detach().reshape(-1)[:4].tolist())
    except (RuntimeError, NotImplementedError):
        pass
    return leaf


def array_leaf(path, array):
    native = array.astype(array.dtype.newbyteorder("<"))
    # Strides as they are in the file: NumPy reads single elements and empty arrays with others.
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    strides = numpy.empty(array.shape, numpy.uint8, order).strides if array.size else None
    return {
        "path": path, "kind": "tensor", "dtype": str(array.dtype.newbyteorder("=")), "shape": list(array.shape),
        "strides": list(strides) if strides is not None else None, "offset": 0, "role": "unspecified",
        "sha256": hashlib.sha256(native.tobytes("C")).hexdigest(), "first_bytes": native.tobytes("C")[:16].hex(),
        "printed": str(array.reshape(-1)[:4].tolist()),
    }


def leaves(value, path, found, storages):
    def children(pairs):
        for key, child in pairs:
            leaves(child, f"{path}/{escaped(key)}" if path is not None else escaped(key), found, storages)

    here = path or ""
    if isinstance(value, numpy.ndarray):
        found.append(array_leaf(here, value))
    elif isinstance(value, torch.Tensor):
        found.append(tensor_leaf(here, value))
        storages.setdefault(value.untyped_storage()._cdata, []).append(here)
    elif isinstance(value, dict):
        kind = "ordered_dict" if type(value) is OrderedDict else "dict"
        found.append({"path": here, "kind": kind, "count": len(value)})
        children(value.items())
    elif isinstance(value, (list, tuple)):
        kind = "torch.Size" if type(value) is torch.Size else "list" if type(value) is list else "tuple"
        found.append({"path": here, "kind": kind, "count": len(value)})
        children(enumerate(value))
    elif value is None:
        found.append({"path": here, "kind": "none"})
    elif isinstance(value, bool):
        found.append({"path": here, "kind": "boolean", "printed": str(value).lower()})
    elif isinstance(value, int):
        found.append({"path": here, "kind": "integer", "printed": str(value)})
    elif isinstance(value, float):
        bits = struct.pack(">d", value).hex()
        found.append({"path": here, "kind": "number", "printed": repr(value), "bits": bits})
    elif isinstance(value, str):
        found.append({"path": here, "kind": "string", "printed": value})
    else:
        raise TypeError(f"{here}: {type(value)}")


def seen(name):
    """What is in the file called `name`, as the library that wrote it reads it."""
    entry = {}
    if name.endswith(".safetensors"):
        with open(path_of(name), "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        # The library returns metadata and names in an order of its own; the header has the file's.
        metadata = header.pop("__metadata__", {})
        with safetensors.safe_open(path_of(name), "pt") as file:
            value = {key: file.get_tensor(key) for key in header}
            assert file.metadata() == metadata
        entry = {"format": "safetensors", "metadata": list(metadata.items())}
    elif name.endswith(".gguf"):
        return seen_gguf(name)
    elif name.endswith((".npy", ".npz")):
        value = numpy.load(path_of(name))
        value = dict(value) if name.endswith(".npz") else value
        entry = {"format": name[-3:]}
    else:
        value = torch.load(path_of(name), weights_only=True)
        entry = {"format": "pytorch"}
    found, storages = [], {}
    leaves(value, None, found, storages)
    entry["leaves"] = found
    entry["tied"] = [group for group in storages.values() if len(group) > 1]
    return entry


def seen_gguf(name):
    """Tensors as NumPy arrays, quantised blocks as bytes; metadata as the library reads it."""
    reader = gguf.GGUFReader(path_of(name))
    plain = {gguf.GGMLQuantizationType[key] for key in ("F32", "F16", "F64", "I8", "I16", "I32", "I64")}
    found = [{"path": "", "kind": "dict", "count": len(reader.tensors)}]
    for tensor in reader.tensors:
        array = numpy.ascontiguousarray(tensor.data)
        leaf = array_leaf(escaped(tensor.name), array)
        leaf["strides"] = [stride // array.itemsize for stride in array.strides]
        if tensor.tensor_type == gguf.GGMLQuantizationType.BF16:
            # Bytes to NumPy, which has no such type.
            leaf |= {"dtype": "bfloat16", "shape": leaf["shape"][:-1] + [leaf["shape"][-1] // 2]}
            leaf["strides"] = [stride // 2 for stride in leaf["strides"][:-1]] + [1]
        found.append(leaf)
    facts = {
        key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    blocks = {
        tensor.name: tensor.tensor_type.name for tensor in reader.tensors
        if tensor.tensor_type not in plain and tensor.tensor_type != gguf.GGMLQuantizationType.BF16}
    return {"format": "gguf", "facts": facts | {"gguf.block_types": blocks}, "leaves": found, "tied": []}


# ---- The files -------------------------------------------------------------------------------------------

class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(20, 256)
        self.output = nn.Linear(256, 10)

    def forward(self, x):
        return self.output(torch.relu(self.hidden(x)))


def trained():
    """Writes an MLP at several steps of a real training run, and a checkpoint that it can be resumed from."""
    torch.manual_seed(0)
    inputs = torch.randn(512, 20)
    labels = (inputs @ torch.randn(20, 10)).argmax(dim=1)
    net = MLP()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=40, gamma=0.5)
    losses = []
    for step in range(101):
        if step in (0, 10, 20, 50, 100):
            torch.save(net.state_dict(), path_of(f"mlp-step-{step:03}.pt"))
        if step == 100:
            break
        batch = torch.randint(0, 512, (64,))
        loss = nn.functional.cross_entropy(net(inputs[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    safetensors.torch.save_file(
        dict(net.state_dict()), path_of("mlp-step-100.safetensors"),
        metadata={"format": "pt", "step": "100", "network": "20-256-10", "note": "größer \"quoted\"\n\ttab"})
    torch.save(
        {
            "model": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "epoch": 12,
            "step": 100,
            "loss": losses[-1],
            "losses": losses[-3:],
            "betas": (0.9, 0.999),
            "best": True,
            "config": {"activation": "relu", "dropout": None, "sizes": [20, 256, 10]},
        },
        path_of("checkpoint.pt"))


def plain():
    """A tensor, a list and a dictionary, saved as a beginner's book does: no extension."""
    x, y = torch.arange(4), torch.zeros(4)
    torch.save(x, path_of("x-file"))
    torch.save([x, y], path_of("x-files"))
    torch.save({"x": x, "y": y}, path_of("mydict"))


def tied():
    """A network with one layer in two places, and a copy that is equal but not tied."""
    torch.manual_seed(1)
    shared = nn.Linear(8, 8)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), shared, nn.ReLU(), shared, nn.ReLU(), nn.Linear(8, 1))
    state = net.state_dict()
    state["copy.weight"] = shared.weight.detach().clone()
    torch.save(state, path_of("tied.pt"))


def views():
    """Views of one storage, one slice alone of a large storage, and parameters."""
    torch.manual_seed(2)
    base = torch.randn(8, 6)
    large = torch.arange(4096, dtype=torch.float32)
    parameter = nn.Parameter(torch.randn(3))
    torch.save(
        {
            "base": base,
            "transposed": base.t(),
            "rows": base[2:5],
            "every second column": base[:, ::2],
            "row": base[3],
            "scalar": base[7, 5],
            "expanded": base[0:1].expand(4, 6),
            "empty": base[8:],
            "same": base,
            "lone slice": large[1000:1010],
            "parameter": parameter,
            "parameter again": parameter,
            "data": parameter.data,
            "frozen": nn.Parameter(torch.ones(2), requires_grad=False),
            0: torch.Size([2, 3]),
            True: base[0],
            "a/b~c": {"": torch.tensor(1.5)},
        },
        path_of("views.pt"))


INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = {
    # Bit patterns: 0, -0, the least subnormal, its negative, 1, infinity or the greatest, quiet and signalling
    # NaNs with payloads.
    "float16": ("H", [0, 0x8000, 1, 0x8001, 0x3C00, 0x7C00, 0x7E01, 0xFD55]),
    "bfloat16": ("H", [0, 0x8000, 1, 0x8001, 0x3F80, 0x7F80, 0x7FC1, 0xFFA5]),
    "float32": ("I", [0, 1 << 31, 1, (1 << 31) + 1, 0x3F800000, 0x7F800000, 0x7FC00123, 0xFF812345]),
    "float64": ("Q", [0, 1 << 63, 1, (1 << 63) + 1, 0x3FF0 << 48, 0x7FF0 << 48, (0x7FF8 << 48) + 0x123,
                      (0xFFF0 << 48) + 0x12345]),
}
BYTES = ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu",
         "float4_e2m1fn_x2"]
COMPLEX = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}


def dtypes():
    """Every dtype that each format can store, with the values that are easily lost."""
    def of_bits(dtype, code, bits):
        return torch.frombuffer(bytearray(struct.pack(f"<{len(bits)}{code}", *bits)), dtype=dtype).clone()

    tensors = {"bool": torch.tensor([True, False, True])}
    for name in INTEGERS:
        dtype = getattr(torch, name)
        limits = torch.iinfo(dtype)
        tensors[name] = torch.tensor([limits.min, 0, 1, limits.max], dtype=dtype)
    for name, (code, bits) in FLOATS.items():
        tensors[name] = of_bits(getattr(torch, name), code, bits)
    for name in BYTES:
        tensors[name] = torch.arange(256, dtype=torch.uint8).view(getattr(torch, name)).reshape(16, 16)
    for name, half in COMPLEX.items():
        code, bits = FLOATS[half]
        tensors[name] = of_bits(getattr(torch, name), code, bits)
    for name in ("float32", "bfloat16", "int64"):
        tensors[f"scalar {name}"] = torch.tensor(-3, dtype=getattr(torch, name))
        tensors[f"empty {name}"] = torch.zeros(0, 3, dtype=getattr(torch, name))
    torch.save(tensors, path_of("dtypes.pt"))
    for name in ("complex32", "complex128"):  # safetensors has no such types
        del tensors[name]
    safetensors.torch.save_file(tensors, path_of("dtypes.safetensors"), metadata={"format": "pt"})


def legacy():
    """What torch.save wrote before PyTorch 1.6."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    torch.save(
        OrderedDict([
            ("base", base), ("transposed", base.t()), ("row", base[1]), ("empty", torch.zeros(0)),
            ("half", torch.ones(3, dtype=torch.float16)), ("parameter", nn.Parameter(torch.zeros(2))), ("epoch", 3),
        ]),
        path_of("legacy.pt"), _use_new_zipfile_serialization=False)


def arrays():
    """NumPy arrays of every dtype, byte order and memory order."""
    rng = numpy.random.default_rng(3)
    weight = rng.standard_normal((3, 4)).astype(numpy.float32)
    numpy.save(path_of("array.npy"), numpy.asfortranarray(weight))
    found = {"weight": weight, "big endian": weight.astype(">f4"), "fortran": numpy.asfortranarray(weight)}
    for name in INTEGERS:
        limits = numpy.iinfo(name)
        found[name] = numpy.array([limits.min, 0, 1, limits.max], dtype=name)
        found[f"big endian {name}"] = found[name].astype(found[name].dtype.newbyteorder(">"))
    for name, (code, bits) in FLOATS.items():
        if name != "bfloat16":
            found[name] = numpy.frombuffer(struct.pack(f"<{len(bits)}{code}", *bits), name)
            found[f"big endian {name}"] = found[name].astype(found[name].dtype.newbyteorder(">"))
    found["complex64"] = (weight + 1j).astype(numpy.complex64)
    found["complex128"] = weight.astype(">c16") * 1j
    found["bool"] = weight > 0
    found["scalar"] = numpy.array(-3.5)
    found["empty"] = numpy.zeros((0, 3), numpy.int16)
    numpy.savez(path_of("arrays.npz"), **found)
    numpy.savez_compressed(path_of("arrays-deflated.npz"), zeros=numpy.zeros((64, 64)), **found)


def quantised():
    """A GGUF file with metadata of every type, tensors of every plain type, and quantised blocks."""
    rng = numpy.random.default_rng(4)
    writer = gguf.GGUFWriter(path_of("quantised.gguf"), "llama")
    for value, kind in [
            (255, "UINT8"), (-128, "INT8"), (65535, "UINT16"), (-32768, "INT16"), (4294967295, "UINT32"),
            (-2147483648, "INT32"), (18446744073709551615, "UINT64"), (-9223372036854775808, "INT64"),
            (0.5, "FLOAT32"), (0.1, "FLOAT64"), (True, "BOOL"), ("größer \"quoted\"\n", "STRING")]:
        writer.add_key_value(f"example.{kind.lower()}", value, gguf.GGUFValueType[kind])
    writer.add_array("example.integers", [1, -2, 3])
    writer.add_array("example.texts", ["a", "é", ""])
    weight = rng.standard_normal((4, 64)).astype(numpy.float32)
    writer.add_tensor("float32", weight)
    for name in ("float16", "float64", "int8", "int16", "int32", "int64"):
        writer.add_tensor(name, (weight * 8).astype(name)[:3, :5])
    for name in ("BF16", "Q8_0", "Q4_0", "Q5_1"):
        kind = gguf.GGMLQuantizationType[name]
        writer.add_tensor(f"blk.0.{name.lower()}.weight", gguf.quants.quantize(weight, kind), raw_dtype=kind)
    writer.add_tensor("vector", weight[0, :7])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    plain()
    trained()
    tied()
    views()
    dtypes()
    legacy()
    arrays()
    quantised()
    names = sorted(
        name for name in os.listdir(HERE) if name.endswith((".pt", ".safetensors", ".npy", ".npz", ".gguf")) or "." not in name)
    expected = {
        "torch": torch.__version__,
        "safetensors": safetensors.__version__,
        "numpy": numpy.__version__,
        "gguf": importlib.metadata.version("gguf"),
        "files": {name: seen(name) for name in names},
    }
    # One value per line.
    text = json.dumps(expected, ensure_ascii=False)
    text = text.replace('{"path"', '\n{"path"').replace(', "tied"', ',\n"tied"').replace(': {"format"', ':\n{"format"')
    assert json.loads(text) == json.loads(json.dumps(expected))
    with open(path_of("expected.json"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(f"torch {torch.__version__}, safetensors {safetensors.__version__}, numpy {numpy.__version__}")
    for name in names:
        print(f"{os.path.getsize(path_of(name)):8} bytes  {len(expected['files'][name]['leaves']):3} values  {name}")


if __name__ == "__main__":
    main()
