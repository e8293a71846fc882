"""The best of each row, and whatever the statistic cannot tell from it: one lucky sample earns no bold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from evalkit.registry.spec import CardSpec, Reference
from evalkit.reporting.table import Cell, FilledTable, Line, Measured, Published
from evalkit.results.published import against, printed
from evalkit.results.ranks import ALPHA, Scores, better, paired
from evalkit.results.read import Result
from evalkit.statistics import holm


def with_best(card: CardSpec, tables: Iterable[FilledTable], results: Sequence[Result]) -> list[FilledTable]:
    """The tables with `best` set in every row.

    The highest number leads (the lowest, where the metric is an error). A run of ours that leads shares with the runs
    that a paired test on the same samples does not tell from it (Holm over the row, alpha 0.05), and with the published
    numbers that are within its noise. A published number that leads shares with our numbers within whose noise it is,
    and with equal published ones: these have no samples that could be tested. Incomplete runs and differences to blind
    runs take no part. Raises EvalkitError for runs on different samples, and for scores that cannot be read.
    """
    runs, scores = {result.folder: result for result in results if not result.derived}, Scores()
    return [
        msgspec.structs.replace(
            table,
            lines=tuple(
                _marked(line, row.reference, runs, scores) for line, row in zip(table.lines, layout.rows, strict=True)
            ),
        )
        for layout, table in zip(card.tables, tables, strict=True)
    ]


def _marked(line: Line, reference: Reference, runs: Mapping[str, Result], scores: Scores) -> Line:
    cells = [c for c in line.cells if isinstance(c, Measured) and _ranked(c, runs)]
    direction = better(reference, [runs[cell.run] for cell in cells]) if cells else 1
    percent = all(cell.percent for cell in cells)
    values = {n: v for n, cell in enumerate(line.cells) if (v := _value(cell, runs, percent=percent)) is not None}
    if not direction or len(values) < 2:  # one number is the best of nothing
        return line
    first = max(values, key=lambda n: direction * values[n])
    best = {first} | {n for n in values if values[n] == values[first]}
    best |= _ties(line.cells, list(values), first, percent=percent)
    lead = line.cells[first]
    if isinstance(lead, Measured):
        others = [n for n in values if n != first and isinstance(line.cells[n], Measured)]
        base = runs[lead.run]
        p = holm([paired(reference, base, runs[_run(line.cells[n])], scores) for n in others])
        best |= {n for n, q in zip(others, p, strict=True) if q >= ALPHA}
    changed = (_bold(cell) if n in best else cell for n, cell in enumerate(line.cells))
    return msgspec.structs.replace(line, cells=tuple(changed))


def _ranked(cell: Cell, runs: Mapping[str, Result]) -> bool:
    return isinstance(cell, Measured) and cell.complete and not cell.derived and cell.run in runs


def _value(cell: Cell, runs: Mapping[str, Result], *, percent: bool) -> float | None:
    if isinstance(cell, Published):
        number = printed(cell.text, percent=percent)
        return None if number is None else number[0]
    return cell.stat.value if isinstance(cell, Measured) and _ranked(cell, runs) else None


def _ties(cells: Sequence[Cell], shown: Sequence[int], first: int, *, percent: bool) -> set[int]:
    """Cells of the other kind than the leader that noise does not tell from it."""
    found = set()
    for n in shown:
        pair = (cells[first], cells[n])
        match pair:
            case (Measured() as ours, Published() as theirs) | (Published() as theirs, Measured() as ours):
                statement = against(ours.stat, "", theirs.text, percent=percent)
                if statement is not None and statement.within:
                    found.add(n)
    return found


def _run(cell: Cell) -> str:
    return cell.run if isinstance(cell, Measured) else ""


def _bold(cell: Cell) -> Cell:
    return msgspec.structs.replace(cell, best=True) if isinstance(cell, Published | Measured) else cell
