"""Does the answer look at the planet? Heatmaps of the embedded model over pictures with one planet.

    build/release/bin/cajald --model models/demo --transcoders models/demo/transcoders &
    PYTHONPATH=.deps/drawing python3 bench/rollout_planets.py [--cajal build/release/bin/cajal] [--server HOST:PORT] [--pictures 50]

Each picture is drawn anew (tools/demo_model/pictures.py), asked about, and traced. Then `cajal rollout
--graph` gives the mean of the image tokens' maps, each weighted by the influence on the answer that goes
back to it. Of the quarter of the picture's pixels that are hottest, the share of their heat that lies on
the planet's disc is reported; beside it that of a map without weights, and the disc's share of the
picture, which a blind map would reach. Needs Pillow, which scripts/setup --drawing brings.
"""

import argparse
import json
import pathlib
import random
import statistics
import struct
import subprocess
import sys
import tempfile

from PIL import Image, ImageDraw

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tools" / "demo_model"))

import pictures  # noqa: E402

PROMPT = "<start_of_image> This is planet"


def draw_planet(seed, name):
    """A picture, and the box of its disc in the picture's pixels."""
    discs = []
    ellipse = pictures.Canvas.ellipse

    def remember(canvas, x, y, radius_x, color, radius_y=None):
        if radius_x > 8 and radius_y is None:
            discs.append([x - radius_x, y - radius_x, x + radius_x, y + radius_x])
        ellipse(canvas, x, y, radius_x, color, radius_y)

    pictures.Canvas.ellipse = remember
    try:
        picture = pictures.planet(random.Random(seed), name)
    finally:
        pictures.Canvas.ellipse = ellipse
    return picture, discs[0]


def read_tensors(path):
    """Float32 tensors of a safetensors file, by name, as flat lists."""
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])
    return tensors


def share_on_disc(grid, disc, side):
    """Of the hottest quarter of pixels, the share of their heat on the disc."""
    patches = round(len(grid) ** 0.5)
    heat = Image.new("F", (patches, patches))
    low = min(grid)
    heat.putdata([value - low for value in grid])
    heat = struct.unpack(f"={side * side}f", heat.resize((side, side), Image.BILINEAR).tobytes())
    mask = Image.new("L", (side, side), 0)
    ImageDraw.Draw(mask).ellipse(disc, fill=1)
    mask = mask.tobytes()
    hottest = sorted(range(len(heat)), key=lambda i: -heat[i])[:len(heat) // 4]
    total = sum(heat[i] for i in hottest)
    return sum(heat[i] for i in hottest if mask[i]) / max(total, 1e-30), sum(mask) / len(mask)


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: {result.stderr}")
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cajal", default=str(REPOSITORY / "build/release/bin/cajal"))
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--pictures", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", help="folder for the pictures and mean maps, to look at")
    flags = parser.parse_args()
    cajal = [flags.cajal, "--server", flags.server]
    weighted, plain, blind = [], [], []
    names = sorted(pictures.PLANET_COLORS)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(flags.pictures):
            name = names[i % len(names)]
            picture, disc = draw_planet(flags.seed * 1000 + i, name)
            path = f"{flags.save or folder}/{i}_{name}.png"
            picture.save(path)
            prompt = ["--prompt", PROMPT, "--image", path]
            graph = run([*cajal, "graph", *prompt, "--output", f"{folder}/graph.json", "--json"])
            raw = f"{folder}/maps.safetensors"
            extra = ["--output-dir", f"{flags.save}/{i}_{name}"] if flags.save else []
            run([*cajal, "rollout", *prompt, "--graph", graph["id"], "--no-maps", "--raw", raw,
                 "--json", *extra])
            mean = read_tensors(raw)["0.mean"]
            run([*cajal, "rollout", *prompt, "--raw", raw, "--json"])
            pooled = read_tensors(raw)["0.pooled"]
            n_tokens = len(pooled) // len(mean)
            average = [sum(pooled[t * len(mean) + p] for t in range(n_tokens)) for p in range(len(mean))]
            share, disc_share = share_on_disc(mean, disc, pictures.SIDE)
            weighted.append(share)
            plain.append(share_on_disc(average, disc, pictures.SIDE)[0])
            blind.append(disc_share)
    print(json.dumps({
        "pictures": flags.pictures,
        "answer_weighted_on_planet": statistics.mean(weighted),
        "answer_weighted_least": min(weighted),
        "unweighted_on_planet": statistics.mean(plain),
        "disc_share_of_picture": statistics.mean(blind),
    }, indent=2))


if __name__ == "__main__":
    main()
