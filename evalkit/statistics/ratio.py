"""Scores of a yes/no table (precision, recall, F1): no means of samples, so their errors come from a bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.statistics.estimate import WILSON, Estimate, macro, proportion
from evalkit.statistics.spread import Labels, codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2000


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

    def of_all(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Scores of tables stored as (..., 4) counts."""
        import numpy as np

        above = self.w * cells[..., 0]
        below = above + self.a * cells[..., 1] + self.b * cells[..., 2]
        scores: NDArray[Any] = above / np.maximum(below, 1)
        return scores


PRECISION = Ratio(1, 1, 0)
RECALL = Ratio(1, 0, 1)
F1 = Ratio(2, 1, 1)


def ratio(tables: Sequence[Confusion], kind: Ratio, *, seed: int = 0, draws: int = DRAWS) -> Estimate:
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
    drawn = [kind.of_all(generator.multinomial(sum(t), np.array(t) / sum(t), size=draws)) for t in tables]
    value = fsum(kind.of(table) for table in tables) / len(tables)
    return _percentiles(value, np.mean(drawn, axis=0), f"bootstrap(seed={seed},n={draws})")


def clustered_ratio(
    cells: Sequence[int],
    kind: Ratio,
    *,
    clusters: Labels,
    strata: Labels | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """The same from rows: `cells` are positions in Confusion; whole clusters are drawn, across all strata at once.

    Clusters with equal tables are interchangeable: one multinomial draw of the distinct tables draws them all.
    """
    import numpy as np

    tables = cluster_tables(cells, clusters, strata)
    total = tables.sum(axis=0)
    pooled = [Confusion(*map(int, table)) for table in total]
    if all(_flat(table, kind) for table in pooled):
        return ratio([_thinned(table, t) for table, t in zip(pooled, tables.transpose(1, 0, 2), strict=True)], kind)
    sampled = kind.of_all(resampled(tables, seed=seed, draws=draws)).mean(axis=-1)
    value = fsum(kind.of(table) for table in pooled) / len(pooled)
    return _percentiles(value, sampled, f"bootstrap(seed={seed},n={draws},clusters={len(np.unique(clusters))})")


def cluster_tables(cells: Sequence[int], clusters: Labels | None, strata: Labels | None) -> NDArray[Any]:
    """Counts of every cluster as (clusters, strata, 4)."""
    import numpy as np

    n = len(cells)
    group = np.arange(n) if clusters is None else codes(clusters, n)
    home = codes(strata, n)
    found = np.zeros((group.max() + 1, home.max() + 1, 4), dtype=np.int64)
    np.add.at(found, (group, home, np.asarray(cells)), 1)
    return found


def resampled(tables: NDArray[Any], *, seed: int, draws: int) -> NDArray[Any]:
    """Sums over clusters drawn with replacement: (clusters, ...) -> (draws, ...)."""
    import numpy as np

    flat, counts = np.unique(tables.reshape(len(tables), -1), axis=0, return_counts=True)
    taken = np.random.default_rng(seed).multinomial(len(tables), counts / len(tables), size=draws)
    sums: NDArray[Any] = (taken @ flat).reshape(draws, *tables.shape[1:])
    return sums


def _percentiles(value: float, sampled: NDArray[Any], method: str) -> Estimate:
    import numpy as np

    low, high = np.percentile(sampled, [2.5, 97.5])
    return Estimate(value, float(sampled.std(ddof=1)), float(low), float(high), method)


def _thinned(table: Confusion, clusters: NDArray[Any]) -> Confusion:
    """A table without errors or without hits as if each of its clusters were one row."""
    counted = int((clusters[:, :3].sum(axis=1) > 0).sum())
    return Confusion(counted, 0, 0, 0) if table.tp else Confusion(0, min(table.fp, counted), min(table.fn, counted), 0)


def _flat(table: Confusion, kind: Ratio) -> bool:
    return table.tp == 0 or kind.a * table.fp + kind.b * table.fn == 0


def _carried(table: Confusion, kind: Ratio) -> Estimate:
    counted = table.tp + kind.a * table.fp + kind.b * table.fn
    if not counted:
        return Estimate(0.0, 0.0, 0.0, 1.0, WILSON)
    plain = proportion(table.tp, counted)
    low, high = ((kind.w * x / (kind.w * x + 1 - x)) for x in (plain.low or 0.0, plain.high or 0.0))
    return Estimate(kind.of(table), 0.0, low, high, WILSON)
