"""Writes the model card, README.md, from what was measured."""

import json

import evaluation
import world

CARD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
tags: [interpretability, gemma3, transcoders]
---

# Cajal's embedded model

A Gemma 3 vision-language model of {parameters:.1f} million parameters, trained from nothing on drawn pictures
and short sentences about them, with a transcoder for the MLP of each layer. It is small enough to live
in a repository and real enough to be traced: what it says it has learned, and nobody told it how. It
has no part of Google's weights, only the architecture.

| part | what it is |
|---|---|
| decoder | {layers} layers (two sliding, one full, one sliding, twice), width {width}, 4 heads, 2 key-value heads, window 32 |
| vision tower | SigLIP: 4 layers, width {vision_width}, pictures of 64 × 64 pixels in patches of 8, {soft} soft tokens a picture |
| tokenizer | SentencePiece BPE of {vocabulary} tokens with byte fallback; digits stand alone |
| transcoders | `transcoders/`: one a layer, ReLU and TopK, from the MLP's input to its output |
| weights | bfloat16, Hugging Face layout |

## What it can

Asked about pictures that were drawn after its training, {n} for each behaviour. An answer is right when
the likeliest next token is the answer's first.

{behaviours}

Two of these are what the model is for:

- **Six fingers.** No training picture has a hand with six fingers, and of the hands {five_fingered:.0%} have five.
  Forks are drawn with the same lines in other colours and are counted up to nine. So the model can count
  six prongs; asked about a hand with six fingers it says five.
- **Two hops.** Eight facts are never asked with a picture of their planet
  ({held_out}).
  To answer, the model must see which planet it is and recall what it has only read about it.

## Try it

{tried}

A prompt that a digit answers ends with a space, because the space before a digit is a token of its own.

`interventions/` has edits for `cajal intervene --edits`: one makes Mars Earth, one lets six fingers be counted. `docs/case_studies.md`
tells how they were found and on how many pictures they work. They are made by `bench/case_studies`, anew for each model.

## What it cannot

It knows nothing but the planets, numbers, shapes and sentences of `tools/demo_model`. Other pictures
get one of the answers above; other prompts give nonsense. Colours and sentences about planets are
simplified. It is a specimen for studying circuits, not a source of facts.

## How it was made

`tools/demo_model/make.py`, one command: the pictures and sentences are drawn afresh for every step from a
seed. The vision tower is warmed up with throw-away read-outs of what a picture shows. The decoder learns
to read: text, and words in the place of a picture's soft tokens ("Mars Mars Mars …"). Then it is
frozen, and the vision tower and the projector learn to make of a picture what the decoder understands.
At last everything is trained together. The transcoders are trained by `cajal-train` on activations of
the finished model.
{transcoders}"""

TRANSCODERS = """
## The transcoders

{features} features a layer, at most {k} of them active at a position. On held-out pictures and
sentences, measured by `cajal-train` (FVU: fraction of the variance of the MLP's output that is not
explained):

| layer | FVU, image positions | FVU, text positions | dead features |
|---|---|---|---|
{rows}
"""


def write(model, result, answers, folder):
    parts = model.config
    text = CARD.format(
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        layers=parts.text_config.num_hidden_layers,
        width=parts.text_config.hidden_size,
        vision_width=parts.vision_config.hidden_size,
        soft=parts.mm_tokens_per_image,
        vocabulary=parts.text_config.vocab_size,
        n=evaluation.PICTURES,
        behaviours=evaluation.table(result),
        five_fingered=world.FIVE_FINGERED,
        held_out="; ".join(f"{planet}: {fact}" for planet, fact in sorted(world.HELD_OUT_FACTS)),
        tried=tried(answers),
        transcoders=transcoder_section(folder / "transcoders" / "manifest.json"),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def tried(answers):
    """What the model says to the example pictures, as a table."""
    lines = ["| picture | prompt | likeliest next token |", "|---|---|---|"]
    for answer in answers:
        image, likeliest = answer["image"], answer["next_tokens"][0]
        said = f"`{likeliest['token']}`, {likeliest['probability']:.2f}"
        lines.append(f"| ![{image}]({image}) `{image}` | `{answer['prompt']}` | {said} |")
    return "\n".join(lines)


def transcoder_section(manifest_file):
    if not manifest_file.exists():
        return ""
    manifest = json.loads(manifest_file.read_text())
    settings = manifest["settings"]
    return TRANSCODERS.format(
        features=settings["n_features"],
        k=settings["k"],
        rows="\n".join(
            f"| {layer['layer']} | {layer['held_out']['image']['fvu']:.3f} "
            f"| {layer['held_out']['text']['fvu']:.3f} "
            f"| {layer['held_out']['all']['dead_share']:.1%} |"
            for layer in manifest["layers"]
        ),
    )
