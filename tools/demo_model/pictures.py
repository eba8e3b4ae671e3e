"""Draws the pictures: planets, hands and forks, dots and bars, sums, shapes.

Every function takes a random.Random, draws one RGB picture of 64 x 64 pixels and returns it. Place,
size, shade and background vary from picture to picture.
"""

import math

from PIL import Image, ImageDraw

import world

SIDE = 64
SCALE = 2  # drawn larger and reduced, for smooth edges

SKIN = [(245, 205, 170), (225, 172, 125), (198, 140, 95), (150, 100, 70)]
FORK_COLORS = "red green blue purple cyan gray yellow".split()
DOT_COLORS = "red green blue yellow orange purple cyan gray".split()
PLANET_COLORS = {
    "Mercury": (150, 148, 145),
    "Venus": (236, 220, 110),
    "Earth": (45, 95, 215),
    "Mars": (205, 70, 40),
    "Jupiter": (222, 150, 85),
    "Saturn": (222, 190, 105),
    "Uranus": (110, 215, 220),
    "Neptune": (110, 60, 190),
}


class Canvas:
    """A picture being drawn, in units of the finished picture's pixels."""

    def __init__(self, random, dark):
        self.dark = dark
        shade = random.randint(0, 30) if dark else random.randint(200, 235)
        self.image = Image.new("RGB", (SIDE * SCALE, SIDE * SCALE), jitter(random, (shade,) * 3, 8))
        self.draw = ImageDraw.Draw(self.image)

    def background(self):
        return self.image.getpixel((0, 0))

    def ellipse(self, x, y, radius_x, color, radius_y=None):
        radius_y = radius_x if radius_y is None else radius_y
        box = [x - radius_x, y - radius_y, x + radius_x, y + radius_y]
        self.draw.ellipse([SCALE * v for v in box], fill=color)

    def rectangle(self, left, top, right, bottom, color):
        self.draw.rectangle([SCALE * v for v in (left, top, right, bottom)], fill=color)

    def polygon(self, points, color):
        self.draw.polygon([(SCALE * x, SCALE * y) for x, y in points], fill=color)

    def stroke(self, x0, y0, x1, y1, width, color):
        """A line with round ends."""
        ends = [SCALE * v for v in (x0, y0, x1, y1)]
        self.draw.line(ends, fill=color, width=int(width * SCALE))
        self.ellipse(x0, y0, width / 2, color)
        self.ellipse(x1, y1, width / 2, color)

    def finish(self):
        return self.image.reduce(SCALE)


def jitter(random, color, spread=18):
    return tuple(max(0, min(255, value + random.randint(-spread, spread))) for value in color)


def shade(color, factor):
    return tuple(min(255, int(value * factor)) for value in color)


def any_canvas(random):
    return Canvas(random, dark=random.random() < 0.7)


# ------------------------------------------------------------------------------------ planets


def planet(random, name):
    """`name`'s disc on a dark sky, with what tells it from the others: bands, rings, a red spot."""
    canvas = Canvas(random, dark=True)
    for _ in range(random.randint(0, 8)):
        canvas.ellipse(random.uniform(0, SIDE), random.uniform(0, SIDE), 0.6, (200, 200, 200))
    radius, x, y = random.uniform(13, 23), random.uniform(26, 38), random.uniform(26, 38)
    color = jitter(random, PLANET_COLORS[name])
    if name == "Mercury":
        radius *= 0.8
    if name in ("Saturn", "Uranus"):
        draw_ring(canvas, random, name, x, y, radius)
        radius *= 0.85
    canvas.ellipse(x, y, radius, color)

    # What is on the disc is drawn on a copy and pasted through the disc's mask.
    mask = Image.new("L", canvas.image.size, 0)
    box = [x - radius, y - radius, x + radius, y + radius]
    ImageDraw.Draw(mask).ellipse([SCALE * v for v in box], fill=255)
    plain = canvas.image.copy()
    draw_surface(canvas, random, name, x, y, radius, color)
    canvas.image = Image.composite(canvas.image, plain, mask)
    return canvas.finish()


