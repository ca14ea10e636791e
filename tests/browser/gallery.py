#!/usr/bin/env python3
"""The gallery in a real browser: first paint, memory, a walk by keyboard, kept
pictures exported and read by `nightjar pick`, prompts that try to be markup.

    gallery.py PROGRAM [PICTURES [SHOTS]]

PICTURES are made in a scratch folder (default 300). SHOTS is a folder for
screenshots. Exit status 77: no Chromium."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import chromium

# Prompts that would do something if they ever became markup, after the lists
# that are handed around for testing (OWASP's cheat sheet and others).
HOSTILE = [
    "<script>window.__xss=1</script>",
    "\"><script>window.__xss=1</script>",
    "'><img src=x onerror=window.__xss=1>",
    "<img src=x onerror=\"window.__xss=1\">",
    "<svg onload=window.__xss=1>",
    "<svg><script>window.__xss=1</script></svg>",
    "</script><script>window.__xss=1</script>",
    "<!--<script>window.__xss=1//-->",
    "<iframe srcdoc=\"<script>parent.__xss=1</script>\">",
    "<iframe src=javascript:parent.__xss=1>",
    "<a href=\"javascript:window.__xss=1\">x</a>",
    "<body onload=window.__xss=1>",
    "<input autofocus onfocus=window.__xss=1>",
    "<details open ontoggle=window.__xss=1>",
    "<video><source onerror=window.__xss=1></video>",
    "<style>@import 'http://127.0.0.1:9/x.css';</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<base href=http://127.0.0.1:9/>",
    "<meta http-equiv=refresh content=0;url=http://127.0.0.1:9/>",
    "<form action=http://127.0.0.1:9/><button autofocus>x</button></form>",
    "<math><mtext></mtext><mglyph><svg><style><img src=x onerror=window.__xss=1>",
    "<template><script>window.__xss=1</script></template>",
    "<object data=javascript:window.__xss=1>",
    "<embed src=data:text/html,<script>parent.__xss=1</script>>",
    "{{constructor.constructor('window.__xss=1')()}}",
    "${window.__xss=1}", "`${window.__xss=1}`",
    "javascript:window.__xss=1", "\\u003cscript>window.__xss=1</script>",
    "&lt;script&gt;window.__xss=1&lt;/script&gt;", "&#60;script&#62;",
    "]]><script>window.__xss=1</script>", "\u2028window.__xss=1\u2029",
    "\"};window.__xss=1;//", "'};window.__xss=1;//", "\\\"};window.__xss=1//",
    "<\u0000script>window.__xss=1</script>".replace("\u0000", ""),
    "<ScRiPt>window.__xss=1</sCrIpT>", "<script\n>window.__xss=1</script >",
    "<plaintext>", "<noscript><p title=\"</noscript><img src=x onerror=window.__xss=1>\">",
]


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def write_png(path, i, prompt):
    side = 64
    colour = bytes(((i * 37) & 255, (i * 91) & 255, (i * 53) & 255))
    other = bytes(255 - c for c in colour)
    rows = b"".join(b"\0" + colour * (i * 7 % side) +
                    other * (side - i * 7 % side) for _ in range(side))
    record = {"prompt": prompt, "seed": str(i), "cutn": 16 + i % 3,
              "record": {"iteration": 59, "iterations": 60,
                         "clip_loss": 0.5 + (i % 100) / 400}}
    text = b"nightjar\0\0\0\0\0" + json.dumps(record).encode()
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" +
                chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
                chunk(b"iTXt", text) + chunk(b"IDAT", zlib.compress(rows)) +
                chunk(b"IEND", b""))


def make_night(folder, count):
    for i in range(count):
        prompt = (HOSTILE[i] if i < len(HOSTILE)
                  else f"a {('red', 'blue', 'green')[i % 3]} boat, night {i % 40}")
        write_png(os.path.join(folder, f"picture-{i:05}.png"), i, prompt)


def require(holds, what):
    if not holds:
        raise SystemExit(f"gallery.py: {what}")


def open_page(b, page):
    b.call("Page.enable")
    b.call("Runtime.enable")
    b.call("Log.enable")
    b.call("Page.addScriptToEvaluateOnNewDocument", source="""
        window.__violations = [];
        document.addEventListener('securitypolicyviolation',
            (e) => window.__violations.push(e.violatedDirective + ' ' +
                                            e.blockedURI));
        for (const f of ['alert', 'confirm', 'prompt'])
            window[f] = () => { window.__xss = f; };""")
    began = time.time()
    b.call("Page.navigate", url="file://" + page)
    b.wait("document.readyState === 'complete' && "
           "document.querySelectorAll('.card').length > 0")
    return time.time() - began


def check_paint(b, loaded):
    b.wait("performance.getEntriesByName('first-contentful-paint').length > 0")
    paints = b.js("Object.fromEntries(performance.getEntriesByType('paint')"
                  ".map((e) => [e.name, e.startTime]))")
    print(f"first paint {paints['first-paint']:.0f} ms, first contentful paint "
          f"{paints['first-contentful-paint']:.0f} ms, loaded in "
          f"{loaded:.1f} s")


def check_texts(b):
    texts = b.js("[...document.querySelectorAll('.card .text')]"
                 ".map((e) => e.textContent)")
    missing = [t for t in HOSTILE if t not in texts]
    require(not missing, f"not shown as text: {missing}")
    require(b.js("document.querySelectorAll('script').length") ==
            b.js("document.querySelectorAll('script#data, script:not([src])')"
                 ".length"), "a foreign script element is there")
    require(b.js("document.querySelectorAll('iframe,object,embed,base,form,svg,"
                 "math,a[href],video').length") == 0, "foreign elements")
    print(f"{len(HOSTILE)} hostile prompts shown as text")


def walk(b, count):
    """Right through some pictures, open, keep every second, close; then down."""
    steps = min(40, count - 1)
    began = time.time()
    kept = []
    for i in range(steps):
        if i % 2 == 0:
            b.key("k")
            kept.append(b.js("shown[at].file"))
        b.key("ArrowRight")
    require(b.js("at") == steps, "arrows do not move")
    b.key("Enter")
    require(b.js("document.getElementById('view').open"), "Enter does not open")
    b.key("n")
    b.key("x")
    require(b.js("marks.get(shown[at].file)") == "reject", "x does not reject")
    b.key("p")
    b.key("c")
    b.key("n")
    require(b.js("document.querySelectorAll('.side').length") == 2,
            "c does not compare")
    require(b.js("document.querySelector('.side pre').textContent"
                 ".includes('clip_loss')"), "the record is not shown")
    b.key("Enter")
    b.key("ArrowDown")
    print(f"keyboard: {steps} steps and {len(kept)} keeps in "
          f"{time.time() - began:.1f} s")
    return kept


def export(b, folder, kept):
    b.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
    b.key("e")
    path = os.path.join(folder, "picks.txt")
    end = time.time() + 30
    while not os.path.exists(path):
        require(time.time() < end, "nothing was exported")
        b.js("0")
        time.sleep(0.1)
    with open(path) as f:
        names = f.read().split("\n")
    require(names == sorted(kept) + [""], f"exported {names}")
    return path


def pick(program, night, picks, out, kept):
    subprocess.run([program, "pick", night, picks, "--out", out], check=True)
    require(sorted(os.listdir(out)) == sorted(kept), "pick took other pictures")
    for name in kept:
        with open(os.path.join(night, name), "rb") as a, \
                open(os.path.join(out, name), "rb") as c:
            require(a.read() == c.read(), f"{name} is not the same")
    print(f"export and pick: {len(kept)} pictures, byte for byte")


def scroll(b):
    """To the end, so that every lazy picture was asked for at least once."""
    height = b.js("document.documentElement.scrollHeight")
    for y in range(0, height, 2000):
        b.js(f"scrollTo(0, {y}); "
             "new Promise((r) => requestAnimationFrame(() => r(0)))")
    b.js("scrollTo(0, 0)")


def shoot(b, shots):
    """Light, dark, the view, and a phone's width."""
    def shot(name):
        time.sleep(0.5)
        b.picture(os.path.join(shots, name))

    b.js("select(60, true); scrollTo(0, 0)")
    shot("gallery-light.png")
    b.call("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": "dark"}])
    shot("gallery-dark.png")
    b.key("Enter")
    shot("gallery-view.png")
    b.key("Enter")
    b.call("Emulation.setDeviceMetricsOverride", width=390, height=844,
           deviceScaleFactor=2, mobile=True)
    shot("gallery-phone.png")


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    if not chromium.find():
        print("gallery.py: no Chromium is here")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="nightjar-gallery-") as scratch:
        night = os.path.join(scratch, "night")
        os.mkdir(night)
        make_night(night, count)
        began = time.time()
        subprocess.run([program, "gallery", night, "--quiet"], check=True)
        page = os.path.join(night, "index.html")
        print(f"{count} pictures: gallery written in {time.time() - began:.1f} "
              f"s, {os.path.getsize(page) / 1e6:.2f} MB")
        b = chromium.Chromium(os.path.join(scratch, "profile"))
        try:
            check_paint(b, open_page(b, page))
            require(b.js("items.length") == count, "pictures are missing")
            print(f"memory: heap {b.js('performance.memory.usedJSHeapSize') / 1e6:.1f}"
                  f" MB, browser {chromium.resident_mb(b.process.pid):.0f} MB")
            check_texts(b)
            kept = walk(b, count)
            picks = export(b, scratch, kept)
            scroll(b)
            print("memory after scrolling through: heap "
                  f"{b.js('performance.memory.usedJSHeapSize') / 1e6:.1f} MB, "
                  f"browser {chromium.resident_mb(b.process.pid):.0f} MB")
            violations = b.js("window.__violations")
            require(violations == [], f"policy violations: {violations}")
            require(b.js("window.__xss === undefined"), "a prompt became code")
            bad = [e for e in b.events if e.get("method") in
                   ("Page.javascriptDialogOpening", "Runtime.exceptionThrown")]
            require(not bad, f"dialogs or exceptions: {bad}")
            print("policy violations: 0, scripts of prompts run: 0")
            if len(sys.argv) > 3:
                shoot(b, sys.argv[3])
        finally:
            b.close()
        pick(program, night, picks, os.path.join(scratch, "picked"), kept)


main()
