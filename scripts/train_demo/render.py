"""Draws a scene as a 64x64 picture in a flat, printed style.

Shapes are signed distances turned into coverage on a 128x128 canvas that is
averaged 2x2 at the end. Coordinates: x to the right and y downwards, 0..1.
Everything random comes from the generator handed in, so a seed is a picture.
"""

import numpy as np

SIZE = 64
FINE = 128
GRID = (np.arange(FINE, dtype=np.float32) + 0.5) / FINE
X = np.broadcast_to(GRID[None, :], (FINE, FINE))
Y = np.broadcast_to(GRID[:, None], (FINE, FINE))


def rgb(*values):
    return np.array(values, dtype=np.float32)


SKY = {  # top, middle, horizon
    "day": (rgb(.16, .47, .90), rgb(.42, .70, .97), rgb(.82, .93, .99)),
    "sunset": (rgb(.33, .17, .47), rgb(.88, .36, .38), rgb(1.0, .72, .30)),
    "dawn": (rgb(.56, .62, .90), rgb(.93, .72, .84), rgb(1.0, .90, .80)),
    "night": (rgb(.02, .04, .14), rgb(.06, .09, .27), rgb(.15, .21, .44)),
}
SEA = {  # far, near
    "day": (rgb(.40, .74, .88), rgb(.05, .33, .64)),
    "sunset": (rgb(.96, .58, .38), rgb(.36, .17, .42)),
    "dawn": (rgb(.92, .78, .86), rgb(.44, .50, .76)),
    "night": (rgb(.12, .19, .42), rgb(.02, .05, .17)),
}
LAND_TINT = {
    "day": rgb(1, 1, 1), "sunset": rgb(.98, .64, .55),
    "dawn": rgb(.97, .86, .96), "night": rgb(.36, .43, .68),
}
SUBJECT_TINT = {
    "day": rgb(1, 1, 1), "sunset": rgb(1.0, .86, .80),
    "dawn": rgb(1.0, .95, .98), "night": rgb(.76, .78, .92),
}
PAINT = {
    "red": rgb(.88, .12, .12), "yellow": rgb(1.0, .82, .08),
    "blue": rgb(.10, .28, .85), "white": rgb(.97, .97, .95),
    "green": rgb(.16, .52, .16),
}
LIGHT = {
    "day": rgb(1.0, .95, .62), "sunset": rgb(1.0, .90, .50),
    "dawn": rgb(1.0, .97, .86), "night": rgb(.98, .96, .84),
}


# --- masks -----------------------------------------------------------------

def cover(distance):
    """Coverage 0..1 of a signed distance (negative inside)."""
    return np.clip(0.5 - distance * FINE, 0.0, 1.0)


def ellipse(cx, cy, rx, ry):
    d = np.sqrt(((X - cx) / rx) ** 2 + ((Y - cy) / ry) ** 2)
    return cover((d - 1.0) * min(rx, ry))


def box(x0, y0, x1, y1):
    return cover(np.maximum(np.maximum(x0 - X, X - x1), np.maximum(y0 - Y, Y - y1)))


def polygon(*points):
    """A convex polygon, corners clockwise on the screen."""
    d = np.full((FINE, FINE), -1.0, dtype=np.float32)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        length = max(np.hypot(bx - ax, by - ay), 1e-6)
        d = np.maximum(d, ((by - ay) * (X - ax) - (bx - ax) * (Y - ay)) / length)
    return cover(d)


def below(line):
    """Everything under a skyline given as one height a column."""
    return cover(line[None, :] - Y)


def paint(canvas, mask, colour):
    """Blends a colour, one for all pixels or one for each, into the canvas."""
    canvas += mask[..., None] * (colour - canvas)


def mix(a, b, share):
    return a + (b - a) * share


def waves(rng, octaves, roughness=0.5):
    """A smooth random line of zero mean, amplitude about 1."""
    line = np.zeros(FINE, dtype=np.float32)
    for frequency, weight in octaves:
        phase = rng.uniform(0, 2 * np.pi)
        stretch = frequency * rng.uniform(1 - roughness / 2, 1 + roughness / 2)
        line += weight * np.sin(2 * np.pi * stretch * GRID + phase)
    return line.astype(np.float32)


# --- sky -------------------------------------------------------------------

def draw_sky(canvas, rng, time, horizon):
    top, middle, low = (c + rng.uniform(-.03, .03, 3) for c in SKY[time])
    v = np.clip(Y / horizon, 0, 1)[..., None]
    canvas[:] = np.where(v < .55, mix(top, middle, v / .55),
                         mix(middle, low, (v - .55) / .45))


