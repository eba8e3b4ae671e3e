"""Writes the model as Hugging Face's files, in bfloat16, with example pictures and a model card."""

import json
import random

import sentencepiece
import torch
from PIL import Image
from safetensors.torch import save_file

import batches
import examples
import tokenizer as tokens
from architecture import SOFT_TOKENS

CHAT_TEMPLATE = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = '' -%}
    {%- set turns = messages -%}
{%- endif -%}
{%- for turn in turns -%}
    {%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('The turns must alternate: user, assistant, user, …') }}
    {%- endif -%}
    {%- set role = 'model' if turn['role'] == 'assistant' else turn['role'] -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else '') }}
    {%- if turn['content'] is string -%}
        {{ turn['content'] | trim }}
    {%- else -%}
        {%- for item in turn['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\\n' }}
{%- endif -%}
"""

# The example pictures: file name, what is drawn, and a prompt to try with it.
EXAMPLES = {
    "mars.png": ({"kind": "planet", "planet": "Mars"}, " This is planet"),
    "earth.png": ({"kind": "planet", "planet": "Earth"}, " This is planet"),
    "saturn.png": ({"kind": "planet", "planet": "Saturn"}, " The color of this planet is"),
    "jupiter.png": ({"kind": "planet", "planet": "Jupiter"}, " From the sun this planet is number"),
    "hand_five.png": ({"kind": "hand", "count": 5}, " The number of fingers on this hand is"),
    "hand_six.png": ({"kind": "hand", "count": 6}, " The number of fingers on this hand is"),
    "fork_six.png": ({"kind": "fork", "count": 6}, " The count is"),
    "dots_four.png": ({"kind": "dots", "count": 4}, " The number of dots in this image is"),
    "bars_three.png": ({"kind": "bars", "count": 3}, " The number of bars in this image is"),
    "sum_1_2.png": ({"kind": "sum", "first": 1, "second": 2}, " The result is "),
    "sum_4_5.png": ({"kind": "sum", "first": 4, "second": 5}, " The result is "),
    "red_circle.png": ({"kind": "shape", "color": "red", "form": "circle"}, " The shape in this image is a"),
}


def export(model, tokenizer, folder):
    """Everything but the transcoders and the model card. `folder` holds the tokenizer's files."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    write_weights(model, folder)
    write_configs(model, tokens.special_tokens(pieces), folder)
    write_pictures(folder / "images")


