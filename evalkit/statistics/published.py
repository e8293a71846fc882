"""One run against a number that someone printed: the number is taken as exact, up to its last digit."""

from __future__ import annotations

import re
from math import sqrt

from evalkit.statistics.estimate import WILSON
from evalkit.statistics.paired import Difference
from evalkit.statistics.power import detectable
from evalkit.types import Stat

LARGE = 1e6
CLUSTERS = re.compile(r"clusters=(\d+)")
"""How `method` tells of how many independent draws a number is made."""


def one_sample(stat: Stat, published: float, *, rounding: float = 0.0) -> Difference:
    """Ours minus the published value at 95 %; `rounding` is half a unit of its last printed digit.

    The limits are our interval's, moved and widened by the rounding: they hold 0 exactly where the published number is
    consistent with our run. p: score test for shares, with the effective size that the stat's error implies; else z.
    Both runs answered the same questions, so the true error of the difference is smaller: a pass is a weak statement,
    a fail a strong one.
    """
    value = stat.value - published
    error = _error(stat, published)
    beyond = max(0.0, abs(value) - rounding)
    z = beyond / error if error else (0.0 if beyond == 0 else LARGE)
    spread = stat.stderr if stat.stderr else error
    clusters = CLUSTERS.search(stat.method)
    return Difference(
        value=value,
        stderr=stat.stderr,
        low=None if stat.low is None else stat.low - published - rounding,
        high=None if stat.high is None else stat.high - published + rounding,
        p=_tail(z),
        detectable=detectable(spread, freedom=LARGE) if spread else None,
        n=stat.n,
        clusters=int(clusters[1]) if clusters else stat.n,
        test="one-sample(score)" if stat.method.startswith(WILSON) else "one-sample(z)",
        method=stat.method,
    )


def _error(stat: Stat, published: float) -> float:
    """Under a share of `published` the spread of ours; elsewhere the spread as measured."""
    if not stat.method.startswith(WILSON) or not 0 < published < 1:
        return stat.stderr or 0.0
    size = float(stat.n)
    if stat.stderr:
        size = min(size, stat.value * (1 - stat.value) / stat.stderr**2)
    return sqrt(published * (1 - published) / size)


def _tail(z: float) -> float:
    from scipy.special import ndtr

    return min(1.0, 2 * float(ndtr(-z)))
