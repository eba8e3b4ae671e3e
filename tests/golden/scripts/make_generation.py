"""Greedy continuations by Transformers' generate, of the golden and of the embedded model.

    python make_generation.py GOLDEN_DIR

Writes generation.json: {"demo" | "tiny": [{"images": [file …], "prompt": …, "token_ids": the prompt's, "new_token_ids": …,
"text": the new tokens decoded, without the one that ended it}]}. float32, eager attention, with the key-value cache
that generate uses. It ends at the config's end tokens or after MAX_NEW_TOKENS.
"""
import json
import pathlib
import sys

import torch
from PIL import Image
from transformers import AutoTokenizer, Gemma3ForConditionalGeneration
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

MAX_NEW_TOKENS = 24
CASES = {
    "demo": [
        ([], "Mars is"),
        ([], "The day of Mars is"),
        ([], "The planet after Earth is"),
        ([], "<start_of_turn>user\nMars is<end_of_turn>\n<start_of_turn>model\n"),
        (["mars.png"], "<start_of_image> This is planet"),
        (["hand_six.png"], "<start_of_image> This hand has"),
        (["earth.png", "jupiter.png"], "<start_of_image> This is planet Earth. <start_of_image> This is"),
    ],
    "tiny": [
        ([], "The capital of France is"),
        (["shapes_97x61.png"], "<start_of_image> What is this? It is"),
    ],
}


def soft_tokens(text, tokenizer, config):
    """The prompt with each placeholder spelled as Gemma3Processor spells it, as ids with BOS."""
    image = "\n\n<start_of_image>" + "<image_soft_token>" * config.mm_tokens_per_image + "<end_of_image>\n\n"
    return tokenizer(text.replace("<start_of_image>", image), return_tensors="pt").input_ids


def generate(folder, images_folder, cases):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Gemma3ForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    processor = Gemma3ImageProcessorPil.from_pretrained(folder)
    results = []
    for images, text in cases:
        ids = soft_tokens(text, tokenizer, model.config)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids),
                  "token_type_ids": (ids == model.config.image_token_id).long()}
        if images:
            pictures = [Image.open(images_folder / name).convert("RGB") for name in images]
            inputs["pixel_values"] = processor(pictures, return_tensors="pt").pixel_values
        with torch.no_grad():
            new = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, top_k=None, top_p=None,
                                 temperature=None, eos_token_id=model.config.eos_token_id)[0, ids.shape[1]:].tolist()
        ends = model.config.eos_token_id if isinstance(model.config.eos_token_id, list) else [model.config.eos_token_id]
        shown = new[:-1] if new[-1] in ends else new
        results.append({"images": images, "prompt": text, "token_ids": ids[0].tolist(), "new_token_ids": new,
                        "text": tokenizer.decode(shown)})
    return results


def main():
    golden = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    demo = here.parents[2] / "models" / "demo"
    result = {"demo": generate(demo, demo / "images", CASES["demo"]),
              "tiny": generate(golden / "tiny", golden / "images", CASES["tiny"])}
    (golden / "generation.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
