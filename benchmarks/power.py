"""How often the default gate sees a drop, against the drop that it says it can see: simulated runs, one JSON object.

    python benchmarks/power.py --repetitions 200

Pairs of runs are drawn with a given disagreement (the share of questions that only one of them gets right) and true
drop; the gate judges each pair as it judges recorded runs. `predicted` is the detectable difference that it reports on
the pair without a drop, the mean over the repetitions.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from evalkit.compare import Line, Settings, Side, gates
from evalkit.statistics import Difference, mean_difference

# name, clusters, questions in each, disagreement
DESIGNS = [
    ("mmmu_val", 900, 1, 0.20),
    ("blink_val", 1901, 1, 0.20),
    ("videomme", 900, 3, 0.20),
    ("pope", 500, 18, 0.06),
]
SHARES = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5)
"""True drops, in units of the predicted detectable difference."""


def pair(generator: np.random.Generator, clusters: int, size: int, *, disagreement: float, drop: float) -> Difference:
    """The difference of two simulated runs; within a cluster changes lean the same way."""
    tilt = generator.choice([-0.4, 0.4], clusters) if size > 1 else np.zeros(clusters)
    lost, won = (disagreement + drop) / 2 * (1 + tilt), (disagreement - drop) / 2 * (1 - tilt)
    draw = generator.random((clusters, size))
    base = (draw < lost[:, None]).astype(float)
    candidate = ((draw >= lost[:, None]) & (draw < (lost + won)[:, None])).astype(float)
    names = [str(n // size) for n in range(clusters * size)] if size > 1 else None
    return mean_difference(base.ravel().tolist(), candidate.ravel().tolist(), clusters=names)


def verdict(difference: Difference) -> str:
    """What the default gate says of one task."""
    side = Side(title="", folder="f", value=0.0, n=difference.n)
    line = Line(
        task="t",
        metric="accuracy",
        label="t",
        base=side,
        candidate=side,
        difference=difference,
        better=1,
        percent=True,
    )
    return gates.judged([line], Settings())[0].verdict


def curve(name: str, clusters: int, size: int, disagreement: float, *, repetitions: int) -> dict[str, object]:
    """Share of repetitions in which the gate failed, for each true drop."""
    generator = np.random.default_rng(20)

    def draw(drop: float) -> Difference:
        return pair(generator, clusters, size, disagreement=disagreement, drop=drop)

    equal = [draw(0.0) for _ in range(20)]
    predicted = float(np.mean([d.detectable for d in equal]))
    points = []
    for share in SHARES:
        verdicts = [verdict(draw(share * predicted)) for _ in range(repetitions)]
        points.append({"drop": share * predicted, "share": share, "failed": verdicts.count("fail") / repetitions})
    return {
        "design": name,
        "questions": clusters * size,
        "clusters": clusters,
        "disagreement": disagreement,
        "predicted": predicted,
        "points": points,
    }


def main() -> None:
    """Print all curves."""
    parser = argparse.ArgumentParser(description="Measured power of the default gate against its own prediction.")
    parser.add_argument("--repetitions", type=int, default=200)
    repetitions = parser.parse_args().repetitions
    curves = [curve(*design, repetitions=repetitions) for design in DESIGNS]
    print(json.dumps({"repetitions": repetitions, "curves": curves}, indent=1))


if __name__ == "__main__":
    main()
