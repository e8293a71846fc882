"""Measure the power of the default gate against the power that it reports, as one JSON object.

    python benchmarks/power.py --repetitions 200 [--packs DIR]

Simulated: pairs of runs with a given disagreement (the share of questions that only one of them gets right) and true
drop, compared as recorded runs are; `predicted` is the detectable difference that the gate reports for pairs without a
drop, the mean over twenty. Recorded, with a folder of packs of recorded replies: each model against itself with a share
of its replies, drawn anew in every repetition, replaced by one that answers nothing. Both sides are scored by
`evalkit score`; the gate then judges every task alone, and all of them together. `predicted` is what it reports as
detectable on the pairs themselves, whose errors grow with the drop.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from evalkit.cli.entry import main as evalkit
from evalkit.comparison import GateSettings, Line, Side, gates
from evalkit.metrics import Metric
from evalkit.results.folders import read_runs
from evalkit.statistics import Difference, mean_difference
from evalkit.types import Score

# name, clusters, questions in each, disagreement
DESIGNS = [
    ("mmmu_val", 900, 1, 0.20),
    ("blink_val", 1901, 1, 0.20),
    ("videomme", 900, 3, 0.20),
    ("pope", 500, 18, 0.06),
]
DROPS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5)
"""True drops, in units of the predicted detectable difference."""

# task file of recorded replies, field of the reply, model
PACKS = [
    ("mmmu_val", "prediction", "llava1.5_13b"),
    ("blink", "prediction", "GPT4V"),
    ("mathvista_testmini", "extraction", "gpt4_2shot_solution"),
    ("scienceqa_test", "prediction", "llava-v1.5-13b"),
    ("videomme", "prediction", "minicpm-o-4.5-q4km-llamacpp"),
    ("mmbench_dev_en", "prediction", "llava-v1.5-13b"),
    ("chartqa_test", "prediction", "qwen2.5-vl-7b-instruct"),
    ("pope", "prediction", "llava-v1.5-13b"),
]
BROKEN = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)
"""Shares of broken replies."""
TASKS = Path(__file__).parent.parent / "tests" / "conformance"


def pair(generator: np.random.Generator, clusters: int, size: int, *, disagreement: float, drop: float) -> Difference:
    """The difference of two simulated runs; within a cluster changes lean the same way."""
    tilt = generator.choice([-0.4, 0.4], clusters) if size > 1 else np.zeros(clusters)
    lost, won = (disagreement + drop) / 2 * (1 + tilt), (disagreement - drop) / 2 * (1 - tilt)
    draw = generator.random((clusters, size))
    base = (draw < lost[:, None]).astype(float)
    candidate = ((draw >= lost[:, None]) & (draw < (lost + won)[:, None])).astype(float)
    names = [str(n // size) for n in range(clusters * size)] if size > 1 else None
    return mean_difference(base.ravel().tolist(), candidate.ravel().tolist(), clusters=names)


def judged(differences: Sequence[Difference]) -> tuple[Line, ...]:
    """The lines of tasks that differ so, judged by the default gate."""
    side = Side(title="", folder="f", value=0.0, n=0)
    lines = [
        Line(task="t", metric="m", label="t", base=side, candidate=side, better=1, percent=True, difference=difference)
        for difference in differences
    ]
    return gates.apply_gate(lines, GateSettings())


def curve(name: str, clusters: int, size: int, disagreement: float, *, repetitions: int) -> dict[str, object]:
    """Share of repetitions in which the gate failed, for each true drop."""
    generator = np.random.default_rng(20)

    def draw(drop: float) -> Difference:
        return pair(generator, clusters, size, disagreement=disagreement, drop=drop)

    equal = [draw(0.0) for _ in range(20)]
    predicted = float(np.mean([d.detectable for d in equal]))
    points = []
    for share in DROPS:
        verdicts = [judged([draw(share * predicted)])[0].verdict for _ in range(repetitions)]
        points.append({"drop": share * predicted, "share": share, "failed": verdicts.count("fail") / repetitions})
    return {
        "design": name,
        "questions": clusters * size,
        "clusters": clusters,
        "disagreement": disagreement,
        "predicted": predicted,
        "points": points,
    }


class Recorded(msgspec.Struct):
    """A task's scores of the recorded replies, of broken ones in their place, and the metric over both."""

    metric: Metric
    whole: tuple[Score, ...]
    broken: tuple[Score, ...]

    def difference(self, generator: np.random.Generator, share: float) -> Difference:
        """The difference between the replies and the same with a `share` of them broken."""
        drawn = set(generator.choice(len(self.whole), round(share * len(self.whole)), replace=False).tolist())
        mixed = [self.broken[n] if n in drawn else score for n, score in enumerate(self.whole)]
        return self.metric.difference(self.whole, mixed)


def recorded(packs: Path, place: Path) -> dict[str, Recorded]:
    """Both sides of every pack, scored by the real command below `place`."""
    tasks = {}
    for task, field, model in PACKS:
        replies = packs / task / "predictions" / f"{model}.jsonl.gz"
        with gzip.open(replies, "rt", encoding="utf-8") as file:
            rows = [{"id": json.loads(line)["id"], field: "I cannot help with that."} for line in file]
        broken = place / f"{task}.jsonl"
        broken.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        for name, predictions in (("whole", replies), ("broken", broken)):
            options = ["--predictions", str(predictions), "--field", field, "--name", name]
            options += ["--out", str(place / "results"), "--annotations", str(packs / task / "annotations.jsonl.gz")]
            with Path(os.devnull).open("w") as quiet, contextlib.redirect_stdout(quiet):
                if evalkit(["score", "--task", str(TASKS / f"{task}.yaml"), *options]):
                    raise SystemExit(f"{task}: not scored")
        whole, other = (read_runs([place / "results" / name / task])[0] for name in ("whole", "broken"))
        metric = whole.task.metrics[whole.record.scoring.headline]
        tasks[task] = Recorded(metric, whole.scores, other.scores)
    return tasks


def breaking(tasks: Mapping[str, Recorded], *, repetitions: int) -> list[dict[str, object]]:
    """For each share of broken replies: how often each task fails alone, and how often their comparison does."""
    generator = np.random.default_rng(21)
    points: list[dict[str, object]] = []
    for share in BROKEN:
        drawn = [{name: t.difference(generator, share) for name, t in tasks.items()} for _ in range(repetitions)]
        alone = {name: [judged([draw[name]])[0] for draw in drawn] for name in tasks}
        whole = [gates.worst_verdict(judged(list(draw.values()))) for draw in drawn]
        points.append(
            {
                "broken": share,
                "failed": whole.count("fail") / repetitions,
                "tasks": {
                    name: {
                        "drop": -float(np.mean([line.difference.value for line in lines])),
                        "predicted": float(np.mean([line.detects for line in lines])),
                        "failed": sum(line.verdict == "fail" for line in lines) / repetitions,
                    }
                    for name, lines in alone.items()
                },
            }
        )
    return points


def main() -> None:
    """Print all curves."""
    parser = argparse.ArgumentParser(description="Measured power of the default gate against its own prediction.")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--packs", type=Path, help="a folder of packs of recorded replies")
    options = parser.parse_args()
    report: dict[str, object] = {"repetitions": options.repetitions}
    report["curves"] = [curve(*design, repetitions=options.repetitions) for design in DESIGNS]
    if options.packs:
        with tempfile.TemporaryDirectory() as place:
            report["broken"] = breaking(recorded(options.packs, Path(place)), repetitions=options.repetitions)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
