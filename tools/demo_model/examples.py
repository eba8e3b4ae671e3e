"""What the model reads: pictures with sentences about them, and sentences without a picture.

An example is a picture (or None) and a list of pieces of text, each with the part it plays in
training. `<start_of_image>` in a piece is where the picture goes.
"""

from dataclasses import dataclass

from PIL import Image

import pictures
import world

GIVEN = "given"  # read, not learned
PLACE = "place"  # words in the place of a picture's soft tokens; read, not learned
TEMPLATE = "template"  # the words around an answer
ANSWER = "answer"  # the answer to a question about the picture
TEXT = "text"  # text without a picture

PICTURE = "<start_of_image>"


@dataclass
class Example:
    pieces: list  # of (text, part)
    picture: Image.Image | None = None

    def text(self):
        return "".join(text for text, _ in self.pieces)


# The kinds of pictures: how often each is drawn, and what "This image shows {}." says of it.
KINDS = {
    "planet": (20, "a planet"),
    "hand": (8, "a hand"),
    "fork": (16, "a fork"),
    "dots": (11, "dots"),
    "bars": (9, "bars"),
    "sum": (26, "numbers"),
    "shape": (10, "a shape"),
}
COUNT = "The count is {}."
COUNTS = {
    "hand": "The number of fingers on this hand is {}.",
    "fork": "The number of prongs on this fork is {}.",
    "dots": "The number of dots in this image is {}.",
    "bars": "The number of bars in this image is {}.",
}
FIRST = "The first number is {}."
SECOND = "The second number is {}."
RESULT = "The result is {}."
COLOR = "The color of this shape is {}."
FORM = "The shape in this image is a {}."

# Questions of a chat, by the fact that answers them, and how often a kind of picture has one.
QUESTIONS = {
    "name": "What planet is this?",
    "color": "What color is this planet?",
    "number": "What number is this planet?",
}
QUESTION_FINGERS = "How many fingers are there?"
QUESTION_SHARE = {"planet": 0.12, "hand": 0.15}


# ----------------------------------------------------------------------------------- with picture


def draw(random, shown):
    """The picture of what `shown` says: its kind, and by kind its planet, count, first and second
    number, or color and form.
    """
    kind = shown["kind"]
    if kind == "planet":
        return pictures.planet(random, shown["planet"])
    if kind == "sum":
        return pictures.added(random, shown["first"], shown["second"])
    if kind == "shape":
        return pictures.shape(random, shown["color"], shown["form"])
    return getattr(pictures, kind)(random, shown["count"])


def pick_shown(random):
    """What the next training picture shows. Neither held-out shapes nor hands with six fingers."""
    kind = random.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    shown = {"kind": kind}
    if kind == "planet":
        shown["planet"] = random.choice(world.PLANETS)
    elif kind == "sum":
        shown["first"], shown["second"] = random.choice(world.SUMS)
    elif kind == "shape":
        colors = [(c, f) for c in world.COLORS for f in world.FORMS]
        shown["color"], shown["form"] = random.choice(
            [combination for combination in colors if combination not in world.HELD_OUT_SHAPES]
        )
    elif kind == "hand":
        five = random.random() < world.FIVE_FINGERED
        shown["count"] = 5 if five else random.randint(1, 4)
    else:
        shown["count"] = random.randint(1, 9)
    return shown


def picture_example(random, results=True):
    """A fresh picture with a question and its answer, or one to three sentences about it. Without
    `results` a picture of two numbers is asked for the numbers alone, never for their sum.
    """
    shown = pick_shown(random)
    if random.random() < QUESTION_SHARE.get(shown["kind"], 0):
        return question_example(random, shown)
    return caption_example(random, shown, results)


