#!/usr/bin/env python3
"""Makes the embedded model: draws, trains, measures, exports, and trains its transcoders.

    tools/demo_model/make.py                      # everything, into models/demo
    tools/demo_model/make.py --output DIR --work DIR --threads 2 --seed 1

A stage whose result lies in the work folder already is not done again, and a training that was
interrupted goes on from its last checkpoint. The transcoders are trained by `cajal-train`
(scripts/build makes it).
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import torch
from transformers import Gemma3ForConditionalGeneration

import architecture
import evaluation
import export
import model_card
import tokenizer as tokens
import transcoder_data
import training
import transcoders
from warm_up import warm_up

REPOSITORY = Path(__file__).resolve().parents[2]
WARM_UP_STEPS = 2200


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    output, work = arguments.output, arguments.work
    output.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)

    model, tokenizer = train(arguments, work)
    for name in ("tokenizer.model", "tokenizer.json"):
        shutil.copy(work / name, output)
    export.export(model, tokenizer, output)

    # What is measured is what was written: bfloat16 weights, read back by Transformers.
    written = Gemma3ForConditionalGeneration.from_pretrained(output, dtype=torch.float32)
    result = evaluation.evaluate(written, tokenizer)
    print(evaluation.table(result))
    (output / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")

    if not arguments.without_transcoders:
        train_transcoders(arguments, work)
    if arguments.text_only:
        train_set(arguments, work, arguments.text_only, transcoders.TEXT_ONLY)
    answers = export.write_answers(written, tokenizer, output)
    model_card.write(written, result, answers, output)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=REPOSITORY / "models/demo")
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / "build/demo_model",
        help="checkpoints and training documents (default: build/demo_model)",
    )
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--cajal-train",
        type=Path,
        default=REPOSITORY / "build/release/bin/cajal-train",
        help="the program that trains transcoders",
    )
    parser.add_argument("--without-transcoders", action="store_true")
    parser.add_argument(
        "--text-only",
        type=Path,
        metavar="DIR",
        help="also train a set on text alone, with as many tokens, for comparison",
    )
    arguments = parser.parse_args()
    if not arguments.without_transcoders and not arguments.cajal_train.exists():
        parser.error(f"{arguments.cajal_train} is missing: run scripts/build, or give --cajal-train")
    return arguments


def train(arguments, work):
    """Tokenizer, warm-up of the vision tower, and the stages; the model and its tokenizer."""
    tokens.train(work)
    tokenizer = tokens.load(work)
    torch.manual_seed(arguments.seed)
    model = architecture.make_model(tokenizer)
    model.config._attn_implementation = "sdpa"
    warmed_up = work / "warm-up.pt"
    if warmed_up.exists():
        model.load_state_dict(torch.load(warmed_up))
    else:
        report = Progress("warm-up", WARM_UP_STEPS).report
        warm_up(model, WARM_UP_STEPS, arguments.seed, workers=1, report=report)
        torch.save(model.state_dict(), warmed_up)
    for stage in training.STAGES:
        report = Progress(stage.name, stage.steps).report
        checkpoint = work / f"{stage.name}.pt"
        training.train(model, tokenizer, stage, arguments.seed, 1, report, checkpoint)
    return model, tokenizer


def train_transcoders(arguments, work):
    """The finished set without its checkpoints goes to the output."""
    made = work / "transcoders"
    train_set(arguments, work, made, transcoders.PROPORTIONS)
    shutil.copytree(
        made,
        arguments.output / "transcoders",
        ignore=shutil.ignore_patterns("training"),
        dirs_exist_ok=True,
    )


def train_set(arguments, work, made, proportions):
    """Documents, unless they are there already, then `cajal-train`."""
    data, held_out = work / "data", work / "held_out"
    if not held_out.exists():
        transcoder_data.write(data, "train", n_text=20_000, n_captions=40_000, n_questions=8_000)
        transcoder_data.write_mixed(held_out, "held out", n_text=500, n_captions=1000, n_questions=200)
    transcoders.train(
        arguments.cajal_train, arguments.output, data, held_out, made, arguments.threads, proportions
    )


class Progress:
    """Prints a line of averages every hundred steps, with the time that is left."""

    def __init__(self, name, steps, every=100):
        self.name, self.steps, self.every = name, steps, every
        self.values, self.since = {}, time.monotonic()

    def report(self, step, values):
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        if (step + 1) % self.every:
            return
        now = time.monotonic()
        left = (now - self.since) / self.every * (self.steps - step - 1)
        means = ", ".join(f"{k} {sum(v) / len(v):.3f}" for k, v in self.values.items())
        print(f"{self.name} {step + 1}/{self.steps}: {means}; {left / 60:.0f} min left", flush=True)
        self.values, self.since = {}, now


if __name__ == "__main__":
    main()
