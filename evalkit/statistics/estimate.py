"""Means and proportions with 95 % intervals that cover the true value 95 % of the time, also in clustered samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import fsum, sqrt
from typing import TYPE_CHECKING

from evalkit.statistics.clustered_mean import Labels, clustered_mean
from evalkit.types import Interval, Stat, Unit, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

Z = 1.959963984540054
"""The 0.975 quantile of the standard normal distribution."""


class Estimate(Value, frozen=True):
    """A value, its standard error and its 95 % limits; None where the data do not give them (one partial score).

    `clusters` is the number of independent draws. `interval` is the kind of the limits, `method` the same in words.
    """

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    interval: Interval
    clusters: int
    method: str

    def stat(self, metric: str, where: Mapping[str, str], n: int, unit: Unit = "fraction") -> Stat:
        """The Stat named `metric` over the `n` samples that `where` selects."""
        return Stat(
            metric=metric,
            where=dict(where),
            value=self.value,
            n=n,
            stderr=self.stderr,
            low=self.low,
            high=self.high,
            unit=unit,
            clusters=self.clusters,
            interval=self.interval,
            method=self.method,
        )


def proportion(hits: int, n: int) -> Estimate:
    """Share of `hits` among `n` > 0 with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    p = hits / n
    return Estimate(p, sqrt(p * (1 - p) / n), *_score_limits(p, n, Z), "wilson", n, "wilson")


def mean(values: Sequence[float], *, low: float = 0.0, high: float = 1.0, clusters: Labels | None = None) -> Estimate:
    """Mean of `values` (at least one) that lie in [low, high], which also bounds the interval.

    Zeros and ones get Wilson's interval, anything else Student's t; a single partial score has no interval. `clusters`
    names the cluster of each value; the error is then cluster-robust, see `clustered_mean`.
    """
    n = len(values)
    binary = (low, high) == (0.0, 1.0) and all(v in (0.0, 1.0) for v in values)
    if clusters is not None and len(set(clusters)) < n:
        return _clustered(values, clusters, low=low, high=high, binary=binary)
    if binary:
        return proportion(int(sum(values)), n)
    average = fsum(values) / n
    if n == 1:
        return Estimate(average, None, None, None, "t", 1, "t")
    stderr = sqrt(fsum((v - average) ** 2 for v in values) / (n - 1) / n)
    half = quantile(0.975, n - 1) * stderr
    return Estimate(average, stderr, max(low, average - half), min(high, average + half), "t", n, "t")


def _clustered(values: Sequence[float], clusters: Labels, *, low: float, high: float, binary: bool) -> Estimate:
    """Wilson's interval at the effective sample size (Korn and Graubard 1998), or t, with G - 1 degrees of freedom.

    The effective size is at most the number of samples, so that an error that is small by luck never narrows an
    interval. Where all values are 0, or all are 1, they show no correlation, and every cluster counts as one sample.
    """
    average = clustered_mean(values, clusters=clusters)
    p, stderr, count = average.value, average.stderr, len(average.totals)
    if stderr is None:
        return Estimate(p, None, None, None, "t", count, f"t(clusters={count})")
    t = quantile(0.975, average.freedom)
    if not binary:
        half = t * stderr
        return Estimate(p, stderr, max(low, p - half), min(high, p + half), "t", count, f"t(clusters={count})")
    variance = stderr**2
    effective = float(count if p in (0.0, 1.0) else len(values))
    if variance > 0:
        effective = min(effective, p * (1 - p) / variance)
    return Estimate(p, stderr, *_score_limits(p, effective, t), "wilson", count, f"wilson(clusters={count})")


def _score_limits(p: float, n: float, z: float) -> tuple[float, float]:
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends rounding would leave limits such as 1e-17 or a value outside its own interval.
    return 0.0 if p == 0 else min(p, centre - half), 1.0 if p == 1 else max(p, centre + half)


def stratified(values: Sequence[float], strata: Labels, *, clusters: Labels | None = None) -> Estimate:
    """Unweighted mean of the strata's means of values in [0, 1].

    Strata that share no cluster are independent, see `macro`. Where they share some (the same picture in several
    categories), or where one stratum has no error of its own, the error is that of the clusters' sums over all strata,
    with a t interval.
    """
    names = list(dict.fromkeys(strata))
    stratum_of = {} if clusters is None else dict(zip(clusters, strata, strict=True))
    if clusters is None or all(stratum_of[c] == s for c, s in zip(clusters, strata, strict=True)):
        rows = {name: [i for i, s in enumerate(strata) if s == name] for name in names}
        parts = [(rows[name], None if clusters is None else [clusters[i] for i in rows[name]]) for name in names]
        estimate = macro([mean([values[i] for i in index], clusters=own) for index, own in parts])
        if estimate.stderr is not None:
            return estimate
    average = clustered_mean(values, clusters=clusters, strata=strata)
    value, stderr, count = average.value, average.stderr, len(average.totals)
    method = f"stratified-t(clusters={count})"
    if stderr is None:
        return Estimate(value, None, None, None, "t", count, method)
    half = quantile(0.975, average.freedom) * stderr
    return Estimate(value, stderr, max(0.0, value - half), min(1.0, value + half), "t", count, method)


def macro(parts: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of independent strata, each estimated on its own; the error is that of the strata, not of a pool.

    Strata with Wilson intervals: distances to the limits add in squares (Newcombe 1998; Zou and Donner 2008), so that
    strata of hits only or misses only still widen the interval. Others: normal.
    """
    count, clusters = len(parts), sum(part.clusters for part in parts)
    value = fsum(part.value for part in parts) / count
    errors = [part.stderr for part in parts if part.stderr is not None]
    if len(errors) < count:
        return Estimate(value, None, None, None, "normal", clusters, "stratified")
    stderr = sqrt(fsum(e * e for e in errors)) / count
    if all(part.interval == "wilson" for part in parts):
        below = sqrt(fsum((part.value - (part.low or 0.0)) ** 2 for part in parts)) / count
        above = sqrt(fsum(((part.high or 0.0) - part.value) ** 2 for part in parts)) / count
        low, high = max(0.0, value - below), min(1.0, value + above)
        return Estimate(value, stderr, low, high, "stratified-wilson", clusters, "stratified-wilson")
    half = Z * stderr
    return Estimate(value, stderr, max(0.0, value - half), min(1.0, value + half), "normal", clusters, "stratified")


@lru_cache(maxsize=4096)
def quantile(share: float, freedom: float) -> float:
    """Student's t below which `share` lies, at `freedom` > 0 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))
