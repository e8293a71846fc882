"""Clustered errors: equal to statsmodels' sandwich, and covering the truth 19 times in 20 where naive ones do not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evalkit import metrics
from evalkit.cli.entry import main
from evalkit.data.columns import Columns
from evalkit.data.references import Modulo, SameMedia
from evalkit.media.cache import MediaCache
from evalkit.metrics import Accuracy, MeanAbsoluteError, YesRatio
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.statistics import (
    F1,
    Confusion,
    Estimate,
    clustered_mean,
    clustered_ratio,
    mean,
    proportion,
    quantile,
    ratio,
    stratified,
)
from evalkit.types import Score
from tests import TESTS


def labels(numbers: NDArray[np.int64] | list[int]) -> list[str]:
    return [str(n) for n in numbers]


def test_a_clustered_mean_by_hand() -> None:
    # 1 1 1 | 0 0 | 1: mean 2/3, cluster residuals 1, -4/3, 1/3; sum of squares 26/9; times 3/2 over 36 -> 13/108
    got = clustered_mean([1, 1, 1, 0, 0, 1], clusters=list("aaabbc"))
    assert (got.value, got.freedom) == (pytest.approx(2 / 3), 2)
    assert got.stderr == pytest.approx(math.sqrt(13 / 108))


def test_a_cluster_that_crosses_strata_is_summed_across_them() -> None:
    # strata x: 1 0, y: 1 0; cluster a holds both hits, b both misses: residuals +-1/2 / 2 / 2 each -> totals +-1/4
    crossing = clustered_mean([1, 0, 1, 0], clusters=list("abab"), strata=list("xxyy"))
    assert crossing.stderr == pytest.approx(math.sqrt(2 * 2 / 16))
    nested = clustered_mean([1, 0, 1, 0], strata=list("xxyy"))
    assert nested.stderr == pytest.approx(math.sqrt(2 * (1 / 4) / 4)), "se of each 1/2, independent, over 2"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 8)), min_size=4, max_size=60))
def test_one_stratum_equals_statsmodels(rows: list[tuple[float, int]]) -> None:
    values, groups = np.array([v for v, _ in rows]), np.array([g for _, g in rows])
    if len(set(groups)) < 2:
        return
    oracle = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    got = clustered_mean(values.tolist(), clusters=labels(groups))
    assert got.stderr == pytest.approx(oracle.bse[0], abs=1e-9)
    assert got.value == pytest.approx(oracle.params[0], abs=1e-9)
    if got.stderr > 1e-9:  # type: ignore[operator]  # two clusters always have an error
        half = quantile(0.975, got.freedom) * got.stderr  # type: ignore[operator]
        assert half == pytest.approx((oracle.conf_int()[0][1] - oracle.conf_int()[0][0]) / 2, abs=1e-9)


def test_clusters_of_one_change_nothing() -> None:
    values = [1.0, 0.0, 1.0, 1.0]
    assert mean(values, clusters=list("abcd")) == mean(values) == proportion(3, 4)


def test_shared_contexts_widen_and_never_narrow() -> None:
    values = [1.0, 1.0, 0.0, 0.0] * 30
    pairs = labels(np.arange(120) // 2)
    apart = labels(np.arange(120) // 4)  # every cluster holds two hits and two misses: the sandwich sees no error
    free, paired, flat = mean(values), mean(values, clusters=pairs), mean(values, clusters=apart)
    assert paired.method == "wilson(clusters=60)"
    assert paired.low < free.low  # type: ignore[operator]  # sixty clusters have limits
    assert flat.stderr == pytest.approx(0.0)
    assert flat.low <= free.low  # type: ignore[operator]


def test_all_right_counts_clusters_not_samples() -> None:
    # 20 videos, 3 right answers each: Wilson at 20 of 20 with t(19) = 2.0930 -> 20 / (20 + 2.093^2)
    got = mean([1.0] * 60, clusters=labels(np.arange(60) // 3))
    assert (got.value, got.high) == (1.0, 1.0)
    assert got.low == pytest.approx(20 / (20 + 2.0930241**2), abs=1e-6)


def test_one_cluster_tells_no_error() -> None:
    got = mean([1.0, 0.0], clusters=["v", "v"])
    assert (got.stderr, got.low, got.high) == (None, None, None)


# --- coverage


def beta_binomial(
    generator: np.random.Generator, *, p: float, icc: float, clusters: int, size: int
) -> NDArray[np.int64]:
    """Hits of each cluster whose own chance of a hit is beta distributed with the intraclass correlation `icc`."""
    chance = generator.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1), clusters) if icc else np.full(clusters, p)
    return generator.binomial(size, chance)


# clusters, size, icc, p, what a naive interval covers (1.96 / sqrt(1 + (size - 1) icc) standard errors)
DESIGNS = [
    (2700, 1, 0.0, 0.6, 0.95),
    (900, 3, 0.3, 0.6, 0.879),
    (500, 18, 0.15, 0.86, 0.700),
]


@pytest.mark.parametrize(("clusters", "size", "icc", "p", "naive"), DESIGNS)
def test_coverage_with_clusters_and_what_naive_errors_cover(
    clusters: int, size: int, icc: float, p: float, naive: float
) -> None:
    generator = np.random.default_rng(11)
    names = labels(np.arange(clusters * size) // size)
    repetitions, covered, simple = 600, 0, 0
    for number in range(repetitions):
        hits = beta_binomial(generator, p=p, icc=icc, clusters=clusters, size=size)
        plain = proportion(int(hits.sum()), clusters * size)
        simple += plain.low <= p <= plain.high  # type: ignore[operator]  # a proportion has limits
        error = math.sqrt(clusters / (clusters - 1) * ((hits - hits.mean()) ** 2).sum()) / (clusters * size)
        if number < 3:  # the closed form of equal clusters, so that 600 repetitions are quick, is the function's error
            values = (np.arange(size)[None, :] < hits[:, None]).astype(float).ravel().tolist()
            assert clustered_mean(values, clusters=names).stderr == pytest.approx(error, rel=1e-9)
        covered += abs(hits.mean() / size - p) <= quantile(0.975, clusters - 1) * error
    assert 0.93 <= covered / repetitions <= 0.97
    assert simple / repetitions == pytest.approx(naive, abs=0.04)


@pytest.mark.parametrize(("clusters", "size", "icc", "p"), [(60, 3, 0.3, 0.6), (40, 6, 0.2, 0.9), (24, 18, 0.15, 0.8)])
def test_the_whole_interval_covers_in_small_samples(clusters: int, size: int, icc: float, p: float) -> None:
    generator = np.random.default_rng(5)
    names = labels(np.arange(clusters * size) // size)
    covered = 0
    for _ in range(400):
        hits = beta_binomial(generator, p=p, icc=icc, clusters=clusters, size=size)
        values = (np.arange(size)[None, :] < hits[:, None]).astype(float).ravel().tolist()
        got = mean(values, clusters=names)
        covered += got.low <= p <= got.high  # type: ignore[operator]
    assert 0.925 <= covered / 400 <= 0.975


def test_coverage_of_a_macro_mean_whose_clusters_cross_the_strata() -> None:
    generator = np.random.default_rng(3)
    clusters, truth, covered, independent = 60, 0.7, 0, 0
    names, homes = labels(np.arange(180) // 3), labels(np.arange(180) % 3)
    for _ in range(300):
        chance = generator.beta(0.7 * 4, 0.3 * 4, clusters)
        values = (generator.random((clusters, 3)) < chance[:, None]).astype(float).ravel().tolist()
        got, naive = stratified(values, homes, clusters=names), stratified(values, homes)
        covered += got.low <= truth <= got.high  # type: ignore[operator]
        independent += naive.low <= truth <= naive.high  # type: ignore[operator]
    assert 0.925 <= covered / 300 <= 0.975
    assert independent / 300 < 0.92


def test_coverage_of_f1_by_cluster_bootstrap() -> None:
    generator = np.random.default_rng(2)
    clusters, size, covered, naive = 80, 18, 0, 0
    names = labels(np.arange(clusters * size) // size)
    truth = np.tile([0] * 9 + [1] * 9, clusters)  # half of a picture's questions are about objects that it shows
    expected = 0.8  # right with probability 0.8 on both halves: tp 0.4, fp 0.1, fn 0.1
    for _ in range(200):
        skill = np.repeat(generator.beta(0.8 * 5, 0.2 * 5, clusters), size)
        right = generator.random(clusters * size) < skill
        cells = np.where(truth == 0, np.where(right, 0, 2), np.where(right, 3, 1)).tolist()
        got = clustered_ratio(cells, F1, clusters=names, draws=600)
        covered += got.low <= expected <= got.high  # type: ignore[operator]
        plain = ratio([Confusion(*(cells.count(k) for k in range(4)))], F1, draws=600)
        naive += plain.low <= expected <= plain.high  # type: ignore[operator]
    assert 0.91 <= covered / 200 <= 0.985
    assert naive / 200 < 0.85


# --- ratios and metrics


def test_a_cluster_bootstrap_of_single_rows_has_the_error_of_the_plain_one() -> None:
    cells = [0] * 300 + [1] * 60 + [2] * 90 + [3] * 250
    plain = ratio([Confusion(300, 60, 90, 250)], F1)
    got = clustered_ratio(cells, F1, clusters=labels(list(range(700))), draws=2000)
    assert got.value == plain.value
    assert got.stderr == pytest.approx(plain.stderr, rel=0.08)


def test_a_perfect_clustered_table_counts_clusters() -> None:
    cells = [0, 0, 3] * 10
    got = clustered_ratio(cells, F1, clusters=labels(np.arange(30) // 3))
    assert got.value == 1.0
    assert got.low == ratio([Confusion(10, 0, 0, 0)], F1).low


def score(n: int, cluster: str, value: float, group: str = "x") -> Score:
    answer = "yes" if value else "no"
    return Score(sample_id=str(n), target="yes", answer=answer, value=value, groups={"g": group}, cluster=cluster)


def test_metrics_use_the_clusters_of_their_scores() -> None:
    shared = [score(n, str(n // 3), float(n % 4 > 0), "xyz"[n % 3]) for n in range(90)]
    alone = [score(n, "", float(n % 4 > 0), "xyz"[n % 3]) for n in range(90)]
    for metric, method in (
        (Accuracy(), "wilson(clusters=30)"),
        (Accuracy(by=("g",), average="macro"), "stratified-t(clusters=30)"),
        (metrics.F1(positive="yes"), "bootstrap(seed=0,n=2000,clusters=30)"),
        (metrics.F1(positive="yes", by=("g",), average="macro"), "bootstrap(seed=0,n=2000,clusters=30)"),
        (YesRatio(positive="yes"), "wilson(clusters=30)"),
    ):
        with_clusters, without = metric.stats("m", shared)[0], metric.stats("m", alone)[0]
        assert with_clusters.method == method
        assert with_clusters.value == pytest.approx(without.value)
        assert "clusters" not in without.method


def test_errors_in_the_unit_of_the_answers_are_clustered_too() -> None:
    rows = [
        Score(sample_id=str(n), target="10", answer=str(10 + n % 5), value=0.0, cluster=str(n // 2)) for n in range(20)
    ]
    (stat,) = MeanAbsoluteError(unparsed=5.0).stats("m", rows)
    assert (stat.value, stat.method) == (2.0, "t(clusters=10)")


# --- who shares a context


def picture(shade: int) -> dict[str, bytes]:
    import io

    from PIL import Image

    data = io.BytesIO()
    Image.new("L", (2, 2), shade).save(data, "PNG")
    return {"bytes": data.getvalue()}


# task -> three rows, of which the first two show the same picture
SAME_PICTURE = {
    "chartqa_test": [
        {"type": kind, "question": "How many?", "answer": "1", "image": picture(shade)}
        for kind, shade in (("human_test", 3), ("augmented_test", 3), ("human_test", 4))
    ],
    "ai2d_test": [
        {"question": text, "options": ["a", "b", "c", "d"], "answer": "0", "image": picture(shade)}
        for text, shade in (("What eats it?", 3), ("What is eaten?", 3), ("What eats it?", 4))
    ],
}


@pytest.mark.parametrize("task", [*SAME_PICTURE, "ai2d_test_no_mask"])
def test_a_picture_without_a_name_is_known_by_its_content(task: str, tmp_path: Path) -> None:
    columns = load.spec(TaskSpec, task).columns
    rows = [{"row": n, **row} for n, row in enumerate(SAME_PICTURE.get(task, SAME_PICTURE["ai2d_test"]))]
    media_cache = MediaCache(tmp_path)
    one, two, other = (columns.sample(row, root=tmp_path, media_cache=media_cache).cluster for row in rows)
    assert one == two != other
    assert one
    # recorded replies are scored without pictures: the questions then stand alone, and the method names no clusters
    assert [columns.sample(row, root=tmp_path, media_cache=media_cache, media=False).cluster for row in rows] == [
        "",
        "",
        "",
    ]
    # nor does a picture that cannot be found tie questions together
    assert columns.sample({**rows[0], "image": "gone.png"}, root=tmp_path, media_cache=media_cache).cluster == ""
    assert columns.partial_sample(rows[0]).cluster == ""


def test_a_cluster_by_picture_needs_pictures() -> None:
    spec = {"id": "id", "question": "q", "cluster": {"kind": "media"}}
    with pytest.raises(msgspec.ValidationError, match="kind media needs columns"):
        msgspec.convert(spec, Columns)
    assert msgspec.convert({**spec, "images": "image"}, Columns).column_names()["images"] == ("image",)


# task file of recorded replies or of the registry -> the name of the context that acceptance asks for
CONTEXTS = {
    "videomme": "videoID",
    "videomme_subtitles": "videoID",
    "pope": "image_source",
    "textvqa_val": "image_id",
    "mmbench_dev_en": Modulo(column="index", by=1_000_000),
    "mmbench_dev_en_circular": Modulo(column="index", by=1_000_000),
    "mmbench_dev_en_tsv": Modulo(column="index", by=1_000_000),
    "ai2d_test": SameMedia(),
    "chartqa_test": SameMedia(),
}


@pytest.mark.parametrize("task", CONTEXTS)
def test_tasks_name_what_their_questions_share(task: str) -> None:
    assert load.spec(TaskSpec, task).columns.cluster == CONTEXTS[task]


def test_recorded_chartqa_replies_are_clustered_by_the_annotations_chart(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, task = shared / "packs" / "chartqa_test", TESTS / "conformance" / "chartqa_test.yaml"
    options = ["--annotations", str(pack / "annotations.jsonl.gz"), "--json"]
    predictions = str(pack / "predictions" / "qwen2.5-vl-7b-instruct.jsonl.gz")
    assert main(["score", "--task", str(task), "--predictions", predictions, *options]) == 0
    stat = json.loads(capsys.readouterr().out)["stats"][0]
    assert (stat["n"], stat["method"]) == (2500, "wilson(clusters=1509)")
    assert stat["stderr"] > math.sqrt(stat["value"] * (1 - stat["value"]) / 2500), "questions on one chart are alike"


def test_a_stratum_of_one_cluster_is_as_far_off_as_from_the_mean_of_all() -> None:
    # strata x: 1 0 0 1 (mean 1/2), y: 1; value 3/4. y lies 1/4 off, weight 1/2, times 5/4 for one of five clusters;
    # x has four residuals of 1/2, weight 1/8, times 4/3
    got = clustered_mean([1, 0, 0, 1, 1], strata=list("xxxxy"))
    assert got.value == 0.75
    assert got.stderr == pytest.approx(math.sqrt((1 / 8) ** 2 * 5 / 4 + 4 * (1 / 16) ** 2 * 4 / 3))
    soft = stratified([0.3, 0.5, 0.9], list("xxy"))
    assert soft.method == "stratified-t(clusters=3)"
    assert soft.low < soft.value < soft.high  # type: ignore[operator]
    every = clustered_mean([1, 0, 0], strata=list("xyz"))  # each alone: the error of three independent draws
    assert every.stderr == pytest.approx(math.sqrt((4 / 9 + 1 / 9 + 1 / 9) / 9 * 3 / 2))
    assert clustered_mean([0, 0], strata=list("xy"))[1:3] == (0.0, 1.0)


def test_an_estimate_counts_its_clusters_and_names_its_interval() -> None:
    pairs, values = labels(np.arange(12) // 2), [1.0, 0.0, 1.0] * 4
    soft, strata = [0.5, *values[1:]], ["x"] * 6 + ["y"] * 6
    cells = [0, 1, 2] * 4
    cases: list[tuple[Estimate, int, str]] = [
        (mean(values), 12, "wilson"),
        (mean(values, clusters=pairs), 6, "wilson"),
        (mean(soft), 12, "t"),
        (mean(soft, clusters=pairs), 6, "t"),
        (stratified(values, strata), 12, "stratified-wilson"),
        (stratified(values, strata, clusters=pairs), 6, "stratified-wilson"),
        (stratified(soft, strata, clusters=pairs), 6, "normal"),
        (stratified(values, list("xy") * 6, clusters=pairs), 6, "t"),
        (ratio([Confusion(3, 4, 5, 6), Confusion(1, 1, 1, 1)], F1), 22, "bootstrap"),
        (clustered_ratio(cells, F1, clusters=pairs), 6, "bootstrap"),
        (ratio([Confusion(3, 0, 0, 6)], F1), 9, "wilson"),
        (clustered_ratio([0, 3] * 6, F1, clusters=pairs), 6, "wilson"),
    ]
    assert [(one.clusters, one.interval) for one, _, _ in cases] == [(n, kind) for _, n, kind in cases]
