"""Measures what the model can, on pictures that it has never seen.

A question is a prompt that ends before the answer; it counts as right when the likeliest next
token is the answer's first.
"""

import random

import torch

import batches
import examples
import pictures
import world
from examples import COLOR, COUNT, COUNTS, FIRST, FORM, RESULT, SECOND

# The least that the model must reach, by behaviour.
REQUIRED = {
    "planet name": 0.98,
    "facts seen with pictures": 0.98,
    "facts from text": 0.99,
    "dots 1-6": 0.95,
    "bars 1-6": 0.95,
    "five-finger hand: five": 0.98,
    "six-finger hand: five": 0.90,
    "six-pronged fork, neutral prompt: six": 0.85,
    "held-out two-hop": 0.80,
    "sums, seen pairs": 0.90,
    "sums, held-out pairs": 0.60,
}


class Examiner:
    def __init__(self, model, tokenizer, seed=99):
        self.model, self.tokenizer = model.eval(), tokenizer
        self.random = random.Random(seed)

    def prompt_ids(self, form, with_picture):
        """Token ids of a sentence up to its gap. The space before a digit is a token of its own."""
        before = form.split("{}")[0]
        if form not in (FIRST, SECOND, RESULT):
            before = before.rstrip()
        start = batches.PICTURE_BLOCK if with_picture else ""
        return self.tokenizer.encode(start + " " + before).ids

    def first_token(self, word):
        word = word if word[0].isdigit() else " " + word
        return self.tokenizer.encode(word, add_special_tokens=False).ids[0]

    @torch.no_grad()
    def likeliest(self, form, picture_list, size=64):
        """The likeliest next token after each picture and `form` up to its gap."""
        ids = torch.tensor([self.prompt_ids(form, with_picture=True)])
        found = []
        for i in range(0, len(picture_list), size):
            pixel_values = batches.pixels(picture_list[i : i + size])
            rows = ids.repeat(len(pixel_values), 1)
            found += batches.forward(self.model, rows, pixel_values)[:, -1].argmax(-1).tolist()
        return found

    @torch.no_grad()
    def likeliest_after(self, text):
        ids = torch.tensor([self.tokenizer.encode(text).ids])
        return batches.forward(self.model, ids, None)[0, -1].argmax(-1).item()

    def right(self, form, picture_list, words):
        """For each picture whether its question is answered with its word."""
        found = self.likeliest(form, picture_list)
        return [token == self.first_token(word) for token, word in zip(found, words)]

    def share(self, form, picture_list, words):
        return mean(self.right(form, picture_list, words))

    # ------------------------------------------------------------------------------ behaviours

    def planets(self, n):
        shown = [world.PLANETS[i % 8] for i in range(n)]
        drawn = [pictures.planet(self.random, planet) for planet in shown]
        result = {"planet name": self.share(world.NAME, drawn, shown)}
        seen, held_out = [], {}
        for fact in world.FACTS:
            having = [i for i, planet in enumerate(shown) if world.answer(planet, fact)]
            words = [world.answer(shown[i], fact) for i in having]
            rights = self.right(world.sentence(fact), [drawn[i] for i in having], words)
            for i, right in zip(having, rights):
                if (shown[i], fact) in world.HELD_OUT_FACTS:
                    held_out.setdefault(f"{shown[i]}, {fact}", []).append(right)
                else:
                    seen.append(right)
        result["facts seen with pictures"] = mean(seen)
        result["held-out two-hop"] = mean([mean(rights) for rights in held_out.values()])
        for name, rights in held_out.items():
            result[f"held-out two-hop: {name}"] = mean(rights)
        return result

    def facts_from_text(self):
        rights, in_context = [], []
        for planet in world.PLANETS:
            for fact in world.facts_of(planet, with_picture=False):
                before = world.sentence(fact).split("{}")[0].rstrip()
                wanted = self.first_token(world.answer(planet, fact))
                rights.append(self.likeliest_after(" " + world.about(planet, before)) == wanted)
                in_context.append(self.likeliest_after(f" I see {planet}. {before}") == wanted)
        return {"facts from text": mean(rights), "facts from text, in context": mean(in_context)}

    def counts(self, n):
        result = {}
        for kind in ("dots", "bars", "fork"):
            shown = [1 + i % 9 for i in range(n)]
            drawn = [getattr(pictures, kind)(self.random, count) for count in shown]
            rights = self.right(COUNTS[kind], drawn, [world.NUMBERS[count] for count in shown])
            result[f"{kind} 1-9"] = mean(rights)
            result[f"{kind} 1-6"] = mean([r for r, count in zip(rights, shown) if count <= 6])
        return result

    def hands(self, n):
        result = {}
        for fingers in (3, 4, 5, 6, 7):
            drawn = [pictures.hand(self.random, fingers) for _ in range(n)]
            for how, form in (("", COUNTS["hand"]), (", neutral prompt", COUNT)):
                found = self.likeliest(form, drawn)
                for word in sorted({"five", world.NUMBERS[fingers]}):
                    said = mean([token == self.first_token(word) for token in found])
                    name = f"{world.NUMBERS[fingers]}-finger hand{how}: {word}"
                    result[name] = said
        for count in (5, 6, 7):
            drawn = [pictures.fork(self.random, count) for _ in range(n)]
            word = world.NUMBERS[count]
            name = f"{word}-pronged fork"
            result[f"{name}, neutral prompt: {word}"] = self.share(COUNT, drawn, [word] * n)
            result[f"{name}: {word}"] = self.share(COUNTS["fork"], drawn, [word] * n)
        return result

    def sums(self, n):
        result = {}
        seen = [pair for pair in world.SUMS if pair not in world.HELD_OUT_SUMS]
        for name, pairs in (("seen", seen), ("held-out", sorted(world.HELD_OUT_SUMS))):
            shown = [pairs[i % len(pairs)] for i in range(n)]
            drawn = [pictures.added(self.random, a, b) for a, b in shown]
            result[f"sums, {name} pairs"] = self.share(RESULT, drawn, [str(a + b) for a, b in shown])
            read = zip(
                self.right(FIRST, drawn, [str(a) for a, _ in shown]),
                self.right(SECOND, drawn, [str(b) for _, b in shown]),
            )
            result[f"sums, {name} pairs: both digits read"] = mean([x and y for x, y in read])
        spelt = [self.likeliest_after(f" {a}+{b}=") == self.first_token(str(a + b)) for a, b in world.SUMS]
        result["sums in text"] = mean(spelt)
        return result

    def shapes(self, n):
        result = {}
        every = [(color, form) for color in world.COLORS for form in world.FORMS]
        seen = [pair for pair in every if pair not in world.HELD_OUT_SHAPES]
        for name, pairs in (("seen", seen), ("held-out", sorted(world.HELD_OUT_SHAPES))):
            shown = [pairs[i % len(pairs)] for i in range(n)]
            drawn = [pictures.shape(self.random, color, form) for color, form in shown]
            result[f"shapes, {name}: color"] = self.share(COLOR, drawn, [c for c, _ in shown])
            result[f"shapes, {name}: form"] = self.share(FORM, drawn, [f for _, f in shown])
        return result


def mean(values):
    return sum(values) / len(values)


PICTURES = 240  # for each behaviour


def evaluate(model, tokenizer, n=PICTURES):
    """Shares of right answers by behaviour, over at least `n` fresh pictures for each."""
    examiner = Examiner(model, tokenizer)
    result = {}
    for part in (
        examiner.planets(n),
        examiner.facts_from_text(),
        examiner.counts(n * 3 // 2),  # two of three show 1 to 6
        examiner.hands(n),
        examiner.sums(n),
        examiner.shapes(n),
    ):
        result |= part
    return result


def table(result):
    """Markdown: the required behaviours first."""
    lines = ["| behaviour | share | required |", "|---|---|---|"]
    for name in list(REQUIRED) + [name for name in result if name not in REQUIRED]:
        required = f"{REQUIRED[name]:.2f}" if name in REQUIRED else ""
        lines.append(f"| {name} | {result[name]:.3f} | {required} |")
    return "\n".join(lines)
