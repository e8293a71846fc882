"""Filled tables as text: terminal, Markdown, CSV, LaTeX, HTML and JSON, with foreign text escaped in each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec
from evalkit.reporting.best import with_best
from evalkit.reporting.site.tables import page
from evalkit.reporting.table import Cell, Column, FilledTable, Measured, Published, cells
from evalkit.reporting.terminal import terminal
from evalkit.reporting.verdict import signed, verdicts
from evalkit.reporting.wording import (
    Entry,
    Report,
    columns,
    entries,
    footnotes,
    heading,
    heads,
    lefts,
    legend,
    number,
    text,
)
from evalkit.results.read import Result
from evalkit.results.settings import Settings, settings
from evalkit.safe_text import printable

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
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "−": "$-$",
}
SHEET = ("low", "high", "n", "unparsed %", "complete", "published", "vs published", "noise")
"""What a CSV file adds to each of our columns; `unparsed %` is the whole run's, `noise` the verdict on the row."""
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def render(
    card: CardSpec,
    results: Sequence[Result],
    *,
    format: str = "markdown",  # noqa: A002 - the command line's own word
    language: str = "en",
    intervals: bool = False,
    details: bool = False,
    best: bool = False,
    column: str = "",
    allow_incomplete: bool = False,
    color: bool = False,
    width: int | None = None,
) -> str:
    """The card's tables as text that ends in a line break; `color` and `width` count only for the terminal.

    Raises EvalkitError for an unknown format, and whatever `table.cells` and, with `best`, `best.with_best` raise.
    """
    if format not in FORMATS:
        raise EvalkitError(f"unknown report format {format!r}: choose one of {', '.join(FORMATS)}")
    tables = cells(card, results, language=language, allow_incomplete=allow_incomplete, column=column)
    report = Report(
        card=card.name,
        title=printable(card.title.get(language) if card.title else card.name),
        source=printable(card.source),
        language=language,
        intervals=intervals,
        details=details,
        tables=tuple(with_best(card, tables, results) if best else tables),
        runs=_runs(tables, results),
    )
    if format == "terminal":
        return terminal(report, color=color, width=width)
    return FORMATS[format](report)


def markdown(report: Report) -> str:
    """GitHub tables; a category stands on the first of its lines."""
    from tabulate import tabulate

    blocks = [f"# {_markdown(report.title)}"]
    for table in report.tables:
        left, shown = heads(table, report.language), columns(table, report)
        titles = [f"**{_markdown(head.title)}**" if head.ours else _markdown(head.title) for head in shown]
        grid = [
            [*map(_markdown, start), *map(_starred, entries(line, table, report))]
            for start, line in zip(lefts(table), table.lines, strict=True)
        ]
        align = ["left"] * len(left) + ["right"] * len(titles)
        drawn = tabulate(grid, [*left, *titles], tablefmt="pipe", disable_numparse=True, colalign=align)
        blocks += [f"## {_markdown(table.title)}"]
        blocks += [f"**{_markdown(sentence)}**" for sentence in verdicts(table, report.language)]
        blocks += [drawn, *(f"- {_markdown(note)}" for note in footnotes(table, report))]
    if signs := legend(report):
        blocks += ["---", *(f"- {_markdown(note)}" for note in signs)]
    return re.sub(r"(?m)(^- .*)\n\n(?=- )", r"\1\n", "\n\n".join(blocks)) + "\n"


