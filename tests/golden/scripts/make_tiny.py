"""Build the tiny random Gemma-3 vision-language checkpoint (HF layout) of the golden data.

    python make_tiny.py OUT_DIR

Everything is seeded.  Weights fp32.  Writes config.json, generation_config.json,
preprocessor_config.json, processor_config.json, tokenizer.model, tokenizer.json,
tokenizer_config.json, special_tokens_map.json, added_tokens.json, chat_template.jinja,
model.safetensors (tensor names as in files of the Hugging Face hub).

The SentencePiece trainer is deterministic with one thread; tokenizer.model as stored beside this
script is the reference, the weights are checked by SHA-256 in ../README.md.
"""
import hashlib, io, json, os, sys
import numpy as np
import sentencepiece as spm
import torch
from safetensors.torch import save_file

SEED = 20260101
N_NEWLINE = 6          # newline runs "\n" .. "\n"*6 are user-defined pieces (as in real Gemma)
SP_VOCAB = 512         # pieces in tokenizer.model
EXTRA_ROWS = 8         # image_soft_token is the first of them (id 512); vocab_size 520

TEXT = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=6, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=16, sliding_window=8,
            rms_norm_eps=1e-6, vocab_size=SP_VOCAB + EXTRA_ROWS, max_position_embeddings=4096)
LAYER_TYPES = ["sliding_attention", "sliding_attention", "full_attention"] * 2
VISION = dict(hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
              image_size=56, patch_size=14, num_channels=3, layer_norm_eps=1e-6)
MM_TOKENS = 4

CORPUS = """The capital of France is Paris and the capital of Texas is Austin.
Circuit tracing follows how features of a picture reach the answer of a model.
What is shown in this image? The image shows a small red square on a blue field.
How many fingers are on the hand? There are five fingers on the left hand and six on the right.
One plus two equals three, and three plus four equals seven; 1+2=3, 12+34=46, 5-2=3.
A planet, a moon and a star: Mars is red, Earth is blue, Venus is bright, Saturn has rings.
The user asks a question and the model gives an answer to the user in a few words.
Describe the picture. Compare the first image with the second image, then say which is larger.
An otter swims in the sea; a seal rests on the shore; a beaver builds a dam by the river.
Every layer of the network adds a vector to the residual stream at every position of the prompt.
Grün, café, naïve, Ωmega, 東京 and emoji need byte fallback when they are rare.
The quick brown fox jumps over the lazy dog while the five boxing wizards jump quickly.
"""


def train_tokenizer(path):
    rng = np.random.default_rng(SEED)
    words = CORPUS.split()
    sents = CORPUS.strip().split("\n")
    for _ in range(400):  # shuffled word salad so that BPE has pair statistics
        sents.append(" ".join(rng.choice(words, size=12)))
    user = ["<mask>"] + [f"<unused{i}>" for i in range(8)]
    user += ["<start_of_turn>", "<end_of_turn>"]
    user += ["\n" * i for i in range(1, N_NEWLINE + 1)]
    user += ["\u2581" * i for i in range(2, 6)]
    user += ["<start_of_image>", "<end_of_image>"]
    buf = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(sents), model_writer=buf, model_type="bpe", vocab_size=SP_VOCAB,
        byte_fallback=True, character_coverage=0.995, split_digits=True,
        allow_whitespace_only_pieces=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
        normalization_rule_name="identity", pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", unk_piece="<unk>",
        user_defined_symbols=user, num_threads=1, minloglevel=2)
    with open(path, "wb") as f:
        f.write(buf.getvalue())


CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}"
    "{%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}"
    "{%- set loop_messages = messages[1:] -%}"
    "{%- else -%}{%- set first_user_prefix = '' -%}{%- set loop_messages = messages -%}{%- endif -%}"
    "{%- for message in loop_messages -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('roles must alternate') }}{%- endif -%}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}"
    "{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else '') }}"
    "{%- if message['content'] is string -%}{{ message['content'] | trim }}"
    "{%- else -%}{%- for item in message['content'] -%}"
    "{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}"
    "{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{ '<end_of_turn>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)


