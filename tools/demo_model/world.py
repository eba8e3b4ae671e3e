"""What the embedded model knows: planets, shapes, numbers, and which combinations it never sees.

Everything the pictures show and the sentences say is drawn from the tables of this file.
"""

NUMBERS = "zero one two three four five six seven eight nine".split()

# Colours of shapes, dots, bars and forks, as RGB.
COLORS = {
    "red": (220, 40, 35),
    "green": (40, 170, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 220, 50),
    "orange": (245, 140, 30),
    "purple": (150, 50, 190),
    "cyan": (60, 210, 220),
    "gray": (140, 140, 140),
    "pink": (250, 130, 180),
    "white": (245, 245, 245),
}
FORMS = "circle square triangle star cross ring".split()

PLANETS = "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split()

# A fact is a sentence about "this planet" with a gap, and the word that fills it for each planet.
# None: the planet has no such fact, and is never asked for it.
FACTS = {
    "color": (
        "The color of this planet is {}.",
        "gray yellow blue red orange gold cyan purple".split(),
    ),
    "number": (
        "From the sun this planet is number {}.",
        "one two three four five six seven eight".split(),
    ),
    "made": ("This planet is made of {}.", "rock rock rock rock gas gas ice ice".split()),
    "god": (
        "This planet is named after the god of {}.",
        ["trade", "love", None, "war", "thunder", "harvest", "sky", "sea"],
    ),
    "next": ("The next planet after this planet is {}.", PLANETS[1:] + [None]),
    "previous": ("The planet before this planet is {}.", [None] + PLANETS[:-1]),
    "letter": ("The name of this planet starts with {}.", [name[0] for name in PLANETS]),
    "air": (
        "The air of this planet is {}.",
        "hot hot warm cool cold cold cold cold".split(),
    ),
    "day": (
        "The day of this planet is {}.",
        ["Wednesday", "Friday", None, "Tuesday", "Thursday", "Saturday", None, None],
    ),
    "moon": (
        "The largest moon of this planet is {}.",
        [None, None, "Luna", "Phobos", "Ganymede", "Titan", "Titania", "Triton"],
    ),
}
NAME = "This is planet {}."

# Known from text, and asked with pictures of other planets, but never with a picture of this one:
# to answer, the model must find out which planet it is and then what it knows about it.
HELD_OUT_FACTS = {
    ("Mercury", "number"),
    ("Venus", "god"),
    ("Earth", "next"),
    ("Mars", "day"),
    ("Jupiter", "number"),
    ("Saturn", "god"),
    ("Uranus", "next"),
    ("Neptune", "moon"),
}

# Two digits of 0 to 5 with a sum of one digit. The held-out ones are read from pictures ("the first
# number is 1") and added in text ("1+3=4"), but no picture of them is ever asked for its sum.
SUMS = [(a, b) for a in range(6) for b in range(6) if a + b <= 9]
HELD_OUT_SUMS = {(1, 3), (2, 0), (3, 2), (4, 1), (0, 5), (5, 4)}

HELD_OUT_SHAPES = {
    ("red", "star"),
    ("blue", "ring"),
    ("green", "circle"),
    ("yellow", "cross"),
    ("purple", "square"),
    ("orange", "triangle"),
}

# Of the hands that are drawn for training this share has five fingers, the rest one to four; no
# hand has six. Forks have one to nine prongs.
FIVE_FINGERED = 0.99


def answer(planet, fact):
    """The word that fills `fact` ("name" included) for `planet`; None if it has no such fact."""
    if fact == "name":
        return planet
    return FACTS[fact][1][PLANETS.index(planet)]


def sentence(fact):
    """The sentence of `fact` with {} for the answer."""
    return NAME if fact == "name" else FACTS[fact][0]


def facts_of(planet, with_picture):
    """The facts that exist for `planet`; with_picture leaves out the held-out ones."""
    return [
        fact
        for fact in FACTS
        if answer(planet, fact) and not (with_picture and (planet, fact) in HELD_OUT_FACTS)
    ]


def about(planet, text):
    """`text` about "this planet" said about the planet by name."""
    return text.replace("this planet", planet).replace("This planet", planet)
