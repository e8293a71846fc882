"""A card's layout filled with published numbers and with ours: typed cells that still know where they come from."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from evalkit import digest
from evalkit.report.results import Result
from evalkit.spec import CardSpec, Localized, Row, Table
from evalkit.types import EvalkitError, Stat, Value

OURS = Localized("ours", "本次评测")
REFUSED = Localized(
    "Not shown, incomplete: {run} ({gap}); finish it with the same command, or pass --allow-incomplete.",
    "未显示（运行不完整）：{run}（{gap}）；请用同一命令补全，或使用 --allow-incomplete。",
)
MARKED = Localized("* incomplete: {run} ({gap}).", "* 不完整：{run}（{gap}）。")
GAP = Localized(
    "{answered} of {samples} samples answered, {errors} failed",
    "{samples} 个样本中 {answered} 个有回答，{errors} 个失败",
)
LACKING = Localized("{run} has no {metric}.", "{run} 没有 {metric}。")
MIXED = Localized(
    "{model}: its runs differ in what the model is ({runs}); the column mixes them.",
    "{model}：各次运行的模型并不相同（{runs}），该列混合了它们。",
)


class Published(Value, frozen=True, tag_field="kind", tag="published"):
    """A number as the card prints it."""

    text: str


class Measured(Value, frozen=True, tag_field="kind", tag="measured"):
    """One of our numbers, the folder of its run, and whether that run is complete; `percent`: shown times 100."""

    stat: Stat
    run: str
    complete: bool
    percent: bool


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


def cells(
    card: CardSpec, results: Sequence[Result], *, language: str = "en", allow_incomplete: bool = False
) -> list[FilledTable]:
    """The card's tables with a column for every evaluated model, in the order in which `results` name them.

    An incomplete run leaves its cells empty and says so in a note; allowed, it fills them and the note explains the
    mark. Raises EvalkitError for two runs of one model on one task, and for a row that does not fit its columns.
    """
    runs = _by_model(results)
    return [_filled(card, table, runs, language, allow_incomplete) for table in card.tables]


def notes(tables: Iterable[FilledTable]) -> list[str]:
    """The sentences below the tables, once each; a format without footnotes leaves them to the caller."""
    return list(dict.fromkeys(note for table in tables for note in table.notes))


def printable(text: str) -> str:
    """Text from elsewhere without control characters, line breaks and bidirectional marks."""
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return "".join(c for c in kept if unicodedata.category(c) not in {"Cf", "Cs"}).strip()


def _by_model(results: Sequence[Result]) -> dict[str, dict[str, Result]]:
    runs: dict[str, dict[str, Result]] = {}
    for result in results:
        tasks = runs.setdefault(result.run.model, {})
        other = tasks.setdefault(result.run.task, result)
        if other is not result:
            raise EvalkitError(
                f"model {result.run.model!r} has two runs of task {result.run.task!r}, {other.folder} and "
                f"{result.folder}: leave one of the folders out"
            )
    return runs


def _filled(card: CardSpec, table: Table, runs: Runs, language: str, allow: bool) -> FilledTable:
    remarks: dict[str, None] = {}
    lines = []
    for row in table.rows:
        ours = [_cell(row, tasks, language, allow, remarks) for tasks in runs.values()]
        lines.append(
            Line(
                printable(row.category.get(language)) if row.category else "",
                printable(row.label.get(language)),
                (*_published(card, table, row), *ours),
            )
        )
    shown = {row.reference.task for row in table.rows}
    for model, tasks in runs.items():
        _remark_mixture(model, [tasks[task] for task in tasks if task in shown], language, remarks)
    columns = [Column(printable(title)) for title in table.columns]
    columns += [Column(title, OURS.get(language)) for title in _titles(runs)]
    title = printable(table.title.get(language)) if table.title else table.id
    return FilledTable(table.id, title, tuple(columns), tuple(lines), tuple(remarks))


def _published(card: CardSpec, table: Table, row: Row) -> tuple[Cell, ...]:
    if not row.published:
        return (Absent(),) * len(table.columns)
    if len(row.published) != len(table.columns):
        raise EvalkitError(
            f"card {card.name!r}, table {table.id!r}, row {row.label.en!r}: {len(row.published)} published numbers "
            f"for {len(table.columns)} columns: give one per column"
        )
    return tuple(Published(text) for text in row.published)


def _cell(row: Row, tasks: Mapping[str, Result], language: str, allow: bool, remarks: dict[str, None]) -> Cell:
    result = tasks.get(row.reference.task)
    if result is None:
        return Absent()
    run = printable(f"{result.run.model} / {result.run.task}")
    if not result.run.complete:
        note = MARKED if allow else REFUSED
        remarks[note.get(language).format(run=run, gap=_gap(result, language))] = None
        if not allow:
            return Absent(refused=True)
    stat = result.find(row.reference)
    if stat is None and not result.run.complete:
        return Absent()  # a group that the run has not reached yet; the note above says why
    if stat is None:
        wanted = ", ".join([row.reference.metric or result.run.headline, *row.reference.where.values()])
        remarks[LACKING.get(language).format(run=run, metric=printable(wanted))] = None
        return Absent()
    return Measured(stat, result.folder, result.run.complete, result.percent(stat))


def _gap(result: Result, language: str) -> str:
    counts = result.run.counts
    text = GAP.get(language).format(answered=counts.answered, samples=counts.samples, errors=counts.errors)
    return f"{text}, limit {printable(result.run.limit)}" if result.run.limit else text


def _remark_mixture(model: str, results: Sequence[Result], language: str, remarks: dict[str, None]) -> None:
    first: dict[tuple[str, str, str], str] = {}
    for result in results:
        run = result.run
        first.setdefault((digest.of(run.identity), run.dtype, run.device), f"{run.task}: {run.dtype} {run.device}")
    if len(first) > 1:
        text = MIXED.get(language).format(model=printable(model), runs=printable("; ".join(first.values())))
        remarks[text] = None


def _titles(runs: Runs) -> list[str]:
    # Two models of one title would be told apart by nothing but their place.
    titles = {model: printable(next(iter(tasks.values())).title) for model, tasks in runs.items()}
    shared = Counter(titles.values())
    return [title if shared[title] == 1 else f"{title} [{printable(model)}]" for model, title in titles.items()]
