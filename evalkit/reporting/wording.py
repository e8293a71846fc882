"""How cells, columns and notes read, the same in every format that people look at."""

from __future__ import annotations

from typing import NamedTuple

from evalkit.registry.spec import Localized
from evalkit.reporting.table import Absent, Cell, Column, FilledTable, Line, Measured, Published
from evalkit.reporting.verdict import FOOTNOTE, difference
from evalkit.results.settings import Settings, sentence
from evalkit.types import Value

CATEGORY, BENCHMARK = Localized("Category", "类别"), Localized("Benchmark", "基准")
VERSUS = Localized("vs published", "对比已发布")
BRACKETS = Localized("In brackets: 95 % interval.", "方括号内为 95% 置信区间。")
BEST = Localized(
    "{mark}: best of its row, and what cannot be told from it: ours by a paired test on the same samples, a published "
    "number beside one of ours by our interval, two published ones only where equal.",
    "{mark}：该行最佳，以及统计上与之无法区分者：本次评测之间用同一样本的配对检验，已发布数值与本次评测之间用置信区间，"
    "两个已发布数值仅在相等时并列。",
)
BOLD = Localized("Bold", "粗体")
STAR = "★"
"""The best of a row where there is no bold, or where a terminal may not show it."""


class Report(Value, frozen=True, kw_only=True):
    """Everything a format may use; the JSON format is this value.

    `intervals` and `details` say what people see beside the numbers; `runs` are those that stand in the tables.
    """

    card: str
    title: str
    source: str
    language: str
    intervals: bool
    details: bool = False
    tables: tuple[FilledTable, ...]
    runs: tuple[Settings, ...] = ()


class Head(NamedTuple):
    """The head of a shown column: `ours` for evaluated models and what belongs to them, `n` when it counts samples."""

    title: str
    ours: bool = False
    n: bool = False


class Entry(NamedTuple):
    """A shown cell: `limits` have brackets already; `within` is the verdict of a difference, `cell` its origin."""

    text: str
    limits: str = ""
    best: bool = False
    within: bool | None = None
    cell: Cell | None = None

    @property
    def plain(self) -> str:
        """Number and limits."""
        return f"{self.text} {self.limits}" if self.limits else self.text


def text(cell: Cell, *, intervals: bool, absent: str = "-") -> str:
    """A cell as people read it: percent with one decimal, `*` after an incomplete number, limits in brackets."""
    match cell:
        case Published():
            return cell.text
        case Absent():
            return absent
        case Measured():
            star = "" if cell.complete else "*"
            shown = f"{number(cell, cell.stat.value)}{star}"
            return f"{shown} {limits(cell)}" if intervals and limits(cell) else shown


def number(cell: Measured, value: float | None) -> str:
    """One number of a cell in its unit; empty where there is none."""
    if value is None:
        return ""
    return f"{100 * value:.1f}" if cell.percent else f"{value:.4g}"


def limits(cell: Cell) -> str:
    """The interval of one of our numbers, in brackets; empty where there is none."""
    if not isinstance(cell, Measured) or cell.stat.low is None or cell.stat.high is None:
        return ""
    return f"[{number(cell, cell.stat.low)}, {number(cell, cell.stat.high)}]"


def heading(column: Column) -> str:
    """A column's title; evaluated models carry their mark."""
    return f"{column.title} ({column.mark})" if column.mark else column.title


def heads(table: FilledTable, language: str) -> list[str]:
    """Titles of the columns before the numbers."""
    titles = [CATEGORY, BENCHMARK] if table.has_categories else [BENCHMARK]
    return [title.get(language) for title in titles]


def columns(table: FilledTable, report: Report) -> list[Head]:
    """The columns of numbers: samples where asked for, every model, and after ours its difference to the published."""
    found = [Head("n", n=True)] if report.details else []
    for index, column in enumerate(table.columns):
        found.append(Head(heading(column), ours=bool(column.mark)))
        if compared(table, index):
            found.append(Head(VERSUS.get(report.language), ours=True))
    return found


def entries(line: Line, table: FilledTable, report: Report) -> list[Entry]:
    """One line's cells, as many as `columns`."""
    found = [Entry(_samples(line))] if report.details else []
    for index, cell in enumerate(line.cells):
        bracket = limits(cell) if report.intervals else ""
        best = not isinstance(cell, Absent) and cell.best
        found.append(Entry(text(cell, intervals=False), bracket, best, cell=cell))
        if compared(table, index):
            found.append(_difference(cell))
    return found


def compared(table: FilledTable, index: int) -> str:
    """The published column that a column is compared with; empty: none."""
    cells = (line.cells[index] for line in table.lines)
    return next((cell.against.column for cell in cells if isinstance(cell, Measured) and cell.against), "")


def lefts(table: FilledTable) -> list[list[str]]:
    """What stands before the numbers; a merged category stands on its first line only."""
    return [
        [line.category if span else "", line.label] if table.has_categories else [line.label]
        for line, span in zip(table.lines, table.spans, strict=True)
    ]


def footnotes(table: FilledTable, report: Report) -> list[str]:
    """What must stand below this table."""
    folders = {cell.run for line in table.lines for cell in line.cells if isinstance(cell, Measured)}
    runs = [run for run in report.runs if run.folder in folders] if report.details else []
    return [*table.notes, *(sentence(run, report.language) for run in runs)]


def legend(report: Report, *tables: FilledTable, mark: str = "") -> list[str]:
    """What the signs in these tables mean (default: in all); `mark` shows the best of a row, where not bold type."""
    cells = [cell for table in tables or report.tables for line in table.lines for cell in line.cells]
    ours = [cell for cell in cells if isinstance(cell, Measured)]
    found = [BRACKETS.get(report.language)] if report.intervals and ours else []
    found += [FOOTNOTE.get(report.language)] if any(cell.against for cell in ours) else []
    if any(not isinstance(cell, Absent) and cell.best for cell in cells):
        found.append(BEST.get(report.language).format(mark=mark or BOLD.get(report.language)))
    return found


def _difference(cell: Cell) -> Entry:
    if not isinstance(cell, Measured) or cell.against is None:
        return Entry("")
    return Entry(difference(cell), within=cell.against.within, cell=cell)


def _samples(line: Line) -> str:
    """How many samples our numbers of a line count; a range where the runs differ."""
    counts = sorted({cell.stat.n for cell in line.cells if isinstance(cell, Measured)})
    return "" if not counts else f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