def csv_text(report: Report) -> str:
    """One header per table (table, category, label, published columns, ours), a blank line between tables.

    The category stands on every line. Each of our columns is followed by all that is known of its numbers, see SHEET;
    where the best of each row was asked for, every column by a mark.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    runs = {run.folder: run for run in report.runs}
    for index, table in enumerate(report.tables):
        if index:
            out.write("\n")
        marked = any(_best(cell) for line in table.lines for cell in line.cells)
        head = [name for column in table.columns for name in _csv_heads(column, marked=marked)]
        writer.writerow(["table", "category", "label", *head])
        for line in table.lines:
            pairs = zip(table.columns, line.cells, strict=True)
            values = [value for column, cell in pairs for value in _csv(column, cell, runs, marked=marked)]
            writer.writerow([*map(inert, (table.id, line.category, line.label)), *values])
    return out.getvalue()


def latex(report: Report) -> str:
    """One booktabs table per table of the card, to be \\input where those packages are loaded."""
    blocks = ["% needs \\usepackage{booktabs}" + ("; Chinese: ctex" if report.language == "zh" else "")]
    for table in report.tables:
        left, shown = heads(table, report.language), columns(table, report)
        body = [
            " & ".join([*map(_latex, start), *map(_bold, entries(line, table, report))]) + r" \\"
            for start, line in zip(lefts(table), table.lines, strict=True)
        ]
        notes = [*verdicts(table, report.language), *legend(report, table), *footnotes(table, report)]
        blocks += [
            r"\begin{table}",
            rf"\caption{{{_latex(table.title)}}}",
            rf"\begin{{tabular}}{{{'l' * len(left)}{'r' * len(shown)}}}",
            r"\toprule",
            " & ".join(map(_latex, [*left, *(head.title for head in shown)])) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par\footnotesize {_latex(note)}" for note in notes),
            r"\end{table}",
        ]
    return "\n".join(blocks) + "\n"


def html(report: Report) -> str:
    """One self-contained page: no script, nothing to load, light and dark."""
    return page(report)


def json_text(report: Report) -> str:
    """The report itself: fractions at full precision, each with its interval and its comparison, and every run."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "csv": csv_text,
    "latex": latex,
    "html": html,
    "json": json_text,
}


def _markdown(value: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", value)


def _starred(entry: Entry) -> str:
    number = entry.text.replace("*", r"\*")
    return " ".join(filter(None, (f"**{number}**" if entry.best else number, entry.limits)))


def _bold(entry: Entry) -> str:
    number = _latex(entry.text)
    return " ".join(filter(None, (rf"\textbf{{{number}}}" if entry.best else number, _latex(entry.limits))))


def _latex(value: str) -> str:
    return "".join(LATEX.get(c, c) for c in value)


def inert(value: str) -> str:
    """A text that a spreadsheet would run as a formula, with the apostrophe that makes it text (OWASP)."""
    return f"'{value}" if FORMULA.match(value) else value


def _runs(tables: Sequence[FilledTable], results: Sequence[Result]) -> tuple[Settings, ...]:
    shown = {cell.run for t in tables for line in t.lines for cell in line.cells if isinstance(cell, Measured)}
    return tuple(settings(result) for result in results if result.folder in shown and not result.derived)


def _csv_heads(column: Column, *, marked: bool) -> list[str]:
    title = inert(heading(column))
    more = (*(SHEET if column.mark else ()), *(("best",) if marked else ()))
    return [title, *(f"{title} {name}" for name in more)]


def _csv(column: Column, cell: Cell, runs: Mapping[str, Settings], *, marked: bool) -> list[str]:
    values = [text(cell, intervals=False, absent="")]
    if column.mark:
        values += _sheet(cell, runs) if isinstance(cell, Measured) else [""] * len(SHEET)
    return [*values, "yes" if _best(cell) else ""] if marked else values


def _sheet(cell: Measured, runs: Mapping[str, Settings]) -> list[str]:
    run, found = runs.get(cell.run), cell.against
    return [
        number(cell, cell.stat.low),
        number(cell, cell.stat.high),
        str(cell.stat.n),
        f"{100 * run.unparsed / run.answered:.1f}" if run and run.answered and not cell.derived else "",
        "yes" if cell.complete else "no",
        found.published if found else "",
        signed(cell).replace("−", "-").removeprefix("+"),  # a number, not a formula
        {True: "within", False: "beyond", None: ""}[found.within if found else None],
    ]


def _best(cell: Cell) -> bool:
    return isinstance(cell, Published | Measured) and cell.best
