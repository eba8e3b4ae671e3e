"""Trains the model in three stages, as real vision-language models are trained.

    reading   the decoder alone, on text and on words in a picture's place
    seeing    the vision tower and the projector alone: pictures must become what the decoder, which
              stays as it is, understands at these places
    together  everything
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

import batches
from warm_up import learning_rate


@dataclass(frozen=True)
class Stage:
    name: str
    steps: int
    pictures: int  # rows of a batch, in this order
    worded: int
    texts: int
    peak: float  # learning rate
    decoder: bool  # whether it is trained
    vision: bool  # whether tower and projector are
    results: bool = True  # whether pictures of two numbers are asked for their sum


STAGES = (
    Stage("reading", 1200, pictures=0, worded=16, texts=8, peak=2e-3, decoder=True, vision=False),
    Stage(
        "seeing", 3000, pictures=36, worded=0, texts=0, peak=1.5e-3, decoder=False, vision=True,
        results=False,
    ),
    Stage("together", 3000, pictures=36, worded=4, texts=6, peak=1e-3, decoder=True, vision=True),
)  # fmt: skip


def optimizer_of(model, stage, weight_decay=0.05):
    """AdamW for what the stage trains; decay on the matrices alone, not on norms and embeddings."""
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        trained = stage.decoder if "language_model" in name else stage.vision
        parameter.requires_grad_(trained)
        if not trained:
            continue
        is_matrix = parameter.dim() >= 2 and "embed" not in name and "position" not in name
        (decayed if is_matrix else others).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def train(model, tokenizer, stage, seed, workers, report, checkpoint: Path, every=500):
    """Trains `model` in place. Goes on from `checkpoint` if that file is there."""
    optimizer = optimizer_of(model, stage)
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]

    def make(rng):
        return batches.make_batch(tokenizer, rng, stage.pictures, stage.texts, stage.worded, stage.results)

    model.train()
    stream = batches.stream(stage.steps, first, f"{seed}/{stage.name}", make, workers)
    for step, batch in enumerate(stream, first):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, stage.steps, stage.peak, warm_up=150, floor=0.03)
        logits = batches.forward(model, batch.token_ids, batch.pixels, batch.places)[:, :-1]
        wanted, weights = batch.token_ids[:, 1:], batch.weights[:, 1:]
        losses = cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
        losses = losses.view_as(weights)
        loss = (losses * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        right = (logits.argmax(-1) == wanted).float()
        report(step, {"loss": loss.item(), **shares(right, weights, stage)})
        if (step + 1) % every == 0 or step + 1 == stage.steps:
            save(model, optimizer, step + 1, checkpoint)


def shares(right, weights, stage):
    """How many answers were right, of pictures and of words in their place."""
    answers = weights == 1
    rows = {"pictures": slice(0, stage.pictures), "words": slice(stage.pictures, None)}
    return {
        f"{name} right": right[part][answers[part]].mean().item()
        for name, part in rows.items()
        if answers[part].any()
    }


def save(model, optimizer, step, checkpoint):
    partial = checkpoint.with_suffix(".partial")
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, partial)
    partial.replace(checkpoint)
