"""Means and proportions with 95 % intervals that keep their promise, also where samples share a context."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import fsum, sqrt
from typing import TYPE_CHECKING

from evalkit.statistics.spread import Labels, spread
from evalkit.types import Stat, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

Z = 1.959963984540054
WILSON = "wilson"


class Estimate(Value, frozen=True):
    """A value, its standard error and its 95 % limits; None where the data do not tell them (one soft score)."""

    value: float
    stderr: float | None
    low: float | None
    high: float | None
    method: str

    def stat(self, metric: str, where: Mapping[str, str], n: int) -> Stat:
        """The same as a named result over `n` samples."""
        return Stat(
            metric=metric,
            where=dict(where),
            value=self.value,
            n=n,
            stderr=self.stderr,
            low=self.low,
            high=self.high,
            method=self.method,
        )


def proportion(hits: int, n: int) -> Estimate:
    """Share of `hits` among `n` > 0 with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    p = hits / n
    low, high = _score_limits(p, n, Z)
    return Estimate(p, sqrt(p * (1 - p) / n), low, high, WILSON)


def mean(values: Sequence[float], *, low: float = 0.0, high: float = 1.0, clusters: Labels | None = None) -> Estimate:
    """Mean of `values` (at least one) that lie in [low, high], which also bounds the interval.

    Zeros and ones get Wilson's interval, anything else Student's t; a single soft score has no interval. `clusters`
    names what each value shares with others; the error is then cluster-robust, see `spread`.
    """
    n = len(values)
    binary = (low, high) == (0.0, 1.0) and all(v in (0.0, 1.0) for v in values)
    if clusters is not None and len(set(clusters)) < n:
        return _clustered(values, clusters, low=low, high=high, binary=binary)
    if binary:
        return proportion(int(sum(values)), n)
    average = fsum(values) / n
    if n == 1:
        return Estimate(average, None, None, None, "t")
    stderr = sqrt(fsum((v - average) ** 2 for v in values) / (n - 1) / n)
    half = quantile(0.975, n - 1) * stderr
    return Estimate(average, stderr, max(low, average - half), min(high, average + half), "t")


def _clustered(values: Sequence[float], clusters: Labels, *, low: float, high: float, binary: bool) -> Estimate:
    """Wilson's interval at the effective sample size (Korn and Graubard 1998), or t, with G - 1 degrees of freedom.

    The effective size is at most the number of samples: luckily small errors never narrow an interval. Without a hit
    or a miss the samples tell no correlation, and every cluster counts as one.
    """
    found, count = spread(values, clusters=clusters), len(set(clusters))
    if found.stderr is None:
        return Estimate(found.value, None, None, None, f"t(clusters={count})")
    p, t = found.value, quantile(0.975, found.freedom)
    if not binary:
        half = t * found.stderr
        return Estimate(p, found.stderr, max(low, p - half), min(high, p + half), f"t(clusters={count})")
    variance = found.stderr**2
    effective = float(count if p in (0.0, 1.0) else len(values))
    if variance > 0:
        effective = min(effective, p * (1 - p) / variance)
    return Estimate(p, found.stderr, *_score_limits(p, effective, t), f"{WILSON}(clusters={count})")


def _score_limits(p: float, n: float, z: float) -> tuple[float, float]:
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends rounding would leave limits such as 1e-17 or a value outside its own interval.
    return 0.0 if p == 0 else min(p, centre - half), 1.0 if p == 1 else max(p, centre + half)


def stratified(values: Sequence[float], strata: Labels, *, clusters: Labels | None = None) -> Estimate:
    """Unweighted mean of the strata's means of values in [0, 1].

    Strata that share no cluster are independent, see `macro`; where they share some (the same picture in several
    categories), or one tells no error by itself, the error is that of the clusters' sums over all strata, with a t
    interval.
    """
    names = list(dict.fromkeys(strata))
    homes = {} if clusters is None else dict(zip(clusters, strata, strict=True))
    if clusters is None or all(homes[c] == s for c, s in zip(clusters, strata, strict=True)):
        rows = {name: [i for i, s in enumerate(strata) if s == name] for name in names}
        parts = [(rows[name], None if clusters is None else [clusters[i] for i in rows[name]]) for name in names]
        whole = macro([mean([values[i] for i in index], clusters=own) for index, own in parts])
        if whole.stderr is not None:
            return whole
    found = spread(values, clusters=clusters, strata=strata)
    method = f"stratified-t(clusters={len(found.totals)})"
    if found.stderr is None:
        return Estimate(found.value, None, None, None, method)
    half = quantile(0.975, found.freedom) * found.stderr
    return Estimate(found.value, found.stderr, max(0.0, found.value - half), min(1.0, found.value + half), method)


def macro(parts: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of independent strata, each estimated on its own; the error is that of the strata, not of a pool.

    Strata of zeros and ones: distances to Wilson's limits add in squares (Newcombe 1998; Zou and Donner 2008), so that
    strata without a single hit or miss still widen the interval. Others: normal.
    """
    count = len(parts)
    value = fsum(part.value for part in parts) / count
    errors = [part.stderr for part in parts if part.stderr is not None]
    if len(errors) < count:
        return Estimate(value, None, None, None, "stratified")
    stderr = sqrt(fsum(e * e for e in errors)) / count
    if all(part.method.startswith(WILSON) for part in parts):
        below = sqrt(fsum((part.value - (part.low or 0.0)) ** 2 for part in parts)) / count
        above = sqrt(fsum(((part.high or 0.0) - part.value) ** 2 for part in parts)) / count
        return Estimate(value, stderr, max(0.0, value - below), min(1.0, value + above), "stratified-wilson")
    return Estimate(value, stderr, max(0.0, value - Z * stderr), min(1.0, value + Z * stderr), "stratified")


@lru_cache(maxsize=4096)
def quantile(share: float, freedom: float) -> float:
    """Student's t below which `share` lies, at `freedom` > 0 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))
