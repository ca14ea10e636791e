"""What tests that run the program share: runs, PNG chunks, checks."""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib

DEMO = os.path.abspath(__file__ + "/../../../models/demo")


class Program:
    """The program under test with a scratch folder of its own."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.scratch = tempfile.TemporaryDirectory(prefix="nightjar-test-")
        self.folder = self.scratch.name
        self.env = dict(os.environ, XDG_CACHE_HOME=self.folder + "/cache",
                        XDG_DATA_HOME=self.folder + "/data",
                        NIGHTJAR_MODELS=DEMO)

    def run(self, *args, expect=0, stdin=None, env=None, cwd=None):
        done = subprocess.run([self.path, *args], capture_output=True,
                              env=dict(self.env, **(env or {})), input=stdin,
                              timeout=300, cwd=cwd)
        if expect is not None and done.returncode != expect:
            fail(f"{args[:6]}: exit status {done.returncode}, {expect} "
                 f"expected\n{done.stdout!r}\n{done.stderr!r}")
        return done

    def out(self, *args, **kw):
        return self.run(*args, **kw).stdout.decode()

    def objects(self, *args, **kw):
        return [json.loads(line)
                for line in self.out(*args, **kw).split("\n") if line]


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def check(holds, text):
    if not holds:
        fail(text)


def wait_for(holds, text, seconds=300):
    """Until it holds: a busy machine may take its time."""
    until = time.monotonic() + seconds
    while not holds():
        check(time.monotonic() < until, text)
        time.sleep(0.02)


def held(file):
    """The processes that NIGHTJAR_FAKE_HOLD=file makes wait."""
    return {int(path[len(file) + 1:])
            for path in glob.glob(glob.escape(file) + ".*")}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def chunks(png):
    at, found = 8, []
    while at < len(png):
        n, = struct.unpack(">I", png[at:at + 4])
        found.append((png[at + 4:at + 8], png[at + 8:at + 8 + n]))
        at += 12 + n
    return found


def join(parts):
    png = b"\x89PNG\r\n\x1a\n"
    for kind, data in parts:
        png += struct.pack(">I", len(data)) + kind + data
        png += struct.pack(">I", zlib.crc32(kind + data))
    return png


def record_of(png):
    for kind, data in chunks(png):
        if kind == b"iTXt" and data.startswith(b"nightjar\0"):
            return json.loads(data.split(b"\0", 5)[5])
    return None


def with_record(png, text):
    """The same file with another text in its record's chunk."""
    return join([(k, b"nightjar\0\0\0\0\0" + text)
                 if k == b"iTXt" and d.startswith(b"nightjar\0") else (k, d)
                 for k, d in chunks(png)])


def with_pixel(png):
    """The same file with one channel of its last pixel changed: no filter
    carries that on to others."""
    parts = chunks(png)
    rows = bytearray(zlib.decompress(
        b"".join(d for k, d in parts if k == b"IDAT")))
    rows[-1] ^= 1
    first = next(i for i, (k, _) in enumerate(parts) if k == b"IDAT")
    parts = [(k, d) for k, d in parts if k != b"IDAT"]
    parts.insert(first, (b"IDAT", zlib.compress(bytes(rows))))
    return join(parts)
