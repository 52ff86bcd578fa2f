#!/usr/bin/env python3
"""Feeds hostile checkpoints to the program: each must be refused with one line and exit status 65, or saved, and must
never take more than 100 MB of memory beyond the file.

usage: attacks.py MODELREG        (standard library only)

The tables of malformed files stand in the Swift tests, next to each parser. These are the attacks that show only in a
whole process: what runs, what fills memory, what fills the stack, what takes for ever.
"""
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
import zlib

MEGABYTE = 1 << 20
ALLOWED_BYTES = 100 * MEGABYTE
ALLOWED_SECONDS = 60


def zipped(*entries, compression=zipfile.ZIP_STORED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return target.getvalue()


def torch_file(pickle, *storages, compression=zipfile.ZIP_STORED):
    return zipped(("a/data.pkl", pickle), ("a/version", "3\n"), *storages, compression=compression)


def safetensors(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


def tensor(key="0", count=4, shape=(4,), strides=(1,), offset=0):
    """A float32 tensor as torch.save pickles it."""
    def number(n):
        return b"\x8a\x08" + struct.pack("<q", n) if not 0 <= n < 2**31 else b"J" + struct.pack("<i", n)

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    return (b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX" + struct.pack("<I", len(key))
            + key.encode() + b"X\x03\0\0\0cpu" + number(count) + b"tQ" + number(offset) + numbers(shape) + numbers(strides)
            + b"\x89ccollections\nOrderedDict\n)RtR")


def calls(module, name, arguments=b"(X\x04\0\0\0truet"):
    return f"c{module}\n{name}\n".encode() + arguments + b"R."


def doubling_lists(count):
    pickle = b"]q\x00"
    for i in range(count):
        pickle += b"]q" + bytes([i + 1]) + b"h" + bytes([i]) + b"ah" + bytes([i]) + b"a"
    return b"(" + pickle + b"t."


def doubling_dictionaries(count):
    pickle = b"}q\x00"
    for i in range(count):
        pickle += b"}q" + bytes([i + 1]) + b"K\x01h" + bytes([i]) + b"sK\x02h" + bytes([i]) + b"s"
    return b"(" + pickle + b"t."


def deep_by_memo(count):
    made = b"".join(b"]r" + struct.pack("<I", i) for i in range(count))
    joined = b"".join(b"j" + struct.pack("<I", i) + b"j" + struct.pack("<I", i + 1) + b"a0" for i in range(count - 1))
    return made + joined + b"j" + struct.pack("<I", 0) + b"."


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def attacks():
    """Name, bytes, and whether it must be refused or saved (`None`: as the program likes)."""
    # Code, in each form that a pickle can name it.
    for module, name in (("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"),
                         ("subprocess", "Popen"), ("torch.hub", "load"), ("torch", "load"), ("builtins", "getattr"),
                         ("torch.storage", "_load_from_bytes"), ("numpy", "load")):
        yield f"calls-{module}.{name}.pt", torch_file(calls(module, name)), True
    # Code of a library that is no danger by itself becomes an object: saved, and nothing runs.
    for module, name in (("functools", "partial"), ("__main__", "Net"), ("mylib.os_tools", "system")):
        yield f"calls-{module}.{name}.pt", torch_file(calls(module, name)), False
    yield "stack-global.pt", torch_file(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."), True
    yield "instance.pt", torch_file(b"(X\x04\0\0\0trueios\nsystem\n."), True
    yield "object.pt", torch_file(b"(cos\nsystem\nX\x04\0\0\0trueo."), True
    yield "new-object.pt", torch_file(b"csubprocess\nPopen\n)\x81."), True
    yield "build.pt", torch_file(b"ccollections\nOrderedDict\n)R}X\x0a\0\0\0__reduce__Nsb."), None
    yield "extension.pt", torch_file(b"\x82\x01."), True
    yield "reduce-in-list.pt", torch_file(b"]" + calls("os", "system")[:-1] + b"a."), True
    yield "plain-pickle.pt", calls("os", "system"), True
    yield "second-pickle.pt", torch_file(b"N.cos\nsystem\n."), True

    # Memory and stack.
    yield "many-lists.pt", torch_file(b"(" + b"]" * 2_000_000 + b"t."), None
    yield "many-marks.pt", torch_file(b"(" * 2_000_000), True
    yield "many-nones.pt", torch_file(b"(" + b"N" * 3_000_000 + b"t."), None
    yield "sparse-memo.pt", torch_file(
        b"N" + b"".join(b"r" + struct.pack("<I", i * 7919 % 2**32) for i in range(400_000)) + b"."), None
    yield "deep-tuples.pt", torch_file(b")" + b"\x85" * 2_000_000 + b"."), True
    yield "deep-by-memo.pt", torch_file(deep_by_memo(100_000)), True
    yield "doubling-lists.pt", torch_file(doubling_lists(40)), True
    yield "doubling-dictionaries.pt", torch_file(doubling_dictionaries(40)), True
    yield "holds-itself.pt", torch_file(b"]q\0h\0a."), False
    yield "long-text.pt", torch_file(b"X" + struct.pack("<I", 0xFFFFFFF0) + b"x."), True
    yield "long-integer.pt", torch_file(b"\x8b" + struct.pack("<I", 0x7FFFFFFF) + b"x."), True
    yield "copied-text.pt", torch_file(
        b"(X" + struct.pack("<I", 100_000) + b"x" * 100_000 + b"q\0" + b"h\0" * 100_000 + b"t."), None
    yield "bomb.pt", torch_file(b"(" + b"N" * 60_000_000 + b"t.", compression=zipfile.ZIP_DEFLATED), True
    yield "bomb.npz", zipped(("a.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (250000000,), }".ljust(117) + b"\n") + bytes(4 * 250_000_000)),
        compression=zipfile.ZIP_DEFLATED), True

    # Tensors that are not what they say.
    storage = ("a/data/0", bytes(16))
    yield "short-storage.pt", torch_file(tensor(count=4000, shape=(4000,)) + b".", storage), True
    yield "beyond-storage.pt", torch_file(tensor(shape=(5,)) + b".", storage), True
    yield "negative-stride.pt", torch_file(tensor(strides=(-1,)) + b".", storage), True
    yield "negative-offset.pt", torch_file(tensor(offset=-4) + b".", storage), True
    yield "overflowing-stride.pt", torch_file(tensor(shape=(3,), strides=(2**62,)) + b".", storage), True
    yield "overflowing-shape.pt", torch_file(tensor(shape=(2**62, 2**62), strides=(0, 0)) + b".", storage), True
    yield "expanded.pt", torch_file(tensor(shape=(2**40,), strides=(0,)) + b".", storage), None
    yield "storage-elsewhere.pt", torch_file(tensor(key="../../etc/passwd") + b".", storage), True

    # Archives.
    plain = torch_file(tensor() + b".", storage)
    yield "twice.pt", torch_file(tensor() + b".", storage, storage), True
    yield "name-up.pt", torch_file(tensor() + b".", storage, ("a/../../x", b"x")), True
    yield "name-nul.pt", plain.replace(b"a/version", b"a/vers\0on"), True
    yield "overlap.pt", overlapping(plain), True
    yield "bad-checksum.pt", plain.replace(bytes(16), b"\1" + bytes(15), 1), True
    yield "polyglot.pt", b"#!/bin/sh\necho run\n" + plain, True
    yield "polyglot-safetensors.pt", safetensors(b"{}") + plain, True
    yield "cut.pt", plain[:-30], True

    # Headers.
    yield "brackets.safetensors", safetensors(b'{"a":' + b"[" * 20_000_000), True
    yield "huge-header.safetensors", struct.pack("<Q", 2**63) + b"{}", True
    yield "metadata.safetensors", safetensors(
        b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(1_000_000)) + b"}}"), None
    yield "overlap.safetensors", safetensors(
        json.dumps({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}).encode(), bytes(12)), True
    yield "hole.safetensors", safetensors(json.dumps({"a": entry("F32", [1], 4, 8)}).encode(), bytes(8)), True
    yield "overflow.safetensors", safetensors(json.dumps({"a": entry("F32", [2**62, 4], 0, 0)}).encode()), True
    yield "long-name.safetensors", safetensors(b'{"' + b"\\u00e9" * 3_000_000 + b'":{}}'), True
    yield "twice.safetensors", safetensors(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        b"xx"), True
    yield "objects.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + (
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n") + calls("os", "system"), True
    yield "many-objects.npz", zipped(*((f"{i}.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + (
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n") + calls("os", "system"))
        for i in range(20_000))), None
    yield "brackets.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", 60_000) + b"{'descr': " + b"[" * 59_990, True
    yield "huge.npy", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{}", True
    yield "many.gguf", b"GGUF" + struct.pack("<IQQ", 3, 2**62, 2**62), True
    yield "unknown-types.gguf", gguf([(f"t{i}", [2**40], 99, 0) for i in range(100_000)], bytes(1 << 20)), True
    yield "overlapping-types.gguf", gguf([("a", [64], 99, 0), ("b", [64], 99, 2**63)], bytes(1 << 20)), True
    yield "long-token.gguf", gguf([], b"", [b"\xff" * 50_000_000]), None
    yield "many-parts-00001-of-65535.gguf", gguf([], b"", (), (0, 65535)), True
    yield "loop.tar", (b"a".ljust(124, b"\0") + b"\x80" + b"\xff" * 11).ljust(257, b"\0") + b"ustar" + bytes(1 << 20), True
    yield "many.tar", (b"a".ljust(124, b"\0") + b"0".ljust(133, b"\0") + b"ustar" + bytes(250)) * 100_000, True
    yield "long.msgpack", b"\xdf\xff\xff\xff\xff\xd9\xff" + b"x" * 1_000_000, True
    yield "long.onnx", b"\x08\x08" + b"\x12\x00" * 5_000_000, True
    yield "page.pt", b"<!DOCTYPE html>" + b" " * 10_000_000, True
    yield "nothing.pt", b"", True
    yield "noise.pt", zlib.compress(bytes(range(256)) * 100), True


def gguf(tensors, data, texts=(), split=None):
    """A GGUF file of tensors (name, lengths, type, offset), with an array of texts."""
    def text(value):
        return struct.pack("<Q", len(value)) + value

    facts = [text(b"texts") + struct.pack("<IIQ", 9, 8, len(texts)) + b"".join(map(text, texts))]
    if split:
        facts += [text(b"split.no") + struct.pack("<IH", 2, split[0]), text(b"split.count") + struct.pack("<IH", 2, split[1])]
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts)) + b"".join(facts)
    for name, lengths, kind, offset in tensors:
        out += text(name.encode()) + struct.pack("<I", len(lengths)) + struct.pack(f"<{len(lengths)}Q", *lengths)
        out += struct.pack("<IQ", kind, offset)
    return out + bytes(-len(out) % 32) + data


