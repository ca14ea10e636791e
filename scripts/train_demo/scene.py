"""What a demo scene can be: the attributes, which of them go together, how one is drawn at random.

A scene is a subject in a setting at a time of day; the subject has a colour. The
tables here are the only place that knows the vocabulary of things: renderer,
captions, judge and the adherence test all read them.
"""

from dataclasses import dataclass

SUBJECTS = ("boat", "lighthouse", "house", "tree", "balloon")
SETTINGS = ("sea", "hills", "mountains", "desert")
TIMES = ("day", "sunset", "dawn", "night")
COLOURS = ("red", "yellow", "blue", "white", "green")

ATTRIBUTES = {
    "subject": SUBJECTS,
    "setting": SETTINGS,
    "time": TIMES,
    "colour": COLOURS,
}

WHERE = {
    "boat": ("sea",),
    "lighthouse": ("sea",),
    "house": ("hills", "mountains"),
    "tree": ("hills", "mountains", "desert"),
    "balloon": ("sea", "hills", "mountains", "desert"),
}

PAINT = {
    "boat": ("red", "yellow", "blue", "white"),
    "lighthouse": ("red", "yellow", "blue"),
    "house": ("red", "yellow", "blue", "white"),
    "tree": ("green", "red", "yellow"),
    "balloon": ("red", "yellow", "blue"),
}


@dataclass(frozen=True)
class Scene:
    subject: str
    setting: str
    time: str
    colour: str

    def labels(self):
        """Class numbers in the order of ATTRIBUTES."""
        return [ATTRIBUTES[k].index(getattr(self, k)) for k in ATTRIBUTES]


def from_labels(labels):
    return Scene(*(ATTRIBUTES[k][int(i)] for k, i in zip(ATTRIBUTES, labels)))


def pick(rng, options):
    return options[int(rng.integers(len(options)))]


def random_scene(rng):
    subject = pick(rng, SUBJECTS)
    return Scene(subject, pick(rng, WHERE[subject]), pick(rng, TIMES),
                 pick(rng, PAINT[subject]))


def all_scenes():
    return [Scene(s, w, t, c) for s in SUBJECTS for w in WHERE[s]
            for t in TIMES for c in PAINT[s]]
