"""The error of a mean whose samples come in clusters: rows of one video or picture count as one draw."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labels = Sequence[str]


class Spread(NamedTuple):
    """A mean, its standard error and the t distribution's degrees of freedom (None: one cluster tells no error).

    `totals` are the clusters' contributions to the mean; they add up to `value`.
    """

    value: float
    stderr: float | None
    freedom: float
    totals: NDArray[Any]


def spread(values: Sequence[float], *, clusters: Labels | None = None, strata: Labels | None = None) -> Spread:
    """Mean of `values`, or the unweighted mean of the strata's means, with its cluster-robust error.

    The variance sums the squares of every cluster's residuals, times G / (G - 1) for G clusters; t has G - 1 degrees
    of freedom (Liang and Zeger 1986; with one stratum, Stata's and statsmodels' sandwich of an intercept). Clusters
    that lie in one stratum each are corrected stratum by stratum, with Satterthwaite's degrees of freedom; a stratum
    of one cluster, which tells no spread of its own, lies as far off as from the mean of all (Lumley's `survey`,
    lonely.psu "adjust"). Clusters that cross strata (a POPE picture is asked about in every category) are summed
    across them.
    """
    import numpy as np

    x = np.asarray(values, dtype=float)
    home, group = codes(strata, len(x)), _rows(clusters, len(x))
    sizes = np.bincount(home)
    means = np.array([fsum(x[home == k]) for k in range(len(sizes))]) / sizes
    weights = 1 / (len(sizes) * sizes[home])
    totals = np.bincount(group, weights * x)
    value = fsum(means) / len(sizes)
    stratum = _strata(home, group)
    counts, others = np.bincount(stratum), len(stratum) - 1
    if not others:
        return Spread(value, None, 0.0, totals)
    centres = np.where(counts == 1, value, means)
    squares = np.bincount(group, weights * (x - centres[home])) ** 2
    free = np.maximum(counts - 1, 1)
    parts = np.bincount(stratum, squares) * np.where(counts == 1, (others + 1) / others, counts / free)
    variance = float(parts.sum())
    freedom = variance**2 / float((parts**2 / free).sum()) if variance > 0 else float(max(1, (counts - 1).sum()))
    return Spread(value, sqrt(variance), freedom, totals)


def _strata(home: NDArray[Any], group: NDArray[Any]) -> NDArray[Any]:
    """The stratum of each cluster; 0 for all of them where some cross strata."""
    import numpy as np

    stratum = np.zeros(group.max() + 1, dtype=int)
    stratum[group] = home
    return stratum * 0 if (stratum[group] != home).any() else stratum


def codes(labels: Labels | None, n: int) -> NDArray[Any]:
    """Labels as numbers from 0 in the order of first appearance; all 0 without labels."""
    import numpy as np

    if labels is None:
        return np.zeros(n, dtype=int)
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(label, len(seen)) for label in labels], dtype=int)


def _rows(clusters: Labels | None, n: int) -> NDArray[Any]:
    import numpy as np

    return np.arange(n) if clusters is None else codes(clusters, n)
