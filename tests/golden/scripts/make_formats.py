"""Small transcoder sets in every format, and their reference graphs (own code, autograd in float64).

    python make_formats.py GOLDEN_DIR

Reads tiny/ and forward/; writes formats/<set>/, formats/graph_<case>__<set>.safetensors and formats/graphs.json.

native_relu       circuit-tracer per-layer files, plain ReLU, output hook after the post-feedforward norm
native_jump_skip  the same with `activation_function.threshold` and W_skip (used as x @ W_skip.T), raw output hook
native_topk       the same with `activation: topk` and a scalar tensor `k`: the k largest, negative ones too
sparsify_topk     EleutherAI sparsify: layers.{i}.mlp/{cfg.json, sae.safetensors}; ReLU, then the k largest
sparsify_groupmax the same, the largest of each of k groups of neighbours, with a skip
clt_training      EleutherAI clt-training: several targets a layer, normalize_io, post-encoder bias and scale, batchtopk
clt_native        circuit-tracer cross-layer, JumpReLU; layers differ in width
clt_gs2           Gemma Scope 2 cross-layer: absolute target axis, affine skip, output hook after the norm

A cross-layer feature's edge to a target at layer t sums over all layers l .. t-1 that it writes to.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from reference_attribution import TinyLM, check_completeness, logit_targets, select  # noqa: E402

SEED = 606
K = 4


class TranscoderSet:
    """Per layer: enc [n, d], b_enc, b_dec, optionally a threshold and skip [d, d] (x @ skip).

    dec[l][j] [n, d] is what layer l writes to layer l + j, post[l][j] = (bias, scale) of its activations there.
    """

    def __init__(self, activation, hook):
        self.activation, self.hook = activation, hook
        self.enc, self.b_enc, self.b_dec, self.threshold, self.skip, self.dec, self.post, self.in_scale = ([] for _ in range(8))

    def pre(self, layer, x):
        return (x * self.in_scale[layer]) @ self.enc[layer].T + self.b_enc[layer]

    def encode(self, layer, x):
        pre = self.pre(layer, x)
        if self.activation == "jump_relu":
            return torch.where(pre > self.threshold[layer], pre, torch.zeros_like(pre))
        if self.activation == "topk":
            values, indices = pre.topk(K, dim=-1)
            return torch.zeros_like(pre).scatter_(-1, indices, values)
        acts = torch.relu(pre)
        if self.activation == "relu":
            return acts
        if self.activation == "relu_topk":
            values, indices = acts.topk(K, dim=-1)
            return torch.zeros_like(acts).scatter_(-1, indices, values)
        if self.activation == "groupmax":
            values, indices = acts.unflatten(-1, (K, -1)).max(dim=-1)
            indices = indices + torch.arange(0, acts.shape[1], acts.shape[1] // K)
            return torch.zeros_like(acts).scatter_(-1, indices, values)
        assert self.activation == "batchtopk"  # of the prompt's positions together
        candidates = acts.topk(4 * K, dim=-1).values
        return torch.where(acts >= candidates.flatten().topk(K * len(acts)).values.min(), acts, torch.zeros_like(acts))

    def written(self, layer, target, acts):
        """The activations as `target` sees them."""
        if target - layer >= len(self.post[layer]):
            return acts
        bias, scale = self.post[layer][target - layer]
        return (acts + bias * (acts > 0)) * scale

    def writers(self, target):
        return [l for l in range(target + 1) if target - l < len(self.dec[l])]


def attribution(lm, tc, x0, types, n_zero=1):
    r = lm.forward(x0, types, hook=tc.hook)
    L, T, d = lm.L, x0.shape[0], lm.d
    y = r["mlp_out"] if tc.hook == "raw" else r["mlp_out_normed"]
    acts = [tc.encode(l, r["mlp_in"][l]) for l in range(L)]
    for a in acts:
        a[:n_zero] = 0
    through = [r["mlp_in"][l] @ tc.skip[l] if tc.skip else torch.zeros_like(y[l]) for l in range(L)]
    rec = [through[t] + tc.b_dec[t] + sum(tc.written(l, t, acts[l]) @ tc.dec[l][t - l] for l in tc.writers(t)) for t in range(L)]
    err = torch.stack([y[t] - rec[t] for t in range(L)])
    err[:, :n_zero] = 0
    feats = torch.tensor([(l, p, f) for l in range(L) for p, f in acts[l].nonzero().tolist()])
    scales = {k: r[k] for k in ("s_in", "s_pa", "s_pf", "s_post", "s_f")}
    x0l = x0.clone().requires_grad_(True)
    m = [(y[t] - through[t]).clone().requires_grad_(True) for t in range(L)]
    fz = lm.forward(x0l, types, patterns=r["pattern"], scales=scales, hook=tc.hook, frozen_out=m, skip=tc.skip or None)
    tid, tp, tv = logit_targets(r["logits"][-1], lm.w["embed_tokens.weight"])
    nf, nl = len(feats), len(tid)
    N = nf + L * T + T + nl
    A, const = torch.zeros(N, N, dtype=lm.dtype), torch.zeros(N, dtype=lm.dtype)
    bias = torch.zeros(L, T, d, dtype=lm.dtype)
    for t in range(L):
        bias[t, n_zero:] = tc.b_dec[t]
        bias[t, :n_zero] = m[t].detach()[:n_zero]

    def fill(rows, out, G):
        gr = torch.autograd.grad(out, [x0l] + m, grad_outputs=G, is_grads_batched=True, retain_graph=True, allow_unused=True)
        A[rows, nf + L * T: nf + L * T + T] = torch.einsum("btd,td->bt", gr[0], x0)
        for t in range(L):
            if gr[1 + t] is None:
                continue
            A[rows, nf + t * T: nf + (t + 1) * T] = torch.einsum("btd,td->bt", gr[1 + t], err[t])
            const[rows] += torch.einsum("btd,td->b", gr[1 + t], bias[t])
            for l in tc.writers(t):
                s = (feats[:, 0] == l).nonzero()[:, 0]
                values = tc.written(l, t, acts[l])[feats[s, 1], feats[s, 2]]
                vectors = values[:, None] * tc.dec[l][t - l][feats[s, 2]]
                A[rows[:, None], s[None]] += torch.einsum("bsd,sd->bs", gr[1 + t][:, feats[s, 1]], vectors)

    for l in range(L):
        for rows in (feats[:, 0] == l).nonzero()[:, 0].split(64):
            G = torch.zeros(len(rows), T, d, dtype=lm.dtype)
            G[torch.arange(len(rows)), feats[rows, 1]] = tc.enc[l][feats[rows, 2]] * tc.in_scale[l]
            fill(rows, fz["mlp_in"][l], G)
            const[rows] += tc.b_enc[l][feats[rows, 2]]
    G = torch.zeros(nl, T, d, dtype=lm.dtype)
    G[:, -1] = tv
    fill(torch.arange(N - nl, N), fz["final_norm"], G)
    vals = torch.stack([tc.written(l, l, acts[l])[p, f] for l, p, f in feats.tolist()])
    pre = torch.stack([tc.pre(l, r["mlp_in"][l])[p, f] for l, p, f in feats.tolist()])
    return dict(A=A, feats=feats, vals=vals, const=const, pre=pre, logit_ids=tid, logit_p=tp, n_feat=nf, n_logit=nl,
                logit_demeaned=r["logits"][-1][tid] - r["logits"][-1].mean())


class Maker:
    """Random encoders of plausible scale, and decoders fitted to the model's own MLP outputs."""

    def __init__(self, lm):
        self.lm, self.g = lm, torch.Generator().manual_seed(SEED)
        xs, raw, normed = ([[] for _ in range(lm.L)] for _ in range(3))
        for _ in range(12):
            ids = torch.cat([torch.tensor([2]), torch.randint(0, lm.vocab, (31,), generator=self.g)])
            r = lm.forward(lm.embed(ids), [0] * 32)
            for l in range(lm.L):
                for kept, name in ((xs, "mlp_in"), (raw, "mlp_out"), (normed, "mlp_out_normed")):
                    kept[l].append(r[name][l][1:])
        self.xs, self.ys = [torch.cat(x) for x in xs], {"raw": [torch.cat(y) for y in raw], "normed": [torch.cat(y) for y in normed]}

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.g, dtype=torch.float64)

    def uniform(self, *shape):
        return torch.rand(*shape, generator=self.g, dtype=torch.float64)

    def make(self, activation, hook, widths, n_targets=1, skip=False, post=False, in_scale=1.0, b_shift=1.2):
        exact = lambda t: t.float().double()  # what a float32 file holds
        fit = lambda f, t, lam: torch.linalg.solve(f.T @ f + lam * torch.eye(f.shape[1], dtype=f.dtype), f.T @ t)
        L, d, tc = self.lm.L, self.lm.d, TranscoderSet(activation, hook)
        ys = self.ys[hook]
        for l, n in enumerate(widths):
            mean = self.xs[l].mean(0)
            W = self.normal(n, d) / ((self.xs[l] - mean).pow(2).mean().sqrt() * d ** 0.5)
            tc.in_scale.append(in_scale)
            tc.enc.append(exact(W / in_scale))
            tc.b_enc.append(exact(0.3 * self.normal(n) - b_shift - W @ mean))
            tc.b_dec.append(exact(ys[l].mean(0)))
            tc.threshold.append(exact(0.8 + 0.3 * self.uniform(n)))
            if skip:
                tc.skip.append(exact(0.5 * fit(self.xs[l], ys[l] - tc.b_dec[l], 60.0)))
            tc.dec.append([torch.zeros(n, d, dtype=torch.float64) for _ in range(min(n_targets, L - l))])
            tc.post.append([(exact(0.2 * self.normal(n)), exact(0.8 + 0.4 * self.uniform(n))) for _ in tc.dec[l]] if post else [])
        acts = [tc.encode(l, self.xs[l]) for l in range(L)]
        for t in range(L):
            writers = tc.writers(t)
            features = torch.cat([tc.written(l, t, acts[l]) for l in writers], 1)
            rest = ys[t] - tc.b_dec[t] - (self.xs[t] @ tc.skip[t] if skip else 0)
            for l, rows in zip(writers, exact(fit(features, rest, 20.0)).split([widths[l] for l in writers])):
                tc.dec[l][t - l] = rows
        return tc


