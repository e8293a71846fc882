"""A card's tables turned for a leaderboard: a row per model, a column per benchmark, ranks that a test has earned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from evalkit.registry.spec import CardSpec, Reference
from evalkit.reporting.site import names
from evalkit.reporting.table import Cell, FilledTable, Line, Measured, Published
from evalkit.reporting.wording import number, text
from evalkit.results.ranks import Rank, Scores, better, ranks
from evalkit.results.read import Result
from evalkit.types import Value

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Say: TypeAlias = Callable[..., str]
"""A text of the site in the language of its pages, as `Frame.say` gives it."""


class Head(Value, frozen=True, kw_only=True):
    """A column: `better` is 1 or -1 for the direction of good, 0 for none; `link` leads to its samples."""

    label: str
    category: str
    better: int
    link: str


class Entry(Value, frozen=True, kw_only=True):
    """A cell: the number as shown and as sorted by, its interval, its rank and why, and where it comes from.

    `bar` is the interval's low end, the number and the high end on a scale from 0 to 100; empty: it has no such scale.
    """

    text: str
    sort: float | None = None
    limits: str = ""
    bar: tuple[float, ...] = ()
    rank: str = ""
    lead: bool = False
    origin: str = ""
    link: str = ""


class Model(Value, frozen=True, kw_only=True):
    """A row; `published` when its numbers are the card's and not ours."""

    title: str
    published: bool
    entries: tuple[Entry, ...]


class Board(Value, frozen=True, kw_only=True):
    """One table; `bands` are categories with the number of columns each covers; `order` is the column sorted by."""

    id: str
    title: str
    heads: tuple[Head, ...]
    bands: tuple[tuple[str, int], ...]
    models: tuple[Model, ...]
    notes: tuple[str, ...]
    order: int
    ranked: bool


def tables(
    card: CardSpec, filled: Sequence[FilledTable], results: Sequence[Result], scores: Scores, *, say: Say
) -> list[Board]:
    """One board per table of the card, `filled` being its cells. Raises EvalkitError where runs cannot be compared."""
    pages = {result.folder: result for result in results}
    return [
        _board(table, [row.reference for row in layout.rows], pages, scores, say)
        for layout, table in zip(card.tables, filled, strict=True)
    ]


def _board(
    table: FilledTable, references: Sequence[Reference], pages: Mapping[str, Result], scores: Scores, say: Say
) -> Board:
    columns = []
    heads = []
    for line, reference in zip(table.lines, references, strict=True):
        runs = [pages[cell.run] for cell in line.cells if isinstance(cell, Measured)]
        places = ranks(reference, runs, scores)
        columns.append([_entry(cell, places, pages, say) for cell in line.cells])
        heads.append(_head(line, reference, runs))
    order = next((n for n, reference in enumerate(references) if not reference.where), 0)
    models = [
        Model(title=column.title, published=not column.mark, entries=tuple(entries[n] for entries in columns))
        for n, column in enumerate(table.columns)
    ]
    direction = heads[order].better or 1
    models.sort(key=lambda model: _place(model.entries[order], direction))
    bands = [(name, len(list(part))) for name, part in groupby(heads, key=lambda head: head.category)]
    return Board(
        id=table.id,
        title=table.title,
        heads=tuple(heads),
        bands=tuple(bands) if table.has_categories else (),
        models=tuple(models),
        notes=table.notes,
        order=order,
        ranked=any(entry.rank for entries in columns for entry in entries),
    )


def _head(line: Line, reference: Reference, runs: Sequence[Result]) -> Head:
    link = names.group(reference) if runs else ""
    return Head(label=line.label, category=line.category, better=better(reference, runs), link=link)


def _place(entry: Entry, direction: int) -> float:
    return float("inf") if entry.sort is None else -direction * entry.sort


def _entry(cell: Cell, places: Mapping[str, Rank], pages: Mapping[str, Result], say: Say) -> Entry:
    shown = text(cell, intervals=False, absent="–")
    if isinstance(cell, Published):
        found = NUMBER.search(cell.text)
        return Entry(text=shown, sort=float(found[0]) if found else None)
    if not isinstance(cell, Measured):
        return Entry(text=shown)
    rank = places.get(cell.run)
    low, high = (number(cell, bound) for bound in (cell.stat.low, cell.stat.high))
    return Entry(
        text=shown,
        sort=100 * cell.stat.value if cell.percent else cell.stat.value,
        limits=f"{low} – {high}" if low and high else "",
        bar=_bar(cell),
        rank="" if rank is None else str(rank.place),
        lead=rank is not None and rank.place == 1,
        origin="; ".join(filter(None, (_why(rank, say), f"n = {cell.stat.n}", cell.stat.metric, cell.stat.method))),
        link=names.run(pages[cell.run]),
    )


def _bar(cell: Measured) -> tuple[float, ...]:
    stat = cell.stat
    ends = (stat.value if stat.low is None else stat.low, stat.value, stat.value if stat.high is None else stat.high)
    return tuple(round(100 * min(1, max(0, end)), 1) for end in ends) if cell.percent else ()


def _why(rank: Rank | None, say: Say) -> str:
    if rank is None:
        return ""
    if rank.p is not None:
        return say(
            "rank {place}, not separable from the best of it (p = {p}, paired test)",
            place=rank.place,
            p=f"{rank.p:.2g}",
        )
    told = "rank {place}, shared with models not separable from it" if rank.shared else "rank {place}"
    return say(told, place=rank.place)
