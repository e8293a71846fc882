"""Two runs on the same samples: their difference, its interval, its p value and the smallest detectable difference."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

from evalkit.statistics.clustered_mean import ClusteredMean, Labels, clustered_mean
from evalkit.statistics.estimate import Z, quantile
from evalkit.statistics.power import detectable
from evalkit.statistics.ratio import DRAWS, Ratio, cluster_tables, resampled
from evalkit.statistics.signflip import DRAWS as FLIPS
from evalkit.statistics.signflip import TIE, sign_flip, sign_matrices
from evalkit.types import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENOUGH_CLUSTERS = 30
"""Differing clusters from which on their spread alone gives the error."""


class Difference(Value, frozen=True, kw_only=True):
    """Candidate minus base in the metric's unit: limits at 1 - alpha (None: too few clusters), two-sided p value.

    `detectable` is the true difference that a test at `alpha` finds with probability 0.8. `n` counts samples,
    `clusters` the independent draws among them. `test` and `method` say in words how p and limits were computed.
    """

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    p: float
    detectable: float | None
    n: int
    clusters: int
    test: str
    method: str


def mean_difference(
    base: Sequence[float],
    candidate: Sequence[float],
    *,
    clusters: Labels | None = None,
    strata: Labels | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Difference:
    """Difference of means (of unweighted means over strata) of values in the same order.

    Interval: t on the paired differences with the cluster-robust error, wider while fewer than thirty clusters differ,
    see `_half_widths`. Test: exact McNemar for zeros and ones, else sign-flip permutation of whole clusters.
    """
    changes = [after - before for before, after in zip(base, candidate, strict=True)]
    change = clustered_mean(changes, clusters=clusters, strata=strata)
    p, test = sign_flip(change.totals, scale=len(changes), seed=seed)
    count = len(change.totals)
    t = None if change.stderr is None else quantile(1 - alpha / 2, change.freedom)
    below, above = (0.0, 0.0) if t is None else _half_widths(change, len(changes), t)
    return Difference(
        value=change.value,
        stderr=change.stderr,
        low=None if t is None else change.value - below,
        high=None if t is None else change.value + above,
        p=p,
        detectable=None if t is None else detectable(max(below, above) / t, freedom=change.freedom, alpha=alpha),
        n=len(changes),
        clusters=count,
        test=test,
        method="paired-t" if count == len(changes) else f"paired-t(clusters={count})",
    )


def _half_widths(change: ClusteredMean, n: int, t: float) -> tuple[float, float]:
    """The distances of the limits below and above the difference: t errors, and more where few clusters differ.

    If k samples got worse and none better, the error estimated from k is too small exactly where k is small by luck. So
    the limits are those of the score interval of a count, k + t^2 / 2 +- t sqrt(k + t^2 / 4) (Brown, Cai and DasGupta
    2003), where a unit is the largest change of a cluster. The shift t^2 / 2 widens the side to which the changes lean,
    in proportion, and both sides where nothing changed: two runs that agree on all n samples get limits of t^2 / n.
    """
    import numpy as np

    totals, error = change.totals[np.abs(change.totals) > 1e-15], change.stderr or 0.0
    if len(totals) >= ENOUGH_CLUSTERS:
        return t * error, t * error
    step = max(float(np.abs(totals).max(initial=0.0)), 1 / n)
    half = t * sqrt(error**2 + (t * step / 2) ** 2)
    if not len(totals):
        return 2 * half, 2 * half
    lean = float((totals**3).sum() / (totals**2).sum()) * t * t / 2
    return half + max(0.0, -lean), half + max(0.0, lean)


def ratio_difference(
    base: Sequence[int],
    candidate: Sequence[int],
    kind: Ratio,
    *,
    clusters: Labels | None = None,
    strata: Labels | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Difference:
    """Difference of the score `kind`, or of its mean over strata.

    `base` and `candidate` are, for the same samples, the indices of their counts in Confusion. Interval: percentiles of
    a seeded bootstrap that draws whole clusters with both runs' answers; at least one sample wide on either side. Test:
    whole clusters swap runs at random, 19,999 seeded times.
    """
    import numpy as np

    tables = np.stack([cluster_tables(c, clusters, strata) for c in (base, candidate)], axis=1)
    value = float(np.diff(_scores(tables.sum(axis=0), kind))[0])
    drawn = np.diff(_scores(resampled(tables, seed=seed, draws=DRAWS), kind), axis=-1)[:, 0]
    row = 1 / max(1, int(tables[..., :3].sum(axis=(0, 2, 3)).min()))
    low, high = np.percentile(drawn, [100 * alpha / 2, 100 * (1 - alpha / 2)])
    error = max(float(drawn.std(ddof=1)), row / Z)
    p, test = _swap_test(tables, kind, value, seed)
    return Difference(
        value=value,
        stderr=error,
        low=min(float(low), value - row),
        high=max(float(high), value + row),
        p=p,
        detectable=detectable(error, freedom=max(1, len(tables) - 1), alpha=alpha),
        n=len(base),
        clusters=len(tables),
        test=test,
        method=f"bootstrap(seed={seed},n={DRAWS})",
    )


def _scores(tables: NDArray[Any], kind: Ratio) -> NDArray[Any]:
    """Scores of both runs from (..., 2, strata, 4) counts."""
    scores: NDArray[Any] = kind.of_all(tables).mean(axis=-1)
    return scores


def _swap_test(tables: NDArray[Any], kind: Ratio, observed: float, seed: int) -> tuple[float, str]:
    """Two-sided p value of the difference `observed` when each cluster may have swapped its runs, and the test's name.

    `tables` are counts as (clusters, 2 runs, strata, 4).
    """
    import numpy as np

    middle, half = tables.sum(axis=(0, 1)) / 2, (tables[:, 1] - tables[:, 0]) / 2
    differs = half.reshape(len(half), -1).any(axis=1)
    if not differs.any():
        return 1.0, "no differences"
    moved = half[differs]
    extreme = 0
    for signs in sign_matrices(len(moved), seed):
        shift = (signs @ moved.reshape(len(moved), -1)).reshape(-1, *middle.shape)
        runs = np.stack([middle - shift, middle + shift], axis=1)
        extreme += int((np.abs(np.diff(_scores(runs, kind), axis=-1)) >= abs(observed) * (1 - TIE)).sum())
    return (1 + extreme) / (1 + FLIPS), f"swap(seed={seed},n={FLIPS})"
