#!/usr/bin/env python3
"""Time and memory of upscaling 256 x 256 pixels by tile size.

    make_checkpoint RealESRGAN_x4plus x4.pth
    measure_upscale.py PROGRAM x4.pth [TILE...]

TILE 0 is the whole picture; default 0 128 64. Prints what the process took, and
how the tiled pictures differ from the whole one when Pillow and numpy are
there."""
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib

SIDE = 256


def write_png(path):
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))

    rows = b"".join(b"\0" + bytes((x * (c + 1) // 3 + y // 2) & 255
                                  for x in range(SIDE) for c in range(3))
                    for y in range(SIDE))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" +
                chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def measure(program, weights, picture, tile):
    """In a child, so that the peak is this run's alone."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        began = time.time()
        subprocess.run([program, "upscale", picture, "--upscaler", weights,
                        "--tile", tile, "--quiet"], check=True)
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(writer, f"{time.time() - began:.1f} s, processor time "
                 f"{r.ru_utime + r.ru_stime:.1f} s, peak "
                 f"{r.ru_maxrss / 1024:.0f} MB".encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    return os.read(reader, 1000).decode()


def difference(a, b):
    try:
        import numpy as np
        from PIL import Image
    except ImportError:
        return ""
    d = np.abs(np.asarray(Image.open(a)).astype(int) -
               np.asarray(Image.open(b)).astype(int))
    return (f"; differs from the whole in {(d > 0).mean():.1e} of the values, "
            f"by at most {d.max()}")


def main():
    program, weights = map(os.path.abspath, sys.argv[1:3])
    tiles = sys.argv[3:] or ["0", "128", "64"]
    with tempfile.TemporaryDirectory(prefix="nightjar-upscale-") as folder:
        picture = os.path.join(folder, "g.png")
        write_png(picture)
        for tile in tiles:
            told = measure(program, weights, picture, tile)
            result = os.path.join(folder, f"{tile}.png")
            os.rename(os.path.join(folder, "g_out.png"), result)
            whole = os.path.join(folder, "0.png")
            if tile != "0" and os.path.exists(whole):
                told += difference(whole, result)
            print(f"tile {tile}: {told}", flush=True)


main()
