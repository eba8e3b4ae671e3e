"""Feature-intervention (steering) reference:  python reference_intervention.py GOLDEN_DIR

An intervention (layer, pos, feature, value) adds (value - current activation) * W_dec[feature] at the feature-output tensor.
mode direct : attention patterns, all norm scales and all feature outputs frozen to the clean run; current = clean activation
mode frozen : attention patterns frozen, norms and MLPs recomputed; current = activation in the running (perturbed) forward
mode free   : nothing frozen; current = activation in the running forward
With a skip set, mode direct adds skip(u_now) - skip(u_clean) on top of the frozen output.
Reads forward/forward_<case>.safetensors, writes interventions/intervention_<case>__<set>.safetensors (logits per spec and mode)
and interventions/interventions.json.
"""
import json, os, sys
import torch
from safetensors.torch import load_file, save_file
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference_attribution import TinyLM, Transcoders, attribution

torch.set_num_threads(1)


def intervene(lm, tc, g, spec, mode):
    T, d = g["x0"].shape
    r = g["fwd"]
    clean = [tc.encode(l, r["mlp_in"][l]) for l in range(lm.L)]

    def delta(l, u):
        cur = clean[l] if mode == "direct" else tc.encode(l, u)
        out = torch.zeros(T, d, dtype=lm.dtype)
        for (ll, p, f, v) in spec:
            if ll == l:
                out[p] += (v - cur[p, f]) * tc.dec[l][f]
        return out
    kw = dict(patterns=r["pattern"]) if mode != "free" else {}
    if mode == "direct":
        kw.update(scales=g["scales"], frozen_out=g["leaves"], skip=tc.skip)
    return lm.forward(g["x0"], g["types"], hook=tc.hook, delta=delta, **kw)


def specs(g):
    """Strong features by |edge to the top logit|, at different layers; deterministic."""
    nf = g["n_feat"]; row = g["A"][-g["n_logit"], :nf].abs()
    F, V = g["feats"], g["vals"]
    pick = lambda l: max((int(i) for i in (F[:, 0] == l).nonzero()[:, 0]), key=lambda i: float(row[i]))
    a, b, c = pick(1), pick(3), pick(4)
    t = lambda i, v: (*F[i].tolist(), float(v))
    T = g["x0"].shape[0]
    # an inactive feature at the last position, layer 2
    act = set(map(tuple, F.tolist())); f0 = next(f for f in range(256) if (2, T - 1, f) not in act)
    return {"ablate_one": [t(a, 0)], "double_two_layers": [t(a, 2 * V[a]), t(b, 2 * V[b])], "activate_inactive": [(2, T - 1, f0, 6.0)],
            "three_mixed": [t(a, 0), t(b, -1.0), t(c, 3 * V[c])]}


def main(tiny, tdir, out):
    meta = {}
    os.makedirs(os.path.join(out, "interventions"), exist_ok=True)
    for case in ("text", "one_image"):
        for ts in ("plt_topk", "gs2_affine"):
            f = load_file(os.path.join(out, "forward", f"forward_{case}.safetensors"))
            lm = TinyLM(tiny, torch.float64); tc = Transcoders(os.path.join(tdir, ts), torch.float64, lm.L)
            g = attribution(lm, tc, f["resid_pre"][0].double(), f["token_type_ids"].tolist(), 1)
            t, m = {"clean.logits": g["fwd"]["logits"].float()}, {}
            for name, sp in specs(g).items():
                m[name] = [list(x) for x in sp]
                for mode in ("direct", "frozen", "free"):
                    t[f"{name}.{mode}.logits"] = intervene(lm, tc, g, sp, mode)["logits"].float()
            save_file({k: v.contiguous() for k, v in t.items()}, os.path.join(out, "interventions", f"intervention_{case}__{ts}.safetensors"))
            meta[f"{case}__{ts}"] = m
            print(case, ts, {k: round(float((t[k] - t["clean.logits"]).abs().max()), 3) for k in t})
    json.dump(meta, open(os.path.join(out, "interventions", "interventions.json"), "w"), indent=1)


if __name__ == "__main__":
    main(os.path.join(sys.argv[1], "tiny"), os.path.join(sys.argv[1], "transcoders"), sys.argv[1])
