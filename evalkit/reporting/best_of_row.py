"""Mark the best number of each row and those not separable from it, so that luck alone earns no mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evalkit.registry.spec import CardSpec, Reference
from evalkit.reporting.table import CardTable, Cell, Measured, Published, TableRow
from evalkit.results.published import published_difference, published_value
from evalkit.results.ranks import ALPHA, better, paired_p
from evalkit.results.run import Run
from evalkit.statistics import holm


def mark_best(card: CardSpec, tables: Iterable[CardTable], runs: Sequence[Run]) -> list[CardTable]:
    """Return the tables with `best` set in every row.

    The highest number leads (the lowest, if the metric is an error). If one of ours leads, the mark also goes to those
    of ours that a paired test on the same samples does not separate from it (Holm over the row, alpha 0.05), and to the
    published numbers inside its interval. If a published number leads, the mark also goes to those of ours whose
    interval includes it, and to equal published ones: these have no samples to test. Incomplete runs and differences to
    blind runs take no part. Raises EvalkitError for runs on different samples, and for scores that cannot be read.
    """
    runs_by_folder = {str(run.folder): run for run in runs if not run.derived}
    return [
        msgspec.structs.replace(
            table,
            rows=tuple(
                _mark(row, layout_row.reference, runs_by_folder)
                for row, layout_row in zip(table.rows, layout.rows, strict=True)
            ),
        )
        for layout, table in zip(card.tables, tables, strict=True)
    ]


def _mark(row: TableRow, reference: Reference, runs: Mapping[str, Run]) -> TableRow:
    ours = {n: cell for n, cell in enumerate(row.cells) if isinstance(cell, Measured) and _takes_part(cell, runs)}
    direction = better(reference, [runs[cell.folder] for cell in ours.values()]) if ours else 1
    percent = all(cell.percent for cell in ours.values())
    values = {n: cell.stat.value for n, cell in ours.items()} | _published_values(row, percent=percent)
    if not direction or len(values) < 2:  # one number is the best of nothing
        return row
    leader = max(sorted(values), key=lambda n: direction * values[n])
    best = {n for n in values if values[n] == values[leader]}
    best |= {n for n in values if _within_noise(row.cells[leader], row.cells[n], percent=percent)}
    if leader in ours:
        others = [n for n in ours if n != leader]
        base = runs[ours[leader].folder]
        adjusted = holm([paired_p(reference, base, runs[ours[n].folder]) for n in others])
        best |= {n for n, p in zip(others, adjusted, strict=True) if p >= ALPHA}
    cells = (_with_mark(cell) if n in best else cell for n, cell in enumerate(row.cells))
    return msgspec.structs.replace(row, cells=tuple(cells))


def _takes_part(cell: Measured, runs: Mapping[str, Run]) -> bool:
    return cell.complete and not cell.derived and cell.folder in runs


def _published_values(row: TableRow, *, percent: bool) -> dict[int, float]:
    numbers = {n: published_value(c.text, percent=percent) for n, c in enumerate(row.cells) if isinstance(c, Published)}
    return {n: number[0] for n, number in numbers.items() if number is not None}


def _within_noise(leader: Cell, other: Cell, *, percent: bool) -> bool:
    """True if one of them is ours, the other is published, and our interval includes the published one."""
    match leader, other:
        case (Measured() as ours, Published() as theirs) | (Published() as theirs, Measured() as ours):
            comparison = published_difference(ours.stat, "", theirs.text, percent=percent)
            return comparison is not None and comparison.within is True
    return False


def _with_mark(cell: Cell) -> Cell:
    return msgspec.structs.replace(cell, best=True) if isinstance(cell, Published | Measured) else cell
