"""A report as GitHub Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.reporting.display import DisplayCell, DisplayTable, display_tables
from evalkit.reporting.footnotes import legend
from evalkit.reporting.report import CardReport


def markdown_report(report: CardReport) -> str:
    """Return one table per table of the card; a category stands on the first of its rows."""
    blocks = [f"# {_escaped(report.title)}"]
    for table in display_tables(report):
        blocks += [f"## {_escaped(table.title)}"]
        blocks += [f"**{_escaped(sentence)}**" for sentence in table.agreement]
        blocks += [_table(table)]
        blocks += _list(table.footnotes)
    if signs := legend(report):
        blocks += ["---", *_list(signs)]
    return "\n\n".join(blocks) + "\n"


def _table(table: DisplayTable) -> str:
    from tabulate import tabulate

    titles = [f"**{_escaped(column.title)}**" if column.ours else _escaped(column.title) for column in table.columns]
    grid = [
        [*map(_escaped, labels), *map(_cell, row.cells)] for labels, row in zip(table.labels, table.rows, strict=True)
    ]
    align = ["left"] * len(table.left) + ["right"] * len(titles)
    return tabulate(grid, [*table.left, *titles], tablefmt="pipe", disable_numparse=True, colalign=align)


def _cell(cell: DisplayCell) -> str:
    number = cell.number.replace("*", r"\*")
    return " ".join(filter(None, (f"**{number}**" if cell.best else number, cell.interval)))


def _list(sentences: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {_escaped(sentence)}" for sentence in sentences)] if sentences else []


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", text)