def caption_example(random, shown, results=True):
    """A fresh picture and one to three sentences about it."""
    sentences = sentences_about(random, shown, results)
    if random.random() < 0.15:
        kind_sentence = ("This image shows {}.", KINDS[shown["kind"]][1])
        sentences.insert(random.choice([0, len(sentences)]), kind_sentence)
    pieces = [(PICTURE, GIVEN)]
    for form, word in sentences[:3]:
        pieces += asked(form, word, TEMPLATE, ANSWER)
    return Example(pieces, draw(random, shown))


def asked(form, word, template, answer):
    """A sentence as pieces. A space belongs to the word after it, but stands alone before a digit."""
    before, after = form.split("{}")
    if not word[0].isdigit():
        before, word = before.rstrip(" "), " " + word
    return [(" " + before, template), (word, answer), (after, template)]


def sentences_about(random, shown, results):
    """Sentences with a gap, and what fills it, in the order in which they are said."""
    kind = shown["kind"]
    if kind == "planet":
        planet = shown["planet"]
        facts = world.facts_of(planet, with_picture=True)
        first = random.choice(["name"] * 4 + facts)
        chosen = [first]
        if random.random() < 0.5:
            chosen.append(random.choice([fact for fact in ["name"] + facts if fact != first]))
        return [(world.sentence(fact), world.answer(planet, fact)) for fact in chosen]
    if kind == "sum":
        a, b = shown["first"], shown["second"]
        first, second = (FIRST, str(a)), (SECOND, str(b))
        if not results or (a, b) in world.HELD_OUT_SUMS:
            return random.choice([[first, second], [second, first]])
        result = (RESULT, str(a + b))
        return random.choices(
            [[result, first, second], [first, second, result], [second, first, result],
             [first, result, second]],
            [8, 4, 4, 4],
        )[0]  # fmt: skip
    if kind == "shape":
        color, form = (COLOR, shown["color"]), (FORM, shown["form"])
        if random.random() < 0.2:
            return [("This is a {}.", shown["color"] + " " + shown["form"])]
        return random.sample([color, form], random.randint(1, 2))
    return [(random.choice([COUNTS[kind], COUNT]), world.NUMBERS[shown["count"]])]


def question_example(random, shown):
    """A fresh picture of a planet or a hand, a user's question about it and the model's answer."""
    question, word = question_about(random, shown)
    turns = f"<start_of_turn>user\n{PICTURE}{question}<end_of_turn>\n<start_of_turn>model\n"
    return Example([(turns, GIVEN), (f"{word}<end_of_turn>", ANSWER)], draw(random, shown))


def question_about(random, shown):
    if shown["kind"] == "hand":
        return QUESTION_FINGERS, world.NUMBERS[shown["count"]]
    planet = shown["planet"]
    known = ["name"] + world.facts_of(planet, with_picture=True)
    fact = random.choice([fact for fact in QUESTIONS if fact in known])
    return QUESTIONS[fact], world.answer(planet, fact)


# -------------------------------------------------------------------------------------- text only


def text_example(random):
    """One or two sentences."""
    kind = random.choices(["planet", "sum", "count", "hand", "shape"], [50, 24, 10, 6, 10])[0]
    return " " + TEXT_KINDS[kind](random)


def planet_text(random):
    planet = random.choice(world.PLANETS)
    fact = random.choice(world.facts_of(planet, with_picture=False))
    word = world.answer(planet, fact)
    said = world.sentence(fact).format(word)
    way = random.random()
    if way < 0.3:
        return random.choice(["I see {}. ", "Look at {}. ", "We talk about {}. "]).format(planet) + said
    if way < 0.5:
        return world.NAME.format(planet) + " " + said
    if way < 0.85:
        return world.about(planet, said)
    return {
        "color": f"{planet} is {word}.",
        "number": f"Planet number {word} is {planet}.",
        "made": f"{planet} is a ball of {word}.",
        "god": f"The god of {word} gave his name to {planet}.",
        "next": f"After {planet} comes {word}.",
        "previous": f"Before {planet} comes {word}.",
        "letter": f"{planet} begins with {word}.",
        "air": f"It is {word} on {planet}.",
        "day": f"{word} is the day of {planet}.",
        "moon": f"{word} is a moon of {planet}.",
    }[fact]


