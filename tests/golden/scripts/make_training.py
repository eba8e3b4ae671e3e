"""Losses, gradients and steps of a transcoder's training by PyTorch's autograd:  python make_training.py OUT_DIR

gradients_<case>.safetensors   one batch: parameters, x, y, dead (uint8; AuxK cases), settings, loss, fvu, auxk, grad.<name>
steps_<case>.safetensors       some steps of torch.optim.AdamW from the first batch on: x, y [steps, tokens, width], start.<name>, end.<name>,
                               loss, fvu, l0, dead_share, grad_norm, learning_rate [steps]; clip_grad_norm_, LambdaLR

All is computed in float64 from values that are exact in float32. `settings` are in each file's metadata. Seeds are searched for which
no pre-activation lies so near to a decision (zero, or the k-th largest) that rounding could turn it.
"""
import math
import os
import sys

import torch
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
LEAST_GAP = 1e-5  # of a pre-activation to zero or to its rival


class TooClose(Exception):
    pass


def keep_largest(pre, k):
    """ReLU, then the k largest of each row."""
    a = pre.relu()
    ordered = pre.detach().sort(dim=1, descending=True).values
    if pre.detach().abs().min() < LEAST_GAP:
        raise TooClose
    if k < pre.shape[1]:
        gap = ordered[:, k - 1] - ordered[:, k]
        if gap[ordered[:, k - 1] > 0].numel() and gap[ordered[:, k - 1] > 0].min() < LEAST_GAP:
            raise TooClose
    values, indices = a.topk(k, dim=1)
    return torch.zeros_like(a).scatter(1, indices, values)


def losses(p, x, y, s, dead):
    pre = x @ p["W_enc"].T + p["b_enc"]
    a = keep_largest(pre, s["k"])
    y_hat = a @ p["W_dec"] + p["b_dec"]
    if "W_skip" in p:
        y_hat = y_hat + x @ p["W_skip"].T
    e = y - y_hat
    variance = (y - y.mean(0)).pow(2).sum().clamp(min=1e-8)
    fvu = e.pow(2).sum() / variance
    auxk = torch.zeros(())
    n_dead = int(dead.sum())
    if s["auxk_coefficient"] and n_dead:
        a_dead = keep_largest(pre[:, dead], min(s["k_aux"], n_dead))
        e_hat = a_dead @ p["W_dec"][dead]
        auxk = min(1, n_dead / s["k_aux"]) * (e.detach() - e_hat).pow(2).sum() / variance
    return fvu + s["auxk_coefficient"] * auxk, fvu, auxk, a.detach() > 0


def rounded(t):
    """The nearest float32 values, as float64."""
    return t.float().double()


def make_parameters(g, d_in, d_out, n, skip, decoder):
    W_enc = torch.randn(n, d_in, generator=g) / d_in**0.5
    p = {"W_enc": W_enc, "b_enc": 0.1 * torch.randn(n, generator=g), "b_dec": 0.3 * torch.randn(d_out, generator=g)}
    p["W_dec"] = {"zero": lambda: torch.zeros(n, d_out), "tied": lambda: 0.1 * W_enc,
                  "any": lambda: 0.3 * torch.randn(n, d_out, generator=g)}[decoder]()
    if skip:
        p["W_skip"] = 0.2 * torch.randn(d_out, d_in, generator=g)
    return {name: rounded(t).requires_grad_() for name, t in p.items()}


def make_batch(g, tokens, d_in, d_out):
    x = torch.randn(tokens, d_in, generator=g)
    mix = torch.randn(d_in, d_out, generator=torch.Generator().manual_seed(7)) / d_in**0.5
    y = torch.tanh(2 * x @ mix) + 0.5 + 0.1 * torch.randn(tokens, d_out, generator=g)
    return rounded(x), rounded(y)


def save(path, tensors, s):
    ready = {k: (t if t.dtype in (torch.uint8, torch.int64) or t.dim() == 0 else t.float()).detach().contiguous() for k, t in tensors.items()}
    save_file(ready, path, {k: str(v) for k, v in s.items()})
    os.chmod(path, 0o644)


def search(make):
    for seed in range(10_000):
        try:
            return make(torch.Generator().manual_seed(seed))
        except TooClose:
            continue
    raise SystemExit("no seed keeps its distance")