def draw_light(canvas, rng, time, x, horizon):
    """Sun or moon with its glow: high by day and night, low at sunset and dawn."""
    high = time in ("day", "night")
    y = rng.uniform(.13, .20) if high else horizon - rng.uniform(.05, .11)
    radius = rng.uniform(.055, .075) * (1.0 if high else 1.25)
    d = np.sqrt((X - x) ** 2 + (Y - y) ** 2)
    reach, strength = {"day": (.10, .30), "night": (.09, .20),
                       "sunset": (.22, .45), "dawn": (.20, .40)}[time]
    canvas += (strength * np.exp(-d / reach))[..., None] * LIGHT[time] * (1 - canvas)
    disc = ellipse(x, y, radius, radius)
    if time == "night" and rng.random() < .5:
        side = radius * rng.choice((-.55, .55))
        disc = np.clip(disc - ellipse(x + side, y - radius * .2, radius, radius), 0, 1)
    paint(canvas, disc, LIGHT[time])


def draw_stars(canvas, rng, horizon):
    for _ in range(int(rng.integers(14, 26))):
        r = int(rng.integers(2, int(horizon * SIZE) - 4)) * 2
        c = int(rng.integers(1, SIZE - 1)) * 2
        canvas[r:r + 2, c:c + 2] += rng.uniform(.35, .75) * (1 - canvas[r:r + 2, c:c + 2])


def draw_cloud(canvas, rng, x, y):
    mask = np.zeros((FINE, FINE), dtype=np.float32)
    for dx, size in ((-.075, .040), (0, .060), (.070, .045)):
        mask = np.maximum(mask, ellipse(x + dx, y, size * 1.3, size))
    mask *= cover(Y - y - .015)
    paint(canvas, mask * .93, rgb(1, 1, 1))


def draw_streaks(canvas, rng, time, horizon):
    colour = {"sunset": rgb(.98, .55, .42), "dawn": rgb(1.0, .86, .88)}[time]
    for _ in range(int(rng.integers(2, 5))):
        y = rng.uniform(.10, horizon - .16)
        mask = ellipse(rng.uniform(.1, .9), y, rng.uniform(.14, .26), rng.uniform(.010, .018))
        paint(canvas, mask * .65, colour)


def draw_heavens(canvas, rng, time, light_x, horizon):
    draw_sky(canvas, rng, time, horizon)
    if time == "night":
        draw_stars(canvas, rng, horizon)
    if time in ("sunset", "dawn"):
        draw_streaks(canvas, rng, time, horizon)
    draw_light(canvas, rng, time, light_x, horizon)
    if time == "day":
        for side in (0.17, 0.5, 0.83):
            if abs(side - light_x) > .2 and rng.random() < .6:
                draw_cloud(canvas, rng, side + rng.uniform(-.06, .06), rng.uniform(.12, .28))


# --- ground ----------------------------------------------------------------

def draw_sea(canvas, rng, time, light_x):
    horizon = rng.uniform(.54, .60)
    depth = np.clip((Y - horizon) / (1 - horizon), 0, 1)
    far, near = (c + rng.uniform(-.02, .02, 3) for c in SEA[time])
    water = mix(far, near, depth[..., None] ** .7)
    ripple = np.sin((depth ** .6) * rng.uniform(55, 65) + waves(rng, ((2, 1.2), (5, .8)))[None, :] * 1.5)
    water += (ripple * (.012 + .035 * depth))[..., None]
    width = .03 + .10 * depth
    glitter = np.exp(-((X - light_x) / width) ** 2) * np.clip(ripple + .3, 0, 1)
    water += (glitter * {"day": .25}.get(time, .55))[..., None] * (LIGHT[time] - water)
    paint(canvas, cover(horizon - Y), water)


def draw_layer(canvas, line, light, dark, fade=.35):
    shade = np.clip((Y - line[None, :]) / fade, 0, 1)[..., None]
    paint(canvas, below(line), mix(light, dark, shade))


def meadow(canvas, rng, time, level):
    tint = LAND_TINT[time]
    line = level + .018 * waves(rng, ((1, 1), (2, .5)))
    draw_layer(canvas, line, rgb(.42, .72, .26) * tint, rgb(.14, .44, .14) * tint, 1 - level)


def draw_hills(canvas, rng, time):
    tint, haze = LAND_TINT[time], SKY[time][2]
    for level, share, green in ((.46, .50, rgb(.45, .68, .42)), (.57, .20, rgb(.42, .70, .32))):
        line = level + .045 * waves(rng, ((1.2, 1), (2.3, .5)))
        light = mix(green * tint, haze * tint ** .3, share)
        draw_layer(canvas, line, light, light * .80, .25)
    meadow(canvas, rng, time, .70)