def overlapping(archive):
    """The directory's second entry points at the first one's bytes."""
    first = archive.index(b"PK\x01\x02")
    second = archive.index(b"PK\x01\x02", first + 4)
    return archive[:second + 42] + archive[first + 42:first + 46] + archive[second + 46:]


def run(binary, *arguments):
    """Status, standard error, and peak bytes of a process."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return process.returncode, errors.read().decode(errors="replace"), usage.ru_maxrss * 1024


def write_attacks(folder):
    """Writes all files, and returns name and expectation of each.

    In a process of its own: a child begins with the memory that its parent has, and what it takes later would not show.
    """
    read, write = os.pipe()
    if os.fork() == 0:
        expectations = []
        for name, content, must_fail in attacks():
            expectations.append((name, must_fail))
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        with open(write, "w") as pipe:
            json.dump(expectations, pipe)
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        expectations = json.load(pipe)
    os.wait()
    return expectations


def main():
    binary = os.path.abspath(sys.argv[1])
    warnings.simplefilter("ignore")  # of zipfile, about what is meant to be wrong
    _, _, baseline = run(binary, "--version")
    failures = []
    count = 0
    worst = (0, "")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, must_fail in write_attacks(folder):
            count += 1
            started = time.monotonic()
            status, errors, peak = run(binary, "save", name, "attack", "--registry", "r.db", "-q")
            seconds = time.monotonic() - started
            beyond = peak - baseline - os.path.getsize(name)
            worst = max(worst, (beyond, name))
            wrong = []
            allowed = {True: (65,), False: (0,), None: (0, 65)}[must_fail]
            if status not in allowed:
                wrong.append(f"exit status {status}")
            if status != 0 and (errors.count("\n") != 1 or len(errors) > 1000):
                wrong.append(f"not one line: {errors[:2000]!r}")
            if beyond > ALLOWED_BYTES:
                wrong.append(f"{beyond // MEGABYTE} MB beyond the file")
            if seconds > ALLOWED_SECONDS:
                wrong.append(f"{seconds:.0f} seconds")
            if wrong:
                failures.append(f"{name}: {', '.join(wrong)}")
            if "-v" in sys.argv:
                print(f"{name:34} {status:3} {beyond / MEGABYTE:7.1f} MB {seconds:6.2f} s  {errors.strip()[:110]}")
            os.remove(name)
        left = sorted(os.listdir("."))
        if left not in ([], ["r.db"]):
            failures.append(f"left behind: {left}")
    for failure in failures:
        print(f"attacks: {failure}", file=sys.stderr)
    print(f"attacks: {count} files, {len(failures)} failures; at most {worst[0] / MEGABYTE:.0f} MB beyond the file ({worst[1]})")
    sys.exit(1 if failures else 0)


main()