def draw_ring(canvas, random, name, x, y, radius):
    if name == "Saturn":
        tilt = random.uniform(0.25, 0.4)
        canvas.ellipse(x, y, radius * 1.5, (190, 160, 130), radius * 1.5 * tilt)
        canvas.ellipse(x, y, radius * 1.25, (10, 10, 14), radius * 1.25 * tilt)
    else:  # Uranus lies on its side
        canvas.ellipse(x, y, radius * 0.18, (190, 190, 190), radius * 1.45)
        canvas.ellipse(x, y, radius * 0.1, (10, 10, 14), radius * 1.35)


def draw_surface(canvas, random, name, x, y, radius, color):
    dark, light = shade(color, 0.72), shade(color, 1.15)

    def spot(dx, dy, width, fill, height=None):
        height = width if height is None else height
        canvas.ellipse(x + dx * radius, y + dy * radius, width * radius, fill, height * radius)

    def anywhere(reach):
        return random.uniform(-reach, reach), random.uniform(-reach, reach)

    if name == "Mercury":
        for _ in range(7):
            spot(*anywhere(0.7), random.uniform(0.08, 0.2), dark)
    elif name == "Venus":
        for height in (-0.4, 0.1, 0.5):
            spot(random.uniform(-0.3, 0.3), height, 0.7, light, 0.1)
    elif name == "Earth":
        for _ in range(4):
            land = jitter(random, (60, 150, 70))
            spot(*anywhere(0.7), random.uniform(0.2, 0.4), land, random.uniform(0.15, 0.35))
        spot(0, -1, 0.4, (240, 240, 245), 0.2)
    elif name == "Mars":
        for _ in range(3):
            spot(*anywhere(0.6), random.uniform(0.12, 0.3), dark)
        spot(0, -1, 0.3, (240, 230, 225), 0.15)
    elif name == "Jupiter":
        for top in (-0.55, -0.15, 0.25, 0.6):
            canvas.rectangle(
                x - radius, y + top * radius, x + radius, y + (top + 0.16) * radius, dark
            )
        spot(0.3, 0.35, 0.22, (190, 80, 50), 0.14)
    elif name == "Neptune":
        spot(-0.2, random.uniform(-0.2, 0.2), 0.28, dark, 0.16)


# ------------------------------------------------------------------------------- hands and forks


def hand(random, fingers):
    """A skin-coloured palm with a wrist and `fingers` fingers."""
    return prongs(random, fingers, lambda: jitter(random, random.choice(SKIN), 10))


def fork(random, count):
    """The same drawing as a hand, but in a colour that no hand has."""
    return prongs(random, count, lambda: jitter(random, world.COLORS[random.choice(FORK_COLORS)]))


def prongs(random, count, pick_color):
    canvas = any_canvas(random)
    color = pick_color()
    x, y, palm = random.uniform(29, 35), random.uniform(42, 46), random.uniform(9, 11)
    canvas.ellipse(x, y, palm, color)
    canvas.rectangle(x - palm * 0.55, y, x + palm * 0.55, SIDE, color)
    span, width, tilt = (
        random.uniform(135, 165),
        random.uniform(3.4, 4.2),
        random.uniform(-8, 8),
    )
    for i in range(count):
        step = span / max(count - 1, 4)
        angle = math.radians((i - (count - 1) / 2) * step + tilt + random.uniform(-2, 2))
        length = random.uniform(22, 27) + palm * 0.3
        tip_x, tip_y = x + length * math.sin(angle), y - length * math.cos(angle)
        canvas.stroke(x, y, tip_x, tip_y, width, color)
    return canvas.finish()


# --------------------------------------------------------------------------------- dots and bars