def save(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: (t.float() if t.is_floating_point() else t).contiguous() for name, t in tensors.items()}, path)


def write_config(folder, kind, hook, *extra):
    output = "mlp.hook_out" if hook == "raw" else "hook_mlp_out"
    lines = [f"model_kind: {kind}", "model_name: tiny-gemma3", "feature_input_hook: mlp.hook_in", f"feature_output_hook: {output}", *extra]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text("\n".join(lines) + "\n")


def write_native(folder, tc, *extra):
    write_config(folder, "transcoder_set", tc.hook, *extra)
    for l in range(len(tc.enc)):
        t = {"W_enc": tc.enc[l], "b_enc": tc.b_enc[l], "W_dec": tc.dec[l][0], "b_dec": tc.b_dec[l]}
        if tc.activation == "jump_relu":
            t["activation_function.threshold"] = tc.threshold[l]
        if tc.activation == "topk":
            t["k"] = torch.tensor(K)
        if tc.skip:
            t["W_skip"] = tc.skip[l].T
        save(folder / f"layer_{l}.safetensors", t)


def write_sparsify(folder, tc, activation, in_norm=None, out_norms=None):
    d = tc.enc[0].shape[1]
    for l in range(len(tc.enc)):
        t = {"encoder.weight": tc.enc[l], "encoder.bias": tc.b_enc[l]}
        cfg = {"activation": activation, "expansion_factor": 32, "normalize_decoder": False, "num_latents": len(tc.enc[l]), "k": K,
               "multi_topk": False, "skip_connection": bool(tc.skip), "transcode": True, "d_in": d}
        if out_norms is None:
            t |= {"W_dec": tc.dec[l][0], "b_dec": tc.b_dec[l]}
            if tc.skip:
                t["W_skip"] = tc.skip[l].T
        else:
            # What the set adds up to must be tc: each target divides by its own out_norm, the biases are shared out.
            cfg |= {"n_targets": len(tc.dec[l]), "n_sources": 0, "normalize_io": True, "post_encoder_scale": True, "coalesce_topk": "none"}
            t |= {"in_norm": torch.tensor([in_norm]), "out_norm": torch.tensor([out_norms[l]])}
            for j, rows in enumerate(tc.dec[l]):
                out_scale = out_norms[l + j] / d ** 0.5
                share = tc.b_dec[l + j] / len(tc.writers(l + j))
                bias, scale = tc.post[l][j]
                t |= {f"W_decs.{j}": rows / out_scale, f"b_decs.{j}": share / out_scale, f"post_encs.{j}": bias, f"post_enc_scales.{j}": scale}
        save(folder / f"layers.{l}.mlp" / "sae.safetensors", t)
        (folder / f"layers.{l}.mlp" / "cfg.json").write_text(json.dumps(cfg))