def make_weights():
    g = torch.Generator().manual_seed(SEED)

    def N(*shape, std):
        return torch.randn(*shape, generator=g, dtype=torch.float32) * std

    d, f = TEXT["hidden_size"], TEXT["intermediate_size"]
    H, K, h = TEXT["num_attention_heads"], TEXT["num_key_value_heads"], TEXT["head_dim"]
    w = {}
    L = "language_model.model."
    w[L + "embed_tokens.weight"] = N(TEXT["vocab_size"], d, std=0.22)
    for i in range(TEXT["num_hidden_layers"]):
        p = f"{L}layers.{i}."
        w[p + "self_attn.q_proj.weight"] = N(H * h, d, std=d ** -0.5)
        w[p + "self_attn.k_proj.weight"] = N(K * h, d, std=d ** -0.5)
        w[p + "self_attn.v_proj.weight"] = N(K * h, d, std=d ** -0.5)
        w[p + "self_attn.o_proj.weight"] = N(d, H * h, std=(H * h) ** -0.5)
        w[p + "self_attn.q_norm.weight"] = 0.4 + N(h, std=0.3)
        w[p + "self_attn.k_norm.weight"] = 0.4 + N(h, std=0.3)
        w[p + "mlp.gate_proj.weight"] = N(f, d, std=1.3 * d ** -0.5)
        w[p + "mlp.up_proj.weight"] = N(f, d, std=1.3 * d ** -0.5)
        w[p + "mlp.down_proj.weight"] = N(d, f, std=f ** -0.5)
        w[p + "input_layernorm.weight"] = N(d, std=0.3)
        w[p + "post_attention_layernorm.weight"] = 0.6 + N(d, std=0.4)
        w[p + "pre_feedforward_layernorm.weight"] = N(d, std=0.3)
        w[p + "post_feedforward_layernorm.weight"] = 0.6 + N(d, std=0.4)
    w[L + "norm.weight"] = 0.5 + N(d, std=0.3)
    v, vf = VISION["hidden_size"], VISION["intermediate_size"]
    w["multi_modal_projector.mm_input_projection_weight"] = N(v, d, std=2.5 * v ** -0.5)
    w["multi_modal_projector.mm_soft_emb_norm.weight"] = N(v, std=0.3)
    V = "vision_tower.vision_model."
    P = VISION["patch_size"]
    w[V + "embeddings.patch_embedding.weight"] = N(v, 3, P, P, std=2.0 * (3 * P * P) ** -0.5)
    w[V + "embeddings.patch_embedding.bias"] = N(v, std=0.2)
    w[V + "embeddings.position_embedding.weight"] = N((VISION["image_size"] // P) ** 2, v, std=0.5)
    for i in range(VISION["num_hidden_layers"]):
        p = f"{V}encoder.layers.{i}."
        for n in ("layer_norm1", "layer_norm2"):
            w[p + n + ".weight"] = 1 + N(v, std=0.2)
            w[p + n + ".bias"] = N(v, std=0.1)
        for n in ("q_proj", "k_proj", "v_proj", "out_proj"):
            w[p + f"self_attn.{n}.weight"] = N(v, v, std=1.2 * v ** -0.5)
            w[p + f"self_attn.{n}.bias"] = N(v, std=0.1)
        w[p + "mlp.fc1.weight"] = N(vf, v, std=v ** -0.5)
        w[p + "mlp.fc1.bias"] = N(vf, std=0.1)
        w[p + "mlp.fc2.weight"] = N(v, vf, std=vf ** -0.5)
        w[p + "mlp.fc2.bias"] = N(v, std=0.1)
    w[V + "post_layernorm.weight"] = 1 + N(v, std=0.2)
    w[V + "post_layernorm.bias"] = N(v, std=0.1)
    return w


def dump(path, obj):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(obj, f, indent=2, ensure_ascii=False, sort_keys=True)
        f.write("\n")


def main(out):
    os.makedirs(out, exist_ok=True)
    tm = os.path.join(out, "tokenizer.model")
    train_tokenizer(tm)
    sp = spm.SentencePieceProcessor(model_file=tm)
    assert sp.get_piece_size() == SP_VOCAB
    pid = {s: sp.piece_to_id(s) for s in ("<start_of_image>", "<end_of_image>", "<start_of_turn>", "<end_of_turn>")}
    img = SP_VOCAB
    vision = dict(VISION, model_type="siglip_vision_model", vision_use_head=False,
                  hidden_act="gelu_pytorch_tanh", attention_dropout=0.0)
    text = dict(TEXT, model_type="gemma3_text", layer_types=LAYER_TYPES, rope_theta=1000000.0,
                rope_local_base_freq=10000.0, rope_scaling={"factor": 8.0, "rope_type": "linear"},
                hidden_activation="gelu_pytorch_tanh", attention_bias=False, attention_dropout=0.0,
                final_logit_softcapping=None, attn_logit_softcapping=None, tie_word_embeddings=True,
                pad_token_id=0, eos_token_id=1, bos_token_id=2)
    dump(os.path.join(out, "config.json"), {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "boi_token_index": pid["<start_of_image>"], "eoi_token_index": pid["<end_of_image>"],
        "image_token_index": img, "mm_tokens_per_image": MM_TOKENS, "initializer_range": 0.02,
        "eos_token_id": [1, pid["<end_of_turn>"]], "torch_dtype": "float32",
        "text_config": text, "vision_config": vision})
    dump(os.path.join(out, "generation_config.json"), {
        "bos_token_id": 2, "pad_token_id": 0, "eos_token_id": [1, pid["<end_of_turn>"]],
        "do_sample": True, "temperature": 1.0, "top_k": 64, "top_p": 0.95,
        "cache_implementation": "hybrid"})
    pre = {"image_processor_type": "Gemma3ImageProcessor", "processor_class": "Gemma3Processor",
           "do_convert_rgb": None, "do_normalize": True, "do_pan_and_scan": None, "do_rescale": True,
           "do_resize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
           "image_seq_length": MM_TOKENS, "pan_and_scan_max_num_crops": None,
           "pan_and_scan_min_crop_size": None, "pan_and_scan_min_ratio_to_activate": None,
           "resample": 2, "rescale_factor": 0.00392156862745098,
           "size": {"height": VISION["image_size"], "width": VISION["image_size"]}}
    dump(os.path.join(out, "preprocessor_config.json"), pre)
    dump(os.path.join(out, "processor_config.json"),
         {"image_seq_length": MM_TOKENS, "processor_class": "Gemma3Processor"})
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
               "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
               "image_token": "<image_soft_token>"}
    dump(os.path.join(out, "special_tokens_map.json"), special)
    dump(os.path.join(out, "added_tokens.json"), {"<image_soft_token>": img})

    def at(content, is_special):
        return {"content": content, "lstrip": False, "rstrip": False, "normalized": False,
                "single_word": False, "special": is_special}
    dec = {}
    for i in range(SP_VOCAB):
        if sp.is_control(i) or sp.is_unknown(i):
            dec[str(i)] = at(sp.id_to_piece(i), True)
        elif not sp.is_byte(i) and i < 40 and (sp.get_score(i) == 0.0):
            piece = sp.id_to_piece(i)
            dec[str(i)] = at(piece, piece.startswith("<start_of") or piece.startswith("<end_of"))
    dec[str(img)] = at("<image_soft_token>", True)
    dump(os.path.join(out, "tokenizer_config.json"), {
        "tokenizer_class": "GemmaTokenizer", "processor_class": "Gemma3Processor",
        "add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False,
        "spaces_between_special_tokens": False, "use_default_system_prompt": False,
        "model_max_length": 1000000000000000019884624838656, "sp_model_kwargs": None,
        "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
        "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
        "extra_special_tokens": {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
                                 "image_token": "<image_soft_token>"},
        "added_tokens_decoder": dec})
    with open(os.path.join(out, "chat_template.jinja"), "w") as f:
        f.write(CHAT_TEMPLATE)
    write_tokenizer_json(os.path.join(out, "tokenizer.json"), sp, dec, img)
    w = {k: v.contiguous() for k, v in make_weights().items()}
    path = os.path.join(out, "model.safetensors")
    save_file(w, path, metadata={"format": "pt"})
    print("tensors", len(w), "params", sum(v.numel() for v in w.values()))
    for f in ("model.safetensors", "tokenizer.model", "tokenizer.json"):
        print(f, hashlib.sha256(open(os.path.join(out, f), "rb").read()).hexdigest())


def write_tokenizer_json(path, sp, dec, img):
    """tokenizer.json of the same shape as Gemma's (BPE with byte_fallback, space -> U+2581)."""
    vocab = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    merges = []
    for i in range(sp.get_piece_size()):
        piece = sp.id_to_piece(i)
        run = set(piece) == {"\u2581"} and len(piece) > 1
        if sp.is_control(i) or sp.is_byte(i) or sp.is_unknown(i) or (str(i) in dec and not run):
            continue
        local = []
        for k in range(1, len(piece)):
            a, b = piece[:k], piece[k:]
            if a in vocab and b in vocab:
                local.append((a, b))
        local.sort(key=lambda ab: (vocab[ab[0]], vocab[ab[1]]))
        merges += [(i, ab) for ab in local]
    # order by rank of the produced piece: SentencePiece BPE ids are in merge order
    merges = [list(ab) for _, ab in sorted(merges, key=lambda t: t[0])]
    added = [dict(id=int(k), **{kk: vv for kk, vv in v.items()}) for k, v in sorted(dec.items(), key=lambda t: int(t[0]))]
    obj = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
           "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
           "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
           "post_processor": {"type": "TemplateProcessing",
                              "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                              "pair": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                       {"SpecialToken": {"id": "<bos>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
                              "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
           "decoder": {"type": "Sequence", "decoders": [
               {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
               {"type": "ByteFallback"}, {"type": "Fuse"}]},
           "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                     "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                     "vocab": vocab, "merges": merges}}
    dump_raw = json.dumps(obj, ensure_ascii=False, indent=1)
    with open(path, "w", encoding="utf-8") as f:
        f.write(dump_raw + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny"))
