"""The paper's two case studies on the embedded model, through a server.

    scripts/setup --drawing && scripts/build release cajald cajal
    PYTHONPATH=.deps/drawing python3 bench/case_studies --output build/case_studies

Mars becomes Earth, and a hand with six fingers is counted. Pictures are drawn afresh; features are chosen
on half of them and tested on the other half, beside random features and what does not work. Writes
results.json with all numbers, planets.png and hands.png, and the edits that were tested as files for
`cajal intervene --edits`. docs/case_studies.md reports a run. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import hands
import planets
import plots
import readout
from cajal_server import REPOSITORY, Cajal, CommandFailed, EditSet, serving
from drawn_pictures import KINDS, draw


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=400, metavar="N",
                        help="pictures of each kind, half for choosing and half for testing (default: 400)")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="of the pictures and the random features (default: 1)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR",
                        help="folder for the results; it is made if it is missing")
    parser.add_argument("--programs", type=Path, default=REPOSITORY / "build/release/bin", metavar="DIR",
                        help="where cajald and cajal are (default: build/release/bin)")  # fmt: skip
    arguments = parser.parse_args()
    if arguments.pictures < 2 * max(planets.N_EFFECT_PICTURES, hands.N_EFFECT_PICTURES):
        parser.error(f"--pictures must be at least {2 * planets.N_EFFECT_PICTURES}")
    return arguments


def say(text: str) -> None:
    print(f"case_studies: {text}", file=sys.stderr, flush=True)


def run_studies(cajal: Cajal, folder: Path, pictures: int, seed: int) -> tuple[dict, dict[str, EditSet]]:
    """All numbers, and the edit sets that were tested by the name of their file."""
    say(f"Drawing {pictures} pictures of each of {len(KINDS)} kinds.")
    drawn = {kind: draw(folder, kind, pictures, seed) for kind in KINDS}
    results: dict = {"pictures": pictures, "seed": seed, "planets": {}}
    for question in planets.QUESTIONS:
        say(f"Mars to Earth: the {question.name}.")
        results["planets"][question.name], edits = planets.study(
            cajal, question, drawn["Mars"], drawn["Earth"], seed
        )
        if question is planets.NAME:
            files = {"mars_to_earth.json": edits}
    say("Six fingers.")
    results["hands"], files["six_fingers.json"] = hands.study(
        cajal, drawn["six-finger hand"], drawn["five-finger hand"], drawn["six-pronged fork"], seed
    )
    results["hands"]["readout"] = readout.study(
        cajal, drawn["six-finger hand"], drawn["five-finger hand"]
    )
    return results, files


def main() -> int:
    arguments = parse_arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder, serving(arguments.programs) as cajal:
            results, files = run_studies(cajal, Path(folder), arguments.pictures, arguments.seed)
    except (CommandFailed, OSError) as error:
        say(str(error))
        return 1
    results["seconds"] = round(time.monotonic() - begin)
    for name, edits in files.items():
        (arguments.output / name).write_text(json.dumps([edits], indent=1) + "\n")
    (arguments.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    plots.draw_planets(results["planets"], arguments.output / "planets.png")
    plots.draw_hands(results["hands"], arguments.output / "hands.png")
    say(f"Done in {results['seconds']} s; see {arguments.output}/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