def draw_peak(canvas, rng, time, x, top, base, width, share):
    tint, haze = LAND_TINT[time], SKY[time][2]
    jag = .012 * waves(rng, ((6, 1), (11, .7)))
    slope = (base - top) / width
    line = (top + slope * np.abs(GRID - x) + jag * (np.abs(GRID - x) > .01)).astype(np.float32)
    rock = below(line) * cover(Y - base)
    ridge = x + .25 * (Y - top) + .02 * np.sin(40 * Y + rng.uniform(0, 6))
    lit = cover(X - ridge)[..., None]
    stone = mix(rgb(.36, .36, .46), rgb(.58, .57, .64), lit) * tint
    snow = mix(rgb(.76, .82, .92), rgb(1, 1, 1), lit) * np.maximum(tint, .45)
    snowline = top + (base - top) * .36 + .035 * np.sin(34 * X + rng.uniform(0, 6))
    stone = mix(stone, snow, cover(Y - snowline)[..., None])
    paint(canvas, rock, mix(stone, haze, share))


def draw_mountains(canvas, rng, time):
    for x in (.12, .48, .88):
        draw_peak(canvas, rng, time, x + rng.uniform(-.08, .08), rng.uniform(.32, .40), .75,
                  rng.uniform(.30, .38), .30)
    for x in (.28, .70):
        draw_peak(canvas, rng, time, x + rng.uniform(-.08, .08), rng.uniform(.24, .34), .75,
                  rng.uniform(.26, .34), .06)
    meadow(canvas, rng, time, .71)


def draw_desert(canvas, rng, time):
    tint, haze = LAND_TINT[time], SKY[time][2]
    sand, shadow = rgb(.98, .82, .48), rgb(.80, .55, .28)
    for level, share in ((.55, .35), (.65, .12), (.78, 0)):
        line = level + .05 * waves(rng, ((1.1, 1), (2.1, .35)))
        light, dark = (mix(c * tint, haze * tint ** .3, share) for c in (sand, shadow))
        crest = rng.uniform(.2, .8) + .8 * (Y - level)
        side = cover(X - crest)[..., None] * np.clip(1.2 - 3.0 * (Y - level), 0, 1)[..., None]
        paint(canvas, below(line), mix(light, dark, np.clip(.75 * side, 0, 1)))


GROUND = {"hills": draw_hills, "mountains": draw_mountains, "desert": draw_desert}
HORIZON = {"sea": .57, "hills": .55, "mountains": .58, "desert": .57}


# --- subjects --------------------------------------------------------------

def shaded(colour, cx, half):
    """The colour as on a rounded body: lighter to the left, darker to the right."""
    t = np.clip((X - cx) / half, -1, 1)[..., None]
    return np.clip(colour * (1.0 - .22 * t) + .06 * (t < -.2), 0, 1)


def draw_boat(canvas, rng, x, colour, tint):
    y = rng.uniform(.76, .82)
    k = rng.uniform(.95, 1.15)
    hull_colour = rgb(.45, .27, .16) * tint
    paint(canvas, ellipse(x, y + .05 * k, .20 * k, .018) * .45, hull_colour * .3)
    sail = shaded(PAINT[colour] * tint, x, .25 * k)
    paint(canvas, box(x - .008, y - .46 * k, x + .008, y), rgb(.35, .22, .14) * tint)
    paint(canvas, polygon((x - .02 * k, y - .44 * k), (x - .02 * k, y - .04), (x - .20 * k, y - .04)), sail)
    paint(canvas, polygon((x + .02 * k, y - .47 * k), (x + .23 * k, y - .04), (x + .02 * k, y - .04)), sail)
    paint(canvas, polygon((x - .23 * k, y - .02), (x + .25 * k, y - .02), (x + .17 * k, y + .06 * k),
                          (x - .16 * k, y + .06 * k)), hull_colour)


def draw_lighthouse(canvas, rng, x, colour, tint):
    base, k = rng.uniform(.82, .86), rng.uniform(.95, 1.1)
    top = base - .52 * k
    paint(canvas, ellipse(x, base + .02, .22, .075), rgb(.36, .33, .34) * tint)
    paint(canvas, ellipse(x - .03, base, .15, .05), rgb(.48, .45, .45) * tint)
    tower = polygon((x - .060 * k, top), (x + .060 * k, top), (x + .095 * k, base), (x - .095 * k, base))
    band = (np.floor((Y - top) / (.52 * k) * 4.999) % 2 == 0)[..., None]
    stripes = np.where(band, PAINT[colour], PAINT["white"])
    paint(canvas, tower, shaded(stripes * tint, x, .14))
    paint(canvas, box(x - .085 * k, top - .012, x + .085 * k, top + .012), rgb(.25, .25, .30) * tint)
    paint(canvas, box(x - .045 * k, top - .085 * k, x + .045 * k, top - .012), rgb(1.0, .93, .55))
    paint(canvas, polygon((x, top - .15 * k), (x + .065 * k, top - .08 * k), (x - .065 * k, top - .08 * k)),
          PAINT[colour] * tint * .9)


