"""circuit-tracer's own JSON export and .pt-independent pruning for two reference graphs (wire-format golden).

    PYTHONPATH=<circuit-tracer checkout> python export_ct_json.py GOLDEN_DIR
The adjacency is the reference one (correct token edges); the exporter, pruning and scores are circuit-tracer's.
"""
import json, os, sys
import torch
from safetensors.torch import load_file
torch.set_num_threads(1)
from circuit_tracer.graph import Graph, compute_graph_scores, prune_graph
from circuit_tracer.attribution.targets import LogitTarget
from circuit_tracer.utils.create_graph_files import create_graph_files
from circuit_tracer.utils.tl_nnsight_mapping import UnifiedConfig
from transformers import AutoTokenizer
OUT = sys.argv[1]
TINY = os.path.join(OUT, "tiny")
tok = AutoTokenizer.from_pretrained(TINY)
for name in ("text__plt_topk", "one_image__gs2_affine"):
    f = load_file(os.path.join(OUT, "graphs", f"graph_{name}.safetensors"))
    cfg = UnifiedConfig(n_layers=6, d_model=64, d_head=16, n_heads=4, d_mlp=128, d_vocab=520, tokenizer_name=TINY, model_name="tiny-gemma3",
                        original_architecture="Gemma3ForCausalLM", n_key_value_heads=2)
    g = Graph(input_string=tok.decode(f["input_ids"]), input_tokens=f["input_ids"], active_features=f["active_features"],
              adjacency_matrix=f["adjacency"], cfg=cfg, selected_features=f["selected_features"], activation_values=f["activation_values"],
              logit_targets=[LogitTarget(token_str=tok.decode([i]), vocab_idx=i) for i in f["logit_ids"].tolist()],
              logit_probabilities=f["logit_probabilities"], vocab_size=520, scan="tiny-gemma3")
    d = os.path.join(OUT, "ct_json"); os.makedirs(d, exist_ok=True)
    create_graph_files(g, name, d, scan="tiny-gemma3", node_threshold=0.8, edge_threshold=0.98)
    p = os.path.join(d, name + ".json"); j = json.load(open(p))
    json.dump(j, open(p, "w"), ensure_ascii=False, separators=(",", ":"))
    print(name, len(j["nodes"]), len(j["links"]), os.path.getsize(p), j["metadata"], j["nodes"][0], j["links"][0], compute_graph_scores(g))
    print({n["feature_type"] for n in j["nodes"]}, [n for n in j["nodes"] if n["feature_type"] != "cross layer transcoder"][:1], j["nodes"][-1])
print(open(os.path.join(d, "graph-metadata.json")).read()[:300])
