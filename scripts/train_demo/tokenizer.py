"""Byte-level BPE in the form of OpenAI's CLIP (Sennrich et al. 2016), learnt on our own captions.

Ids: 256 byte symbols, the same with </w>, one for each merge, start, end. The file
has a heading line and then the merges, one pair a line.
"""

import re
from collections import Counter

PIECES = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")  # captions are lower-case ASCII
HEADING = "#version: nightjar demo vocabulary"


def byte_symbols():
    """Printable characters for the 256 bytes, in the order of their ids; index by byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    symbol = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}
    return symbol, [symbol[b] for b in plain + rest]


SYMBOL, ORDER = byte_symbols()


def split_piece(piece):
    symbols = [SYMBOL[b] for b in piece.encode()]
    symbols[-1] += "</w>"
    return tuple(symbols)


def join_pair(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return tuple(out)


def learn_merges(texts):
    """Merges until every piece of the texts is one symbol."""
    words = Counter(p for t in texts for p in PIECES.findall(t.lower()))
    split = {w: split_piece(w) for w in words}
    merges = []
    while True:
        pairs = Counter()
        for w, symbols in split.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += words[w]
        if not pairs:
            return merges
        best = max(sorted(pairs), key=pairs.get)
        merges.append(best)
        split = {w: join_pair(s, best) for w, s in split.items()}


def write_vocabulary(path, merges):
    with open(path, "w", encoding="utf-8") as f:
        f.write(HEADING + "\n" + "".join(f"{a} {b}\n" for a, b in merges))


def read_vocabulary(path):
    with open(path, encoding="utf-8") as f:
        return [tuple(line.split()) for line in f.read().split("\n")[1:] if line]


class Tokenizer:
    def __init__(self, merges, context=32):
        names = ORDER + [s + "</w>" for s in ORDER] + ["".join(m) for m in merges]
        self.ids = {n: i for i, n in enumerate(names)}
        self.rank = {m: i for i, m in enumerate(merges)}
        self.start, self.end = len(names), len(names) + 1
        self.size, self.context = len(names) + 2, context

    def piece(self, text):
        symbols = split_piece(text)
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, 1 << 30))
            if best not in self.rank:
                break
            symbols = join_pair(symbols, best)
        return [self.ids[s] for s in symbols]

    def encode(self, text):
        """Ids with start and end, filled with zeros to the context length."""
        ids = [self.start] + [i for p in PIECES.findall(text.lower()) for i in self.piece(p)] + [self.end]
        if len(ids) > self.context:
            raise ValueError(f"too long: {text!r}")
        return ids + [0] * (self.context - len(ids))
