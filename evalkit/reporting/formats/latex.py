"""A report as LaTeX: booktabs tables, to be \\input where that package is loaded."""

from __future__ import annotations

from evalkit.reporting.display import DisplayCell, DisplayTable, display_tables
from evalkit.reporting.footnotes import legend
from evalkit.reporting.report import CardReport

ESCAPES = {
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


def latex_report(report: CardReport) -> str:
    """Return one `table` environment per table of the card, its sentences inside it."""
    lines = ["% needs \\usepackage{booktabs}" + ("; Chinese: ctex" if report.language == "zh" else "")]
    for filled, table in zip(report.tables, display_tables(report), strict=True):
        notes = [*table.agreement, *legend(report, filled), *table.footnotes]
        lines += [
            r"\begin{table}",
            rf"\caption{{{_escaped(table.title)}}}",
            *_tabular(table),
            *(rf"\par\footnotesize {_escaped(note)}" for note in notes),
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def _tabular(table: DisplayTable) -> list[str]:
    titles = [*table.left, *(column.title for column in table.columns)]
    return [
        rf"\begin{{tabular}}{{{'l' * len(table.left)}{'r' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(map(_escaped, titles)) + r" \\",
        r"\midrule",
        *(
            " & ".join([*map(_escaped, labels), *map(_cell, row.cells)]) + r" \\"
            for labels, row in zip(table.labels, table.rows, strict=True)
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _cell(cell: DisplayCell) -> str:
    number = _escaped(cell.number)
    return " ".join(filter(None, (rf"\textbf{{{number}}}" if cell.best else number, _escaped(cell.interval))))


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(c, c) for c in text)