def dots(random, count):
    canvas = any_canvas(random)
    color = jitter(random, world.COLORS[random.choice(DOT_COLORS)])
    cells = [(i, j) for i in range(4) for j in range(4)]
    for i, j in random.sample(cells, count):
        x, y = (8 + 16 * k + random.uniform(-2.5, 2.5) for k in (i, j))
        canvas.ellipse(x, y, random.uniform(3.6, 5), color)
    return canvas.finish()


def bars(random, count):
    canvas = any_canvas(random)
    color = jitter(random, world.COLORS[random.choice(DOT_COLORS)])
    step = 7
    left = random.uniform(2, SIDE - 2 - step * count)
    for i in range(count):
        height = random.uniform(25, 45)
        top = random.uniform(5, 60 - height)
        canvas.rectangle(left + step * i, top, left + step * i + 3.6, top + height, color)
    return canvas.finish()


# ------------------------------------------------------------------------------------------ sums

SEGMENTS = {  # of a seven-segment display: from (x, y) to (x, y), in units of the glyph
    "a": (0, 0, 1, 0),
    "b": (1, 0, 1, 0.5),
    "c": (1, 0.5, 1, 1),
    "d": (0, 1, 1, 1),
    "e": (0, 0.5, 0, 1),
    "f": (0, 0, 0, 0.5),
    "g": (0, 0.5, 1, 0.5),
    "|": (0.5, 0.25, 0.5, 0.75),
}
GLYPHS = {"0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "+": "g|"}


def added(random, a, b):
    """The digits a and b with a plus sign between them."""
    canvas = any_canvas(random)
    dark_inks, light_inks = (
        [(20, 20, 20), (160, 20, 20), (20, 20, 150)],
        [(250, 250, 250), (255, 230, 90), (120, 230, 250)],
    )
    color = jitter(random, random.choice(light_inks if canvas.dark else dark_inks), 10)
    width, height = random.uniform(11, 13), random.uniform(24, 30)
    stroke = random.uniform(2.8, 3.8)
    top, shift = 32 - height / 2 + random.uniform(-4, 4), random.uniform(-2, 2)
    for glyph, left in ((str(a), 4), ("+", 27), (str(b), 48)):
        x, y = left + shift + random.uniform(-0.7, 0.7), top + random.uniform(-1, 1)
        glyph_width = 10 if glyph == "+" else width
        for x0, y0, x1, y1 in (SEGMENTS[s] for s in GLYPHS[glyph]):
            canvas.stroke(
                x + x0 * glyph_width,
                y + y0 * height,
                x + x1 * glyph_width,
                y + y1 * height,
                stroke,
                color,
            )
    return canvas.finish()


# ---------------------------------------------------------------------------------------- shapes


def star_points():
    for k in range(10):
        reach, angle = (1 if k % 2 == 0 else 0.42), math.pi * k / 5
        yield reach * math.sin(angle), -reach * math.cos(angle)


ARM = 0.3  # half the width of the cross's arms
POLYGONS = {
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0, -1), (0.95, 0.8), (-0.95, 0.8)],
    "star": list(star_points()),
    "cross": [
        (-ARM, -1), (ARM, -1), (ARM, -ARM), (1, -ARM), (1, ARM), (ARM, ARM),
        (ARM, 1), (-ARM, 1), (-ARM, ARM), (-1, ARM), (-1, -ARM), (-ARM, -ARM),
    ],
}  # fmt: skip


def shape(random, color_name, form):
    canvas = Canvas(random, dark=color_name == "white" or random.random() < 0.7)
    color = jitter(random, world.COLORS[color_name])
    radius, x, y = random.uniform(10, 20), random.uniform(24, 40), random.uniform(24, 40)
    if form in POLYGONS:
        canvas.polygon([(x + radius * a, y + radius * b) for a, b in POLYGONS[form]], color)
    else:
        canvas.ellipse(x, y, radius, color)
        if form == "ring":
            canvas.ellipse(x, y, radius * 0.55, canvas.background())
    return canvas.finish()