def gradients_case(path, d_in=24, d_out=20, n=72, k=6, tokens=40, skip=False, decoder="any", shift=0.0, n_dead=0, k_aux=8):
    s = {"k": k, "k_aux": k_aux, "auxk_coefficient": 0.25 if n_dead else 0.0}

    def make(g):
        p = make_parameters(g, d_in, d_out, n, skip, decoder)
        with torch.no_grad():
            p["b_enc"].copy_(rounded(p["b_enc"] + shift))
        x, y = make_batch(g, tokens, d_in, d_out)
        dead = torch.zeros(n, dtype=torch.bool)
        dead[torch.randperm(n, generator=g)[:n_dead]] = True
        loss, fvu, auxk, active = losses(p, x, y, s, dead)
        loss.backward()
        return p, x, y, dead, loss, fvu, auxk, active

    p, x, y, dead, loss, fvu, auxk, active = search(make)
    per_token = active.sum(1)
    print(f"{os.path.basename(path)}: active per token {int(per_token.min())} to {int(per_token.max())}, fvu {fvu.item():.3f}, auxk {auxk.item():.3f}, "
          f"dead features active in the batch {int((active.any(0) & dead).sum())}")
    out = dict(p) | {"grad." + name: t.grad for name, t in p.items()}
    out |= {"x": x, "y": y, "loss": loss, "fvu": fvu, "auxk": auxk, "l0": per_token.double().mean()}
    if n_dead:
        out["dead"] = dead.to(torch.uint8)
    save(path, out, s)


def rate(s, step):
    warm = min(1, (step + 1) / s["warm_up_steps"]) if s["warm_up_steps"] else 1
    begin = s["decay_start"] * s["steps"]
    if s["decay"] == "none" or step <= begin:
        return warm
    progress = (step - begin) / (s["steps"] - begin)
    return warm * (1 - progress if s["decay"] == "linear" else 0.5 * (1 + math.cos(math.pi * progress)))


def steps_case(path, d_in=24, d_out=24, n=64, tokens=48, decoder="tied", skip=False, **given):
    s = {"k": 5, "k_aux": 8, "auxk_coefficient": 0.125, "dead_after_tokens": 96, "learning_rate": 5e-3, "beta1": 0.9, "beta2": 0.99,
         "epsilon": 1e-5, "weight_decay": 0.1, "gradient_clip_norm": 0.0, "warm_up_steps": 3, "decay": "none", "decay_start": 0.5, "steps": 12} | given

    def make(g):
        p = make_parameters(g, d_in, d_out, n, skip, decoder)
        batches = [make_batch(g, tokens, d_in, d_out) for _ in range(s["steps"])]
        start = {name: t.detach().clone() for name, t in p.items()}
        with torch.no_grad():
            p["b_dec"].copy_(batches[0][1].mean(0))
            p["b_enc"].copy_(-p["W_enc"] @ batches[0][0].mean(0))
        optimiser = torch.optim.AdamW(p.values(), lr=s["learning_rate"], betas=(s["beta1"], s["beta2"]), eps=s["epsilon"],
                                      weight_decay=s["weight_decay"])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(s, step))
        idle = torch.zeros(n, dtype=torch.int64)
        rows = []
        for x, y in batches:
            optimiser.zero_grad()
            loss, fvu, _, active = losses(p, x, y, s, idle >= s["dead_after_tokens"])
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(p.values(), s["gradient_clip_norm"] or math.inf)
            rows.append([loss, fvu, active.double().sum(1).mean(), 0, norm, optimiser.param_groups[0]["lr"]])
            optimiser.step()
            schedule.step()
            idle = torch.where(active.any(0), 0, idle + tokens)
            rows[-1][3] = (idle >= s["dead_after_tokens"]).double().mean()
        return start, p, batches, rows

    start, p, batches, rows = search(make)
    table = torch.tensor([[float(torch.as_tensor(v).detach()) for v in row] for row in rows])
    print(os.path.basename(path), "loss, fvu, l0, dead share, norm, rate")
    print(table)
    out = {"start." + name: t for name, t in start.items()} | {"end." + name: t for name, t in p.items()}
    out |= {"x": torch.stack([x for x, _ in batches]), "y": torch.stack([y for _, y in batches])}
    out |= {name: table[:, i] for i, name in enumerate(["loss", "fvu", "l0", "dead_share", "grad_norm", "learning_rate"])}
    save(path, out, s)


def main(out):
    os.makedirs(out, exist_ok=True)
    at = lambda name: os.path.join(out, name + ".safetensors")
    gradients_case(at("gradients_plain"))
    gradients_case(at("gradients_skip"), skip=True)
    gradients_case(at("gradients_few_positive"), shift=-2.0)
    gradients_case(at("gradients_zero_decoder"), decoder="zero")
    gradients_case(at("gradients_tied_decoder"), d_in=40, d_out=40, decoder="tied")
    gradients_case(at("gradients_auxk_few_dead"), n_dead=5)
    gradients_case(at("gradients_auxk_many_dead"), n_dead=45, skip=True)
    steps_case(at("steps_clip_cosine"), gradient_clip_norm=0.38, decay="cosine")
    steps_case(at("steps_skip_linear"), skip=True, d_out=16, decoder="zero", decay="linear", decay_start=0.25, warm_up_steps=0)


if __name__ == "__main__":
    main(sys.argv[1])
