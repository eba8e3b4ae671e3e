"""Writes the documents on which `cajal-train` trains and measures the transcoders.

Three folders in the data format of docs/training.md: `text` (sentences), `captions` (pictures with
sentences about them) and `questions` (pictures with a question and its answer).
"""

import json
import random

import examples


def write(folder, seed, n_text, n_captions, n_questions):
    """Three folders to train on. `seed` sets them apart from what is held out."""
    rng = random.Random(f"transcoders/{seed}")
    write_folder(folder / "text", (paragraph(rng) for _ in range(n_text)))
    write_folder(folder / "captions", (caption(rng) for _ in range(n_captions)))
    write_folder(folder / "questions", (question(rng) for _ in range(n_questions)))


def write_mixed(folder, seed, n_text, n_captions, n_questions):
    """The same in one folder, to be judged on."""
    rng = random.Random(f"transcoders/{seed}")
    makers = [paragraph] * n_text + [caption] * n_captions + [question] * n_questions
    write_folder(folder, (make(rng) for make in makers))


def paragraph(rng):
    """One to six sentences without a picture."""
    sentences = [examples.text_example(rng) for _ in range(rng.randint(1, 6))]
    return {"text": "".join(sentences)}, None


def caption(rng):
    example = examples.caption_example(rng, examples.pick_shown(rng))
    return {"text": example.text()}, example.picture


def question(rng):
    """A planet or a hand, as often as in the model's own training."""
    shown = examples.pick_shown(rng)
    while shown["kind"] not in examples.QUESTION_SHARE:
        shown = examples.pick_shown(rng)
    asked, answer = examples.question_about(rng, shown)
    turns = [
        {"role": "user", "content": examples.PICTURE + asked},
        {"role": "assistant", "content": answer},
    ]
    return {"chat": turns}, examples.draw(rng, shown)


def write_folder(folder, documents):
    """Writes pairs of a document and its picture or None."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with open(folder / "documents.jsonl", "w", encoding="utf-8") as lines:
        for i, (line, picture) in enumerate(documents):
            if picture is not None:
                name = f"images/{i:06}.png"
                picture.save(folder / name)
                line = line | {"images": [name]}
            lines.write(json.dumps(line) + "\n")
