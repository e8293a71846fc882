"""Differences of two runs: equal to scipy and statsmodels, exact where that is possible, honest where data are few."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from evalkit.statistics import (
    F1,
    PRECISION,
    benjamini_hochberg,
    detectable,
    holm,
    mean,
    mean_difference,
    needed,
    one_sample,
    proportion,
    ratio_difference,
    sign_flip,
)

binary = st.sampled_from([0.0, 1.0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(binary, binary), min_size=2, max_size=300))
def test_zeros_and_ones_get_mcnemars_exact_test(pairs: list[tuple[float, float]]) -> None:
    base, candidate = [a for a, _ in pairs], [b for _, b in pairs]
    got = mean_difference(base, candidate)
    lost, won = pairs.count((1.0, 0.0)), pairs.count((0.0, 1.0))
    assert got.value == pytest.approx((won - lost) / len(pairs), abs=1e-12)
    assert got.p == pytest.approx(mcnemar([[0, lost], [won, 0]], exact=True).pvalue if lost + won else 1.0, abs=1e-9)
    assert got.low <= got.value <= got.high  # type: ignore[operator]  # two samples have an interval
    changes = np.subtract(candidate, base)
    if lost + won >= 30:
        oracle = scipy.stats.ttest_rel(candidate, base).confidence_interval()
        assert got.stderr == pytest.approx(scipy.stats.sem(changes), abs=1e-9)
        if got.stderr > 0:  # type: ignore[operator]
            assert (got.low, got.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_clustered_differences_equal_statsmodels() -> None:
    generator = np.random.default_rng(1)
    groups = np.arange(600) // 3
    base, candidate = generator.random((2, 600)).round(1)
    oracle = sm.OLS(candidate - base, np.ones(600)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    got = mean_difference(base.tolist(), candidate.tolist(), clusters=[str(g) for g in groups])
    assert got.stderr == pytest.approx(oracle.bse[0], abs=1e-9)
    assert (got.low, got.high) == pytest.approx(tuple(oracle.conf_int()[0]), abs=1e-9)
    assert (got.clusters, got.n, got.test) == (200, 600, "sign-flip(exact)")


@pytest.mark.parametrize("totals", [[1, 1, -1, 2, 3], [2, 2, -1], [0, 3, -1, -1, 1, 2], [0.3, 1.0, -0.6, 0.9]])
def test_the_exact_sign_flip_is_the_enumeration(totals: list[float]) -> None:
    observed = abs(sum(totals))
    sums = [
        abs(sum(s * t for s, t in zip(signs, totals, strict=True))) for signs in product((-1, 1), repeat=len(totals))
    ]
    expected = sum(total >= observed - 1e-9 for total in sums) / len(sums)
    assert sign_flip(np.array(totals))[0] == pytest.approx(expected, abs=1e-12)


def test_the_sampled_sign_flip_agrees_with_the_exact_one() -> None:
    generator = np.random.default_rng(4)
    totals = generator.integers(-3, 4, 200).astype(float) + 0.3
    exact, how = sign_flip(totals)
    sampled, name = sign_flip(totals * math.pi)
    assert (how, name) == ("sign-flip(exact)", "sign-flip(seed=0,n=19999)")
    assert sampled == pytest.approx(exact, abs=0.015)
    assert sampled == sign_flip(totals * math.pi)[0], "seeded"


def test_equal_runs_differ_by_nothing_but_promise_no_certainty() -> None:
    values = [1.0, 0.0] * 50
    got = mean_difference(values, values)
    assert (got.value, got.p, got.test) == (0.0, 1.0, "no differences")
    # the score limit of a count of 0 is t^2 = 3.937, t(99) = 1.98422; Poisson's exact one at 97.5 % is 3.689
    assert (got.low, got.high) == pytest.approx((-0.0393711, 0.0393711), abs=1e-6)


@pytest.mark.parametrize(("n", "lost", "won"), [(200, 0.01, 0.01), (400, 0.005, 0.02), (1000, 0.1, 0.1)])
def test_paired_intervals_cover_also_where_few_samples_differ(n: int, lost: float, won: float) -> None:
    generator = np.random.default_rng(9)
    covered = 0
    for down, up, _ in generator.multinomial(n, [lost, won, 1 - lost - won], size=500):
        base = [1.0] * down + [0.0] * (n - down)
        candidate = [0.0] * down + [1.0] * up + [0.0] * (n - down - up)
        got = mean_difference(base, candidate)
        covered += got.low <= won - lost <= got.high  # type: ignore[operator]
    assert 0.93 <= covered / 500 <= 0.995  # discrete data: above 95 % where a handful differ


def test_macro_differences_weigh_strata() -> None:
    # stratum x: 2 of 2 lost -> -1; stratum y: 0 of 8 -> 0; mean of strata -1/2
    base, candidate = [1.0, 1.0] + [1.0] * 8, [0.0, 0.0] + [1.0] * 8
    got = mean_difference(base, candidate, strata=list("xx") + list("yyyyyyyy"))
    assert got.value == pytest.approx(-0.5)


def test_a_single_cluster_has_no_interval() -> None:
    got = mean_difference([1.0, 0.0], [0.0, 0.0], clusters=["v", "v"])
    assert (got.low, got.high, got.detectable) == (None, None, None)


def test_f1_difference_value_and_enumerated_swaps() -> None:
    base, candidate = [0, 0, 2, 1, 3, 0], [0, 2, 2, 3, 3, 2]
    # base tp 3 fp 1 fn 1: 6/8; candidate tp 1 fp 0 fn 3: 2/5
    got = ratio_difference(base, candidate, F1)
    assert got.value == pytest.approx(2 / 5 - 6 / 8)
    assert got.low <= got.value <= got.high  # type: ignore[operator]
    differing = [i for i in range(6) if base[i] != candidate[i]]
    hits = total = 0
    for swapped in product((False, True), repeat=len(differing)):
        one, two = list(base), list(candidate)
        for i, swap in zip(differing, swapped, strict=True):
            if swap:
                one[i], two[i] = two[i], one[i]
        hits += abs(f1(two) - f1(one)) >= abs(got.value) - 1e-12
        total += 1
    assert got.p == pytest.approx(hits / total, abs=0.015)


def f1(cells: list[int]) -> float:
    tp, fp, fn = (cells.count(k) for k in range(3))
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


def test_equal_answers_have_equal_f1() -> None:
    got = ratio_difference([0, 1, 2, 3], [0, 1, 2, 3], PRECISION)
    assert (got.value, got.p) == (0.0, 1.0)
    assert got.low < 0 < got.high  # type: ignore[operator]


@pytest.mark.parametrize("values", [[0.3], [0.01, 0.01, 0.5], [0.04, 0.001, 0.9, 0.02, 0.03], [0.0, 1.0, 0.2, 0.2]])
def test_corrections_equal_statsmodels(values: list[float]) -> None:
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1], abs=1e-9)
    assert benjamini_hochberg(values) == pytest.approx(multipletests(values, method="fdr_bh")[1], abs=1e-9)


@pytest.mark.parametrize("n", [50, 400, 3000])
def test_the_detectable_difference_has_the_power_it_names(n: int) -> None:
    # differences of standard deviation 1: error 1 / sqrt(n); statsmodels computes the exact power of the t test
    size = detectable(1 / math.sqrt(n), freedom=n - 1)
    assert TTestPower().power(size, n, 0.05) == pytest.approx(0.8, abs=0.005)


def test_samples_that_a_margin_needs_grow_with_its_square() -> None:
    assert needed(1000, detected=0.04, margin=0.02) == 4000
    assert needed(1000, detected=0.04, margin=0.03) == math.ceil(1000 * 16 / 9)


def test_our_421_and_the_published_430_are_one_number() -> None:
    stat = proportion(379, 900).stat("accuracy", {}, 900)  # 42.1, interval 38.9 to 45.4
    got = one_sample(stat, 0.430, rounding=0.0005)
    assert got.value == pytest.approx(379 / 900 - 0.43)
    assert got.low < 0 < got.high  # type: ignore[operator]
    # score test with the rounding taken off: (|d| - 0.0005) / sqrt(0.43 * 0.57 / 900)
    z = (abs(379 / 900 - 0.43) - 0.0005) / math.sqrt(0.43 * 0.57 / 900)
    assert got.p == pytest.approx(2 * scipy.stats.norm.sf(z), abs=1e-9)
    assert one_sample(stat, 0.50, rounding=0.0005).high < 0  # type: ignore[operator]


def test_a_published_number_meets_the_independent_draws_of_ours() -> None:
    names = [str(n // 3) for n in range(900)]
    stat = mean([1.0, 1.0, 0.0] * 300, clusters=names).stat("accuracy", {}, 900)
    assert one_sample(stat, 0.7).clusters == 300
    assert one_sample(proportion(600, 900).stat("accuracy", {}, 900), 0.7).clusters == 900


# questions, share that only one run gets right, true drop: how often a gate of that margin may find no such drop
@pytest.mark.parametrize(
    ("n", "differ", "drop"), [(1000, 0.01, 0.01), (500, 0.012, 0.01), (200, 0.02, 0.01), (1000, 0.03, 0.01)]
)
def test_few_changes_do_not_promise_that_a_drop_is_ruled_out(n: int, differ: float, drop: float) -> None:
    generator = np.random.default_rng(12)
    lost, won = (differ + drop) / 2, (differ - drop) / 2
    ruled_out = 0
    for down, up, _ in generator.multinomial(n, [lost, won, 1 - lost - won], size=800):
        base = [1.0] * down + [0.0] * (n - down)
        candidate = [0.0] * down + [1.0] * up + [0.0] * (n - down - up)
        ruled_out += mean_difference(base, candidate).low > -drop  # type: ignore[operator]  # many samples
    assert ruled_out / 800 <= 0.045  # 2.5 % is nominal; the plain t interval says so in up to 9 %


def test_one_sided_changes_have_the_score_limits_of_a_count() -> None:
    # 5 of 1000 lost, none won: 5 + t^2 / 2 + t sqrt(5 + t^2 / 4) = 11.72 at t = 1.9623; Poisson's exact limit is 11.67
    got = mean_difference([1.0] * 1000, [0.0] * 5 + [1.0] * 995)
    assert got.low == pytest.approx(-0.01172, abs=2e-5)
    assert got.stderr == pytest.approx(math.sqrt(0.005 * 0.995 / 999)), "the error is that of the spread all the same"
