"""Golden forward-pass data from the Transformers library's own Gemma 3.

    python make_forward.py GOLDEN_DIR

Draws images/*.png, runs the image processor (PIL path) and the model (eager attention, float32, CPU, one thread)
on the cases below and writes forward/forward_<case>.safetensors, images.safetensors and cases.json.
"""
import json, os, sys
import numpy as np
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
OUT = sys.argv[1]
TINY = os.path.join(OUT, "tiny")
os.makedirs(os.path.join(OUT, "forward"), exist_ok=True)
os.makedirs(os.path.join(OUT, "images"), exist_ok=True)


def draw_images():
    rng = np.random.default_rng(7)
    files = {}
    im = Image.new("RGB", (97, 61), (20, 40, 160))
    d = ImageDraw.Draw(im)
    d.rectangle((15, 10, 45, 50), fill=(220, 30, 30)); d.ellipse((50, 5, 92, 55), fill=(240, 220, 40))
    files["shapes_97x61.png"] = im
    a = np.zeros((300, 200, 3), np.uint8)  # height 300, width 200
    a[..., 0] = np.linspace(0, 255, 200)[None, :]
    a[..., 1] = np.linspace(255, 0, 300)[:, None]
    a[..., 2] = (np.add.outer(np.arange(300), np.arange(200)) // 16 % 2) * 255
    files["gradient_200x300.png"] = Image.fromarray(a)
    files["noise_56x56.png"] = Image.fromarray(rng.integers(0, 256, (56, 56, 3), dtype=np.uint8))
    files["onerow_56x91.png"] = Image.fromarray(rng.integers(0, 256, (91, 56, 3), dtype=np.uint8))
    files["up_13x9.png"] = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    files["gray_64x48.png"] = Image.fromarray(rng.integers(0, 256, (48, 64), dtype=np.uint8))
    files["rgba_40x80.png"] = Image.fromarray(rng.integers(0, 256, (80, 40, 4), dtype=np.uint8))
    pal = files["shapes_97x61.png"].quantize(8)
    files["palette_97x61.png"] = pal
    for n, im in files.items():
        im.save(os.path.join(OUT, "images", n), optimize=False)
    return sorted(files)


names = draw_images()
import transformers
from transformers import AutoTokenizer, Gemma3ForConditionalGeneration
from transformers.models.gemma3 import processing_gemma3
try:
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil as IP
except ImportError:
    from transformers.models.gemma3.image_processing_gemma3 import Gemma3ImageProcessor as IP
tok = AutoTokenizer.from_pretrained(TINY)
ip = IP.from_pretrained(TINY)
proc = processing_gemma3.Gemma3Processor(image_processor=ip, tokenizer=tok, image_seq_length=4,
                                         chat_template=open(os.path.join(TINY, "chat_template.jinja")).read())
load = {"dtype": torch.float32} if int(transformers.__version__[0]) >= 5 else {"torch_dtype": torch.float32}
model = Gemma3ForConditionalGeneration.from_pretrained(TINY, attn_implementation="eager", **load).eval()


def img(n):
    return Image.open(os.path.join(OUT, "images", n))


# ---- image preprocessing -------------------------------------------------------------------
t, quirks = {}, {}
for n in names:
    im = img(n)
    try:
        raw = ip(images=[im], return_tensors="np")["pixel_values"]
        quirks[n] = f"mode {im.mode} accepted without convert, shape {tuple(np.asarray(raw).shape)}"
    except Exception as e:
        quirks[n] = f"mode {im.mode} rejected without convert: {type(e).__name__}"
    rgb = im.convert("RGB")
    t[n + ".pixel_values"] = torch.tensor(np.asarray(ip(images=[rgb], return_tensors="np")["pixel_values"][0]))
    t[n + ".resized_u8"] = torch.tensor(np.asarray(rgb.resize((56, 56), Image.BILINEAR)))
    ref = (t[n + ".resized_u8"].numpy().astype(np.float32).transpose(2, 0, 1) / np.float32(255) - np.float32(.5)) / np.float32(.5)
    quirks[n] += f"; max|pixel_values - ((u/255-0.5)/0.5 fp32 of PIL resize)| = {np.abs(ref - t[n + '.pixel_values'].numpy()).max():.3g}"
save_file({k: v.contiguous() for k, v in t.items()}, os.path.join(OUT, "images.safetensors"))

# ---- forward -------------------------------------------------------------------------------
CASES = {
    "text": dict(text="The capital of France is", images=[]),
    "text_long": dict(text="How many fingers are on the hand? There are five fingers on the left", images=[]),
    "one_image": dict(text="<start_of_image> This is", images=["shapes_97x61.png"]),
    "two_images_chat": dict(chat=[{"role": "user", "content": [
        {"type": "image"}, {"type": "text", "text": "and"}, {"type": "image"},
        {"type": "text", "text": "which is larger?"}]}], images=["gradient_200x300.png", "noise_56x56.png"]),
}


def prepare(c):
    text = c["text"] if "text" in c else proc.apply_chat_template(c["chat"], add_generation_prompt=True, tokenize=False)
    if not c["images"]:
        enc = tok(text, return_tensors="pt")
        ids = enc["input_ids"]
        return text, ids, torch.zeros_like(ids), None
    add = not text.startswith("<bos>")
    enc = proc(text=text, images=[img(n).convert("RGB") for n in c["images"]], return_tensors="pt", add_special_tokens=add)
    return text, enc["input_ids"], enc["token_type_ids"], enc["pixel_values"]


def lm(m):
    return m.model.language_model


def capture(m, ids, tt, px):
    rec, hooks = {}, []
    L = lm(m).layers
    def put(name):
        def f(mod, args, kw, out):
            rec.setdefault(name, []).append((out[0] if isinstance(out, tuple) else out).detach().clone())
        return f
    def put_in(name):
        def f(mod, args, kw):
            rec.setdefault(name, []).append((args[0] if args else kw["hidden_states"]).detach().clone())
        return f
    for lay in L:
        hooks.append(lay.register_forward_pre_hook(put_in("resid_pre"), with_kwargs=True))
        hooks.append(lay.input_layernorm.register_forward_hook(put("attn_in"), with_kwargs=True))
        hooks.append(lay.self_attn.register_forward_hook(put("attn_out"), with_kwargs=True))
        hooks.append(lay.post_attention_layernorm.register_forward_hook(put("attn_out_normed"), with_kwargs=True))
        hooks.append(lay.pre_feedforward_layernorm.register_forward_pre_hook(put_in("resid_mid"), with_kwargs=True))
        hooks.append(lay.pre_feedforward_layernorm.register_forward_hook(put("mlp_in"), with_kwargs=True))
        hooks.append(lay.mlp.register_forward_hook(put("mlp_out"), with_kwargs=True))
        hooks.append(lay.post_feedforward_layernorm.register_forward_hook(put("mlp_out_normed"), with_kwargs=True))
        hooks.append(lay.register_forward_hook(put("resid_post"), with_kwargs=True))
    hooks.append(lm(m).norm.register_forward_hook(put("final_norm"), with_kwargs=True))
    vt = m.model.vision_tower
    vm = getattr(vt, "vision_model", vt)
    hooks.append(vm.embeddings.register_forward_hook(put("vision_embeddings"), with_kwargs=True))
    for lay in vm.encoder.layers:
        hooks.append(lay.register_forward_hook(put("vision_layer_out"), with_kwargs=True))
    hooks.append(vm.post_layernorm.register_forward_hook(put("vision_out"), with_kwargs=True))
    hooks.append(m.model.multi_modal_projector.register_forward_hook(put("projector_out"), with_kwargs=True))
    vat = []
    for lay in vm.encoder.layers:
        hooks.append(lay.self_attn.register_forward_hook(
            lambda mod, a, k, out: vat.append(out[1].detach().clone() if isinstance(out, tuple) and out[1] is not None else None), with_kwargs=True))
    kw = dict(input_ids=ids, output_attentions=True)
    if px is not None:
        kw.update(pixel_values=px, token_type_ids=tt)
    with torch.no_grad():
        out = m(**kw)
    for h in hooks:
        h.remove()
    r = {}
    for k, v in rec.items():
        if k in ("final_norm",):
            r[k] = v[0][0]
        elif k in ("vision_embeddings", "vision_out", "projector_out"):
            r[k] = v[0]
        elif k == "vision_layer_out":
            r[k] = torch.stack(v)
        else:
            r[k] = torch.stack([x[0] for x in v])
    r["attn_probs"] = torch.stack([a[0] for a in out.attentions])
    if vat and vat[0] is not None:
        r["vision_attn_probs"] = torch.stack(vat)
    r["logits"] = out.logits[0]
    return r


def my_mask(T, types, W, full, and_last=True):
    blk, cur, prev = [], -1, 0
    for x in types:
        if x == 1 and prev != 1:
            cur += 1
        blk.append(cur if x == 1 else -1); prev = x
    M = torch.zeros(T, T, dtype=torch.bool)
    for q in range(T):
        for k in range(T):
            c, w = k <= q, k > q - W
            s = blk[q] == blk[k] and blk[q] >= 0
            M[q, k] = (c or s) if full else ((w and (c or s)) if and_last else ((w and c) or s))
    return M


report = {"transformers": transformers.__version__, "torch": torch.__version__, "image_quirks": quirks, "cases": {}}
cfg = model.config.text_config
for name, c in CASES.items():
    text, ids, tt, px = prepare(c)
    r = capture(model, ids, tt, px)
    T = ids.shape[1]
    ok = {}
    for i, lt in enumerate(cfg.layer_types):
        M = my_mask(T, tt[0].tolist(), cfg.sliding_window, lt == "full_attention")
        ok[f"{i}:{lt}"] = bool(torch.equal(r["attn_probs"][i][0] > 0, M))
    kw = dict(input_ids=ids, do_sample=False, max_new_tokens=8, attention_mask=torch.ones_like(ids))
    if px is not None:
        kw.update(pixel_values=px, token_type_ids=tt)
    with torch.no_grad():
        gen = model.generate(**kw)[0, T:]
    m64 = Gemma3ForConditionalGeneration.from_pretrained(TINY, attn_implementation="eager", **{k: torch.float64 for k in load}).eval()
    r64 = capture(m64, ids, tt, None if px is None else px.double())
    dif = {k: float((r[k].double() - r64[k].double()).abs().max()) for k in r}
    out = {"input_ids": ids[0].to(torch.int64), "token_type_ids": tt[0].to(torch.int64), "greedy_tokens": gen.to(torch.int64)}
    if px is not None:
        out["pixel_values"] = px
    out.update(r)
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(OUT, "forward", f"forward_{name}.safetensors"))
    p = r["logits"][-1].softmax(-1).topk(5)
    report["cases"][name] = {"text": text, "images": c["images"], "n_tokens": T, "input_ids": ids[0].tolist(),
                             "token_type_ids": tt[0].tolist(), "tokens": [tok.decode([i]) for i in ids[0]],
                             "greedy_tokens": gen.tolist(), "mask_matches_window_and_causal_or_block": ok,
                             "top5": [[int(i), float(v)] for v, i in zip(p.values, p.indices)],
                             "max_abs_fp32_minus_fp64": dif}

