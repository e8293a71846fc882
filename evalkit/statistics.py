"""Estimates with honest 95 % intervals from counts and scores, all fractions, deterministic to the last digit."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

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


class Confusion(NamedTuple):
    """Counts of a yes/no table."""

    tp: int
    fp: int
    fn: int
    tn: int


class Ratio(NamedTuple):
    """A score of the form w tp / (w tp + a fp + b fn); 0 where nothing is counted, as in scikit-learn."""

    w: int
    a: int
    b: int

    def of(self, table: Confusion) -> float:
        """The score of one table."""
        below = self.w * table.tp + self.a * table.fp + self.b * table.fn
        return self.w * table.tp / below if below else 0.0


PRECISION = Ratio(1, 1, 0)
RECALL = Ratio(1, 0, 1)
F1 = Ratio(2, 1, 1)


def proportion(hits: int, n: int) -> Estimate:
    """Share of `hits` among `n` > 0 with Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001)."""
    p = hits / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    # At the ends rounding would leave limits such as 1e-17 or a value outside its own interval.
    low = 0.0 if hits == 0 else min(p, centre - half)
    high = 1.0 if hits == n else max(p, centre + half)
    return Estimate(p, sqrt(p * (1 - p) / n), low, high, WILSON)


def mean(values: Sequence[float], *, low: float = 0.0, high: float = 1.0) -> Estimate:
    """Mean of `values` (at least one) that lie in [low, high], which also bounds the interval.

    Zeros and ones get Wilson's interval, anything else Student's t; a single soft score has no interval.
    """
    n = len(values)
    if (low, high) == (0.0, 1.0) and all(v in (0.0, 1.0) for v in values):
        return proportion(int(sum(values)), n)
    average = fsum(values) / n
    if n == 1:
        return Estimate(average, None, None, None, "t")
    stderr = sqrt(fsum((v - average) ** 2 for v in values) / (n - 1) / n)
    half = _student(n - 1) * stderr
    return Estimate(average, stderr, max(low, average - half), min(high, average + half), "t")


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
    if all(part.method == WILSON for part in parts):
        below = sqrt(fsum((part.value - (part.low or 0.0)) ** 2 for part in parts)) / count
        above = sqrt(fsum(((part.high or 0.0) - part.value) ** 2 for part in parts)) / count
        return Estimate(value, stderr, max(0.0, value - below), min(1.0, value + above), "stratified-wilson")
    return Estimate(value, stderr, max(0.0, value - Z * stderr), min(1.0, value + Z * stderr), "stratified")


def ratio(tables: Sequence[Confusion], kind: Ratio, *, seed: int = 0, draws: int = 2000) -> Estimate:
    """Unweighted mean of `kind` over confusion tables (one table: the pooled score), percentile bootstrap over rows.

    Drawing n rows with replacement is one multinomial draw of the four cells, so the cost does not grow with the rows.
    Where every table is free of errors or of hits no draw differs from the data; Wilson's limits for
    tp / (tp + a fp + b fn), carried through the score, keep the interval from collapsing to a point.
    """
    if all(_flat(table, kind) for table in tables):
        parts = [_carried(table, kind) for table in tables]
        return parts[0] if len(parts) == 1 else macro(parts)
    import numpy as np

    generator = np.random.default_rng(seed)
    sampled = np.mean([_drawn(table, kind, generator, draws) for table in tables], axis=0)
    low, high = np.percentile(sampled, [2.5, 97.5])
    value = fsum(kind.of(table) for table in tables) / len(tables)
    method = f"bootstrap(seed={seed},n={draws})"
    return Estimate(value, float(sampled.std(ddof=1)), float(low), float(high), method)


def _flat(table: Confusion, kind: Ratio) -> bool:
    return table.tp == 0 or kind.a * table.fp + kind.b * table.fn == 0


def _carried(table: Confusion, kind: Ratio) -> Estimate:
    counted = table.tp + kind.a * table.fp + kind.b * table.fn
    if not counted:
        return Estimate(0.0, 0.0, 0.0, 1.0, WILSON)
    plain = proportion(table.tp, counted)
    low, high = ((kind.w * x / (kind.w * x + 1 - x)) for x in (plain.low or 0.0, plain.high or 0.0))
    return Estimate(kind.of(table), 0.0, low, high, WILSON)


def _drawn(table: Confusion, kind: Ratio, generator: Any, draws: int) -> Any:
    import numpy as np

    n = sum(table)
    cells = generator.multinomial(n, np.array(table) / n, size=draws)
    above = kind.w * cells[:, 0]
    below = above + kind.a * cells[:, 1] + kind.b * cells[:, 2]
    return above / np.maximum(below, 1)


def _student(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))
