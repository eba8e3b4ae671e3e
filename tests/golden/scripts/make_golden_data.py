"""Makes the golden data anew: the one entry point.

    python make_golden_data.py GOLDEN_DIR [STEP ...]

Without steps all run, in this order, each reading what the ones before it wrote. The folder above this one is the
reference; give another one (with a copy of images/, say) to compare. `ct_json` needs circuit-tracer on PYTHONPATH
and runs only when it is named. ../README.md says what each step needs and how exactly it repeats.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
STEPS = {
    "tiny": ("make_tiny.py", "tiny"),
    "quirk": ("make_quirk.py", "."),
    "transcoders": ("make_transcoders.py", "."),
    "forward": ("make_forward.py", "."),
    "rollout": ("make_rollout.py", "."),
    "graphs": ("reference_attribution.py", "."),
    "interventions": ("reference_intervention.py", "."),
    "formats": ("make_formats.py", "."),
    "evaluation": ("make_evaluation.py", "."),
    "generation": ("make_generation.py", "."),
    "tokenizer": ("make_tokenizer_cases.py", "."),
    "images": ("make_image_cases.py", "."),
    "training": ("make_training.py", "training"),
    "ct_json": ("export_ct_json.py", "."),
}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(STEPS):
        sys.exit(f"{__doc__}\nSteps: {' '.join(STEPS)}")
    golden = pathlib.Path(sys.argv[1])
    for folder in ("tiny", "forward", "rollout", "graphs", "formats", "images", "training", "ct_json"):
        (golden / folder).mkdir(parents=True, exist_ok=True)
    for step in sys.argv[2:] or [name for name in STEPS if name != "ct_json"]:
        script, target = STEPS[step]
        print(f"{step}: {script}", file=sys.stderr)
        subprocess.run([sys.executable, HERE / script, golden / target], check=True)


if __name__ == "__main__":
    main()
