"""Tables for a terminal: ours stand out, and what is wider than the screen is folded with ours in the first block."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from evalkit.reporting.table import FilledTable
from evalkit.reporting.verdict import verdicts
from evalkit.reporting.wording import (
    STAR,
    Entry,
    Head,
    Report,
    columns,
    compared,
    entries,
    footnotes,
    heads,
    lefts,
    legend,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Drawn

TITLE, LABEL = 14, 26
"""Where titles wrap, and categories and benchmarks, these only when the screen is too narrow."""


class Shown(NamedTuple):
    """A column with its entries."""

    head: Head
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """The head, wrapped."""
        return textwrap.fill(self.head.title, TITLE, break_long_words=False)


def terminal(report: Report, *, color: bool = False, width: int | None = None) -> str:
    """Plain tables as wide as they need to be, or folded to `width` characters; with `color`, our columns stand out."""
    from rich.text import Text

    out = io.StringIO()
    console = _console(out, color=color)
    for table in report.tables:
        console.print(Text(table.title, style="bold"), width=width)  # as a rich title it would wrap with the table
        for sentence in verdicts(table, report.language):
            console.print(Text(sentence), width=width)
        _tables(console, table, report, width=width)
        for note in footnotes(table, report):
            console.print(Text(note), width=width)
        console.print()
    for note in legend(report, mark=STAR):
        console.print(Text(note), width=width)
    lines = out.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _console(out: io.StringIO, *, color: bool) -> Console:
    from rich.console import Console

    # Everything is said here, or rich would ask the environment (TERM, NO_COLOR, COLUMNS).
    return Console(
        file=out,
        width=10_000,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
    )


def _tables(console: Console, table: FilledTable, report: Report, *, width: int | None) -> None:
    left = [heads(table, report.language), *lefts(table)]
    body = [entries(line, table, report) for line in table.lines]
    shown = [Shown(head, tuple(row[n] for row in body)) for n, head in enumerate(columns(table, report))]
    if width is None or _left(left) + sum(map(_width, shown)) <= width:
        console.print(_drawn(left, shown))
        return
    labels = [[textwrap.fill(row[-1], LABEL)] for row in left]
    stacked = [labels[0], *(_stacked(*row) for row in left[1:])] if table.has_categories else labels
    for block in _blocks(_units(shown, table), width - _left(stacked)):
        console.print(_drawn(stacked, block))
        stacked = labels  # once is enough for the categories


def _stacked(category: str, label: str) -> list[str]:
    """A category above its first benchmark instead of beside it."""
    above = [textwrap.fill(category, LABEL)] if category else []
    return ["\n".join([*above, textwrap.indent(textwrap.fill(label, LABEL - 2), "  ")])]


def _units(shown: Sequence[Shown], table: FilledTable) -> list[list[Shown]]:
    """Columns that are read together, ours first: the published model with our number and its difference to it."""
    published = [column for column in shown if not (column.head.ours or column.head.n)]
    ours = iter([column for column in shown if column.head.ours])
    pairs, alone = [], []
    for index in (index for index, column in enumerate(table.columns) if column.mark):
        name = compared(table, index)
        if name:
            pairs.append([*(c for c in published if c.head.title == name), next(ours), next(ours)])
            published = [c for c in published if c.head.title != name]
        else:
            alone.append([next(ours)])
    return [*pairs, *([c] for c in shown if c.head.n), *alone, *([c] for c in published)]


def _blocks(units: Sequence[Sequence[Shown]], room: int) -> Iterator[list[Shown]]:
    """Units for one screen each; what is wider than a screen is taken apart."""
    block: list[Shown] = []
    fitting = ([unit] if sum(map(_width, unit)) <= room else [[column] for column in unit] for unit in units)
    for unit in chain.from_iterable(fitting):
        if block and sum(map(_width, [*block, *unit])) > room:
            yield block
            block = []
        block += unit
    yield block


def _left(rows: Sequence[Sequence[str]]) -> int:
    return 1 + sum(_longest(cells) + 3 for cells in zip(*rows, strict=True))


def _width(column: Shown) -> int:
    return _longest([column.title, *map(_text, column.entries)]) + 3


def _longest(cells: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for cell in cells for line in cell.split("\n"))


def _drawn(left: Sequence[Sequence[str]], shown: Sequence[Shown]) -> Drawn:
    # Text objects, since rich would read square brackets in a plain string as markup.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in left[0]:
        drawn.add_column(Text(title), no_wrap=True)
    for column in shown:
        style = "cyan" if column.head.ours else None
        drawn.add_column(Text(column.title), justify="right", vertical="bottom", style=style, no_wrap=True)
    for index, row in enumerate(left[1:]):
        cells = [column.entries[index] for column in shown]
        drawn.add_row(*map(Text, row), *(Text(_text(entry), style=_style(entry)) for entry in cells))
    return drawn


def _text(entry: Entry) -> str:
    return f"{STAR}{entry.plain}" if entry.best else entry.plain


def _style(entry: Entry) -> str:
    """Only beside a sign that says the same."""
    return "bold" if entry.best else "bold yellow" if entry.within is False else ""
