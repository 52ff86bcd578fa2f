"""Registries of any size, written as rows by SQL: thousands of versions take seconds, and not a process each.

What is written is what docs/format.md says, so `modelreg verify` finds it sound.
"""

import hashlib
import json
import os
import random
import sqlite3
import struct
import subprocess

MODELREG = os.path.abspath(os.environ.get(
    "MODELREG", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.build/release/modelreg")))
TIME = "2026-01-01T00:00:00.000Z"
PACK = 4 << 20
CHUNK = 1 << 20


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = crc_table()


def crc32c(data, state=0xFFFFFFFF):
    """CRC-32C of bytes; not yet inverted, so that it can go on."""
    for byte in data:
        state = CRC[(state ^ byte) & 0xFF] ^ state >> 8
    return state


class Generator:
    """Fills a new registry. Tensors are float32, alike but for their last 8 bytes, and of one chunk each."""

    def __init__(self, path, tensor_bytes=256, seed=1):
        if tensor_bytes % 4 or not 8 <= tensor_bytes <= CHUNK:
            raise ValueError(f"tensors of {tensor_bytes} bytes")
        environment = {**os.environ, "MODELREG_REGISTRY": path}
        subprocess.run([MODELREG, "run", "start", "--name", "first"], check=True, capture_output=True, env=environment)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("PRAGMA cache_size = -200000")
        self.db.execute("BEGIN")
        self.db.execute("DELETE FROM run")
        values = random.Random(seed)
        self.shape = f"[{tensor_bytes // 4}]"
        self.prefix = b"".join(struct.pack("<f", values.gauss(0, 1)) for _ in range(tensor_bytes // 4 - 2))
        self.prefix_crc = crc32c(self.prefix)
        self.tensor_bytes = tensor_bytes
        self.paths = {}
        self.tensors = {}
        self.packed = []
        self.structures = {}

    # Content

    def tensor(self, number, generation):
        """The row and content id of a tensor; equal numbers are equal tensors."""
        known = self.tensors.get((number, generation))
        if known:
            return known
        tail = struct.pack("<ff", 1 + number, 1 + generation)
        data = self.prefix + tail
        chunk_id = hashlib.sha256(data).digest()
        content_id = hashlib.sha256(f"tensor float32 {self.shape}\n".encode() + chunk_id).digest()
        row = len(self.tensors) + 1
        self.packed.append((row, chunk_id, ~crc32c(tail, self.prefix_crc) & 0xFFFFFFFF, data))
        if len(self.packed) * self.tensor_bytes >= PACK:
            self.flush()
        self.db.execute(
            "INSERT INTO tensor VALUES (?, ?, 'float32', ?, ?, 0, 0, 0, -5.0, 5.0, 1.0)",
            (row, content_id, self.shape, self.tensor_bytes))
        self.tensors[number, generation] = (row, content_id)
        return row, content_id

    def flush(self):
        """Writes the pack of the chunks so far."""
        if not self.packed:
            return
        data = b"".join(chunk[3] for chunk in self.packed)
        pack = self.db.execute("INSERT INTO pack (byte_count, bytes) VALUES (?, ?)", (len(data), data)).lastrowid
        offset = 0
        for row, chunk_id, checksum, chunk in self.packed:
            self.db.execute(
                "INSERT INTO chunk VALUES (?, ?, ?, ?, 0, NULL, 0, ?, ?, ?)",
                (row, chunk_id, checksum, len(chunk), pack, offset, len(chunk)))
            self.db.execute("INSERT INTO tensor_chunk VALUES (?, 0, ?)", (row, row))
            offset += len(chunk)
        self.packed = []

    def path(self, name):
        if name not in self.paths:
            self.paths[name] = self.db.execute("INSERT INTO path (text) VALUES (?)", (name,)).lastrowid
        return self.paths[name]

    def structure(self, names):
        key = len(names), names[0]
        if key not in self.structures:
            text = '{"ordered_dict":[' + ",".join(f'["{name}","tensor"]' for name in names) + "]}"
            row = self.db.execute(
                "INSERT INTO structure (content_id, json) VALUES (?, ?)",
                (hashlib.sha256(text.encode()).digest(), text)).lastrowid
            self.structures[key] = row, text
        return self.structures[key]

    # Versions

    def model(self, name):
        return self.db.execute("INSERT INTO model (name, created_at) VALUES (?, ?)", (name, TIME)).lastrowid

    def versions(self, model, count, parameters, changed, first_tensor=0):
        """Versions of one structure; in each, `changed` tensors are other ones than before, one stretch after the other."""
        names = [f"layer.{number:07}" for number in range(parameters)]
        tensors = [None] * parameters
        for number in range(count):
            touched = range(parameters) if number == 0 else (
                (number * changed + place) % parameters for place in range(min(changed, parameters)))
            for place in touched:
                tensors[place] = self.tensor(first_tensor + place, number)
            self.version(model, number + 1, names, tensors)
        self.db.execute("UPDATE model SET next_number = ? WHERE id = ?", (count + 1, model))

    def version(self, model, number, names, tensors):
        """A version of named tensors, each a row and a content id."""
        structure, text = self.structure(names)
        manifest = f"modelreg manifest 1\n{text}\n" + "".join(f"tensor {id.hex()}\n" for _, id in tensors)
        version = self.db.execute(
            "INSERT INTO version (model, number, content_id, structure, kind, tensor_count, byte_count, created_at)"
            " VALUES (?, ?, ?, ?, 'state_dict', ?, ?, ?)",
            (model, number, hashlib.sha256(manifest.encode()).digest(), structure, len(names),
             len(names) * self.tensor_bytes, TIME)).lastrowid
        self.db.executemany(
            "INSERT INTO parameter (version, ordinal, path, tensor) VALUES (?, ?, ?, ?)",
            ((version, ordinal, self.path(name), row) for ordinal, (name, (row, _)) in enumerate(zip(names, tensors))))
        self.db.execute("INSERT INTO metric VALUES (?, 'loss', ?)", (version, 1 / number))

    def alike(self, model, parameters):
        """Two versions: all tensors are one, and then half of them are others."""
        names = [f"layer.{number:07}" for number in range(parameters)]
        tensors = [self.tensor(0, 0)] * parameters
        self.version(model, 1, names, tensors)
        self.version(model, 2, names, [self.tensor(n, 1) for n in range(parameters // 2)] + tensors[parameters // 2:])
        self.db.execute("UPDATE model SET next_number = 3 WHERE id = ?", (model,))

    # Runs

    def runs(self, model, count, metrics, steps=1, first=0):
        """Finished runs, each with so many metrics at so many steps."""
        names = [f"metric-{number:05}" for number in range(metrics)]
        for number in range(first, first + count):
            run = self.db.execute(
                "INSERT INTO run (model, name, state, started_at, ended_at, wall_seconds, heard_at)"
                " VALUES (?, ?, 'finished', ?, ?, 1.0, ?)", (model, f"run-{number:06}", TIME, TIME, TIME)).lastrowid
            self.db.execute("INSERT INTO run_attribute VALUES (?, 'lr', 0, ?)", (run, json.dumps(number / 1000)))
            self.db.executemany(
                "INSERT INTO run_metric VALUES (?, ?, ?, ?, 0.5)",
                ((run, name, step, number + step / 7) for name in names for step in range(steps)))

    def close(self):
        self.flush()
        self.db.execute("COMMIT")
        self.db.close()


def safetensors(path, count, tensor_bytes, changed=(), value=0.0):
    """A file of `count` float32 tensors; those of `changed` end in `value`."""
    names = [f"layer.{number:07}" for number in range(count)]
    changed = set(changed)
    header = ",".join(
        f'"{name}":{{"dtype":"F32","shape":[{tensor_bytes // 4}],'
        f'"data_offsets":[{number * tensor_bytes},{(number + 1) * tensor_bytes}]}}' for number, name in enumerate(names))
    header = f"{{{header}}}".encode()
    header += b" " * (-len(header) % 8)
    filling = random.Random(tensor_bytes).randbytes(tensor_bytes - 8).replace(b"\x7f", b"\x00").replace(b"\xff", b"\x00")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for number in range(count):
            file.write(filling + struct.pack("<ff", number, value if number in changed else -1.0))
