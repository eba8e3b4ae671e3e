"""A second, text-only tiny model that catches mix-ups:  python make_quirk.py GOLDEN_DIR

head_dim (24) != hidden/heads (40/4 = 10), query_pre_attn_scalar (20) != head_dim, one kv head, no rope scaling,
4 layers given by the OLD key sliding_window_pattern = 2 (no layer_types), text-only names "model.*", flat config.
Writes quirk/{config.json,model.safetensors} and forward/forward_quirk.safetensors (real HF, eager, fp32).
"""
import json, os, sys
import torch
from safetensors.torch import save_file
torch.set_num_threads(1)
out = sys.argv[1]
os.makedirs(os.path.join(out, "forward"), exist_ok=True)
q = os.path.join(out, "quirk"); os.makedirs(q, exist_ok=True)
g = torch.Generator().manual_seed(99)
N = lambda *s, std: torch.randn(*s, generator=g) * std
D, F, H, K, h, L, V = 40, 72, 4, 1, 24, 4, 300
cfg = dict(architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", hidden_size=D, intermediate_size=F, num_hidden_layers=L,
           num_attention_heads=H, num_key_value_heads=K, head_dim=h, query_pre_attn_scalar=20, sliding_window=4, sliding_window_pattern=2,
           rms_norm_eps=1e-6, vocab_size=V, max_position_embeddings=512, rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=None,
           hidden_activation="gelu_pytorch_tanh", attention_bias=False, attention_dropout=0.0, tie_word_embeddings=True,
           bos_token_id=2, eos_token_id=1, pad_token_id=0, torch_dtype="float32")
json.dump(cfg, open(os.path.join(q, "config.json"), "w"), indent=1)
w = {"model.embed_tokens.weight": N(V, D, std=.25), "model.norm.weight": .5 + N(D, std=.3)}
for i in range(L):
    p = f"model.layers.{i}."
    w[p + "self_attn.q_proj.weight"] = N(H * h, D, std=D ** -.5); w[p + "self_attn.k_proj.weight"] = N(K * h, D, std=D ** -.5)
    w[p + "self_attn.v_proj.weight"] = N(K * h, D, std=D ** -.5); w[p + "self_attn.o_proj.weight"] = N(D, H * h, std=(H * h) ** -.5)
    w[p + "self_attn.q_norm.weight"] = .4 + N(h, std=.3); w[p + "self_attn.k_norm.weight"] = .4 + N(h, std=.3)
    w[p + "mlp.gate_proj.weight"] = N(F, D, std=1.3 * D ** -.5); w[p + "mlp.up_proj.weight"] = N(F, D, std=1.3 * D ** -.5)
    w[p + "mlp.down_proj.weight"] = N(D, F, std=F ** -.5)
    for n in ("input_layernorm", "pre_feedforward_layernorm", "post_attention_layernorm", "post_feedforward_layernorm"):
        w[p + n + ".weight"] = .3 + N(D, std=.3)
save_file({k: v.contiguous() for k, v in w.items()}, os.path.join(q, "model.safetensors"), metadata={"format": "pt"})
from transformers import Gemma3ForCausalLM
m = Gemma3ForCausalLM.from_pretrained(q, attn_implementation="eager").eval()
ids = torch.tensor([[2] + torch.randint(3, V, (18,), generator=g).tolist()])
with torch.no_grad():
    o = m(ids, output_hidden_states=True, output_attentions=True)
    gen = m.generate(ids, do_sample=False, max_new_tokens=8, attention_mask=torch.ones_like(ids))[0, ids.shape[1]:]
save_file({"input_ids": ids[0], "hidden_states": torch.stack([x[0] for x in o.hidden_states]).contiguous(),
           "attn_probs": torch.stack([x[0] for x in o.attentions]).contiguous(), "logits": o.logits[0].contiguous(), "greedy_tokens": gen.contiguous()},
          os.path.join(out, "forward", "forward_quirk.safetensors"))
print(m.config.layer_types, (o.attentions[0][0, 0, -1] > 0).sum().item(), (o.attentions[1][0, 0, -1] > 0).sum().item(), o.logits[0, -1].softmax(-1).topk(3), gen.tolist())
