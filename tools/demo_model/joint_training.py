"""Trains the whole model: vision tower, projector and decoder, on pictures and text together."""

from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

import batches
from warm_up import learning_rate

PICTURES, TEXTS, WORDED = 36, 6, 4  # rows of a batch, in this order
PEAK = 1.5e-3


def optimizer_of(model, weight_decay=0.05):
    """AdamW with decay on the matrices alone, not on norms, biases and embeddings."""
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() >= 2 and "embed" not in name and "position" not in name
        (decayed if is_matrix else others).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def train(model, tokenizer, steps, seed, workers, report, checkpoint: Path, every=500):
    """Trains `model` in place. Goes on from `checkpoint` if that file is there."""
    optimizer = optimizer_of(model)
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]

    def make(rng):
        return batches.make_batch(tokenizer, rng, PICTURES, TEXTS, WORDED)

    model.train()
    for step, batch in enumerate(batches.stream(steps, first, seed, make, workers), first):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, PEAK, warm_up=150, floor=0.03)
        logits = batches.forward(model, batch.token_ids, batch.pixels).logits[:, :-1]
        wanted, weights = batch.token_ids[:, 1:], batch.weights[:, 1:]
        losses = cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
        losses = losses.view_as(weights)
        loss = (losses * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        answers = weights == 1
        right = (logits.argmax(-1) == wanted)[answers].float().mean().item()
        text = losses[PICTURES:][weights[PICTURES:] > 0].mean().item()
        report(step, {"loss": loss.item(), "answers right": right, "text loss": text})
        if (step + 1) % every == 0:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step + 1,
            }
            partial = checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint)
