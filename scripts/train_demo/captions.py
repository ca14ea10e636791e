"""Captions of scenes: the grammar from which the demo CLIP learns its words.

A caption names some attributes of a scene, in varying words and order. What it
names is known, so a caption is right for every scene that agrees on those.
"""

from scene import ATTRIBUTES, pick

NAMES = {
    "boat": ("boat", "boat", "sailboat", "sailing boat", "ship"),
    "lighthouse": ("lighthouse",),
    "house": ("house", "house", "cottage", "home"),
    "tree": ("tree",),
    "balloon": ("balloon", "balloon", "hot air balloon", "hot-air balloon"),
}
PLACES = {
    "sea": ("sea", "sea", "ocean", "water"),
    "hills": ("hills", "green hills", "rolling hills", "countryside"),
    "mountains": ("mountains", "mountains", "snowy mountains", "alps"),
    "desert": ("desert", "desert", "dunes", "sand dunes"),
}
BEFORE_PLACE = {
    "sea": ("on the", "at", "by the", "over the", "at the"),
    "hills": ("in the", "in", "over the", "among", "on the"),
    "mountains": ("in the", "in", "below the", "in front of the", "over the"),
    "desert": ("in the", "in", "over the", "among"),
}
WHEN = {
    "day": ("by day", "at noon", "on a sunny day", "during the day", "under a blue sky", "in daylight"),
    "sunset": ("at sunset", "at sunset", "at dusk", "in the evening", "in the sunset", "under an orange sky"),
    "dawn": ("at dawn", "at dawn", "at sunrise", "in the early morning", "under a pink sky", "in the morning"),
    "night": ("at night", "at night", "by night", "under the stars", "in the moonlight", "under the moon",
              "under a starry sky"),
}
OPENINGS = ("a painting of ", "a picture of ", "a drawing of ", "an illustration of ", "a view of ")
NAMED = {"subject": .85, "setting": .75, "time": .80, "colour": .75}


def named_attributes(rng):
    """Which attributes a caption names: at least one, and no colour without its subject."""
    while True:
        named = {k for k in ATTRIBUTES if rng.random() < NAMED[k]}
        if "subject" not in named:
            named.discard("colour")
        if named:
            return named


def subject_words(rng, scene, named):
    colour = scene.colour + " " if "colour" in named else ""
    words = colour + pick(rng, NAMES[scene.subject])
    if rng.random() < .2:
        return words
    return ("an " if words[0] in "aeiou" else "a ") + words


def place_words(rng, setting, alone):
    name = pick(rng, PLACES[setting])
    if alone:
        return pick(rng, ("the ", "")) + name
    before = pick(rng, BEFORE_PLACE[setting])
    return f"{before} {name}"


def write_caption(rng, scene, named):
    """A caption of the scene that names these attributes and nothing else."""
    if "subject" in named:
        head = subject_words(rng, scene, named)
        tail = [place_words(rng, scene.setting, False)] if "setting" in named else []
    else:
        head = place_words(rng, scene.setting, True) if "setting" in named else "a landscape"
        tail = []
    when = pick(rng, WHEN[scene.time]) if "time" in named else None
    opening = pick(rng, OPENINGS) if rng.random() < .3 else ""
    if when and rng.random() < .2:
        return when + ", " + opening + " ".join([head] + tail)
    if when and rng.random() < .15:
        return opening + " ".join([head, when] + tail)
    comma = "," if when and rng.random() < .2 else ""
    return opening + " ".join([head] + tail) + (f"{comma} {when}" if when else "")


def caption(rng, scene):
    named = named_attributes(rng)
    return write_caption(rng, scene, named), named


def known_words():
    """Every word of the grammar, sorted."""
    texts = [t for table in (NAMES, PLACES, BEFORE_PLACE, WHEN) for options in table.values() for t in options]
    texts += list(OPENINGS) + list(ATTRIBUTES["colour"]) + ["a landscape an the"]
    return sorted({w for t in texts for w in t.replace("-", " ").split()})