def write_cross_layer(folder, tc):
    write_config(folder, "cross_layer_transcoder", tc.hook)
    for l in range(len(tc.enc)):
        save(folder / f"W_enc_{l}.safetensors",
             {f"W_enc_{l}": tc.enc[l], f"b_enc_{l}": tc.b_enc[l], f"b_dec_{l}": tc.b_dec[l], f"threshold_{l}": tc.threshold[l]})
        save(folder / f"W_dec_{l}.safetensors", {f"W_dec_{l}": torch.stack(tc.dec[l], 1)})


def write_gemma_scope_2(folder, tc):
    write_config(folder, "cross_layer_transcoder", tc.hook, "special_load_fn: gemma-scope-2")
    for l in range(len(tc.enc)):
        w_dec = torch.zeros(len(tc.enc[l]), len(tc.enc), tc.enc[l].shape[1])
        w_dec[:, l:] = torch.stack(tc.dec[l], 1)
        save(folder / f"params_layer_{l}.safetensors",
             {"w_enc": tc.enc[l].T, "b_enc": tc.b_enc[l], "b_dec": tc.b_dec[l], "threshold": tc.threshold[l], "w_dec": w_dec,
              "affine_skip_connection": tc.skip[l]})


def main(golden):
    lm = TinyLM(str(golden / "tiny"), torch.float64)
    maker, folder = Maker(lm), golden / "formats"
    L, same = lm.L, [64] * lm.L
    # Powers of two, so that the scales are exact in float32.
    in_norm, out_norms = 16.0, [4.0, 8.0, 4.0, 16.0, 8.0, 8.0]
    sets = {
        "native_relu": maker.make("relu", "normed", same, b_shift=1.5),
        "native_jump_skip": maker.make("jump_relu", "raw", same, skip=True, b_shift=0.8),
        "native_topk": maker.make("topk", "raw", same, b_shift=3.0),
        "sparsify_topk": maker.make("relu_topk", "raw", same),
        "sparsify_groupmax": maker.make("groupmax", "raw", same, skip=True, b_shift=0.5),
        "clt_training": maker.make("batchtopk", "raw", [48] * L, n_targets=3, post=True, in_scale=lm.d ** 0.5 / in_norm),
        "clt_native": maker.make("jump_relu", "raw", [64 - 4 * l for l in range(L)], n_targets=L, b_shift=0.8),
        "clt_gs2": maker.make("jump_relu", "normed", [40] * L, n_targets=L, skip=True, b_shift=0.6),
    }
    write_native(folder / "native_relu", sets["native_relu"])
    write_native(folder / "native_jump_skip", sets["native_jump_skip"])
    write_native(folder / "native_topk", sets["native_topk"], "activation: topk", f"k: {K}")
    write_sparsify(folder / "sparsify_topk", sets["sparsify_topk"], "topk")
    write_sparsify(folder / "sparsify_groupmax", sets["sparsify_groupmax"], "groupmax")
    write_sparsify(folder / "clt_training", sets["clt_training"], "batchtopk", in_norm, out_norms)
    write_cross_layer(folder / "clt_native", sets["clt_native"])
    write_gemma_scope_2(folder / "clt_gs2", sets["clt_gs2"])
    meta = {}
    cases = [("text", name, None) for name in sets] + [("one_image", name, 80) for name in ("native_jump_skip", "clt_native", "clt_training")]
    for case, name, most in cases:
        f = load_file(golden / "forward" / f"forward_{case}.safetensors")
        types, x0 = f["token_type_ids"].flatten().tolist(), f["resid_pre"][0].double()
        g = attribution(lm, sets[name], x0, types)
        T, nf = len(types), g["n_feat"]
        selected, _, *margins = select(g, L, T, most, 32, 4)
        keep = torch.cat([selected, torch.arange(nf, len(g["A"]))])
        A = g["A"][keep][:, keep].float()
        rows = torch.cat([torch.arange(len(selected)), torch.arange(len(A) - g["n_logit"], len(A))])
        save_file(dict(rows=A[rows].contiguous(), active_features=g["feats"], activation_values=g["vals"].float(), pre_activations=g["pre"].float(),
                       selected_features=selected, row_constant=g["const"].float(), logit_ids=g["logit_ids"],
                       logit_probabilities=g["logit_p"].float(), logit_demeaned=g["logit_demeaned"].float()),
                  folder / f"graph_{case}__{name}.safetensors")
        meta[f"{case}__{name}"] = dict(case=case, set=name, max_feature_nodes=most, n_active=nf, negative=int((g["vals"] < 0).sum()),
                                       check_completeness=check_completeness(g), rank_margins=margins[0] if margins else None)
        print(name, json.dumps(meta[f"{case}__{name}"]))
    (folder / "graphs.json").write_text(json.dumps(meta, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
