"""Teaches the vision tower to see, before the decoder learns to speak.

The language loss alone teaches colours and then stalls for a long time. So the tower is trained
first with throw-away linear read-outs of what each picture shows.
"""

import math

import torch
from torch.nn.functional import cross_entropy

import batches
import examples
import world

# What is read out of the tower, and the classes. A picture has some of them.
READ_OUTS = {
    "kind": list(examples.KINDS),
    "planet": world.PLANETS,
    "count": list(range(10)),
    "first": list(range(6)),
    "second": list(range(6)),
    "color": list(world.COLORS),
    "form": world.FORMS,
}


def labelled_pictures(n):
    """Makes batches of n pictures with what they show."""

    def make(rng):
        shown = [examples.pick_shown(rng) for _ in range(n)]
        return batches.pixels([examples.draw(rng, each) for each in shown]), shown

    return make


def learning_rate(step, steps, peak, warm_up, floor):
    """Linear rise over `warm_up` steps, then a cosine down to floor * peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return peak * min(1, (step + 1) / warm_up) * (floor + (1 - floor) * cosine)


def warm_up(model, steps, seed, workers, report, n_pictures=64, peak=1.5e-3):
    """Trains model's vision tower in place."""
    tower = model.model.vision_tower
    width = tower.config.hidden_size
    heads = torch.nn.ModuleDict(
        {name: torch.nn.Linear(width, len(classes)) for name, classes in READ_OUTS.items()}
    )
    parameters = list(tower.parameters()) + list(heads.parameters())
    optimizer = torch.optim.AdamW(parameters, betas=(0.9, 0.98), weight_decay=0.02, fused=True)
    tower.train()
    make = labelled_pictures(n_pictures)
    for step, (pixel_values, shown) in enumerate(batches.stream(steps, 0, seed, make, workers)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak, warm_up=100, floor=0.05)
        seen = tower(pixel_values).last_hidden_state.mean(1)
        loss, right = 0, {}
        for name, head in heads.items():
            rows = [i for i, each in enumerate(shown) if name in each]
            if not rows:
                continue
            wanted = torch.tensor([READ_OUTS[name].index(shown[i][name]) for i in rows])
            scores = head(seen[rows])
            loss = loss + cross_entropy(scores, wanted, reduction="sum") / len(shown)
            right[name] = (scores.argmax(-1) == wanted).float().mean().item()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        report(step, {"loss": loss.item(), **right})
