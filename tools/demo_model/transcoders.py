"""Trains the embedded model's transcoders with `cajal-train`."""

import subprocess

# Sequences are drawn from the folders in these proportions. Most are pictures, because half of the
# positions of a prompt with a picture are the picture's, and they are the harder ones.
PROPORTIONS = {"text": 1, "captions": 3, "questions": 1}
# For a set that is compared with the model's own: the same number of tokens, none of a picture.
TEXT_ONLY = {"text": 1}

SETTINGS = {
    "features": 1024,
    "k": 24,
    "decoder-start": "tied",
    "steps": 2000,
    "batch-tokens": 1024,
    "learning-rate": 2e-3,
    "warmup-steps": 50,
    "decay-start": 0.5,
    "adam-beta2": 0.99,
    "dead-after": 50_000,
    "auxk-features": 32,
    "context": 48,
    "held-out-tokens": 0,
    "export-dtype": "bfloat16",
}


def train(program, model, data, held_out, output, threads, proportions):
    """`data` has the folders of transcoder_data.py; `held_out` is one of them, never trained on."""
    command = [program, "--model", model, "--output", output, "--threads", str(threads)]
    for folder, weight in proportions.items():
        command += ["--data", f"{data / folder}={weight}"]
    command += ["--held-out", held_out]
    for name, value in SETTINGS.items():
        command += [f"--{name}", str(value)]
    subprocess.run(command, check=True)
