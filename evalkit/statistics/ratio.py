"""Precision, recall and F1 from confusion counts; they are no means of samples, so their errors are bootstrapped."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from evalkit.statistics.clustered_mean import Labels, codes
from evalkit.statistics.estimate import Estimate, macro, proportion

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2000
"""Bootstrap draws."""


class Confusion(NamedTuple):
    """The counts of a confusion matrix of yes/no answers."""

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
        denominator = self.w * table.tp + self.a * table.fp + self.b * table.fn
        return self.w * table.tp / denominator if denominator else 0.0

    def of_all(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Scores of tables stored as (..., 4) counts."""
        import numpy as np

        numerator = self.w * cells[..., 0]
        denominator = numerator + self.a * cells[..., 1] + self.b * cells[..., 2]
        scores: NDArray[Any] = numerator / np.maximum(denominator, 1)
        return scores


PRECISION = Ratio(1, 1, 0)
RECALL = Ratio(1, 0, 1)
F1 = Ratio(2, 1, 1)


def ratio(tables: Sequence[Confusion], kind: Ratio, *, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Unweighted mean of `kind` over confusion tables (one table: the pooled score), percentile bootstrap over rows.

    Drawing n rows with replacement is one multinomial draw of the four cells, so the cost does not grow with the rows.
    If each table has hits only or errors only, every draw has the score of the data and the bootstrap interval would be
    a point; the limits are then Wilson's for tp / (tp + a fp + b fn), transformed into limits of the score.
    """
    if all(_constant(table, kind) for table in tables):
        parts = [_wilson(table, kind) for table in tables]
        return parts[0] if len(parts) == 1 else macro(parts)
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = [kind.of_all(generator.multinomial(sum(t), np.array(t) / sum(t), size=draws)) for t in tables]
    value = fsum(kind.of(table) for table in tables) / len(tables)
    rows = sum(map(sum, tables))
    return _percentiles(value, np.mean(drawn, axis=0), clusters=rows, method=f"bootstrap(seed={seed},n={draws})")


def clustered_ratio(
    cells: Sequence[int],
    kind: Ratio,
    *,
    clusters: Labels,
    strata: Labels | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """The estimate of `ratio` from rows, by indices in Confusion; whole clusters are drawn, across all strata at once.

    Clusters with equal tables are interchangeable: one multinomial draw of the distinct tables draws them all.
    """
    tables = cluster_tables(cells, clusters, strata)
    pooled = [Confusion(*map(int, table)) for table in tables.sum(axis=0)]
    if all(_constant(table, kind) for table in pooled):
        rows = [_one_row_each(table, parts) for table, parts in zip(pooled, tables.transpose(1, 0, 2), strict=True)]
        return msgspec.structs.replace(ratio(rows, kind), clusters=len(tables))
    drawn = kind.of_all(resampled(tables, seed=seed, draws=draws)).mean(axis=-1)
    value = fsum(kind.of(table) for table in pooled) / len(pooled)
    method = f"bootstrap(seed={seed},n={draws},clusters={len(tables)})"
    return _percentiles(value, drawn, clusters=len(tables), method=method)


def cluster_tables(cells: Sequence[int], clusters: Labels | None, strata: Labels | None) -> NDArray[Any]:
    """Counts of every cluster as (clusters, strata, 4); without `clusters` every row is one."""
    import numpy as np

    n = len(cells)
    cluster = np.arange(n) if clusters is None else codes(clusters, n)
    stratum = codes(strata, n)
    tables = np.zeros((cluster.max() + 1, stratum.max() + 1, 4), dtype=np.int64)
    np.add.at(tables, (cluster, stratum, np.asarray(cells)), 1)
    return tables


def resampled(tables: NDArray[Any], *, seed: int, draws: int) -> NDArray[Any]:
    """Sums over clusters drawn with replacement: (clusters, ...) -> (draws, ...)."""
    import numpy as np

    distinct, counts = np.unique(tables.reshape(len(tables), -1), axis=0, return_counts=True)
    times = np.random.default_rng(seed).multinomial(len(tables), counts / len(tables), size=draws)
    sums: NDArray[Any] = (times @ distinct).reshape(draws, *tables.shape[1:])
    return sums


def _percentiles(value: float, drawn: NDArray[Any], *, clusters: int, method: str) -> Estimate:
    import numpy as np

    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(drawn.std(ddof=1)), float(low), float(high), "bootstrap", clusters, method)


def _one_row_each(table: Confusion, clusters: NDArray[Any]) -> Confusion:
    """A table of hits only or errors only as if each of its clusters, (clusters, 4) counts, were one row."""
    counted = int((clusters[:, :3].sum(axis=1) > 0).sum())
    return Confusion(counted, 0, 0, 0) if table.tp else Confusion(0, min(table.fp, counted), min(table.fn, counted), 0)


def _constant(table: Confusion, kind: Ratio) -> bool:
    """True if every bootstrap draw of the table's rows has the same score."""
    return table.tp == 0 or kind.a * table.fp + kind.b * table.fn == 0


def _wilson(table: Confusion, kind: Ratio) -> Estimate:
    counted = table.tp + kind.a * table.fp + kind.b * table.fn
    if not counted:
        return Estimate(0.0, 0.0, 0.0, 1.0, "wilson", sum(table), "wilson")
    share = proportion(table.tp, counted)
    low, high = ((kind.w * x / (kind.w * x + 1 - x)) for x in (share.low or 0.0, share.high or 0.0))
    return Estimate(kind.of(table), 0.0, low, high, "wilson", sum(table), "wilson")
