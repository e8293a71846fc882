"""One run against a number that someone published: the number is taken as exact, up to its last digit."""

from __future__ import annotations

from math import inf, sqrt

from evalkit.statistics.paired import Difference
from evalkit.statistics.power import detectable
from evalkit.types import Stat

NORMAL_FREEDOM = 1e6
"""Degrees of freedom at which Student's t is the normal distribution."""


def one_sample(stat: Stat, published: float, *, rounding: float = 0.0) -> Difference:
    """Ours minus the published value at 95 %; `rounding` is half a unit of its last printed digit.

    The limits are our interval's, moved and widened by the rounding: they include 0 exactly if the published number is
    consistent with our run. p: score test for shares, with the effective size that the stat's error implies; else z.
    Both runs answered the same questions, so the true error of the difference is smaller: a pass is a weak statement,
    a fail a strong one.
    """
    from scipy.special import ndtr

    value = stat.value - published
    error = _error(stat, published)
    beyond = max(0.0, abs(value) - rounding)
    z = beyond / error if error else (0.0 if beyond == 0 else inf)
    spread = stat.stderr if stat.stderr else error
    return Difference(
        value=value,
        stderr=stat.stderr,
        low=None if stat.low is None else stat.low - published - rounding,
        high=None if stat.high is None else stat.high - published + rounding,
        p=min(1.0, 2 * float(ndtr(-z))),
        detectable=detectable(spread, freedom=NORMAL_FREEDOM) if spread else None,
        n=stat.n,
        clusters=stat.n if stat.clusters is None else stat.clusters,
        test="one-sample(score)" if stat.interval == "wilson" else "one-sample(z)",
        method=stat.method,
    )


def _error(stat: Stat, published: float) -> float:
    """The error that a share would have if its true value were `published`; of anything else, the measured error."""
    if stat.interval != "wilson" or not 0 < published < 1:
        return stat.stderr or 0.0
    size = float(stat.n)
    if stat.stderr:
        size = min(size, stat.value * (1 - stat.value) / stat.stderr**2)
    return sqrt(published * (1 - published) / size)
