"""Reconstruction figures of three transcoder sets over the golden forward passes, in numpy float64.

    python make_evaluation.py GOLDEN_DIR

Reads forward/forward_<case>.safetensors (what is at the hooks, by Transformers), transcoders/ and formats/clt_native; writes
evaluation.json: {set: [per layer: {"text" | "image" | "all": figures}]} over all cases together. Position 0 is left out.

    FVU = sum (y - y')^2 / sum (y - mean)^2, the mean that of the tokens of the modality
    l0: active features per token; dead: share of features active on none of them; dense: on more than a tenth
"""
import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file

CASES = ("text", "text_long", "one_image", "two_images_chat")
DENSE_THRESHOLD = 0.1
K = 16


def top_k(pre):
    """ReLU, then the K largest of each row."""
    activations = np.maximum(pre, 0)
    smallest_kept = np.sort(activations, axis=1)[:, -K, None]
    return np.where(activations >= smallest_kept, activations, 0)


def plt_topk(folder, layer, xs):
    w = {name: tensor.astype(np.float64) for name, tensor in load_file(folder / f"layer_{layer}.safetensors").items()}
    activations = top_k(xs[layer] @ w["W_enc"].T + w["b_enc"])
    return activations, activations @ w["W_dec"] + w["b_dec"]


def gs2_affine(folder, layer, xs):
    x = xs[layer]
    file = folder / f"layer_{layer}_width_256_l0_small_affine" / "params.safetensors"
    w = {name: tensor.astype(np.float64) for name, tensor in load_file(file).items()}
    pre = x @ w["w_enc"] + w["b_enc"]
    activations = np.where(pre > w["threshold"], pre, 0)
    return activations, activations @ w["w_dec"] + w["b_dec"] + x @ w["affine_skip_connection"]


def clt_native(folder, layer, xs):
    """Cross-layer: what all layers up to `layer` write to it."""
    reconstruction = load_file(folder / f"W_enc_{layer}.safetensors")[f"b_dec_{layer}"].astype(np.float64)
    for l in range(layer + 1):
        w = {name: tensor.astype(np.float64) for name, tensor in load_file(folder / f"W_enc_{l}.safetensors").items()}
        pre = xs[l] @ w[f"W_enc_{l}"].T + w[f"b_enc_{l}"]
        activations = np.where(pre > w[f"threshold_{l}"], pre, 0)
        decoder = load_file(folder / f"W_dec_{l}.safetensors")[f"W_dec_{l}"].astype(np.float64)
        reconstruction = reconstruction + activations @ decoder[:, layer - l]
    return activations, reconstruction


SETS = {
    "plt_topk": (plt_topk, "mlp_out", "transcoders"),
    "gs2_affine": (gs2_affine, "mlp_out_normed", "transcoders"),
    "clt_native": (clt_native, "mlp_out", "formats"),
}


def figures(y, reconstruction, activations):
    is_active = activations != 0
    share_of_tokens = is_active.mean(axis=0)
    return {
        "tokens": len(y),
        "fvu": float(((y - reconstruction) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum()),
        "mean_l0": float(is_active.sum(axis=1).mean()),
        "dead_share": float((share_of_tokens == 0).mean()),
        "dense_share": float((share_of_tokens > DENSE_THRESHOLD).mean()),
    }


def main(golden):
    forwards = [load_file(golden / "forward" / f"forward_{case}.safetensors") for case in CASES]
    is_image = np.concatenate([forward["token_type_ids"][1:] == 1 for forward in forwards])
    n_layers = forwards[0]["mlp_in"].shape[0]

    def recorded(name, layer):
        return np.concatenate([forward[name][layer, 1:].astype(np.float64) for forward in forwards])

    result = {}
    xs = [recorded("mlp_in", layer) for layer in range(n_layers)]
    for name, (encode, output, folder) in SETS.items():
        layers = []
        for layer in range(n_layers):
            y = recorded(output, layer)
            activations, reconstruction = encode(golden / folder / name, layer, xs)
            masks = {"text": ~is_image, "image": is_image, "all": np.ones_like(is_image)}
            layers.append({key: figures(y[mask], reconstruction[mask], activations[mask]) for key, mask in masks.items()})
        result[name] = layers
    (golden / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
