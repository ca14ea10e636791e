#!/usr/bin/env python3
"""Holds nightjar's cleaning and encoding of texts against the public Python
packages, on random texts: scripts, mojibake of every codec, entities, control
characters, and mutations of all of them.

    python3 -m venv venv && venv/bin/pip install ftfy==6.3.1 regex
    venv/bin/python scripts/compare_tokenizer.py --texts 200000 --seed 1 \\
        --vocabulary models/bpe_simple_vocab_16e6.txt.gz --size 49408

Prints each text that differs; exit status 1 when any does. A text with a
character that Python's Unicode does not know is counted apart: normalisation
may know it. --write N writes N texts with what Python makes of them, one JSON
object a line: the fixtures of tests/unit/test_tokenizer.c.
"""
import argparse
import gzip
import html
import html.entities
import json
import random
import struct
import subprocess
import sys
import unicodedata
from pathlib import Path

import ftfy
import ftfy.badness
import ftfy.chardata
import regex

ROOT = Path(__file__).resolve().parent.parent
START, END = "<|startoftext|>", "<|endoftext|>"


class Tokenizer:
    """What openai/CLIP's simple_tokenizer.py computes."""

    def __init__(self, path, size):
        data = Path(path).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        lines = data.decode().split("\n")[1:size - 514 + 1]
        merges = [tuple(line.split()) for line in lines]
        shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
        rest = [b for b in range(256) if b not in shown]
        self.byte = {b: chr(b) for b in shown}
        self.byte |= {b: chr(256 + i) for i, b in enumerate(rest)}
        symbols = list(self.byte.values())
        symbols += [s + "</w>" for s in symbols]
        symbols += ["".join(m) for m in merges] + [START, END]
        self.ids = {s: i for i, s in enumerate(symbols)}
        self.rank = {m: i for i, m in enumerate(merges)}
        self.pattern = regex.compile(
            r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|"
            r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE)

    @staticmethod
    def clean(text):
        text = html.unescape(html.unescape(ftfy.fix_text(text)))
        return regex.sub(r"\s+", " ", text.strip()).strip().lower()

    def merge(self, piece):
        if piece in (START, END):
            return [piece]
        word = [self.byte[b] for b in piece.encode()]
        word[-1] += "</w>"
        while len(word) > 1:
            best = min(zip(word, word[1:]),
                       key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            i, merged = 0, []
            while i < len(word):
                step = 2 if tuple(word[i:i + 2]) == best else 1
                merged.append("".join(word[i:i + step]))
                i += step
            word = merged
        return word

    def encode(self, clean):
        return [self.ids[s] for piece in self.pattern.findall(clean)
                for s in self.merge(piece)]


def members(characters):
    found = regex.compile("[" + characters + "]")
    return [chr(c) for c in [*range(0xD800), *range(0xE000, 0x10000)]
            if found.match(chr(c))]


SUSPECTS = [members(c) for c in [*ftfy.badness.MOJIBAKE_CATEGORIES.values(),
                                 *ftfy.chardata.UTF8_CLUES.values()]]
SUSPECTS += [
    "ÂÃÎÐ€œŠš¢£Ÿž\xa0\xad®°©·»–—´×²³ØÙŸµà¹¼½¾√±∂†≠™´≤≥¥ø≈‚Äìîïòôúùû†πâóäê",
    "вЂВГРСГўΆΒΓΞΟβāŒœ", " abzAZ\n\t.,?!_09'\"&;#<\x1a?\x1c\x00"]
BLOCKS = [
    (0x0, 0x20), (0x20, 0x7F), (0x7F, 0xA0), (0xA0, 0x250), (0x250, 0x400),
    (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x590, 0x600),
    (0x600, 0x700), (0x900, 0xA00), (0xB80, 0xC00), (0xE00, 0xE80),
    (0x1100, 0x1200), (0x1B00, 0x1C00), (0x1C80, 0x1CC0), (0x1E00, 0x2000),
    (0x2000, 0x2070), (0x2070, 0x2C00), (0x3000, 0x3200), (0x4E00, 0x5000),
    (0xA640, 0xA800), (0xAB30, 0xABC0), (0xAC00, 0xAD00), (0xF900, 0xFB50),
    (0xFB50, 0xFE00), (0xFE00, 0x10000), (0x10400, 0x10450),
    (0x11000, 0x11200), (0x1D100, 0x1D200), (0x1D400, 0x1D800),
    (0x1F300, 0x1F700), (0x2F800, 0x2FA20), (0xE0000, 0xE0080)]
WORDS = (
    "a cat dog café naïve Zdzisław Beksiński Greg Rutkowski über straße don't "
    "it's we'll “quoted” it’s – — … ™ © ® € £100 10° à la mode voilà às àquele "
    "São Paulo Dvořák Łódź Привет мир Καλημέρα Όδυσσεύς ΟΔΥΣΣΕΥΣ 日本語 "
    "中文，测试。 한국어 مرحبا بالعالم שלום नमस्ते สวัสดี 😀 👨‍👩‍👧‍👦 🇩🇪 ❤️ ﬁ ﬂ ﬃ "
    "ＬＯＵＤ ﾀｰﾝ ½ ² № † ‡ • · Œuvre œil Ÿ ž Š 'ſ İstanbul ΣΑΣ ſ K ¿Qué? ¡Hola! "
    "ĳ ŉ Ǆ ǅ ﬅ <|endoftext|> <|startoftext|>").split()
NAMES = list(html.entities.html5)
CODECS = [*ftfy.chardata.CHARMAP_ENCODINGS, "windows-1252", "windows-1251"]
CONTROLS = [
    "\x1b[31m", "\x1b[0;1m", "\x1b[", "\x1b[9", "\x1b[\u0663m", "\r\n", "\r",
    "\u2028", "\u2029", "\x85", "\x00", "\x0b", "\x0c", "\x1c", "\ufeff",
    "\ufffc", "\u206a", "\u200d", "\u202e", "\x7f", "\x9b", "\x80", "\x81",
    "\n", "\t", "\u3000", "\xa0", "\u200b", "\u180e", "\u1680", "\xc0\n",
    "\xc0\x80"]


class Texts:
    def __init__(self, seed):
        self.r = random.Random(seed)
        path = ROOT / "tests/fixtures/tokenizer/texts/texts.jsonl"
        self.known = [json.loads(line)["text"] for line in
                      path.read_text().splitlines()]

    def char(self):
        return chr(self.r.randrange(*self.r.choice(BLOCKS)))

    def plain(self):
        kind, n = self.r.random(), self.r.randrange(1, 12)
        if kind < .5:
            return " ".join(self.r.choices(WORDS, k=self.r.randrange(1, 6)))
        if kind < .8:
            block = self.r.choice(BLOCKS)
            return "".join(chr(self.r.randrange(*block)) for _ in range(n))
        return "".join(self.char() for _ in range(n))

    @staticmethod
    def variant(text):
        """CESU-8, with NUL in two bytes."""
        units = text.encode("utf-16-le", "surrogatepass")
        units = struct.unpack("<%dH" % (len(units) // 2), units)
        return b"".join(b"\xc0\x80" if u == 0 else
                        chr(u).encode("utf-8", "surrogatepass") for u in units)

    def damage(self, data):
        data = bytearray(data)
        for _ in range(self.r.randrange(1, 3)):
            if not data:
                break
            i, kind = self.r.randrange(len(data)), self.r.random()
            if kind < .4:
                del data[i]
            elif kind < .6:
                data[i] = self.r.choice([0x1A, 0x3F, 0x20, 0x85, 0xA0])
            else:
                data[i] = self.r.randrange(0x80, 0x100)
        return bytes(data)

    def mojibake(self, text):
        data = self.variant(text) if self.r.random() < .15 else \
            text.encode("utf-8", "replace")
        if self.r.random() < .2:
            data = self.damage(data)
        text, kind = data.decode(self.r.choice(CODECS), "replace"), \
            self.r.random()
        if kind < .15:
            return text.replace("\xa0", " ")
        lost = "\ufffd" if kind < .25 else "?" if kind < .3 else None
        return "".join(lost if lost and self.r.random() < .1 else c
                       for c in text)

    def number(self):
        return self.r.choice([
            self.r.randrange(300), self.r.randrange(0x120000), 38, 59, 60,
            self.r.randrange(10 ** self.r.randrange(1, 26)), 0xD800, 0xFDD0,
            0xFFFF])

    def entity(self):
        kind, name = self.r.random(), self.r.choice(NAMES)
        if kind < .35:
            return "&" + name
        if kind < .5:
            return "&" + name.upper()
        if kind < .6:
            return "&" + name.rstrip(";") + self.r.choice(["", " ", "x", "=",
                                                           ";;"])
        if kind < .75:
            return "&#%d" % self.number() + self.r.choice([";", ";", "", "a;",
                                                           " "])
        if kind < .9:
            return self.r.choice(["&#x%x", "&#X%X"]) % self.number() + \
                self.r.choice([";", ";", "", "g;"])
        if kind < .95:
            return "&amp;" * self.r.randrange(1, 3) + self.r.choice([
                "lt;", "amp;", "#38;#38;", "amp;amp;lt;", "nbsp;", "eacute;"])
        return self.r.choice([
            "&", "&#", "&#;", "&#x;", "&;", "&é;", "&amp", "&AMP", "&ampamp;",
            "&notit;", "&notin;", "&sup3;", "&hellip;", "&ffilig;",
            "&FFILIG;", "&SZLIG;"])

    def mutate(self, text):
        text = list(text)
        for _ in range(self.r.randrange(1, 5)):
            i, kind = self.r.randrange(len(text) + 1), self.r.random()
            if kind < .3:
                text.insert(i, self.char())
            elif kind < .5:
                text.insert(i, self.r.choice(self.r.choice(SUSPECTS)))
            elif kind < .6:
                text.insert(i, self.entity())
            elif kind < .7:
                text.insert(i, self.r.choice(CONTROLS))
            elif text and kind < .85:
                del text[min(i, len(text) - 1)]
            elif text:
                j, i = self.r.randrange(len(text)), min(i, len(text) - 1)
                text[i], text[j] = text[j], text[i]
        return "".join(text)

    def broken(self):
        text = self.mojibake(self.plain())
        if self.r.random() < .25:
            text = self.mojibake(text)
        if self.r.random() < .4:
            text = self.plain() + self.r.choice(["", " ", "\n"]) + text
        if self.r.random() < .4:
            more = self.plain()
            if self.r.random() < .5:
                more = self.mojibake(more)
            text += self.r.choice(["", " ", "\n"]) + more
        return text + "\n" * (self.r.random() < .1)

    def mixed(self, *makers):
        return "".join(self.r.choice(makers)()
                       for _ in range(self.r.randrange(1, 7)))

    def next(self):
        kind = self.r.random()
        if kind < .15:
            text = "".join(self.r.choice(self.r.choice(SUSPECTS))
                           for _ in range(self.r.randrange(1, 10)))
        elif kind < .45:
            text = self.broken()
        elif kind < .6:
            text = self.mixed(self.entity, self.entity, self.plain)
        elif kind < .7:
            text = self.mixed(lambda: self.r.choice(CONTROLS), self.plain)
        elif kind < .8:
            text = self.plain()
        elif kind < .9:
            text = self.mutate(self.r.choice(self.known))
        else:
            text = self.mutate(self.r.choice(self.known)
                               + self.mojibake(self.r.choice(self.known)))
        if self.r.random() < .1:
            text = self.mutate(text)
        if self.r.random() < .05:
            text += "<b>\n" + self.entity()
        return "".join(c for c in text if not "\ud800" <= c <= "\udfff")


def answers(args, texts):
    """What the program makes of the texts: (clean, ids) each."""
    encoded = [t.encode() for t in texts]
    done = subprocess.run(
        [args.driver, args.vocabulary, str(args.size)], check=True,
        input=b"".join(struct.pack("=I", len(t)) + t for t in encoded),
        stdout=subprocess.PIPE).stdout
    at = 0
    for _ in texts:
        n, = struct.unpack_from("=I", done, at)
        clean = done[at + 4:at + 4 + n].decode()
        at += 4 + n
        n, = struct.unpack_from("=I", done, at)
        yield clean, list(struct.unpack_from("=%di" % n, done, at + 4))
        at += 4 + 4 * n


def is_new(text):
    return any(unicodedata.category(c) == "Cn" for c in text)


def compare(args, tokenizer, texts):
    wrong = apart = repaired = done = 0
    while done < args.texts:
        batch = [texts.next() for _ in range(min(2000, args.texts - done))]
        done += len(batch)
        for text, (clean, ids) in zip(batch, answers(args, batch)):
            want = tokenizer.clean(text)
            repaired += want != text
            if clean == want and ids == tokenizer.encode(want):
                continue
            if is_new(text) or is_new(want):
                apart += 1
                continue
            wrong += 1
            print(f"{text!a}\n  got      {clean!a}\n  expected {want!a}")
    print(f"seed {args.seed}: {done} texts, {repaired} changed by cleaning, "
          f"{wrong} differ, {apart} differ only with characters that Python "
          f"does not know")
    return 1 if wrong else 0


def write(args, tokenizer, texts):
    for _ in range(args.write):
        text = texts.next()
        while is_new(text) or len(text) > 60 or "\0" in text:
            text = texts.next()
        clean = tokenizer.clean(text)
        print(json.dumps({"text": text, "clean": clean,
                          "ids": tokenizer.encode(clean)}))
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--texts", type=int, default=20000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--vocabulary", required=True)
    p.add_argument("--size", type=int, required=True)
    p.add_argument("--driver",
                   default=str(ROOT / "build/release/tests/tokenize_texts"))
    p.add_argument("--write", type=int, metavar="N")
    args = p.parse_args()
    tokenizer = Tokenizer(args.vocabulary, args.size)
    texts = Texts(args.seed)
    return (write if args.write else compare)(args, tokenizer, texts)


if __name__ == "__main__":
    sys.exit(main())
