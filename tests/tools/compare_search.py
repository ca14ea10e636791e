#!/usr/bin/env python3
"""Recall of search against brute force in numpy, which shares no code with it.

    bench_search find FILE 100 20 | compare_search.py FILE 20

Reads the index by the form that src/album/embeddings.h describes, makes the same
queries, sorts all products and compares names and scores. Exit status 77: no
numpy."""
import struct
import sys

try:
    import numpy as np
except ImportError:
    print("compare_search.py: numpy is not here")
    sys.exit(77)


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:16] == b"nightjar vectors"
    rows, at = {}, 64
    while data[at:at + 8] == b"njblock1":
        width, count, names = struct.unpack_from("<IIQ", data, at + 8)
        name, matrix = at + 128, at + 128 + -(-names // 64) * 64
        vectors = np.frombuffer(data, "<f4", width * count,
                                matrix).reshape(count, width)
        for i in range(count):
            length, = struct.unpack_from("<I", data, name + 16)
            path = data[name + 20:name + 20 + length].decode()
            name += 20 + length + 1
            rows[path] = vectors[i]
        at = matrix + -(-width * count * 4 // 64) * 64
    return list(rows), np.stack(list(rows.values()))


def draw(i):
    with np.errstate(over="ignore"):
        z = (i.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9e3779b97f4a7c15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94d049bb133111eb)
    return ((z >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1).astype("f4")


def main():
    names, matrix = read(sys.argv[1])
    top = int(sys.argv[2])
    found = {}
    for line in sys.stdin:
        q, name, score = line.split()
        found.setdefault(int(q), []).append((name, float(score)))
    hits = wrong = 0
    worst = 0.0
    for q, got in found.items():
        v = matrix[q * 7919 % len(names)] + np.float32(.02) * draw(
            np.arange(matrix.shape[1]) + q * 1000003)
        v = v / np.sqrt((v.astype("f8") ** 2).sum())
        scores = matrix.astype("f8") @ v
        best = np.argsort(-scores)[:top]
        wanted = {names[i] for i in best}
        hits += sum(name in wanted for name, _ in got)
        wrong += [name for name, _ in got] != [names[i] for i in best]
        worst = max(worst, max(abs(score - scores[names.index(name)])
                               for name, score in got[:3]))
    recall = hits / (len(found) * top)
    print(f"{len(found)} queries: recall {recall}, {wrong} with another order, "
          f"largest difference of a score {worst:.1e}")
    sys.exit(0 if recall == 1 and found else 1)


main()
