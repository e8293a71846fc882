"""Fill a card's layout with its published numbers and with those of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Row, Table
from evalkit.reporting.run_notes import incomplete_note, missing_number_note, mixed_models_notes, unparsed_notes
from evalkit.reporting.table import Absent, CardTable, Cell, Column, Measured, Published, TableRow
from evalkit.results.published import PublishedDifference, check_column, column_of, published_difference
from evalkit.results.run import Run
from evalkit.safe_text import printable
from evalkit.types import Stat

OURS = Localized("ours", "本次评测")

TaskRuns: TypeAlias = Mapping[str, Run]
"""One model's runs by task."""


class FillOptions(NamedTuple):
    """The language, whether incomplete runs fill cells, and the published column to compare with ("": by name)."""

    language: str
    allow_incomplete: bool
    column: str


def card_tables(
    card: CardSpec,
    runs: Sequence[Run],
    *,
    language: str = "en",
    allow_incomplete: bool = False,
    column: str = "",
) -> list[CardTable]:
    """Return the card's tables with a column for every evaluated model, in the order of `runs`.

    Ours are compared with the published `column`, by default the one of the model's own name. An incomplete run leaves
    its cells empty and a note says so; with `allow_incomplete` it fills them, and the note explains their mark. Raises
    EvalkitError for two runs of one model on one task, for a row whose published numbers are not one per column, and
    for an unknown `column`.
    """
    if column:
        check_column(card, column)
    models = _by_model(runs)
    options = FillOptions(language, allow_incomplete, column)
    return [_table(card, layout, models, options) for layout in card.tables]


def model_title(run: Run) -> str:
    """The title of a run's model, with its results folder where several runs of the model are shown."""
    return f"{run.title} [{run.results_folder}]" if run.results_folder else run.title


def _by_model(runs: Sequence[Run]) -> dict[str, dict[str, Run]]:
    models: dict[str, dict[str, Run]] = {}
    for run in runs:
        tasks = models.setdefault(run.column, {})
        other = tasks.setdefault(run.record.task.name, run)
        if other is not run:
            raise EvalkitError(
                f"model {run.record.model.name!r} has two runs of task {run.record.task.name!r}, {other.folder} "
                f"and {run.folder}: leave one of the folders out"
            )
    return models


def _table(card: CardSpec, layout: Table, models: Mapping[str, TaskRuns], options: FillOptions) -> CardTable:
    language = options.language
    rows, notes = [], []
    for row in layout.rows:
        cells = []
        for task_runs in models.values():
            run = task_runs.get(row.reference.task)
            cells.append(Absent() if run is None else _cell(layout, row, run, options))
            notes += [] if run is None else _cell_notes(row, run, cells[-1], options)
        category = printable(row.category.get(language)) if row.category else ""
        label = printable(row.label.get(language))
        rows.append(TableRow(category, label, (*_published_cells(card, layout, row), *cells)))
    tasks = {row.reference.task for row in layout.rows}
    for model, runs in models.items():
        notes += mixed_models_notes(model, [runs[task] for task in runs if task in tasks], language)
    columns = [Column(printable(title)) for title in layout.columns]
    columns += [Column(title, OURS.get(language)) for title in _column_titles(models)]
    title = printable(layout.title.get(language)) if layout.title else layout.id
    return CardTable(layout.id, title, tuple(columns), tuple(rows), tuple(dict.fromkeys(notes)))


def _published_cells(card: CardSpec, layout: Table, row: Row) -> tuple[Cell, ...]:
    if not row.published:
        return (Absent(),) * len(layout.columns)
    if len(row.published) != len(layout.columns):
        raise EvalkitError(
            f"card {card.name!r}, table {layout.id!r}, row {row.label.en!r}: {len(row.published)} published numbers "
            f"for {len(layout.columns)} columns: give one per column"
        )
    return tuple(Published(text) for text in row.published)


def _cell(layout: Table, row: Row, run: Run, options: FillOptions) -> Cell:
    complete = run.record.complete
    if not (complete or options.allow_incomplete):
        return Absent(refused=True)
    stat = run.find(row.reference)
    if stat is None:
        return Absent()
    return Measured(
        stat,
        str(run.folder),
        complete,
        stat.percent,
        against=_against(layout, row, run, stat, options.column) if complete else None,
        derived=run.derived,
    )


def _against(layout: Table, row: Row, run: Run, stat: Stat, wanted: str) -> PublishedDifference | None:
    column = column_of(layout.columns, run, wanted)
    if not column or not row.published:
        return None
    text = row.published[layout.columns.index(column)]
    return published_difference(stat, printable(column), text, percent=stat.percent)


def _cell_notes(row: Row, run: Run, cell: Cell, options: FillOptions) -> list[str]:
    language = options.language
    notes = []
    if not run.record.complete:
        notes.append(incomplete_note(run, language, marked=options.allow_incomplete))
    if isinstance(cell, Measured):
        notes += unparsed_notes(run, language)
    elif run.record.complete:  # an incomplete run may not have reached the group yet
        notes.append(missing_number_note(run, row.reference, language))
    return notes


def _column_titles(models: Mapping[str, TaskRuns]) -> list[str]:
    # Models that share a title get their names behind it.
    runs = [next(iter(tasks.values())) for tasks in models.values()]
    titles = [printable(model_title(run)) for run in runs]
    counts = Counter(titles)
    pairs = zip(titles, runs, strict=True)
    return [f"{title} [{printable(run.record.model.name)}]" if counts[title] > 1 else title for title, run in pairs]