# which composition does this version use when a block is longer than the window?
small = Gemma3ForConditionalGeneration.from_pretrained(TINY, attn_implementation="eager", **load).eval()
small.config.text_config.sliding_window = 3
for lay in lm(small).layers:
    if getattr(lay.self_attn, "sliding_window", None):
        lay.self_attn.sliding_window = 3
_, ids, tt, px = prepare(CASES["one_image"])
a = capture(small, ids, tt, px)["attn_probs"][0][0] > 0
report["window3_probe"] = {
    "window AND (causal OR block)": bool(torch.equal(a, my_mask(ids.shape[1], tt[0].tolist(), 3, False, True))),
    "(window AND causal) OR block": bool(torch.equal(a, my_mask(ids.shape[1], tt[0].tolist(), 3, False, False)))}

# tokenizer golden: HF ids and raw SentencePiece ids
import sentencepiece as spm
sp = spm.SentencePieceProcessor(model_file=os.path.join(TINY, "tokenizer.model"))
texts = ["The capital of France is", "a\n\n\nb\n\n\n\n\n\n\n\nc", "Grün 東京 😀 12+34=", "<start_of_turn>user\nHow many?<end_of_turn>\n",
         "How  many   fingers?", "\u03a9mega zebra\tquux", " leading and trailing ", "", "<bos>x<eos>", "<image_soft_token>", "x<start_of_image>y",
         "\u2581typed underscore", "1234567", "user\n\n\n<start_of_image>"]
report["tokenizer"] = [{"text": s, "hf": tok(s, add_special_tokens=False).input_ids, "spm": sp.encode(s),
                        "hf_decode": tok.decode(tok(s, add_special_tokens=False).input_ids)} for s in texts]
with open(os.path.join(OUT, "cases.json"), "w") as f:
    json.dump(report, f, indent=1, ensure_ascii=False)
for n, c in report["cases"].items():
    print(n, c["n_tokens"], c["tokens"], c["token_type_ids"], c["greedy_tokens"], c["mask_matches_window_and_causal_or_block"], c["top5"], {k: f"{v:.1e}" for k, v in c["max_abs_fp32_minus_fp64"].items()})
print(report["window3_probe"]); print(json.dumps(quirks, indent=1))
for x in report["tokenizer"]:
    print(x["hf"] == x["spm"], x)
