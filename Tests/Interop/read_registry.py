#!/usr/bin/env python3
"""Read a registry by its documentation alone, docs/format.md and docs/codec.md, independently of the Swift code.

usage: read_registry.py REGISTRY    print, for each version and leaf: reference, path, dtype, shape, SHA-256 of its bytes
       (needs NumPy and zstandard; everything else is Python's own)

Every chunk is rebuilt by way of its bases and compared with its content id, every tensor with its own.
"""
import hashlib
import json
import sqlite3
import sys

import numpy as np

from decode_chunk import decode

MAXIMUM_DEPTH = 64


class Registry:
    def __init__(self, path):
        self.database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        if self.database.execute("PRAGMA application_id").fetchone() != (0x4D526547,):
            sys.exit(f"{path}: no registry")

    def chunk(self, row_id, depth=0):
        """The decoded bytes of a chunk."""
        if depth > MAXIMUM_DEPTH:
            raise ValueError("deltas form a cycle")
        content_id, byte_count, codec, base, pack, offset, stored = self.database.execute(
            "SELECT content_id, byte_count, codec, base, pack, pack_offset, stored_byte_count FROM chunk WHERE id = ?",
            (row_id,)).fetchone()
        (encoded,) = self.database.execute(
            "SELECT substr(bytes, ?, ?) FROM pack WHERE id = ?", (offset + 1, stored, pack)).fetchone()
        base_bytes = None if base is None else self.chunk(base, depth + 1)
        decoded = bytes(decode(codec, encoded, base_bytes, byte_count))
        if hashlib.sha256(decoded).digest() != content_id:
            raise ValueError(f"chunk {row_id} does not match its content id")
        return decoded

    def tensor(self, row_id):
        """The bytes of a stored tensor."""
        content_id, dtype, shape = self.database.execute(
            "SELECT content_id, dtype, shape FROM tensor WHERE id = ?", (row_id,)).fetchone()
        chunks = [
            self.chunk(chunk)
            for (chunk,) in self.database.execute(
                "SELECT chunk FROM tensor_chunk WHERE tensor = ? ORDER BY ordinal", (row_id,))
        ]
        line = f"tensor {dtype} {shape}\n".encode()
        ids = b"".join(hashlib.sha256(chunk).digest() for chunk in chunks)
        if hashlib.sha256(line + ids).digest() != content_id:
            raise ValueError(f"tensor {row_id} does not match its content id")
        return b"".join(chunks)

    def leaves(self):
        """Reference, path, dtype, shape and packed bytes of each tensor of each version."""
        rows = self.database.execute(
            """SELECT model.name, version.number, path.text, tensor.id, tensor.dtype, tensor.shape, tensor.byte_count,
                      view_dtype, view_shape, view_strides, view_offset
               FROM version JOIN model ON model.id = version.model JOIN parameter ON parameter.version = version.id
               JOIN path ON path.id = parameter.path JOIN tensor ON tensor.id = parameter.tensor
               WHERE deleted_at IS NULL ORDER BY model.name, version.number, parameter.ordinal""")
        for model, number, path, tensor, dtype, shape, byte_count, *view in rows:
            data = self.tensor(tensor)
            view_dtype, view_shape, view_strides, view_offset = view
            if view_strides is not None:
                # A row-major tensor says how wide its elements are; the view may have others.
                lengths, strides = json.loads(view_shape), json.loads(view_strides)
                count = int(np.prod(json.loads(shape), dtype=int))
                width = byte_count // count if view_dtype == dtype else int("".join(filter(str.isdigit, view_dtype))) // 8
                elements = np.ndarray(
                    lengths, f"V{width}", data, view_offset, [stride * width for stride in strides])
                data, dtype, shape = elements.tobytes(), view_dtype, view_shape
            yield f"{model}:v{number}", path, dtype, shape, data


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for reference, path, dtype, shape, data in Registry(sys.argv[1]).leaves():
        print(reference, json.dumps(path), dtype, shape, hashlib.sha256(data).hexdigest())
