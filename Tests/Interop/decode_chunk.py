#!/usr/bin/env python3
"""Decode chunks by their specification, docs/codec.md, independently of the Swift code.

usage: decode_chunk.py VECTOR...    decode each vector and compare; see Tests/TensorCodecTests/Vectors/README.md
       (needs NumPy and zstandard)

The decoder says what the format is, not how to be fast.
"""
import struct
import sys
import zlib

import numpy as np

RAW, PLANES, FLOAT_DELTA, INTEGER_DELTA, WHOLE = range(5)
CONSTANT, RAW_PLANE, ZSTD, DEFLATE, RANS = range(5)
# Element kinds: width in bytes; for floats, also the widths of mantissa and exponent.
KINDS = {
    1: (1, None), 2: (2, None), 3: (4, None), 4: (8, None),
    5: (2, (10, 5)), 6: (2, (7, 8)), 7: (4, (23, 8)), 8: (8, (52, 11)),
}
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Reader:
    def __init__(self, data):
        self.data, self.offset = data, 0
        self.codings = set()  # the plane codings met so far, for the check of the vectors

    def take(self, count):
        if count > len(self.data) - self.offset:
            raise ValueError("truncated")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def byte(self):
        return self.take(1)[0]

    def length(self):
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("length of more than five bytes")

    def plane(self, count):
        """The next plane, of `count` bytes."""
        coding = self.byte()
        self.codings.add(coding)
        if coding == CONSTANT:
            return bytes([self.byte()]) * count
        if coding == RAW_PLANE:
            return self.take(count)
        if coding not in (ZSTD, DEFLATE, RANS):
            raise ValueError(f"plane coding {coding}")
        coded = self.take(self.length())
        if coding == RANS:
            return decode_rans(Reader(coded), count)
        if coding == DEFLATE:
            inflater = zlib.decompressobj(wbits=-15)
            plane = inflater.decompress(coded, count + 1)
            if not inflater.eof or inflater.unused_data:
                raise ValueError("not one whole deflate stream")
        else:
            import zstandard

            plane = zstandard.ZstdDecompressor().decompress(ZSTD_MAGIC + coded, max_output_size=count)
        if len(plane) != count:
            raise ValueError(f"plane of {len(plane)} bytes, not {count}")
        return plane


def decode_rans(reader, count):
    symbols, offsets = [], []  # for each of 4096 slots
    for _ in range(reader.byte() + 1):
        symbol = reader.byte()
        frequency = reader.length() + 1
        symbols += [symbol] * frequency
        offsets += range(frequency)
    if len(symbols) != 4096 or symbols != sorted(symbols):
        raise ValueError("frequencies")
    frequencies = np.bincount(symbols, minlength=256).tolist()
    states = list(struct.unpack("<8I", reader.take(32)))
    plane = bytearray()
    for i in range(count):
        x = states[i % 8]
        symbol = symbols[x % 4096]
        x = frequencies[symbol] * (x // 4096) + offsets[x % 4096]
        if x < 1 << 15:
            x = x << 16 | int.from_bytes(reader.take(2), "little")
        states[i % 8] = x
        plane.append(symbol)
    if states != [1 << 15] * 8 or reader.offset != len(reader.data):
        raise ValueError("rANS states or words left over")
    return bytes(plane)


def unsigned(width):
    return np.dtype(f"<u{width}")


def merged(planes, width):
    """Elements from their byte planes, least significant first."""
    return np.frombuffer(b"".join(planes), np.uint8).reshape(width, -1).T.copy().view(unsigned(width)).ravel()


def rotated_right(u):
    return u >> 1 | u << (8 * u.itemsize - 1)


def unzigzag(u):
    return u >> 1 ^ (0 - (u & 1)).astype(u.dtype)


def fold(u):
    """Sign and magnitude to two's complement, or back."""
    is_negative = u >> (8 * u.itemsize - 1)
    return u ^ (0 - is_negative).astype(u.dtype) >> 1


def exponent_classes(exponents, exponent_width):
    """The class of each element."""
    counts = np.bincount(exponents, minlength=1 << exponent_width)
    class_of = np.zeros(len(counts), int)
    current, size, remaining = 0, 0, len(exponents)
    for exponent, count in enumerate(counts):
        if size >= 4096 and remaining >= 4096 and current < 31:
            current, size = current + 1, 0
        class_of[exponent] = current
        size += count
        remaining -= count
    return class_of[exponents]


def decode(codec, payload, base, byte_count, reader=None):
    """The `byte_count` bytes of a chunk; `base` are those of its base, or None."""
    reader = reader or Reader(payload)
    if codec == RAW:
        chunk = reader.take(byte_count)
    elif codec == WHOLE:
        chunk = reader.plane(byte_count) if byte_count else b""
    elif codec in (PLANES, FLOAT_DELTA, INTEGER_DELTA):
        width, layout = KINDS[reader.byte()]
        count = byte_count // width
        elements = np.zeros(0, unsigned(width))
        if codec == PLANES and count:
            elements = merged([reader.plane(count) for _ in range(width)], width)
            if layout:
                elements = rotated_right(elements)
        elif count:
            if (codec == FLOAT_DELTA) != (layout is not None):
                raise ValueError("element kind of another codec")
            if len(base) != byte_count:
                raise ValueError("base of another length")
            base_elements = np.frombuffer(base, unsigned(width), count)
            if layout:
                mantissa_width, exponent_width = layout
                exponents = (base_elements >> mantissa_width & ((1 << exponent_width) - 1)).astype(int)
                classes = exponent_classes(exponents, exponent_width)
                sizes = np.bincount(classes)
                order = np.argsort(classes, kind="stable")
                planes = [b"".join(reader.plane(int(size)) for size in sizes) for _ in range(width)]
                differences = np.empty(count, unsigned(width))
                differences[order] = unzigzag(merged(planes, width))
                elements = fold(fold(base_elements) + differences)
            else:
                differences = unzigzag(merged([reader.plane(count) for _ in range(width)], width))
                elements = base_elements + differences
        chunk = elements.tobytes() + reader.take(byte_count - count * width)
    else:
        raise ValueError(f"codec {codec}")
    if reader.offset != len(payload):
        raise ValueError("trailing bytes")
    return chunk


def check(paths):
    seen = set()
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        codec, base_count, chunk_count = struct.unpack_from("<BII", data)
        base, chunk, payload = data[9 : 9 + base_count], data[9 + base_count :][:chunk_count], data[9 + base_count + chunk_count :]
        reader = Reader(payload)
        if decode(codec, payload, base if base_count else None, chunk_count, reader) != chunk:
            sys.exit(f"{path}: decoded bytes differ")
        kind = payload[0] if codec in (PLANES, FLOAT_DELTA, INTEGER_DELTA) else 0
        seen |= {(codec, kind, coding) for coding in reader.codings}
    print(f"{len(paths)} vectors decoded; {len(seen)} combinations of codec, kind and plane coding")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    check(sys.argv[1:])
