"""Filled tables as text: terminal, Markdown, CSV, LaTeX, HTML and JSON, with foreign text escaped in each."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from evalkit.report.html.tables import page
from evalkit.report.results import Result
from evalkit.report.table import Cell, Column, FilledTable, Measured, cells, printable
from evalkit.report.wording import Report, footnotes, heading, heads, number, rows, text
from evalkit.spec import CardSpec
from evalkit.types import EvalkitError

if TYPE_CHECKING:
    from rich.table import Table as Drawn

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After a line's end LaTeX would take these for an argument.
    "[": "{[}",
    "*": "{*}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def render(
    card: CardSpec,
    results: Sequence[Result],
    *,
    format: str = "markdown",  # noqa: A002 - the command line's own word
    language: str = "en",
    intervals: bool = False,
    allow_incomplete: bool = False,
    color: bool = False,
) -> str:
    """The card's tables as text that ends in a line break; `color` counts only for the terminal.

    Raises EvalkitError for an unknown format, and whatever `table.cells` raises.
    """
    if format not in FORMATS:
        raise EvalkitError(f"unknown report format {format!r}: choose one of {', '.join(FORMATS)}")
    report = Report(
        card=card.name,
        title=printable(card.title.get(language) if card.title else card.name),
        source=printable(card.source),
        language=language,
        intervals=intervals,
        tables=tuple(cells(card, results, language=language, allow_incomplete=allow_incomplete)),
    )
    if format == "terminal":
        return terminal(report, color=color)
    return FORMATS[format](report)


def terminal(report: Report, *, color: bool = False) -> str:
    """Plain tables as wide as they need to be; with `color`, our columns stand out."""
    from rich.console import Console
    from rich.text import Text

    out = io.StringIO()
    # Everything is said here, or rich would ask the environment (TERM, NO_COLOR, COLUMNS).
    console = Console(
        file=out,
        width=10_000,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        highlight=False,
        emoji=False,
    )
    for table in report.tables:
        console.print(Text(table.title, style="bold"))  # as a rich title it would wrap at the table's width
        console.print(_drawn(table, report))
        for note in footnotes(table, report):
            console.print(Text(note))
        console.print()
    lines = out.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def markdown(report: Report) -> str:
    """GitHub tables; a category stands on the first of its lines."""
    from tabulate import tabulate

    blocks = [f"# {_markdown(report.title)}"]
    for table in report.tables:
        left = heads(table, report.language)
        titles = [f"**{_markdown(heading(c))}**" if c.mark else _markdown(heading(c)) for c in table.columns]
        grid = [[*map(_markdown, row[: len(left)]), *map(_star, row[len(left) :])] for row in rows(table, report)]
        align = ["left"] * len(left) + ["right"] * len(titles)
        drawn = tabulate(grid, [*left, *titles], tablefmt="pipe", disable_numparse=True, colalign=align)
        blocks += [f"## {_markdown(table.title)}", drawn]
        blocks += [f"- {_markdown(note)}" for note in footnotes(table, report)]
    return re.sub(r"(?m)(^- .*)\n\n(?=- )", r"\1\n", "\n\n".join(blocks)) + "\n"


def csv_text(report: Report) -> str:
    """One header per table (table, category, label, published columns, ours), a blank line between tables.

    The category stands on every line. With intervals, each of our columns is followed by its low and high limit.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for index, table in enumerate(report.tables):
        if index:
            out.write("\n")
        writer.writerow(["table", "category", "label", *(t for c in table.columns for t in _csv_heads(c, report))])
        for line in table.lines:
            values = [v for c, cell in zip(table.columns, line.cells, strict=True) for v in _csv(c, cell, report)]
            writer.writerow([*map(inert, (table.id, line.category, line.label)), *values])
    return out.getvalue()


def latex(report: Report) -> str:
    """One booktabs table per table of the card, to be \\input where those packages are loaded."""
    blocks = ["% needs \\usepackage{booktabs}" + ("; Chinese: ctex" if report.language == "zh" else "")]
    for table in report.tables:
        left = heads(table, report.language)
        titles = [*left, *map(heading, table.columns)]
        body = [" & ".join(_latex(value) for value in row) + r" \\" for row in rows(table, report)]
        blocks += [
            r"\begin{table}",
            rf"\caption{{{_latex(table.title)}}}",
            rf"\begin{{tabular}}{{{'l' * len(left)}{'r' * len(table.columns)}}}",
            r"\toprule",
            " & ".join(map(_latex, titles)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par\footnotesize {_latex(note)}" for note in footnotes(table, report)),
            r"\end{table}",
        ]
    return "\n".join(blocks) + "\n"


def html(report: Report) -> str:
    """One self-contained page: no script, nothing to load, light and dark."""
    return page(report)


def json_text(report: Report) -> str:
    """The report itself: fractions at full precision, each with its interval, its run's folder and its completeness."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "csv": csv_text,
    "latex": latex,
    "html": html,
    "json": json_text,
}


def _drawn(table: FilledTable, report: Report) -> Drawn:
    # Text objects, since rich would read square brackets in a plain string as markup.
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for title in heads(table, report.language):
        drawn.add_column(Text(title))
    for column in table.columns:
        title = textwrap.fill(heading(column), 14, break_long_words=False)
        drawn.add_column(Text(title), justify="right", style="bold cyan" if column.mark else None)
    for row in rows(table, report):
        drawn.add_row(*map(Text, row))
    return drawn


def _markdown(value: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", value)


def _star(value: str) -> str:
    return value.replace("*", r"\*")


def _latex(value: str) -> str:
    return "".join(LATEX.get(c, c) for c in value)


def inert(value: str) -> str:
    """A text that a spreadsheet would run as a formula, with the apostrophe that makes it text (OWASP)."""
    return f"'{value}" if FORMULA.match(value) else value


def _csv_heads(column: Column, report: Report) -> list[str]:
    title = inert(heading(column))
    return [title, f"{title} low", f"{title} high"] if column.mark and report.intervals else [title]


def _csv(column: Column, cell: Cell, report: Report) -> list[str]:
    value = text(cell, intervals=False, absent="")
    if not (column.mark and report.intervals):
        return [value]
    if not isinstance(cell, Measured):
        return [value, "", ""]
    return [value, number(cell, cell.stat.low), number(cell, cell.stat.high)]
