"""Match another tool's rows to the samples of a task, and check by questions and golds that the match is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evalkit.data.sources import DataPlaces, Rows
from evalkit.errors import CellError, ForeignFileError
from evalkit.interop.read.predictions import PredictionFile, PredictionRow
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset
from evalkit.types import Sample

AGREEMENT = 0.9
"""The least share of rows with the question or gold of their sample; below it they are of other data or misplaced."""


class SampleMatch(NamedTuple):
    """Replies by sample id, and the evidence that they answer these samples.

    how: a phrase that says how rows were matched. unmatched: the numbers of the rows without a sample. `comparable`
    rows have a question or a gold, and `agreeing` of them have that of their sample.
    """

    replies: dict[str, str]
    how: str
    unmatched: tuple[str, ...]
    comparable: int
    agreeing: int

    def summary(self, file: PredictionFile) -> str:
        """One sentence on how the file was read and matched."""
        agreement = f"; {self.agreeing} of {self.comparable} questions or golds agree" if self.comparable else ""
        rest = f"; {len(self.unmatched)} match no sample, first {self.unmatched[0]}" if self.unmatched else ""
        return f"read as {file.tool}: {self.how}{agreement}{rest}"


def row_positions(
    task: TaskSpec, places: DataPlaces, annotations: Path | None = None, rows: Rows | None = None
) -> list[int]:
    """The position of each sample's row in the data set's split, in the order of `dataset.load`."""
    table = dataset.open_table(task, places, annotations=annotations, rows=rows)
    return [position for position, _ in dataset.kept_rows(task, table)]


def match_samples(
    file: PredictionFile, task: TaskSpec, samples: Sequence[Sample], positions: Sequence[int]
) -> SampleMatch:
    """Match rows by the task's id columns if the file has them, else by number as a sample id or as a row position.

    `positions` are those of the samples in the split. Raises ForeignFileError if questions or golds differ from
    the samples', and if a sample has two replies.
    """
    by_id = {sample.id: sample for sample in samples}
    ids, how = _sample_ids(file, task, by_id, dict(zip(positions, samples, strict=True)))
    pairs = list(zip(ids, file.rows, strict=True))
    replies: dict[str, str] = {}
    for sample_id, row in pairs:
        if sample_id is not None and replies.setdefault(sample_id, row.text) != row.text:
            raise ForeignFileError(
                f"{task.name}: sample {sample_id} has two different replies, the second is {file.numbering}"
                f" {row.number}; keep one row for each"
            )
    checks = [_agrees(row, by_id[sample_id], task) for sample_id, row in pairs if sample_id is not None]
    comparable = [agrees for agrees in checks if agrees is not None]
    unmatched = tuple(row.number for sample_id, row in pairs if sample_id is None)
    match = SampleMatch(replies, how, unmatched, len(comparable), sum(comparable))
    if comparable and match.agreeing < AGREEMENT * len(comparable):
        raise ForeignFileError(
            f"{task.name}: {match.summary(file)}, so these replies answer other questions, or in another order; "
            "give a file with the task's id columns"
        )
    return match


def _sample_ids(
    file: PredictionFile, task: TaskSpec, by_id: Mapping[str, Sample], by_position: Mapping[int, Sample]
) -> tuple[list[str | None], str]:
    """The sample id of each row, None where there is none, and a phrase that says how rows were matched."""
    columns = ", ".join(task.columns.column_names()["id"])
    ids = [_id_from_columns(row, task) for row in file.rows]
    if sum(name in by_id for name in ids) > len(ids) / 2:
        return [name if name in by_id else None for name in ids], f"rows are matched by the sample's {columns}"
    numbers = [row.number for row in file.rows]
    if sum(number in by_id for number in numbers) > len(numbers) / 2:
        return [n if n in by_id else None for n in numbers], f"{file.numbering} is the sample's {columns}"
    indices = [int(number) if number.isdecimal() else -1 for number in numbers]
    if len(by_position) < max(by_position, default=-1) + 1 and set(indices) == set(range(len(by_position))):
        by_position = dict(enumerate(by_position.values()))
        how = f"{file.numbering} is the row number among the rows that the task keeps"
    else:
        how = f"{file.numbering} is the row number in the data set"
    return [by_position[n].id if n in by_position else None for n in indices], how


def _id_from_columns(row: PredictionRow, task: TaskSpec) -> str | None:
    """The sample's id as the task's columns make it; None where the row lacks one of them."""
    if any(name not in row.values for name in task.columns.column_names()["id"]):
        return None
    try:
        return task.columns.sample_id(row.values)
    except CellError:
        return None


def _agrees(row: PredictionRow, sample: Sample, task: TaskSpec) -> bool | None:
    """True if the row's question, or else its gold, is the sample's; None where the row has neither."""
    column = task.columns.question
    question = row.values.get(column if isinstance(column, str) else "question")
    if isinstance(question, str) and question.strip() and sample.question:
        return _normalize(question) == _normalize(sample.question)
    gold = row.values.get("target")
    if not isinstance(gold, str | int) or not sample.answers or str(gold).startswith("["):
        return None
    return _normalize(str(gold)) in _gold_spellings(sample)


def _gold_spellings(sample: Sample) -> set[str]:
    """The gold in every spelling: its text, and for an option also its letter, its number from 0 and its text."""
    spellings = set(sample.answers)
    for answer in sample.answers:
        number = ord(answer) - ord("A") if len(answer) == 1 else -1
        if 0 <= number < len(sample.choices):
            spellings |= {str(number), f"({answer})", sample.choices[number]}
    return {_normalize(text) for text in spellings}


def _normalize(text: str) -> str:
    return " ".join(text.lower().split())
