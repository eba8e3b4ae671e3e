"""Seeded transcoder sets for the tiny model:  python make_transcoders.py GOLDEN_DIR

transcoders/plt_topk   paper layout: config.yaml + layer_{i}.safetensors (W_enc, W_dec, b_enc, b_dec); ReLU then TopK 16;
               hooks mlp.hook_in -> mlp.hook_out (raw MLP output, BEFORE the post-feedforward norm)
transcoders/gs2_affine Gemma-Scope-2 layout: layer_{i}_width_256_l0_small_affine/{config.json,params.safetensors}
               (w_enc, w_dec, b_enc, b_dec, threshold, affine_skip_connection); JumpReLU;
               mlp input -> AFTER the post-feedforward norm; plus a config.yaml for circuit-tracer.
Decoders are ridge-fitted to the model's MLP on random token strings so that errors are neither zero nor everything.
"""
import json, os, sys
import torch
from safetensors.torch import save_file
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference_attribution import TinyLM

torch.set_num_threads(1)
D_SAE, K = 256, 16


def main(tiny, out):
    lm = TinyLM(tiny, torch.float64)
    g = torch.Generator().manual_seed(4242)
    us, ys, yn = [[] for _ in range(lm.L)], [[] for _ in range(lm.L)], [[] for _ in range(lm.L)]
    for _ in range(60):
        ids = torch.cat([torch.tensor([2]), torch.randint(0, lm.vocab, (31,), generator=g)])
        r = lm.forward(lm.embed(ids), [0] * 32)
        for l in range(lm.L):
            us[l].append(r["mlp_in"][l][1:]); ys[l].append(r["mlp_out"][l][1:]); yn[l].append(r["mlp_out_normed"][l][1:])
    d = lm.d
    a = os.path.join(out, "plt_topk"); os.makedirs(a, exist_ok=True)
    b = os.path.join(out, "gs2_affine"); os.makedirs(b, exist_ok=True)
    for l in range(lm.L):
        u, y, n = torch.cat(us[l]), torch.cat(ys[l]), torch.cat(yn[l])
        def fit(f, target, lam):  # ridge
            return torch.linalg.solve(f.T @ f + lam * torch.eye(f.shape[1], dtype=f.dtype), f.T @ target)
        mean = u.mean(0); sd = (u - mean).pow(2).mean().sqrt()
        W = torch.randn(D_SAE, d, generator=g, dtype=torch.float64) / (sd * d ** 0.5)
        be = -1.35 + 0.3 * torch.randn(D_SAE, generator=g, dtype=torch.float64) - W @ mean
        pre = u @ W.T + be
        act = torch.relu(pre); thr = act.topk(K, dim=1).values[:, -1:]; act = torch.where(act >= thr, act, 0 * act)
        D = fit(act, y - y.mean(0), 3.0); bd = y.mean(0)
        fvu = float(((act @ D + bd - y) ** 2).sum() / ((y - y.mean(0)) ** 2).sum())
        save_file({"W_enc": W.float().contiguous(), "W_dec": D.float().contiguous(), "b_enc": be.float(), "b_dec": bd.float()},
                  os.path.join(a, f"layer_{l}.safetensors"))
        W2 = torch.randn(D_SAE, d, generator=g, dtype=torch.float64) / (sd * d ** 0.5)
        be2 = 0.1 * torch.randn(D_SAE, generator=g, dtype=torch.float64) - W2 @ mean
        th = 1.5 + 0.4 * torch.rand(D_SAE, generator=g, dtype=torch.float64)
        pre = u @ W2.T + be2; act2 = torch.where(pre > th, pre, 0 * pre)
        S = fit(u, n - n.mean(0), 50.0); bd2 = n.mean(0) - 0.5 * mean @ S
        S = 0.5 * S
        D2 = fit(act2, n - bd2 - u @ S, 3.0)
        fvu2 = float(((act2 @ D2 + bd2 + u @ S - n) ** 2).sum() / ((n - n.mean(0)) ** 2).sum())
        fo = os.path.join(b, f"layer_{l}_width_{D_SAE}_l0_small_affine"); os.makedirs(fo, exist_ok=True)
        save_file({"w_enc": W2.T.float().contiguous(), "w_dec": D2.float().contiguous(), "b_enc": be2.float(), "b_dec": bd2.float(),
                   "threshold": th.float(), "affine_skip_connection": S.float().contiguous()}, os.path.join(fo, "params.safetensors"))
        json.dump({"architecture": "jump_relu", "type": "transcoder", "affine_connection": True, "width": D_SAE, "l0": 11,
                   "hf_hook_point_in": f"model.layers.{l}.pre_feedforward_layernorm.output",
                   "hf_hook_point_out": f"model.layers.{l}.post_feedforward_layernorm.output", "model_name": "tiny-gemma3"},
                  open(os.path.join(fo, "config.json"), "w"), indent=1)
        print(f"layer {l}: topk mean active {float((act>0).double().sum(1).mean()):.1f} fvu {fvu:.3f} | jump mean active {float((act2>0).double().sum(1).mean()):.1f} fvu {fvu2:.3f}")
    files = "".join(f"- layer_{l}.safetensors\n" for l in range(lm.L))
    open(os.path.join(a, "config.yaml"), "w").write(
        "model_kind: transcoder_set\nmodel_name: tiny-gemma3\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\n"
        f"top_k: {K}\nactivation: topk\nk: {K}\nlayers: {list(range(lm.L))}\nnum_model_layers: {lm.L}\ntranscoders:\n{files}")
    files = "".join(f"- layer_{l}_width_{D_SAE}_l0_small_affine/params.safetensors\n" for l in range(lm.L))
    open(os.path.join(b, "config.yaml"), "w").write(
        "model_kind: transcoder_set\nmodel_name: tiny-gemma3\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: hook_mlp_out\n"
        f"special_load_fn: gemma-scope-2\ntranscoders:\n{files}")


if __name__ == "__main__":
    main(os.path.join(sys.argv[1], "tiny"), os.path.join(sys.argv[1], "transcoders"))