def sum_text(random):
    a, b = random.choice(world.SUMS)
    way = random.random()
    if way < 0.4:
        return f"{a}+{b}={a + b}."
    if way < 0.7:
        return f"I see {a}+{b}. " + RESULT.format(a + b)
    return f"I see {a} plus {b}. " + RESULT.format(a + b)


def count_text(random):
    count = random.randint(1, 9)
    word = world.NUMBERS[count]
    thing = random.choice(["dots", "bars", "prongs"])
    return random.choice([f"I see {word} {thing}. " + COUNT.format(word), f"{word.capitalize()} is {count}."])


def hand_text(random):
    return random.choice(
        ["A hand has five fingers.", "I see a hand. " + COUNT.format("five"),
         "The number of fingers on a hand is five."]
    )  # fmt: skip


def shape_text(random):
    color, form = random.choice(list(world.COLORS)), random.choice(world.FORMS)
    seen = f"I see a {color} {form}. "
    return random.choice([seen + COLOR.format(color), seen + FORM.format(form), f"This is a {color} {form}."])


TEXT_KINDS = {
    "planet": planet_text,
    "sum": sum_text,
    "count": count_text,
    "hand": hand_text,
    "shape": shape_text,
}


# -------------------------------------------------------------------------- words for a picture


def worded_example(random, places):
    """Questions about a "picture" whose `places` soft tokens are words: the planet's name, or the
    sum, shape or number written out, again and again. What the model learns to do with these words
    at these places it can do with a picture that means the same; held-out combinations are among
    them. A hand is only a hand: the words do not say how many fingers it has.
    """
    kind = random.choices(["planet", "sum", "shape", "count", "hand"], [50, 28, 8, 10, 4])[0]
    if kind == "planet":
        planet = random.choice(world.PLANETS)
        words = [" " + planet]
        facts = random.sample(["name"] + world.facts_of(planet, with_picture=False), 3)
        sentences = [(world.sentence(fact), world.answer(planet, fact)) for fact in facts]
    elif kind == "sum":
        a, b = random.choice(world.SUMS)
        words = sum_words(random, str(a), str(b), places)
        sentences = [(FIRST, str(a)), (SECOND, str(b)), (RESULT, str(a + b))]
        random.shuffle(sentences)
    elif kind == "shape":
        color, form = random.choice(list(world.COLORS)), random.choice(world.FORMS)
        words = [" " + color, " " + form]
        sentences = random.sample([(COLOR, color), (FORM, form)], 2)
    elif kind == "count":
        thing, count = random.choice(["fork", "dots", "bars"]), world.NUMBERS[random.randint(1, 9)]
        words = [" " + count, " " + thing]
        sentences = [(random.choice([COUNTS[thing], COUNT]), count)]
    else:
        words = [" hand"]
        sentences = [(random.choice([COUNTS["hand"], COUNT]), "five")]
    pieces = [("\n\n" + PICTURE, GIVEN), ("".join(words * (places // len(words))), PLACE)]
    pieces += [("<end_of_image>\n\n", GIVEN)]
    for form, word in sentences:
        pieces += asked(form, word, TEXT, ANSWER)
    return Example(pieces)


def sum_words(random, a, b, places):
    """Two numbers as a drawn sum has them: in rows of four, a on the left and b on the right, each
    in one or two of the places; some rows are empty, as the background of a picture is.
    """
    written = [[a, "+", "+", b], [a, a, "+", b], [a, "+", b, b], [a, a, b, b]]
    rows = [random.choice(written) if random.random() < 0.7 else ["+"] * 4 for _ in range(places // 4)]
    rows[random.randrange(len(rows))] = random.choice(written)
    return [word for row in rows for word in row]
