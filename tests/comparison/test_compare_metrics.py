"""Every metric's difference is the difference of its own numbers, with or without clusters."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from evalkit.errors import EvalkitError
from evalkit.metrics import MeanAbsoluteError, Metric
from evalkit.types import Score

METRICS: list[dict[str, Any]] = [
    {"kind": "accuracy"},
    {"kind": "accuracy", "by": ["part"], "average": "macro"},
    {"kind": "accuracy", "unparsed": "chance"},
    {"kind": "accuracy", "unparsed": "official"},
    {"kind": "precision", "positive": "1"},
    {"kind": "recall", "positive": "1"},
    {"kind": "f1", "positive": "1"},
    {"kind": "f1", "positive": "1", "by": ["part"], "average": "macro"},
    {"kind": "yes_ratio", "positive": "1"},
    {"kind": "all_correct", "group": "question"},
    {"kind": "mean_absolute_error", "unparsed": 2.0},
    {"kind": "within", "tolerance": 0.1},
]


def scores(seed: int, cluster: str) -> list[Score]:
    """Sixty questions with answers 0 and 1, two rows each, some unparsed and some failed."""
    generator = np.random.default_rng(seed)
    return [row(n, str(generator.choice(["0", "1", "1", ""])), cluster, generator.random() < 0.05) for n in range(120)]


def row(n: int, said: str, cluster: str, failed: bool) -> Score:
    target = str(n % 2)
    return Score(
        sample_id=str(n),
        target=target,
        answer=None if failed or not said else said,
        value=float(said == target and not failed),
        groups={"part": "xyz"[n % 3], "question": str(n // 2)},
        options=2,
        error="lost" if failed else None,
        cluster=cluster.format(n=n // 6, question=n // 2),
    )


@pytest.mark.parametrize("cluster", ["", "{n}", "{question}"], ids=["alone", "crossing", "by question"])
@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: " ".join(map(str, spec.values())))
def test_the_difference_is_that_of_the_stats(spec: dict[str, Any], cluster: str) -> None:
    metric = msgspec.convert(spec, Metric)
    base, candidate = scores(1, cluster), scores(2, cluster)
    got = metric.difference(base, candidate)
    before, after = (metric.stats("m", found)[0] for found in (base, candidate))
    assert got.value == pytest.approx(after.value - before.value, abs=1e-12)
    assert got.low < got.value < got.high
    assert 0 < got.p <= 1
    swapped = metric.difference(candidate, base)
    assert swapped.value == pytest.approx(-got.value, abs=1e-12)
    assert swapped.p == pytest.approx(got.p, abs=0.02)
    same = metric.difference(base, base)
    assert (same.value, same.p) == (0.0, 1.0)


def test_directions() -> None:
    assert {spec["kind"]: msgspec.convert(spec, Metric).better for spec in METRICS} == {
        "accuracy": 1,
        "precision": 1,
        "recall": 1,
        "f1": 1,
        "yes_ratio": 0,
        "all_correct": 1,
        "mean_absolute_error": -1,
        "within": 1,
    }


def test_skipped_replies_leave_the_pairs_that_both_answered() -> None:
    metric = MeanAbsoluteError(unparsed="skip")
    base = [row(0, "1", "", False), row(1, "", "", False), row(2, "0", "", False)]
    candidate = [row(0, "0", "", False), row(1, "1", "", False), row(2, "1", "", False)]
    got = metric.difference(base, candidate)
    # targets 0 1 0; errors of the base 1 - 0, of the candidate 0 0 1; the pairs are samples 0 and 2
    assert (got.value, got.n) == (0.0, 2)
    with pytest.raises(EvalkitError, match="no sample has a number in both runs"):
        metric.difference([base[1]], [candidate[1]])
