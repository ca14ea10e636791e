"""A server of weight files that misbehaves, for fetch_models.sh.

usage: fetch_server.py FILE PORT_FILE LOG
Serves FILE on 127.0.0.1 under paths that name a fault; appends a line for
each request to LOG. Ends when its standard input ends.
"""
import http.server
import os
import sys
import threading
import time

data = open(sys.argv[1], "rb").read()
port_file, log_path = sys.argv[2:4]
lock = threading.Lock()
counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def start_of_range(self):
        text = self.headers.get("Range", "")
        if text.startswith("bytes=") and text.endswith("-"):
            return int(text[6:-1])
        return None

    def head(self, status, length, extra=()):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        for name, value in extra:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def ranged_head(self, body):
        """Sends the head for the wanted range; returns what is to follow."""
        start = self.start_of_range()
        if start is None:
            self.head(200, len(body))
            return body
        if start >= len(body):
            self.head(416, 0, [("Content-Range", f"bytes */{len(body)}")])
            return b""
        self.head(206, len(body) - start, [(
            "Content-Range",
            f"bytes {start}-{len(body) - 1}/{len(body)}")])
        return body[start:]

    def do_GET(self):
        fault = self.path.split("/")[1]
        with lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            count = counts[self.path]
            with open(log_path, "a") as log:
                log.write(f"{fault} {self.headers.get('Range', '-')}\n")
        try:
            getattr(self, "serve_" + fault)(count)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def serve_good(self, count):
        self.wfile.write(self.ranged_head(data))

    def serve_cut(self, count):
        """Cuts every connection after 64 KiB."""
        self.wfile.write(self.ranged_head(data)[:65536])

    def serve_stuck(self, count):
        """Promises everything and hangs up."""
        self.ranged_head(data)

    def serve_norange(self, count):
        """Knows no ranges; cuts the first connection."""
        self.head(200, len(data))
        self.wfile.write(data[:100000] if count == 1 else data)

    def serve_wrong(self, count):
        """The right size, wrong bytes."""
        last = bytes([data[-1] ^ 1])
        self.wfile.write(self.ranged_head(data[:-1] + last))

    def serve_short(self, count):
        """A smaller file that claims to be whole."""
        self.wfile.write(self.ranged_head(data[:1000]))

    def serve_endless(self, count):
        """No length and no end."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(4096):
            self.wfile.write(b"x" * 65536)

    def serve_redirect(self, count):
        self.head(302, 0, [("Location", "/good/file")])

    def serve_loop(self, count):
        self.head(302, 0, [("Location", "/loop/file")])

    def serve_toserver(self, count):
        self.head(302, 0, [("Location", "file:///etc/passwd")])

    def serve_missing(self, count):
        self.head(404, 0)

    def serve_broken(self, count):
        self.head(500, 0)

    def serve_html(self, count):
        body = b"<!DOCTYPE html><p>quota exceeded</p>"
        self.head(200, len(body), [("Content-Type", "text/html")])
        self.wfile.write(body)

    def serve_stall(self, count):
        """A few bytes the first time, then silence."""
        self.wfile.write(self.ranged_head(data)[:10 if count == 1 else 0])
        self.wfile.flush()
        time.sleep(300)

    def serve_half(self, count):
        """64 KiB and silence the first time, then the rest."""
        body = self.ranged_head(data)
        self.wfile.write(body if count > 1 else body[:65536])
        self.wfile.flush()
        time.sleep(300 if count == 1 else 0)

    def serve_slow(self, count):
        """Slow, but never silent: a piece every tenth of a second."""
        body = self.ranged_head(data)
        for at in range(0, len(body), 32768):
            self.wfile.write(body[at:at + 32768])
            self.wfile.flush()
            time.sleep(0.1)

    def serve_changed(self, count):
        """Other bytes from the second whole request on."""
        body = data if count == 1 else b"B" + data[1:]
        self.wfile.write(self.ranged_head(body))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(port_file + ".part", "w") as out:
    out.write(str(server.server_address[1]))
os.rename(port_file + ".part", port_file)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