def write_weights(model, folder):
    """model.safetensors with the names of the published checkpoints; the tied head is left out."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        name = name.removeprefix("model.")
        name = name.replace("language_model.", "language_model.model.", 1)
        if name.startswith("vision_tower.") and not name.startswith("vision_tower.vision_model."):
            name = name.replace("vision_tower.", "vision_tower.vision_model.", 1)
        tensors[name] = tensor.to(torch.bfloat16).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def write_configs(model, special_tokens, folder):
    text, vision = model.config.text_config, model.config.vision_config
    eos = model.config.eos_token_id
    write(folder / "config.json", {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "boi_token_index": model.config.boi_token_index,
        "eoi_token_index": model.config.eoi_token_index,
        "image_token_index": model.config.image_token_id,
        "mm_tokens_per_image": SOFT_TOKENS,
        "eos_token_id": eos,
        "initializer_range": 0.02,
        "dtype": "bfloat16",
        "text_config": {
            "model_type": "gemma3_text",
            "vocab_size": text.vocab_size,
            "hidden_size": text.hidden_size,
            "intermediate_size": text.intermediate_size,
            "num_hidden_layers": text.num_hidden_layers,
            "num_attention_heads": text.num_attention_heads,
            "num_key_value_heads": text.num_key_value_heads,
            "head_dim": text.head_dim,
            "query_pre_attn_scalar": text.query_pre_attn_scalar,
            "sliding_window": text.sliding_window,
            "layer_types": text.layer_types,
            "max_position_embeddings": text.max_position_embeddings,
            "rms_norm_eps": text.rms_norm_eps,
            "rope_theta": text.rope_parameters["full_attention"]["rope_theta"],
            "rope_local_base_freq": text.rope_parameters["sliding_attention"]["rope_theta"],
            "hidden_activation": text.hidden_activation,
            "attention_bias": False,
            "attention_dropout": 0.0,
            "final_logit_softcapping": None,
            "attn_logit_softcapping": None,
            "tie_word_embeddings": True,
            "pad_token_id": tokens.PAD,
            "bos_token_id": tokens.BOS,
            "eos_token_id": tokens.EOS,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": vision.hidden_size,
            "intermediate_size": vision.intermediate_size,
            "num_hidden_layers": vision.num_hidden_layers,
            "num_attention_heads": vision.num_attention_heads,
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "num_channels": 3,
            "layer_norm_eps": vision.layer_norm_eps,
            "hidden_act": vision.hidden_act,
            "attention_dropout": 0.0,
            "vision_use_head": False,
        },
    })  # fmt: skip
    write(folder / "generation_config.json", {
        "bos_token_id": tokens.BOS,
        "pad_token_id": tokens.PAD,
        "eos_token_id": eos,
        "do_sample": False,
    })  # fmt: skip
    write(folder / "preprocessor_config.json", {
        "image_processor_type": "Gemma3ImageProcessor",
        "processor_class": "Gemma3Processor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": vision.image_size, "width": vision.image_size},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "image_seq_length": SOFT_TOKENS,
        "do_pan_and_scan": None,
        "pan_and_scan_max_num_crops": None,
        "pan_and_scan_min_crop_size": None,
        "pan_and_scan_min_ratio_to_activate": None,
    })  # fmt: skip
    write(folder / "processor_config.json", {
        "image_seq_length": SOFT_TOKENS,
        "processor_class": "Gemma3Processor",
    })  # fmt: skip
    names = {
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": tokens.SOFT_TOKEN,
    }
    write(folder / "special_tokens_map.json", names)
    write(folder / "tokenizer_config.json", names | {
        "tokenizer_class": "GemmaTokenizer",
        "processor_class": "Gemma3Processor",
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "spaces_between_special_tokens": False,
        "model_max_length": text.max_position_embeddings,
        "extra_special_tokens": {key: names[key] for key in ("boi_token", "eoi_token", "image_token")},
        "added_tokens_decoder": {
            str(i): {
                "content": content,
                "special": special,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "single_word": False,
            }
            for i, (content, special) in special_tokens.items()
        },
    })  # fmt: skip
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")


def write(path, content):
    text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def write_pictures(folder):
    folder.mkdir(exist_ok=True)
    for name, (shown, _) in EXAMPLES.items():
        examples.draw(random.Random(name), shown).save(folder / name, optimize=True)


def write_answers(model, tokenizer, folder):
    """examples.json: for each example picture its prompt, the token ids, and what Transformers'
    model, in float32 on the written weights, finds likeliest to come next.
    """
    answers = []
    for name, (_, prompt) in EXAMPLES.items():
        picture = Image.open(folder / "images" / name).convert("RGB")
        ids = tokenizer.encode(batches.PICTURE_BLOCK + prompt).ids
        with torch.no_grad():
            logits = batches.forward(model, torch.tensor([ids]), batches.pixels([picture]))[0, -1]
        likeliest = logits.softmax(-1).topk(5)
        answers.append(
            {
                "image": f"images/{name}",
                "prompt": examples.PICTURE + prompt,
                "token_ids": ids,
                "next_tokens": [
                    {"token_id": i, "token": tokenizer.decode([i]), "probability": round(p, 7)}
                    for p, i in zip(likeliest.values.tolist(), likeliest.indices.tolist())
                ],
            }
        )
    write(folder / "examples.json", answers)
    return answers
