"""Examples as tensors: tokens, the weight of each token in the loss, pixels."""

import random
from dataclasses import dataclass

import numpy
import torch

import examples
import tokenizer as tokens
from architecture import SOFT_TOKENS

# How much a token counts in the loss, by the part it plays. Templates are easy and many.
WEIGHTS = {
    examples.GIVEN: 0.0,
    examples.PLACE: 0.0,
    examples.TEMPLATE: 0.03,
    examples.ANSWER: 1.0,
    examples.TEXT: 0.08,
}

SOFT = tokens.SOFT_TOKEN * SOFT_TOKENS
PICTURE_BLOCK = "\n\n<start_of_image>" + SOFT + "<end_of_image>\n\n"


@dataclass
class Batch:
    token_ids: torch.Tensor  # [rows, positions] int64, padded with PAD on the right
    weights: torch.Tensor  # [rows, positions]: of predicting token_ids there
    places: torch.Tensor  # [rows, positions] bool: soft tokens, and words in their place
    pixels: torch.Tensor | None  # [pictures, 3, 64, 64]; the first rows have one picture each


def pixels(picture_list):
    """Pictures as Gemma3ImageProcessor gives them, without resizing: [n, 3, 64, 64] in [-1, 1]."""
    stacked = numpy.stack([numpy.asarray(picture) for picture in picture_list])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float().div(255).sub(0.5).div(0.5)


def encode(tokenizer, example):
    """(token ids, weights, places) of an example, BOS first."""
    text, part_of = "", []
    for piece, part in example.pieces:
        if example.picture is not None:
            # The processor's own replacement; newlines before it become part of its run.
            piece = piece.replace(examples.PICTURE, PICTURE_BLOCK)
        text += piece
        part_of += [part] * len(piece)
    encoding = tokenizer.encode(text)
    parts = [part_of[start] for start, _ in encoding.offsets[1:]]
    soft_token = tokenizer.token_to_id(tokens.SOFT_TOKEN)
    places = [part == examples.PLACE for part in parts]
    places = [place or i == soft_token for place, i in zip(places, encoding.ids[1:])]
    return encoding.ids, [0.0] + [WEIGHTS[part] for part in parts], [False] + places


def text_row(tokenizer, rng, length):
    """Sentences without a picture, as many as fit into `length` tokens."""
    row = tokenizer.encode(examples.text_example(rng)).ids
    while True:
        more = tokenizer.encode(examples.text_example(rng), add_special_tokens=False).ids
        if len(row) + len(more) > length:
            return row, [0.0] + [WEIGHTS[examples.TEXT]] * (len(row) - 1), [False] * len(row)
        row = row + more


def make_batch(tokenizer, rng, n_pictures, n_texts, n_worded, results):
    """Rows with a picture, with words in its place, and of text. `results`: see picture_example."""
    with_picture = [examples.picture_example(rng, results) for _ in range(n_pictures)]
    rows = [encode(tokenizer, example) for example in with_picture]
    for _ in range(n_worded):
        rows.append(encode(tokenizer, examples.worded_example(rng, SOFT_TOKENS)))
    length = max(len(ids) for ids, _, _ in rows)
    rows += [text_row(tokenizer, rng, length) for _ in range(n_texts)]
    length = max(len(ids) for ids, _, _ in rows)
    token_ids = torch.full((len(rows), length), tokens.PAD)
    weights = torch.zeros(len(rows), length)
    places = torch.zeros(len(rows), length, dtype=torch.bool)
    for i, (ids, row_weights, row_places) in enumerate(rows):
        token_ids[i, : len(ids)] = torch.tensor(ids)
        weights[i, : len(ids)] = torch.tensor(row_weights)
        places[i, : len(ids)] = torch.tensor(row_places)
    drawn = pixels([example.picture for example in with_picture]) if with_picture else None
    return Batch(token_ids, weights, places, drawn)


class Batches(torch.utils.data.Dataset):
    """Batch i of a run depends on the seed and i alone, so any number of workers draws the same."""

    def __init__(self, steps, seed, make):
        self.steps, self.seed, self.make = steps, seed, make

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        return self.make(random.Random(f"{self.seed}/{step}"))


def stream(steps, first, seed, make, workers):
    """Batches `first` to `steps`, drawn ahead by worker processes."""
    dataset = torch.utils.data.Subset(Batches(steps, seed, make), range(first, steps))
    return torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)


def forward(model, token_ids, pixel_values, places=None):
    """Logits of Transformers' model over a batch: [rows, positions, vocabulary]. `places` attend to
    each other both ways; default: the soft tokens.
    """
    if places is None:
        places = token_ids == model.config.image_token_id
    output = model(
        input_ids=token_ids,
        pixel_values=pixel_values,
        token_type_ids=places.long(),
        attention_mask=torch.ones_like(token_ids),
        use_cache=False,
    )
    return output.logits
