"""A cajald with the embedded model, asked through the `cajal` command."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "models" / "demo"
PICTURES_AT_ONCE = 3  # commands; the server computes one after the other while the others start


class Feature(NamedTuple):
    """A row of a layer's transcoder."""

    layer: int
    index: int


class Place(NamedTuple):
    """A feature at a position of the prompt."""

    feature: Feature
    position: int


# As `cajal intervene --edits` reads it: {"label": …, "set": ["4:-1:17=2.5"], "ablate": ["4:-1:9"]}.
EditSet = dict[str, str | list[str]]


@dataclass(frozen=True)
class Outcome:
    """What an edit set makes of one picture's answer. An answer is the likeliest next token."""

    label: str
    clean_answer: str
    answer: str
    logit_change: dict[str, float]  # of the tokens that were asked for


@dataclass(frozen=True)
class Reading:
    """Activations of two prompts with the same tokens, and the answer that the donor's would give."""

    recipient: dict[Place, float]
    donor: dict[Place, float]
    patched_answer: str


class CommandFailed(Exception):
    """`cajal` or `cajald` ended with an error; the message is what it said."""


class Cajal:
    """The commands that the studies need. Threads may share it."""

    def __init__(self, program: Path, address: str, folder: Path) -> None:
        self._command = [str(program), "--server", address]
        self._folder = folder

    def intervene(
        self, prompt: str, pictures: Sequence[Path], sets: Sequence[EditSet], tokens: Sequence[str]
    ) -> list[list[Outcome]]:
        """For each picture the outcomes of all edit sets, in their order."""
        followed = [argument for token in tokens for argument in ("--token", token)]
        with tempfile.NamedTemporaryFile("w", dir=self._folder, suffix=".json") as edits:
            json.dump(list(sets), edits)
            edits.flush()

            def ask(picture: Path) -> list[Outcome]:
                answer = self._run("intervene", "--prompt", prompt, "--image", picture, "--edits",
                                   edits.name, "--top-k", 1, *followed)  # fmt: skip
                return [outcome_of(entry) for entry in answer["sets"]]

            return in_parallel(ask, pictures)

    def read(self, prompt: str, recipient: Path, donor: Path, position_map: str) -> Reading:
        """All features that are active in either picture at the positions of `position_map`; the
        donor's are also written into the recipient, which gives the patched answer."""
        answer = self._run("patch", "--prompt", prompt, "--image", recipient, "--donor-image", donor,
                           "--layers", "0-7", "--map", position_map, "--top-k", 1)  # fmt: skip
        reading = Reading({}, {}, outcome_of(answer["runs"][0]).answer)
        for entry in answer["features"]:
            feature = Feature(entry["layer"], entry["feature"])
            reading.recipient[Place(feature, entry["recipient_position"])] = entry["recipient"]
            reading.donor[Place(feature, entry["donor_position"])] = entry["donor"]
        return reading

    def patch(
        self, prompt: str, recipient: Path, donor: Path, edits: EditSet, strengths: Sequence[float]
    ) -> list[Outcome]:
        """For each strength what comes of the donor's own activations of the places in edits["set"],
        times the strength, written into the recipient's last position, where those in
        edits["ablate"] become 0."""
        answer = self._run("patch", "--prompt", prompt, "--image", recipient, "--donor-image", donor,
                           "--features", ",".join(edits["set"]), "--suppress", ",".join(edits["ablate"]),
                           "--map", "last", "--strength", ",".join(map(str, strengths)),
                           "--top-k", 1)  # fmt: skip
        return [outcome_of(run) for run in answer["runs"]]

    def influence(self, prompt: str, picture: Path, target: str) -> dict[Place, float]:
        """How much of `target` ("' Mars' - ' Earth'") flows through each feature that pruning keeps."""
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".json") as exported:
            graph = self._run("graph", "--prompt", prompt, "--image", picture, "--target-sum", target)
            self._run("export", graph["id"], "--format", "node-link", "--output", exported.name)
            self._run("graphs", "delete", graph["id"])
            nodes = json.loads(Path(exported.name).read_text())["nodes"]
        return {
            Place(Feature(node["layer"], node["index"]), node["position"]): node["influence"]
            for node in nodes
            if node["kind"] == "feature"
        }

    def _run(self, *arguments: object) -> dict:
        command = [*self._command, *map(str, arguments), "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}: {result.stderr}")
        return json.loads(result.stdout)


def outcome_of(entry: dict) -> Outcome:
    """An outcome as `cajal --json` prints it."""
    return Outcome(
        label=entry["label"],
        clean_answer=entry["clean_top"][0]["token"],
        answer=entry["edited_top"][0]["token"],
        logit_change={t["token"]: t["edited"]["logit"] - t["clean"]["logit"] for t in entry["tokens"]},
    )


def in_parallel(function, *arguments):
    """map() with a few calls at a time, as a list."""
    with ThreadPoolExecutor(PICTURES_AT_ONCE) as pool:
        return list(pool.map(function, *arguments))


@contextlib.contextmanager
def serving(programs: Path) -> Iterator[Cajal]:
    """A server that runs as long as the context. `programs` holds cajald and cajal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [programs / "cajald", "--model", MODEL, "--transcoders", MODEL / "transcoders",
                   "--device", "cpu", "--listen", "127.0.0.1:0", "--data-dir", folder / "data"]  # fmt: skip
        with open(folder / "cajald.log", "w") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            ready = process.stdout.readline()  # "cajald ready on ADDRESS", or nothing if it failed
            if not ready:
                raise CommandFailed((folder / "cajald.log").read_text())
            yield Cajal(programs / "cajal", ready.split()[-1], folder)
        finally:
            process.terminate()
            process.wait()
