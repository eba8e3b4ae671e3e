"""Slow, plain attribution-graph reference for the tiny Gemma-3 model (own code, autograd, fp64 or fp32).

    python reference_attribution.py GOLDEN_DIR

Reads forward/forward_<case>.safetensors (residual entering block 0, token types), writes
graphs/graph_<name>.safetensors and graphs/graphs.json.

Definitions (x0 = residual entering block 0; s_* = frozen 1/rms; A_l = frozen attention pattern):
    o_l   = postattn_norm(sum_h A_l v W_o);  mid_l = x_l + o_l;  u_l = preffn_norm(mid_l)      (encoder input)
    y_l   = MLP(u_l) ["raw" hook]  or  postffn_norm(MLP(u_l)) ["normed" hook]
    m_l   = y_l - skip(u_l), a constant leaf;  x_{l+1} = mid_l + [postffn_norm if raw](m_l + skip(u_l))
Every u_l and the final normed residual are linear in the leaves (x0, m_0 .. m_{L-1}).
Edge  A[t, s] = < d(w_t . u_{l_t}[p_t]) / d leaf_s , vec_s >,  vec = a*W_dec row | error | x0[pos];  row = target, column = source.
"""
import json, math, os, sys
import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)


class TinyLM:
    def __init__(self, path, dtype):
        self.cfg = json.load(open(os.path.join(path, "config.json")))["text_config"]
        c = self.cfg
        w = load_file(os.path.join(path, "model.safetensors"))
        self.w = {k[len("language_model.model."):]: v.to(dtype) for k, v in w.items() if k.startswith("language_model.model.")}
        self.dtype, self.L, self.d = dtype, c["num_hidden_layers"], c["hidden_size"]
        self.H, self.K, self.h = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        self.vocab, self.eps = c["vocab_size"], c["rms_norm_eps"]

    def embed(self, ids):
        return self.w["embed_tokens.weight"][ids] * math.sqrt(self.d)

    def inv_rms(self, x):
        return (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()

    def gain(self, name):
        return 1 + self.w[name]

    def rope(self, T, full):
        base = self.cfg["rope_theta"] if full else self.cfg["rope_local_base_freq"]
        inv = base ** (-torch.arange(0, self.h, 2, dtype=torch.float64) / self.h)
        if full and self.cfg.get("rope_scaling"):
            inv = inv / self.cfg["rope_scaling"]["factor"]
        ang = torch.arange(T, dtype=torch.float64)[:, None] * inv[None]
        ang = torch.cat([ang, ang], -1)
        return ang.cos().to(self.dtype), ang.sin().to(self.dtype)

    def mask(self, types, full):
        T, blk, cur, prev = len(types), [], -1, 0
        for x in types:
            if x == 1 and prev != 1:
                cur += 1
            blk.append(cur if x == 1 else -1); prev = x
        M = torch.zeros(T, T, dtype=torch.bool)
        for q in range(T):
            for k in range(T):
                ok = k <= q or (blk[q] >= 0 and blk[q] == blk[k])
                M[q, k] = ok and (full or k > q - self.cfg["sliding_window"])
        return M

    def attn_pattern(self, l, y, types):
        T = y.shape[0]
        p = f"layers.{l}.self_attn."
        full = self.cfg["layer_types"][l] == "full_attention"
        q = (y @ self.w[p + "q_proj.weight"].T).view(T, self.H, self.h).transpose(0, 1)
        k = (y @ self.w[p + "k_proj.weight"].T).view(T, self.K, self.h).transpose(0, 1)
        q = q * self.inv_rms(q) * self.gain(p + "q_norm.weight")
        k = k * self.inv_rms(k) * self.gain(p + "k_norm.weight")
        cos, sin = self.rope(T, full)
        rot = lambda z: torch.cat([-z[..., self.h // 2:], z[..., :self.h // 2]], -1)
        q, k = q * cos + rot(q) * sin, k * cos + rot(k) * sin
        k = k.repeat_interleave(self.H // self.K, 0)
        s = q @ k.transpose(1, 2) * self.cfg["query_pre_attn_scalar"] ** -0.5
        return s.masked_fill(~self.mask(types, full), float("-inf")).softmax(-1)

    def ov(self, l, y, A):
        T = y.shape[0]
        p = f"layers.{l}.self_attn."
        v = (y @ self.w[p + "v_proj.weight"].T).view(T, self.K, self.h).transpose(0, 1).repeat_interleave(self.H // self.K, 0)
        return (A @ v).transpose(0, 1).reshape(T, self.H * self.h) @ self.w[p + "o_proj.weight"].T

    def mlp(self, l, u):
        p = f"layers.{l}.mlp."
        g = torch.nn.functional.gelu(u @ self.w[p + "gate_proj.weight"].T, approximate="tanh")
        return (g * (u @ self.w[p + "up_proj.weight"].T)) @ self.w[p + "down_proj.weight"].T

    def forward(self, x, types, patterns=None, scales=None, delta=None, hook="raw", frozen_out=None, skip=None):
        """Plain forward. patterns / scales: use these frozen values. delta[l]: added at the feature-output hook.
        frozen_out[l]: use this feature-output tensor (plus skip(u) when skip is given) instead of the MLP's."""
        r = {k: [] for k in ("resid_pre", "pattern", "mlp_in", "mlp_out", "mlp_out_normed", "s_in", "s_pa", "s_pf", "s_post")}
        for l in range(self.L):
            p = f"layers.{l}."
            S = lambda name, t: scales[name][l] if scales is not None else self.inv_rms(t)
            r["resid_pre"].append(x)
            s = S("s_in", x); r["s_in"].append(s)
            y = x * s * self.gain(p + "input_layernorm.weight")
            A = patterns[l] if patterns is not None else self.attn_pattern(l, y, types)
            r["pattern"].append(A)
            o = self.ov(l, y, A)
            s = S("s_pa", o); r["s_pa"].append(s)
            mid = x + o * s * self.gain(p + "post_attention_layernorm.weight")
            s = S("s_pf", mid); r["s_pf"].append(s)
            u = mid * s * self.gain(p + "pre_feedforward_layernorm.weight")
            r["mlp_in"].append(u)
            gp = self.gain(p + "post_feedforward_layernorm.weight")
            if hook == "raw":
                m = self.mlp(l, u) if frozen_out is None else frozen_out[l] + (0 if skip is None else u @ skip[l])
                r["mlp_out"].append(m)
                if delta is not None:
                    m = m + (delta(l, u) if callable(delta) else delta[l])
                s = S("s_post", m); r["s_post"].append(s)
                n = m * s * gp
            else:
                if frozen_out is None:
                    m = self.mlp(l, u); s = S("s_post", m); n = m * s * gp
                    r["mlp_out"].append(m); r["s_post"].append(s)
                else:
                    n = frozen_out[l] + (0 if skip is None else u @ skip[l])
                r["mlp_out_normed"].append(n)
                if delta is not None:
                    n = n + (delta(l, u) if callable(delta) else delta[l])
            if hook == "raw":
                r["mlp_out_normed"].append(n)
            x = mid + n
        r["resid_final"] = x
        s = scales["s_f"] if scales is not None else self.inv_rms(x)
        r["s_f"] = s
        r["final_norm"] = x * s * self.gain("norm.weight")
        r["logits"] = r["final_norm"] @ self.w["embed_tokens.weight"].T
        return r


class Transcoders:
    def __init__(self, path, dtype, n_layers):
        self.skip = None
        if os.path.exists(os.path.join(path, "layer_0.safetensors")):
            t = [load_file(os.path.join(path, f"layer_{l}.safetensors")) for l in range(n_layers)]
            self.enc = [x["W_enc"].to(dtype) for x in t]; self.dec = [x["W_dec"].to(dtype) for x in t]
            self.be = [x["b_enc"].to(dtype) for x in t]; self.bd = [x["b_dec"].to(dtype) for x in t]
            k = int([s.split(":")[1] for s in open(os.path.join(path, "config.yaml")) if s.startswith("top_k")][0])
            self.act, self.hook = ("topk", k), "raw"
        else:
            dirs = [s[2:].strip() for s in open(os.path.join(path, "config.yaml")) if s.startswith("- ")]
            t = [load_file(os.path.join(path, f)) for f in dirs]
            self.enc = [x["w_enc"].T.to(dtype) for x in t]; self.dec = [x["w_dec"].to(dtype) for x in t]
            self.be = [x["b_enc"].to(dtype) for x in t]; self.bd = [x["b_dec"].to(dtype) for x in t]
            self.act, self.hook = ("jump", [x["threshold"].to(dtype) for x in t]), "normed"
            if "affine_skip_connection" in t[0]:
                self.skip = [x["affine_skip_connection"].to(dtype) for x in t]

    def pre(self, l, u):
        return u @ self.enc[l].T + self.be[l]

    def encode(self, l, u):
        pre = self.pre(l, u)
        if self.act[0] == "jump":
            return torch.where(pre > self.act[1][l], torch.relu(pre), torch.zeros_like(pre))
        a = torch.relu(pre)
        v, i = a.topk(self.act[1], dim=-1)
        return torch.zeros_like(a).scatter_(-1, i, v)


def logit_targets(logits, W_U, max_n=10, mass=0.95):
    p = logits.softmax(-1)
    tp, ti = p.topk(max_n)
    n = int((tp.cumsum(0) < mass).sum()) + 1          # searchsorted-left of the mass, then + 1
    n = min(n, max_n)
    return ti[:n], tp[:n], W_U[ti[:n]] - W_U.mean(0)


def attribution(lm, tc, x0, types, n_zero=1, max_n_logits=10, mass=0.95):
    r = lm.forward(x0, types, hook=tc.hook)
    L, T, d = lm.L, x0.shape[0], lm.d
    y = r["mlp_out"] if tc.hook == "raw" else r["mlp_out_normed"]
    feats, vals, encv, decv, err = [], [], [], [], torch.zeros(L, T, d, dtype=lm.dtype)
    for l in range(L):
        a = tc.encode(l, r["mlp_in"][l]); a[:n_zero] = 0
        for p, f in a.nonzero().tolist():
            feats.append((l, p, f)); vals.append(a[p, f]); encv.append(tc.enc[l][f]); decv.append(a[p, f] * tc.dec[l][f])
        rec = a @ tc.dec[l] + tc.bd[l] + (r["mlp_in"][l] @ tc.skip[l] if tc.skip else 0)
        err[l] = y[l] - rec
    err[:, :n_zero] = 0
    feats = torch.tensor(feats); vals = torch.stack(vals); encv = torch.stack(encv); decv = torch.stack(decv)
    scales = {k: r[k] for k in ("s_in", "s_pa", "s_pf", "s_post", "s_f")}
    x0l = x0.clone().requires_grad_(True)
    m = [(y[l] - (r["mlp_in"][l] @ tc.skip[l] if tc.skip else 0)).clone().requires_grad_(True) for l in range(L)]
    fz = lm.forward(x0l, types, patterns=r["pattern"], scales=scales, hook=tc.hook, frozen_out=m, skip=tc.skip)
    assert torch.allclose(fz["logits"], r["logits"], rtol=1e-4, atol=1e-4)
    tid, tp, tv = logit_targets(r["logits"][-1], lm.w["embed_tokens.weight"], max_n_logits, mass)
    nf, nl = len(feats), len(tid)
    N = nf + L * T + T + nl
    A = torch.zeros(N, N, dtype=lm.dtype)
    const = torch.zeros(N, dtype=lm.dtype)   # everything that is no node: b_enc, b_dec, MLP outputs at zeroed positions
    bias_leaf = torch.zeros(L, T, d, dtype=lm.dtype)
    for l in range(L):
        bias_leaf[l, n_zero:] = tc.bd[l]; bias_leaf[l, :n_zero] = m[l].detach()[:n_zero]

    def fill(rows, out, G):
        gr = torch.autograd.grad(out, [x0l] + m, grad_outputs=G, is_grads_batched=True, retain_graph=True, allow_unused=True)
        gx = gr[0]
        A[rows, nf + L * T: nf + L * T + T] = torch.einsum("btd,td->bt", gx, x0)
        for l in range(L):
            if gr[1 + l] is None:
                continue
            A[rows, nf + l * T: nf + (l + 1) * T] = torch.einsum("btd,td->bt", gr[1 + l], err[l])
            s = (feats[:, 0] == l).nonzero()[:, 0]
            A[rows[:, None], s[None]] = torch.einsum("bsd,sd->bs", gr[1 + l][:, feats[s, 1]], decv[s])
            const[rows] += torch.einsum("btd,td->b", gr[1 + l], bias_leaf[l])
    for l in range(L):
        rows = (feats[:, 0] == l).nonzero()[:, 0]
        for r0 in rows.split(64):
            G = torch.zeros(len(r0), T, d, dtype=lm.dtype)
            G[torch.arange(len(r0)), feats[r0, 1]] = encv[r0]
            fill(r0, fz["mlp_in"][l], G)
            const[r0] += tc.be[l][feats[r0, 2]]
    G = torch.zeros(nl, T, d, dtype=lm.dtype); G[:, -1] = tv
    fill(torch.arange(N - nl, N), fz["final_norm"], G)
    pre = torch.stack([tc.pre(l, r["mlp_in"][l])[p, f] for l, p, f in feats.tolist()])
    dem = r["logits"][-1][tid] - r["logits"][-1].mean()
    return dict(A=A, feats=feats, vals=vals, err=err, const=const, pre=pre, logit_ids=tid, logit_p=tp, logit_demeaned=dem,
                n_feat=nf, n_logit=nl, fwd=r, scales=scales, leaves=[t.detach() for t in m], x0=x0, decv=decv, types=types)


# ---- checks ---------------------------------------------------------------------------------
def check_completeness(g):
    nf, nl = g["n_feat"], g["n_logit"]
    tot = g["A"].sum(1) + g["const"]
    scale = g["A"].abs().sum(1).clamp(min=1e-30)
    e1 = ((tot[:nf] - g["pre"]).abs() / scale[:nf]).max()
    e2 = ((tot[-nl:] - g["logit_demeaned"]).abs() / scale[-nl:]).max()
    r1 = ((tot[:nf] - g["pre"]).abs() / g["pre"].abs()).max()
    return float(e1), float(e2), float(r1)


def check_intervention(lm, tc, g, n=40, seed=0):
    """Frozen model, one feature ablated / one error removed: measured change vs -column of A."""
    gen = torch.Generator().manual_seed(seed)
    nf, L, T = g["n_feat"], lm.L, g["x0"].shape[0]
    cols = torch.randperm(nf, generator=gen)[:n].tolist() + [nf + int(i) for i in torch.randperm(L * T, generator=gen)[:n // 2]]
    base = lm.forward(g["x0"], g["types"], patterns=g["fwd"]["pattern"], scales=g["scales"], hook=tc.hook, frozen_out=g["leaves"], skip=tc.skip)
    worst = 0.0
    for c in cols:
        if c < nf:
            l, p, _ = g["feats"][c].tolist(); v = g["decv"][c]
        else:
            l, p = divmod(c - nf, T); v = g["err"][l, p]
        fo = [t.clone() for t in g["leaves"]]
        fo[l][p] -= v
        z = lm.forward(g["x0"], g["types"], patterns=g["fwd"]["pattern"], scales=g["scales"], hook=tc.hook, frozen_out=fo, skip=tc.skip)
        ch = torch.stack([(tc.enc[a][f] * (z["mlp_in"][a][q] - base["mlp_in"][a][q])).sum() for a, q, f in g["feats"].tolist()])
        lo = (z["logits"][-1] - z["logits"][-1].mean() - base["logits"][-1] + base["logits"][-1].mean())[g["logit_ids"]]
        got = torch.cat([ch, lo]); exp = -torch.cat([g["A"][:nf, c], g["A"][-g["n_logit"]:, c]])
        worst = max(worst, float((got - exp).abs().max() / g["A"].abs().max()))
    return worst


# ---- graph maths (own implementation of the definitions, circuit-tracer 0.4.1) ------
def normalise(M, floor=1e-10):
    a = M.abs()
    return a / a.sum(1, keepdim=True).clamp(min=floor)


def influence(W, w):
    x = torch.linalg.solve(torch.eye(W.shape[0], dtype=torch.float64) - W.double().T, W.double().T @ w.double())
    return x.clamp(min=0)


def threshold(x, t):
    s = x.sort(descending=True).values
    cum = s.cumsum(0) / s.sum()
    i = min(int((cum < t).sum()), int((s > 0).sum()) - 1)
    return s[i]


def graph_maths(A, n_sel, L, T, p, node_t=0.8, edge_t=0.98):
    A = A.double(); N = A.shape[0]; nl = len(p)
    w = torch.zeros(N, dtype=torch.float64); w[-nl:] = p.double()
    W = normalise(A); inf = influence(W, w)
    node = inf >= threshold(inf, node_t); node[N - nl - T:] = True
    B = A.clone(); B[~node] = 0; B[:, ~node] = 0
    Wb = normalise(B); es = Wb * (influence(Wb, w) + w)[:, None]
    edge = es >= threshold(es.flatten(), edge_t)
    node0, edge0 = node.clone(), edge.clone()
    k = N - nl - T
    while True:
        old = node.clone()
        node[:k] &= edge[:, :k].any(0); node[:n_sel] &= edge[:n_sel].any(1)
        if torch.equal(old, node):
            break
        edge[~node] = False; edge[:, ~node] = False
    srt, idx = inf.sort(descending=True)
    cum = torch.zeros(N, dtype=torch.float64); cum[idx] = srt.cumsum(0) / srt.sum()
    es_, ee = n_sel, n_sel + L * T
    rep = inf[ee:ee + T].sum() / (inf[ee:ee + T].sum() + inf[es_:ee].sum())
    o = inf + w
    comp = ((1 - W[:, es_:ee].sum(1)) * o).sum() / o.sum()
    near = lambda x, t: float((x - t).abs()[x != t].min() / t)
    return dict(influence=inf, node_mask=node, edge_mask=edge, cumulative=cum, replacement=float(rep), completeness=float(comp),
                node_threshold=float(threshold(inf, node_t)), edge_threshold=float(threshold(es.flatten(), edge_t)),
                edge_scores=es, node_mask_before_cleanup=node0, edge_count_before_cleanup=int(edge0.sum()),
                node_gap=near(inf, threshold(inf, node_t)), edge_gap=near(es.flatten(), threshold(es.flatten(), edge_t)))


def select(g, L, T, max_nodes, batch, interval):
    """Greedy feature selection exactly as circuit-tracer does it, on the rows of the full matrix."""
    nf, nl = g["n_feat"], g["n_logit"]; A = g["A"].double(); N = A.shape[0]
    if max_nodes is None or max_nodes >= nf:
        return torch.arange(nf), list(range(nf))
    order = []; rows = list(range(N - nl, N)); vis = torch.zeros(nf, dtype=torch.bool); margin = []
    while len(order) < max_nodes:
        W = torch.zeros(N, N, dtype=torch.float64); W[rows] = normalise(A[rows], 1e-8)
        w = torch.zeros(N, dtype=torch.float64); w[-nl:] = g["logit_p"].double()
        inf = influence(W, w)[:nf]
        rk = inf.argsort(descending=True, stable=True); rk = rk[~vis[rk]]
        n = min(interval * batch, max_nodes - len(order))
        if n < len(rk):
            margin.append(float((inf[rk[n - 1]] - inf[rk[n]]) / inf[rk[n - 1]]))
        new = rk[:n].tolist(); order += new; vis[new] = True; rows += new
    return vis.nonzero()[:, 0], order, margin


def main(tiny, tdir, out):
    meta = {}
    runs = [("text", "plt_topk", 1, None), ("one_image", "plt_topk", 1, None), ("two_images_chat", "plt_topk", 1, 400),
            ("text", "gs2_affine", 1, None), ("one_image", "gs2_affine", 1, None), ("two_images_chat", "gs2_affine", 4, 300)]
    for case, ts, nz, mx in runs:
        f = load_file(os.path.join(out, "forward", f"forward_{case}.safetensors"))
        types = f["token_type_ids"].tolist()
        gs = {}
        for dt in (torch.float64, torch.float32):
            lm = TinyLM(tiny, dt); tc = Transcoders(os.path.join(tdir, ts), dt, lm.L)
            gs[dt] = attribution(lm, tc, f["resid_pre"][0].to(dt), types, nz)
        g, g32 = gs[torch.float64], gs[torch.float32]
        lm = TinyLM(tiny, torch.float64); tc = Transcoders(os.path.join(tdir, ts), torch.float64, lm.L)
        fw = g["fwd"]
        hf = {k: float((torch.stack(fw[k]) - f[n].double()).abs().max()) for k, n in
              (("pattern", "attn_probs"), ("mlp_in", "mlp_in"), ("mlp_out", "mlp_out"), ("mlp_out_normed", "mlp_out_normed"), ("resid_pre", "resid_pre"))}
        hf["logits"] = float((fw["logits"] - f["logits"].double()).abs().max())
        same = torch.equal(g["feats"], g32["feats"]) and torch.equal(g["logit_ids"], g32["logit_ids"])
        diff = float((g["A"] - g32["A"].double()).abs().max()) if same else None
        e1, e2, r1 = check_completeness(g); iv = check_intervention(lm, tc, g)
        L, T = lm.L, len(types)
        sel, *rest = select(g, L, T, mx, 32, 4)
        nf, N = g["n_feat"], g["A"].shape[0]
        keep = torch.cat([sel, torch.arange(nf, N)])
        A = g["A"][keep][:, keep].float()
        gm = graph_maths(A, len(sel), L, T, g["logit_p"])
        name = f"{case}__{ts}"
        t = dict(adjacency=A, active_features=g["feats"], activation_values=g["vals"].float(), selected_features=sel,
                 error_vectors=g["err"].float(), token_vectors=g["x0"].float(), pre_activations=g["pre"].float(),
                 row_constant=g["const"].float(), row_abs_sum_full=g["A"].abs().sum(1).float(), row_sum_full=g["A"].sum(1).float(),
                 logit_ids=g["logit_ids"], logit_probabilities=g["logit_p"].float(), logit_demeaned=g["logit_demeaned"].float(),
                 input_ids=f["input_ids"], token_type_ids=f["token_type_ids"], node_influence=gm["influence"].float(),
                 node_mask=gm["node_mask"].to(torch.uint8), cumulative_scores=gm["cumulative"].float(),
                 edge_index=gm["edge_mask"].nonzero().to(torch.int32))
        if mx:
            t["visit_order"] = torch.tensor(rest[0])
        save_file({k: v.contiguous() for k, v in t.items()}, os.path.join(out, "graphs", f"graph_{name}.safetensors"))
        meta[name] = dict(case=case, transcoders=ts, zero_positions=nz, feature_output_hook=tc.hook, n_layers=L, n_pos=T, n_active=nf,
                          max_feature_nodes=mx, selection={"batch_size": 32, "update_interval": 4, "rank_margins": rest[1] if mx else None},
                          n_selected=len(sel), n_logits=g["n_logit"], n_nodes=A.shape[0], logit_ids=g["logit_ids"].tolist(),
                          logit_probabilities=g["logit_p"].tolist(), nonzero_edges=int((A != 0).sum()), max_abs_edge=float(A.abs().max()),
                          pruned_nodes=int(gm["node_mask"].sum()), pruned_edges=int(gm["edge_mask"].sum()),
                          nodes_before_cleanup=int(gm["node_mask_before_cleanup"].sum()), edges_before_cleanup=gm["edge_count_before_cleanup"],
                          node_threshold_value=gm["node_threshold"], edge_threshold_value=gm["edge_threshold"],
                          relative_gap_at_node_threshold=gm["node_gap"], relative_gap_at_edge_threshold=gm["edge_gap"],
                          replacement_score=gm["replacement"], completeness_score=gm["completeness"],
                          check_completeness_features_rel_abs_rowsum=e1, check_completeness_logits=e2, check_completeness_features_rel_pre=r1,
                          check_intervention_rel=iv, fp64_vs_hf_fp32_max_abs=hf, fp32_same_active_set=same, fp32_vs_fp64_adjacency_max_abs=diff)
        print(name, json.dumps(meta[name]))
    json.dump(meta, open(os.path.join(out, "graphs", "graphs.json"), "w"), indent=1)


if __name__ == "__main__":
    main(os.path.join(sys.argv[1], "tiny"), os.path.join(sys.argv[1], "transcoders"), sys.argv[1])
