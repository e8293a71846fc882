"""The first page of a site: a card's tables with a row per model and a column per benchmark, and ranks by test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from evalkit.registry.spec import CardSpec, Reference
from evalkit.reporting.cell_text import cell_text, number_text
from evalkit.reporting.site.templates import SiteContext, render_page
from evalkit.reporting.site.urls import group_url, run_url
from evalkit.reporting.table import CardTable, Cell, Measured, Published, TableRow
from evalkit.results.ranks import Rank, better, ranks
from evalkit.results.run import Run
from evalkit.types import Value

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class BenchmarkColumn(Value, frozen=True, kw_only=True):
    """A column: `better` is 1 if more is better, -1 if less is, 0 if neither is known; `link` leads to its samples."""

    label: str
    category: str
    better: int
    link: str


class RankedCell(Value, frozen=True, kw_only=True):
    """A number as text and for sorting, its interval, its rank and the reason, and a link to its run.

    `bar` is the interval's low end, the number and the high end on a scale from 0 to 100; empty if there is none.
    """

    text: str
    sort: float | None = None
    interval: str = ""
    bar: tuple[float, ...] = ()
    rank: str = ""
    lead: bool = False
    origin: str = ""
    link: str = ""


class ModelRow(Value, frozen=True, kw_only=True):
    """A model with a cell per benchmark; `published` if its numbers are the card's and not ours."""

    title: str
    published: bool
    cells: tuple[RankedCell, ...]


class RankedTable(Value, frozen=True, kw_only=True):
    """One table, sorted by the column of index `sort_column`; `categories` have the number of columns they cover."""

    id: str
    title: str
    columns: tuple[BenchmarkColumn, ...]
    categories: tuple[tuple[str, int], ...]
    models: tuple[ModelRow, ...]
    notes: tuple[str, ...]
    sort_column: int
    ranked: bool


def index_page(context: SiteContext, tables: Sequence[RankedTable], *, source: str) -> str:
    """Return the page with every table, readable without a script."""
    link = source if source.startswith(("https://", "http://")) else ""
    scripts = ("page.js", "tables.js")
    return render_page("index.html", context, home="", scripts=scripts, tables=tables, source=source, link=link)


def ranked_tables(
    context: SiteContext, card: CardSpec, tables: Sequence[CardTable], runs: Sequence[Run]
) -> list[RankedTable]:
    """Return one table per table of the card. Raises EvalkitError for runs that cannot be compared."""
    by_folder = {str(run.folder): run for run in runs}
    return [
        _ranked_table(context, table, [row.reference for row in layout.rows], by_folder)
        for layout, table in zip(card.tables, tables, strict=True)
    ]


def _ranked_table(
    context: SiteContext,
    table: CardTable,
    references: Sequence[Reference],
    runs: Mapping[str, Run],
) -> RankedTable:
    columns, cells = [], []
    for row, reference in zip(table.rows, references, strict=True):
        row_runs = [runs[cell.folder] for cell in row.cells if isinstance(cell, Measured)]
        row_ranks = ranks(reference, row_runs)
        columns.append(_column(row, reference, row_runs))
        cells.append([_cell(context, cell, row_ranks, runs) for cell in row.cells])
    sort_column = next((n for n, reference in enumerate(references) if not reference.where), 0)
    models = [
        ModelRow(title=column.title, published=not column.ours, cells=tuple(part[n] for part in cells))
        for n, column in enumerate(table.columns)
    ]
    direction = columns[sort_column].better or 1
    models.sort(key=lambda model: _sort_key(model.cells[sort_column], direction))
    categories = [(name, len(list(part))) for name, part in groupby(columns, key=lambda column: column.category)]
    return RankedTable(
        id=table.id,
        title=table.title,
        columns=tuple(columns),
        categories=tuple(categories) if table.has_categories else (),
        models=tuple(models),
        notes=table.notes,
        sort_column=sort_column,
        ranked=any(cell.rank for part in cells for cell in part),
    )


def _column(row: TableRow, reference: Reference, runs: Sequence[Run]) -> BenchmarkColumn:
    link = group_url(reference) if runs else ""
    return BenchmarkColumn(label=row.label, category=row.category, better=better(reference, runs), link=link)


def _sort_key(cell: RankedCell, direction: int) -> float:
    return float("inf") if cell.sort is None else -direction * cell.sort


def _cell(context: SiteContext, cell: Cell, row_ranks: Mapping[str, Rank], runs: Mapping[str, Run]) -> RankedCell:
    text = cell_text(cell, absent="–")
    if isinstance(cell, Published):
        number = NUMBER.search(cell.text)
        return RankedCell(text=text, sort=float(number[0]) if number else None)
    if not isinstance(cell, Measured):
        return RankedCell(text=text)
    stat, rank = cell.stat, row_ranks.get(cell.folder)
    low, high = number_text(cell, stat.low), number_text(cell, stat.high)
    return RankedCell(
        text=text,
        sort=100 * stat.value if cell.percent else stat.value,
        interval=f"{low} – {high}" if low and high else "",
        bar=_bar(cell),
        rank="" if rank is None else str(rank.place),
        lead=rank is not None and rank.place == 1,
        origin="; ".join(filter(None, (_rank_reason(context, rank), f"n = {stat.n}", stat.metric, stat.method))),
        link=run_url(runs[cell.folder]),
    )


def _bar(cell: Measured) -> tuple[float, ...]:
    stat = cell.stat
    ends = (stat.value if stat.low is None else stat.low, stat.value, stat.value if stat.high is None else stat.high)
    return tuple(round(100 * min(1, max(0, end)), 1) for end in ends) if cell.percent else ()


def _rank_reason(context: SiteContext, rank: Rank | None) -> str:
    if rank is None:
        return ""
    if rank.p is not None:
        reason = "rank {place}, not separable from the best of that rank (p = {p}, paired test)"
        return context.translate(reason, place=rank.place, p=f"{rank.p:.2g}")
    reason = "rank {place}, shared with models not separable from it" if rank.shared else "rank {place}"
    return context.translate(reason, place=rank.place)
