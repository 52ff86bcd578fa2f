"""Random messages and their SHA-256 by hashlib, for SHA256InteropTests.swift.

    python sha256.py FOLDER COUNT SEED

Writes three files into FOLDER: `bytes`, of which every message is a part; `messages`, two little-endian 32-bit
integers for each, where it begins and its length; and `digests`, 32 bytes for each. Most messages have up to 400
bytes, every thousandth up to 65536.
"""

import hashlib
import random
import struct
import sys

BYTE_COUNT = 1 << 20

folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
data = rng.randbytes(BYTE_COUNT)
messages, digests = [], []
for index in range(count):
    length = int(rng.random() * (65537 if index % 1000 == 0 else 401))
    start = int(rng.random() * (BYTE_COUNT - length + 1))
    messages.append(struct.pack("<II", start, length))
    digests.append(hashlib.sha256(data[start:start + length]).digest())
for name, content in [("bytes", data), ("messages", b"".join(messages)), ("digests", b"".join(digests))]:
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
