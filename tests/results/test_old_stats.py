"""A stats.json of evalkit 0.1.0, which has no unit, clusters and interval, reads as the one written today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.metrics import Metric
from evalkit.results.folders import read_runs
from evalkit.results.old_stats import upgrade
from evalkit.types import Score, Stat
from tests.records import record

NEW = ("unit", "clusters", "interval")
METRICS: list[dict[str, Any]] = [
    {"kind": "accuracy", "by": ["part"]},
    {"kind": "accuracy", "by": ["part"], "average": "macro"},
    {"kind": "accuracy", "unparsed": "chance"},
    {"kind": "f1", "positive": "1", "by": ["part"]},
    {"kind": "precision", "positive": "1", "by": ["part"], "average": "macro"},
    {"kind": "yes_ratio", "positive": "1"},
    {"kind": "per_label", "group": "part"},
    {"kind": "mean_absolute_error", "unparsed": 2.0, "by": ["part"]},
    {"kind": "within"},
]


def scores(cluster: str) -> list[Score]:
    """Sixty answers 0, 1 and none to targets 0 and 1, in three parts."""
    return [
        Score(
            sample_id=str(n),
            target=str(n % 2),
            answer=[None, "0", "1"][n % 7 % 3],
            value=float(str(n % 2) == str(n % 7 % 3 - 1)),
            groups={"part": "xyz"[n % 3]},
            options=2,
            cluster=cluster.format(n=n // 4),
        )
        for n in range(60)
    ]


def old(stats: list[Stat]) -> list[dict[str, Any]]:
    """The stats as 0.1.0 wrote them."""
    rows: list[dict[str, Any]] = msgspec.to_builtins(stats)
    return [{name: value for name, value in row.items() if name not in NEW} for row in rows]


@pytest.mark.parametrize("cluster", ["", "{n}"], ids=["alone", "clusters"])
@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: " ".join(map(str, spec.values())))
def test_an_old_file_reads_like_a_new_one(tmp_path: Path, spec: dict[str, Any], cluster: str) -> None:
    stats = msgspec.convert(spec, Metric).stats("m", scores(cluster))
    (tmp_path / "stats.json").write_bytes(msgspec.json.encode(old(stats)))
    (tmp_path / "run.json").write_bytes(msgspec.json.encode(record("m", "t", task_spec={"metrics": {"m": spec}})))
    (result,) = read_runs([tmp_path])
    assert list(result.stats) == stats


# method of 0.1.0 -> clusters, interval of a number over 60 samples
METHODS: list[tuple[str, int, str | None]] = [
    ("wilson", 60, "wilson"),
    ("wilson(clusters=9)", 9, "wilson"),
    ("t(clusters=9)", 9, "t"),
    ("stratified-wilson", 60, "stratified-wilson"),
    ("stratified", 60, "normal"),
    ("stratified-t(clusters=9)", 9, "t"),
    ("bootstrap(seed=0,n=2000,clusters=9)", 9, "bootstrap"),
    ("", 60, None),
]


@pytest.mark.parametrize(("method", "clusters", "interval"), METHODS)
def test_methods_of_the_old_format(method: str, clusters: int, interval: str | None) -> None:
    stat = upgrade(Stat(metric="m", where={}, value=0.5, n=60, method=method), {})
    assert (stat.clusters, stat.interval, stat.unit) == (clusters, interval, "fraction")


def test_a_new_stat_stays_as_it_is() -> None:
    stat = Stat(metric="m", where={}, value=0.5, n=60, unit="answer", clusters=3, method="wilson(clusters=9)")
    assert upgrade(stat, {"metrics": {"m": {"kind": "accuracy"}}}) is stat
