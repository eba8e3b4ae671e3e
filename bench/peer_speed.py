"""circuit-tracer on the files that Cajal's speed is measured on.

    python bench/peer_speed.py generate DIR                        # needs torch and safetensors
    PYTHONPATH=<circuit-tracer> python bench/peer_speed.py run DIR [--batch 64] [--max-nodes 1500]

`generate` writes DIR/model (a Gemma 3 text model with seeded random weights, names as text-only
checkpoints have them), DIR/transcoders (JumpReLU, mlp.hook_in -> hook_mlp_out) and DIR/prompt.json.
The bytes repeat with torch 2.11. `run` times circuit-tracer's attribute(), loading excluded, and prints
one JSON line a run. bench/README.md says with which versions.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import shutil
import time

import torch
from safetensors.torch import save_file

SEED = 777
POSITIONS = 32
FEATURES = 4096
THRESHOLD = 2.6
CONFIG = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "hidden_size": 256,
    "intermediate_size": 1024,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "query_pre_attn_scalar": 64,
    "sliding_window": 512,
    "layer_types": ["sliding_attention"] * 5 + ["full_attention"] + ["sliding_attention"] * 2,
    "rms_norm_eps": 1e-6,
    "vocab_size": 520,
    "max_position_embeddings": 4096,
    "rope_theta": 1e6,
    "rope_local_base_freq": 1e4,
    "rope_scaling": None,
    "hidden_activation": "gelu_pytorch_tanh",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "final_logit_softcapping": None,
    "attn_logit_softcapping": None,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
    "torch_dtype": "float32",
}
TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                   "tokenizer.model", "added_tokens.json"]


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def generate(folder):
    """The order of the draws decides the bytes: do not reorder."""
    generator = torch.Generator().manual_seed(SEED)

    def normal(*shape, std):
        return torch.randn(*shape, generator=generator) * std

    model, transcoders = os.path.join(folder, "model"), os.path.join(folder, "transcoders")
    os.makedirs(model, exist_ok=True)
    os.makedirs(transcoders, exist_ok=True)
    d, d_mlp = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    head_dim = CONFIG["head_dim"]
    d_q, d_kv = CONFIG["num_attention_heads"] * head_dim, CONFIG["num_key_value_heads"] * head_dim
    layers = CONFIG["num_hidden_layers"]

    weights = {"model.embed_tokens.weight": normal(CONFIG["vocab_size"], d, std=0.12),
               "model.norm.weight": 0.5 + normal(d, std=0.3)}
    for i in range(layers):
        p = f"model.layers.{i}."
        weights[p + "self_attn.q_proj.weight"] = normal(d_q, d, std=d**-0.5)
        weights[p + "self_attn.k_proj.weight"] = normal(d_kv, d, std=d**-0.5)
        weights[p + "self_attn.v_proj.weight"] = normal(d_kv, d, std=d**-0.5)
        weights[p + "self_attn.o_proj.weight"] = normal(d, d_q, std=d_q**-0.5)
        weights[p + "self_attn.q_norm.weight"] = normal(head_dim, std=0.3)
        weights[p + "self_attn.k_norm.weight"] = normal(head_dim, std=0.3)
        weights[p + "mlp.gate_proj.weight"] = normal(d_mlp, d, std=1.3 * d**-0.5)
        weights[p + "mlp.up_proj.weight"] = normal(d_mlp, d, std=1.3 * d**-0.5)
        weights[p + "mlp.down_proj.weight"] = normal(d, d_mlp, std=d_mlp**-0.5)
        for name in ("input_layernorm", "pre_feedforward_layernorm"):
            weights[p + name + ".weight"] = normal(d, std=0.3)
        for name in ("post_attention_layernorm", "post_feedforward_layernorm"):
            weights[p + name + ".weight"] = 0.6 + normal(d, std=0.4)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()},
              os.path.join(model, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(model, "config.json"), "w") as file:
        json.dump(CONFIG, file, indent=1)
    tiny = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "tiny")
    for name in TOKENIZER_FILES:
        shutil.copy(os.path.join(tiny, name), model)

    for i in range(layers):
        encoder = normal(FEATURES, d, std=d**-0.5)
        save_file({"W_enc": encoder,
                   "W_dec": normal(FEATURES, d, std=0.3 * d**-0.5),
                   "b_enc": normal(FEATURES, std=0.05),
                   "b_dec": normal(d, std=0.1),
                   "activation_function.threshold": torch.full((FEATURES,), THRESHOLD)},
                  os.path.join(transcoders, f"layer_{i}.safetensors"))
    with open(os.path.join(transcoders, "config.yaml"), "w") as file:
        file.write("model_kind: transcoder_set\nmodel_name: peer-speed\n"
                   "feature_input_hook: mlp.hook_in\nfeature_output_hook: hook_mlp_out\n"
                   "transcoders:\n" + "".join(f"- layer_{i}.safetensors\n" for i in range(layers)))
    tokens = [2] + torch.randint(30, 512, (POSITIONS - 1,), generator=generator).tolist()
    with open(os.path.join(folder, "prompt.json"), "w") as file:
        json.dump(tokens, file)
    for name in ("model/model.safetensors", "transcoders/layer_0.safetensors"):
        print(name, sha256(os.path.join(folder, name)))


def run(folder, threads, runs, batch, max_nodes):
    torch.set_num_threads(threads)
    from circuit_tracer import attribute
    from circuit_tracer.replacement_model.replacement_model_nnsight import NNSightReplacementModel
    from circuit_tracer.transcoder.single_layer_transcoder import load_transcoder_set

    paths = {i: os.path.join(folder, "transcoders", f"layer_{i}.safetensors")
             for i in range(CONFIG["num_hidden_layers"])}
    transcoders = load_transcoder_set(
        paths, scan=None, feature_input_hook="mlp.hook_in", feature_output_hook="hook_mlp_out",
        device=torch.device("cpu"), dtype=torch.float32, lazy_encoder=False, lazy_decoder=False)
    model = NNSightReplacementModel.from_pretrained_and_transcoders(
        os.path.join(folder, "model"), transcoders, device=torch.device("cpu"), dtype=torch.float32)
    with open(os.path.join(folder, "prompt.json")) as file:
        tokens = torch.tensor(json.load(file))
    for _ in range(runs):
        cpu, wall = os.times(), time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            graph = attribute(tokens, model, batch_size=batch, max_feature_nodes=max_nodes)
        wall, after = time.perf_counter() - wall, os.times()
        print(json.dumps({"wall_s": round(wall, 3),
                          "cpu_s": round(after.user + after.system - cpu.user - cpu.system, 3),
                          "active_features": len(graph.active_features),
                          "selected_features": len(graph.selected_features),
                          "nodes": graph.adjacency_matrix.shape[0]}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["generate", "run"])
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-nodes", type=int, default=None, help="default: all features")
    a = parser.parse_args()
    if a.command == "generate":
        generate(a.folder)
    else:
        run(a.folder, a.threads, a.runs, a.batch, a.max_nodes)


if __name__ == "__main__":
    main()
