"""A report for a terminal: our columns stand out; a table wider than the screen is split, our columns first."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from evalkit.reporting.display import DisplayCell, DisplayColumn, DisplayTable, display_tables
from evalkit.reporting.footnotes import legend
from evalkit.reporting.report import CardReport

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

TITLE_WIDTH, LABEL_WIDTH = 14, 26
"""Characters at which titles wrap, and at which categories and labels do if the screen is too narrow."""
STAR = "★"
"""The best of a row, since a terminal may not show bold type."""


class TerminalColumn(NamedTuple):
    """A column with its cells."""

    column: DisplayColumn
    cells: tuple[DisplayCell, ...]

    @property
    def title(self) -> str:
        """The title, wrapped."""
        return textwrap.fill(self.column.title, TITLE_WIDTH, break_long_words=False)

    @property
    def width(self) -> int:
        """Characters on the screen, with the gap to the next column."""
        return _longest([self.title, *map(_text, self.cells)]) + 3


def terminal_report(report: CardReport, *, color: bool = False, width: int | None = None) -> str:
    """Return tables as wide as they need to be, or split to fit `width` characters; with `color`, ours stand out."""
    from rich.text import Text

    out = io.StringIO()
    console = _console(out, color=color)
    for table in display_tables(report):
        console.print(Text(table.title, style="bold"), width=width)  # as a rich title it would wrap with the table
        for sentence in table.agreement:
            console.print(Text(sentence), width=width)
        _print_table(console, table, width=width)
        for note in table.footnotes:
            console.print(Text(note), width=width)
        console.print()
    for sentence in legend(report, best=STAR):
        console.print(Text(sentence), width=width)
    lines = out.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _console(out: io.StringIO, *, color: bool) -> Console:
    from rich.console import Console

    # Everything is set here, or rich would ask the environment (TERM, NO_COLOR, COLUMNS).
    return Console(
        file=out,
        width=10_000,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
    )


def _print_table(console: Console, table: DisplayTable, *, width: int | None) -> None:
    left = [table.left, *table.labels]
    columns = [
        TerminalColumn(column, tuple(row.cells[n] for row in table.rows)) for n, column in enumerate(table.columns)
    ]
    if width is None or _left_width(left) + _total(columns) <= width:
        console.print(_rich_table(left, columns))
        return
    labels = [[textwrap.fill(row[-1], LABEL_WIDTH)] for row in left]
    first = [labels[0], *map(_stacked, table.labels)] if table.has_categories else labels
    for number, block in enumerate(_blocks(_groups(columns), width - _left_width(first))):
        console.print(_rich_table(labels if number else first, block))  # categories in the first block only


def _stacked(labels: Sequence[str]) -> list[str]:
    """A category above its first label instead of beside it."""
    category, label = labels
    above = [textwrap.fill(category, LABEL_WIDTH)] if category else []
    return ["\n".join([*above, textwrap.indent(textwrap.fill(label, LABEL_WIDTH - 2), "  ")])]


def _groups(columns: Sequence[TerminalColumn]) -> list[list[TerminalColumn]]:
    """Columns that are read together, ours first: the published model, our number and its difference to it."""
    published = [c for c in columns if not (c.column.ours or c.column.counts)]
    ours = iter([c for c in columns if c.column.ours])
    compared, alone = [], []
    for column in ours:
        title = column.column.counterpart
        if title:
            compared.append([*(c for c in published if c.column.title == title), column, next(ours)])
            published = [c for c in published if c.column.title != title]
        else:
            alone.append([column])
    return [*compared, *([c] for c in columns if c.column.counts), *alone, *([c] for c in published)]


def _blocks(groups: Sequence[list[TerminalColumn]], width: int) -> Iterator[list[TerminalColumn]]:
    """Yield the columns of one block after another; a group of columns that is wider than a screen is split."""
    block: list[TerminalColumn] = []
    fitting = ([group] if _total(group) <= width else [[column] for column in group] for group in groups)
    for group in chain.from_iterable(fitting):
        if block and _total([*block, *group]) > width:
            yield block
            block = []
        block += group
    yield block


def _total(columns: Sequence[TerminalColumn]) -> int:
    return sum(column.width for column in columns)


def _left_width(rows: Sequence[Sequence[str]]) -> int:
    return 1 + sum(_longest(texts) + 3 for texts in zip(*rows, strict=True))


def _longest(texts: Sequence[str]) -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for text in texts for line in text.split("\n"))


def _rich_table(left: Sequence[Sequence[str]], columns: Sequence[TerminalColumn]) -> RichTable:
    # Text objects, since rich would read square brackets in a plain string as markup.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in left[0]:
        table.add_column(Text(title), no_wrap=True)
    for column in columns:
        style = "cyan" if column.column.ours else None
        table.add_column(Text(column.title), justify="right", vertical="bottom", style=style, no_wrap=True)
    for index, labels in enumerate(left[1:]):
        cells = [column.cells[index] for column in columns]
        table.add_row(*map(Text, labels), *(Text(_text(cell), style=_style(cell)) for cell in cells))
    return table


def _text(cell: DisplayCell) -> str:
    return f"{STAR}{cell.text}" if cell.best else cell.text


def _style(cell: DisplayCell) -> str:
    """The style of a cell; it only repeats what a sign in the text says, since colour may be off."""
    return "bold" if cell.best else "bold yellow" if cell.within is False else ""
