"""Intervals against worked numbers, exact identities, and their coverage under simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import statistics
from evalkit.statistics import F1, PRECISION, RECALL, Confusion, Estimate, macro, mean, proportion, ratio

# hits, n, low, high: the roots of (p - q)^2 = z^2 q (1 - q) / n, worked out with 40-digit decimals
WILSON = [
    (0, 10, 0.0, 0.27753),
    (10, 10, 0.72247, 1.0),
    (1, 10, 0.01788, 0.40415),
    (5, 10, 0.23659, 0.76341),
    (387, 900, 0.398021, 0.462574),
    (330, 900, 0.335812, 0.398655),
]


@pytest.mark.parametrize(("hits", "n", "low", "high"), WILSON)
def test_wilson_interval(hits: int, n: int, low: float, high: float) -> None:
    got = proportion(hits, n)
    assert (got.value, got.method) == (hits / n, "wilson")
    assert got.low == pytest.approx(low, abs=6e-6)
    assert got.high == pytest.approx(high, abs=6e-6)


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_limits_solve_the_score_equation_and_enclose_the_value(case: tuple[int, int]) -> None:
    hits, n = case
    got = proportion(hits, n)
    assert got.low is not None
    assert got.high is not None
    assert 0 <= got.low <= got.value <= got.high <= 1
    for limit in (got.low, got.high):
        if 0 < limit < 1:
            assert abs(got.value - limit) == pytest.approx(1.959964 * math.sqrt(limit * (1 - limit) / n), rel=1e-4)


def test_soft_scores_get_students_interval() -> None:
    # 0.3, 0.6, 0.9, 1.0: mean 0.7, sum of squares 0.30, s = sqrt(0.1), se = sqrt(0.1) / 2, t(3, 0.975) = 3.18245
    got = mean([0.3, 0.6, 0.9, 1.0])
    assert got.value == pytest.approx(0.7)
    assert got.stderr == pytest.approx(math.sqrt(0.1) / 2)
    assert got.low == pytest.approx(0.7 - 3.182446 * math.sqrt(0.1) / 2)
    assert got.high == 1.0, "a score above 1 does not exist"
    assert got.method == "t"


def test_one_soft_score_has_no_interval() -> None:
    assert mean([0.3]) == Estimate(0.3, None, None, None, "t", 1, "t")


def test_unbounded_values_are_not_cut_at_one() -> None:
    # 1, 3: mean 2, s = sqrt(2), se = 1, t(1, 0.975) = 12.7062
    got = mean([1.0, 3.0], high=math.inf)
    assert (got.value, got.stderr, got.low) == (2.0, pytest.approx(1.0), 0.0)
    assert got.high == pytest.approx(2 + 12.706205)


def test_zeros_and_ones_that_are_errors_are_no_proportion() -> None:
    assert mean([0.0, 1.0, 1.0, 0.0], high=math.inf).method == "t"


def test_macro_mean_carries_the_error_of_its_strata() -> None:
    # strata 8/10 and 30/60: mean 0.65, se = sqrt(0.016 + 0.0041667) / 2
    parts = [proportion(8, 10), proportion(30, 60)]
    got = macro(parts)
    assert got.value == pytest.approx(0.65)
    assert got.stderr == pytest.approx(math.sqrt(0.016 + 0.25 / 60) / 2)
    # Wilson: 8/10 -> [0.49016, 0.94333], 30/60 -> [0.37735, 0.62265]; distances add in squares
    assert got.low == pytest.approx(0.65 - math.hypot(0.8 - 0.490162, 0.5 - 0.377354) / 2, abs=1e-5)
    assert got.high == pytest.approx(0.65 + math.hypot(0.943318 - 0.8, 0.622646 - 0.5) / 2, abs=1e-5)
    assert got.method == "stratified-wilson"


def test_perfect_strata_keep_an_interval() -> None:
    got = macro([proportion(10, 10), proportion(10, 10)])
    assert (got.value, got.high) == (1.0, 1.0)
    assert got.low == pytest.approx(1 - math.sqrt(2) * 0.277533 / 2, abs=1e-5)


def test_a_macro_mean_with_soft_strata_is_normal() -> None:
    got = macro([mean([0.3, 0.6, 0.9, 1.0]), mean([0.3, 0.6, 0.9, 1.0])])
    stderr = math.sqrt(2 * 0.025) / 2
    assert (got.method, got.stderr) == ("stratified", pytest.approx(stderr))
    assert got.low == pytest.approx(0.7 - 1.959964 * stderr, abs=1e-6)
    assert macro([mean([0.3]), mean([0.3, 0.6])]).low is None


# tp, fp, fn, tn -> precision, recall, f1
TABLES = [
    (Confusion(6, 2, 4, 8), 0.75, 0.6, 12 / 18),
    (Confusion(0, 0, 5, 5), 0.0, 0.0, 0.0),
    (Confusion(5, 0, 0, 5), 1.0, 1.0, 1.0),
    (Confusion(0, 0, 0, 9), 0.0, 0.0, 0.0),
]


@pytest.mark.parametrize(("table", "precision", "recall", "f1"), TABLES)
def test_ratios_of_a_table(table: Confusion, precision: float, recall: float, f1: float) -> None:
    for kind, expected in ((PRECISION, precision), (RECALL, recall), (F1, f1)):
        got = ratio([table], kind)
        assert kind.of(table) == got.value == pytest.approx(expected)
        assert got.low is not None
        assert got.high is not None
        assert 0 <= got.low <= got.value <= got.high <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.integers(0, 40)] * 4).filter(any).map(lambda cells: Confusion(*cells)), min_size=1, max_size=3
    ),
    st.sampled_from([PRECISION, RECALL, F1]),
)
def test_every_interval_of_a_ratio_encloses_its_value(tables: list[Confusion], kind: statistics.Ratio) -> None:
    got = ratio(tables, kind, draws=500)
    assert got.low is not None
    assert got.high is not None
    assert 0 <= got.low <= got.value + 1e-12
    assert got.value - 1e-12 <= got.high <= 1


def test_bootstrap_is_named_seeded_and_near_the_delta_method() -> None:
    table = Confusion(3546, 207, 954, 4203)
    got = ratio([table], F1)
    assert got == ratio([table], F1)
    assert got.method == "bootstrap(seed=0,n=2000)"
    assert ratio([table], F1, seed=1) != got
    # f = 2 tp / (2 tp + fp + fn) is g(J) = 2J / (1 + J) of a share J among m = tp + fp + fn rows: se = g'(J) se(J)
    m = 3546 + 207 + 954
    share = 3546 / m
    assert got.stderr == pytest.approx(2 / (1 + share) ** 2 * math.sqrt(share * (1 - share) / m), rel=0.06)


def test_a_perfect_table_keeps_an_interval() -> None:
    # tp/(tp+fp+fn) = 10/10 -> Wilson low 0.72247, carried through 2J/(1+J)
    got = ratio([Confusion(10, 0, 0, 10)], F1)
    assert (got.value, got.high, got.method) == (1.0, 1.0, "wilson")
    assert got.low == pytest.approx(2 * 0.722467 / 1.722467, abs=1e-5)


def test_mean_of_tables_is_the_unweighted_mean() -> None:
    tables = [Confusion(6, 2, 4, 8), Confusion(5, 0, 0, 5)]
    assert ratio(tables, F1).value == pytest.approx((12 / 18 + 1) / 2)


@pytest.mark.parametrize(("p", "n"), [(0.05, 60), (0.5, 40), (0.9, 100)])
def test_wilson_covers_the_truth_about_19_times_in_20(p: float, n: int) -> None:
    generator = random.Random(7)
    covered = 0
    for _ in range(1500):
        got = proportion(sum(generator.random() < p for _ in range(n)), n)
        covered += got.low <= p <= got.high  # type: ignore[operator]  # a proportion always has limits
    assert 0.93 <= covered / 1500 <= 0.98


@pytest.mark.parametrize("kind", [PRECISION, RECALL, F1], ids=["precision", "recall", "f1"])
def test_bootstrap_covers_the_truth_about_19_times_in_20(kind: statistics.Ratio) -> None:
    import numpy as np

    cells = np.array([0.4, 0.1, 0.1, 0.4])
    truth = kind.of(Confusion(4, 1, 1, 4))
    generator = np.random.default_rng(7)
    covered = 0
    for draw in generator.multinomial(300, cells, size=400):
        got = ratio([Confusion(*map(int, draw))], kind, draws=800)
        covered += got.low <= truth <= got.high  # type: ignore[operator]  # a table with errors always has limits
    assert 0.92 <= covered / 400 <= 0.98


def test_an_estimate_becomes_a_stat() -> None:
    stat = proportion(5, 10).stat("accuracy", {"subtask": "Counting"}, 10)
    assert (stat.metric, stat.where, stat.value, stat.n, stat.method) == (
        "accuracy",
        {"subtask": "Counting"},
        0.5,
        10,
        "wilson",
    )