def draw_house(canvas, rng, x, colour, tint):
    base, k = rng.uniform(.84, .88), rng.uniform(.95, 1.12)
    wall, top = .19 * k, base - .22 * k
    paint(canvas, ellipse(x + .03, base, .25 * k, .022) * .4, rgb(.05, .12, .06))
    paint(canvas, box(x + .07 * k, top - .20 * k, x + .12 * k, top), rgb(.45, .30, .26) * tint)
    paint(canvas, box(x - wall, top, x + wall, base), shaded(PAINT[colour] * tint, x, .40))
    paint(canvas, polygon((x - .10 * k, top - .16 * k), (x + .10 * k, top - .16 * k), (x + .25 * k, top + .015),
                          (x - .25 * k, top + .015)), rgb(.40, .25, .22) * tint)
    paint(canvas, box(x - .04 * k, base - .13 * k, x + .04 * k, base), rgb(.28, .17, .12) * tint)
    for side in (-.12, .12):
        paint(canvas, box(x + (side - .035) * k, base - .15 * k, x + (side + .035) * k, base - .08 * k),
              rgb(1.0, .92, .62))


def draw_tree(canvas, rng, x, colour, tint):
    base, k = rng.uniform(.86, .90), rng.uniform(.95, 1.12)
    paint(canvas, ellipse(x, base, .17 * k, .022) * .4, rgb(.08, .10, .06))
    paint(canvas, polygon((x - .022 * k, base - .25 * k), (x + .022 * k, base - .25 * k), (x + .038 * k, base),
                          (x - .038 * k, base)), rgb(.36, .22, .13) * tint)
    leaf = PAINT[colour] * tint
    blobs = ((0, -.44, .17), (-.12, -.34, .13), (.12, -.34, .13), (0, -.30, .14))
    for dx, dy, r in blobs:
        paint(canvas, ellipse(x + dx * k, base + dy * k, r * k, r * k), leaf * .80)
    for dx, dy, r in blobs:
        paint(canvas, ellipse(x + (dx - .025) * k, base + (dy - .03) * k, r * .72 * k, r * .72 * k),
              np.clip(leaf * 1.08, 0, 1))


def draw_balloon(canvas, rng, x, colour, tint):
    y, k = rng.uniform(.32, .38), rng.uniform(.95, 1.12)
    r = .205 * k
    for side in (-1, 1):
        paint(canvas, polygon((x + side * .07 - .006, y + r * .9), (x + side * .07 + .006, y + r * .9),
                              (x + side * .03 + .006, y + r * 1.5), (x + side * .03 - .006, y + r * 1.5)),
              rgb(.35, .25, .18) * tint)
    neck = polygon((x - r * .82, y + r * .55), (x + r * .82, y + r * .55), (x + .055, y + r * 1.22),
                   (x - .055, y + r * 1.22))
    body = np.maximum(ellipse(x, y, r, r * 1.05), neck)
    main = PAINT[colour] * tint
    half = np.sqrt(np.clip(1.0 - ((Y - y) / (r * 1.25)) ** 2, .02, 1)) * r
    gore = (np.abs((X - x) / half) > .34) & (np.abs((X - x) / half) < .66)
    paint(canvas, body, shaded(np.where(gore[..., None], mix(main, tint, .38), main), x, r * 1.3))
    paint(canvas, box(x - .042 * k, y + r * 1.45, x + .042 * k, y + r * 1.45 + .06 * k), rgb(.50, .32, .16) * tint)


SUBJECT = {"boat": draw_boat, "lighthouse": draw_lighthouse, "house": draw_house, "tree": draw_tree,
           "balloon": draw_balloon}


def render(scene, rng):
    """One picture of the scene, uint8 [64,64,3]."""
    canvas = np.zeros((FINE, FINE, 3), dtype=np.float32)
    light_x = rng.uniform(.14, .24) if rng.random() < .5 else rng.uniform(.76, .86)
    x = .5 + (.5 - light_x) * rng.uniform(-.05, .35)
    draw_heavens(canvas, rng, scene.time, light_x, HORIZON[scene.setting])
    if scene.setting == "sea":
        draw_sea(canvas, rng, scene.time, light_x)
    else:
        GROUND[scene.setting](canvas, rng, scene.time)
    SUBJECT[scene.subject](canvas, rng, x, scene.colour, SUBJECT_TINT[scene.time])
    small = canvas.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))
    return (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
