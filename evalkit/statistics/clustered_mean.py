"""The error of a mean over samples that come in clusters: the questions on one video or picture count as one draw."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

Labels = Sequence[str]


class ClusteredMean(NamedTuple):
    """A mean, its standard error (None: a single cluster has none) and the t distribution's degrees of freedom.

    `totals` are the clusters' contributions to the mean, one for each cluster; they add up to `value`.
    """

    value: float
    stderr: float | None
    freedom: float
    totals: NDArray[Any]


def clustered_mean(
    values: Sequence[float], *, clusters: Labels | None = None, strata: Labels | None = None
) -> ClusteredMean:
    """Mean of `values`, or the unweighted mean of the strata's means, with its cluster-robust error.

    The variance sums the squares of every cluster's residuals, times G / (G - 1) for G clusters; t has G - 1 degrees
    of freedom (Liang and Zeger 1986; with one stratum, Stata's and statsmodels' sandwich of an intercept). Clusters
    that lie in one stratum each are corrected stratum by stratum, with Satterthwaite's degrees of freedom. A stratum
    of one cluster has no spread of its own; its residual is taken from the mean of all (Lumley's `survey`, lonely.psu
    "adjust"). Clusters that cross strata (a POPE picture has questions in every category) are summed across them.
    """
    import numpy as np

    x = np.asarray(values, dtype=float)
    stratum = codes(strata, len(x))
    cluster = np.arange(len(x)) if clusters is None else codes(clusters, len(x))
    sizes = np.bincount(stratum)
    means = np.array([fsum(x[stratum == k]) for k in range(len(sizes))]) / sizes
    weights = 1 / (len(sizes) * sizes[stratum])
    totals = np.bincount(cluster, weights * x)
    value = fsum(means) / len(sizes)
    home = _home_strata(stratum, cluster)
    counts, count = np.bincount(home), len(home)
    if count == 1:
        return ClusteredMean(value, None, 0.0, totals)
    centres = np.where(counts == 1, value, means)
    squares = np.bincount(cluster, weights * (x - centres[stratum])) ** 2
    free = np.maximum(counts - 1, 1)
    parts = np.bincount(home, squares) * np.where(counts == 1, count / (count - 1), counts / free)
    variance = float(parts.sum())
    freedom = variance**2 / float((parts**2 / free).sum()) if variance > 0 else float(max(1, (counts - 1).sum()))
    return ClusteredMean(value, sqrt(variance), freedom, totals)


def _home_strata(stratum: NDArray[Any], cluster: NDArray[Any]) -> NDArray[Any]:
    """The stratum of each cluster, from the codes of each row; 0 for all clusters where one crosses strata."""
    import numpy as np

    home = np.zeros(cluster.max() + 1, dtype=int)
    home[cluster] = stratum
    return home * 0 if (home[cluster] != stratum).any() else home


def codes(labels: Labels | None, n: int) -> NDArray[Any]:
    """The n labels as numbers from 0 in the order of first appearance; all 0 without labels."""
    import numpy as np

    if labels is None:
        return np.zeros(n, dtype=int)
    code: dict[str, int] = {}
    return np.array([code.setdefault(label, len(code)) for label in labels], dtype=int)
