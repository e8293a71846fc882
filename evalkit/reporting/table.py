"""A card's layout filled with published numbers and with ours: typed cells that still know where they come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Row, Table
from evalkit.reporting.remarks import incomplete, lacking, mixture, unparsed
from evalkit.results.published import Against, against, check_column, column_of
from evalkit.results.read import Result
from evalkit.safe_text import printable
from evalkit.types import Stat, Value

OURS = Localized("ours", "本次评测")


class Published(Value, frozen=True, tag_field="kind", tag="published"):
    """A number as the card prints it; `best`: set by `best.with_best`."""

    text: str
    best: bool = False


class Measured(Value, frozen=True, tag_field="kind", tag="measured"):
    """One of our numbers, the folder of its run, and whether that run is complete; `percent`: shown times 100.

    `against` compares it with the published number of the same model; an incomplete run is compared with nothing.
    `derived`: the number is a difference of two runs.
    """

    stat: Stat
    run: str
    complete: bool
    percent: bool
    against: Against | None = None
    best: bool = False
    derived: bool = False


class Absent(Value, frozen=True, tag_field="kind", tag="absent"):
    """No number: there is no such run or result (`refused` false), or the run is incomplete (`refused` true)."""

    refused: bool = False


Cell: TypeAlias = Published | Measured | Absent


class Column(Value, frozen=True):
    """The head of a column; `mark` is empty for published models and says "ours" for evaluated ones."""

    title: str
    mark: str = ""


class Line(Value, frozen=True):
    """One benchmark: a cell per column. An empty `category` belongs to none; equal neighbours share a merged cell."""

    category: str
    label: str
    cells: tuple[Cell, ...]


class FilledTable(Value, frozen=True):
    """A table ready for any format; `notes` are sentences that must stand below it."""

    id: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def has_categories(self) -> bool:
        """Whether a column for categories is needed."""
        return any(line.category for line in self.lines)

    @property
    def spans(self) -> tuple[int, ...]:
        """For each line the number of lines that its category cell covers, 0 where a cell above covers it."""
        counts: list[int] = []
        start = 0
        for index, line in enumerate(self.lines):
            if index and line.category and line.category == self.lines[start].category:
                counts[start] += 1
                counts.append(0)
            else:
                start = index
                counts.append(1)
        return tuple(counts)


Runs: TypeAlias = Mapping[str, Mapping[str, Result]]


class Wish(NamedTuple):
    """How cells are asked for."""

    language: str
    allow_incomplete: bool
    column: str


def cells(
    card: CardSpec,
    results: Sequence[Result],
    *,
    language: str = "en",
    allow_incomplete: bool = False,
    column: str = "",
) -> list[FilledTable]:
    """The card's tables with a column for every evaluated model, in the order in which `results` name them.

    Ours are compared with the published `column`, by default the one of the model's own name. An incomplete run leaves
    its cells empty and says so in a note; allowed, it fills them and the note explains the mark. Raises EvalkitError
    for two runs of one model on one task, for a row that does not fit its columns, and for an unknown `column`.
    """
    if column:
        check_column(card, column)
    runs = _by_model(results)
    return [_filled(card, table, runs, Wish(language, allow_incomplete, column)) for table in card.tables]


def notes(tables: Iterable[FilledTable]) -> list[str]:
    """The sentences below the tables, once each; a format without footnotes leaves them to the caller."""
    return list(dict.fromkeys(note for table in tables for note in table.notes))


def _by_model(results: Sequence[Result]) -> dict[str, dict[str, Result]]:
    runs: dict[str, dict[str, Result]] = {}
    for result in results:
        tasks = runs.setdefault(result.column, {})
        other = tasks.setdefault(result.run.task, result)
        if other is not result:
            raise EvalkitError(
                f"model {result.run.model!r} has two runs of task {result.run.task!r}, {other.folder} and "
                f"{result.folder}: leave one of the folders out"
            )
    return runs


def _filled(card: CardSpec, table: Table, runs: Runs, wish: Wish) -> FilledTable:
    language = wish.language
    remarks: list[str] = []
    lines = []
    for row in table.rows:
        ours = [_cell(table, row, tasks, wish, remarks) for tasks in runs.values()]
        lines.append(
            Line(
                printable(row.category.get(language)) if row.category else "",
                printable(row.label.get(language)),
                (*_published(card, table, row), *ours),
            )
        )
    shown = {row.reference.task for row in table.rows}
    for model, tasks in runs.items():
        remarks += mixture(model, [tasks[task] for task in tasks if task in shown], language)
    columns = [Column(printable(title)) for title in table.columns]
    columns += [Column(title, OURS.get(language)) for title in _titles(runs)]
    title = printable(table.title.get(language)) if table.title else table.id
    return FilledTable(table.id, title, tuple(columns), tuple(lines), tuple(dict.fromkeys(remarks)))


def _published(card: CardSpec, table: Table, row: Row) -> tuple[Cell, ...]:
    if not row.published:
        return (Absent(),) * len(table.columns)
    if len(row.published) != len(table.columns):
        raise EvalkitError(
            f"card {card.name!r}, table {table.id!r}, row {row.label.en!r}: {len(row.published)} published numbers "
            f"for {len(table.columns)} columns: give one per column"
        )
    return tuple(Published(text) for text in row.published)


def _cell(table: Table, row: Row, tasks: Mapping[str, Result], wish: Wish, remarks: list[str]) -> Cell:
    result = tasks.get(row.reference.task)
    if result is None:
        return Absent()
    complete = result.run.complete
    if not complete:
        remarks.append(incomplete(result, wish.language, shown=wish.allow_incomplete))
        if not wish.allow_incomplete:
            return Absent(refused=True)
    stat = result.find(row.reference)
    if stat is None:
        if complete:  # else it is a group that the run has not reached yet; the remark above says why
            remarks.append(lacking(result, row.reference, wish.language))
        return Absent()
    remarks += unparsed(result, wish.language)
    return Measured(
        stat,
        result.folder,
        complete,
        stat.percent,
        against=_against(table, row, result, stat, wish.column) if complete else None,
        derived=result.derived,
    )


def _against(table: Table, row: Row, result: Result, stat: Stat, wanted: str) -> Against | None:
    column = column_of(table.columns, result, wanted)
    if not column or not row.published:
        return None
    text = row.published[table.columns.index(column)]
    return against(stat, printable(column), text, percent=stat.percent)


def _titles(runs: Runs) -> list[str]:
    # Two models of one title would be told apart by nothing but their place.
    first = [next(iter(tasks.values())) for tasks in runs.values()]
    titles = [printable(f"{run.title} [{run.apart}]" if run.apart else run.title) for run in first]
    shared = Counter(titles)
    return [t if shared[t] == 1 else f"{t} [{printable(r.run.model)}]" for t, r in zip(titles, first, strict=True)]
