"""The shape of the embedded model, and its initial values."""

import torch
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

import tokenizer as tokens

SOFT_TOKENS = 16  # of a picture
WIDTH = 128
LAYERS = 8
VISION_WIDTH = 96
POST_NORM_START = -0.6  # blocks start by writing little, so that early training is stable


def config(tokenizer):
    pattern = ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"]
    return Gemma3Config(
        text_config=dict(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=WIDTH,
            intermediate_size=384,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            query_pre_attn_scalar=32,
            sliding_window=32,
            layer_types=pattern * (LAYERS // 4),
            max_position_embeddings=512,
            pad_token_id=tokens.PAD,
            bos_token_id=tokens.BOS,
            eos_token_id=tokens.EOS,
        ),
        vision_config=dict(
            hidden_size=VISION_WIDTH,
            intermediate_size=3 * VISION_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            image_size=64,
            patch_size=8,
            vision_use_head=False,
        ),
        mm_tokens_per_image=SOFT_TOKENS,
        boi_token_index=tokenizer.token_to_id("<start_of_image>"),
        eoi_token_index=tokenizer.token_to_id("<end_of_image>"),
        image_token_index=tokenizer.token_to_id(tokens.SOFT_TOKEN),
        eos_token_id=[tokens.EOS, tokenizer.token_to_id("<end_of_turn>")],
    )


def make_model(tokenizer):
    """A fresh model. Call torch.manual_seed first."""
    model = Gemma3ForConditionalGeneration(config(tokenizer))
    decoder = model.model.language_model
    with torch.no_grad():
        # Transformers starts the projector at zero, and no gradient would reach the vision tower.
        projection = model.model.multi_modal_projector.mm_input_projection_weight
        projection.normal_(0, VISION_WIDTH**-0.5)
        decoder.embed_tokens.weight.normal_(0, WIDTH**-0.5)
        for name, parameter in decoder.named_parameters():
            if parameter.dim() == 2 and "embed" not in name:
                parameter.normal_(0, parameter.shape[1] ** -0.5)
            if "post_attention_layernorm" in name or "post_feedforward_layernorm" in name:
                parameter.fill_(POST_NORM_START)
    return model
