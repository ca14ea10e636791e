#!/usr/bin/env python3
"""Reads 8-bit RGB PNGs without a library. As a program: png.py A.png B.png says how far two pictures are apart."""

import sys
import zlib
from pathlib import Path


def pixels(path):
    """An 8-bit RGB PNG as rows of bytes."""
    data, at, packed, width = Path(path).read_bytes(), 8, b"", 0
    while at < len(data):
        n, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + n]
        width = int.from_bytes(body[:4], "big") if kind == b"IHDR" else width
        packed += body if kind == b"IDAT" else b""
        at += 12 + n
    raw, rows, before = zlib.decompress(packed), [], bytearray(3 * width)
    for start in range(0, len(raw), 3 * width + 1):
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + 3 * width])
        for i in range(len(row)):
            left, up = row[i - 3] if i >= 3 else 0, before[i]
            corner = before[i - 3] if i >= 3 else 0
            guess = left + up - corner
            near = min((left, up, corner), key=lambda v: abs(guess - v))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, near)[kind]) & 255
        rows.append(bytes(row))
        before = row
    return b"".join(rows)


def apart(a, b):
    """Largest difference of a byte, mean, and the share of bytes that differ."""
    a, b = pixels(a), pixels(b)
    if len(a) != len(b):
        sys.exit("png: the pictures differ in size")
    far = [abs(x - y) for x, y in zip(a, b)]
    return max(far), sum(far) / len(far), sum(d > 0 for d in far) / len(far)


if __name__ == "__main__":
    largest, mean, share = apart(*sys.argv[1:3])
    print(f"largest difference of a byte {largest} of 255, mean {mean:.3f}, {share:.2%} of the bytes differ")
