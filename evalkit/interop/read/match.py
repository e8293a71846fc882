"""Whose reply is this: another tool's rows matched to our samples, and proven on questions and golds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evalkit.data.filters import keeps
from evalkit.data.sources import Places, annotated
from evalkit.errors import CellError, ForeignFileError
from evalkit.interop.read.foreign import Foreign, ForeignReply
from evalkit.registry.spec import TaskSpec
from evalkit.types import Sample

AGREEMENT = 0.9
"""Share of rows whose question or gold must be ours: below it the rows are another data set's, or in another order."""


class Matched(NamedTuple):
    """Replies by sample id; `how` says which cells told whose they are, `strangers` are numbers that no sample has.

    Of `comparable` rows, which bring a question or gold along, `agreeing` have that of our sample.
    """

    replies: dict[str, str]
    how: str
    strangers: tuple[str, ...]
    comparable: int
    agreeing: int

    def sentence(self, foreign: Foreign) -> str:
        """What was read as what, for stderr."""
        proof = f"; {self.agreeing} of {self.comparable} questions or golds are ours" if self.comparable else ""
        lost = f"; {len(self.strangers)} match no sample, first {self.strangers[0]}" if self.strangers else ""
        return f"read as {foreign.tool}: {self.how}{proof}{lost}"


def positions(task: TaskSpec, places: Places, annotations: Path | None = None) -> list[int]:
    """Positions of the rows that count in the data set's split, in the order of `dataset.load`'s samples."""
    table = annotated(annotations, places.media_cache) if annotations else task.source.open(places)
    needed = {task.keep.column, task.keep.column.partition(".")[0]} if task.keep else set()
    missing = task.columns.missing
    return [row["row"] for row in table.rows(needed) if task.keep is None or keeps(task.keep, row, missing)]


def match(foreign: Foreign, task: TaskSpec, samples: Sequence[Sample], rows: Sequence[int]) -> Matched:
    """Replies by sample id: by the task's id columns where the file has them, else by number, else by row.

    `rows` are the samples' positions in the split. Raises ForeignFileError where questions or golds are not ours, and
    where a sample has two replies.
    """
    known = {sample.id: sample for sample in samples}
    keys, how = _keys(foreign, task, known, dict(zip(rows, samples, strict=True)))
    pairs = list(zip(keys, foreign.replies, strict=True))
    replies: dict[str, str] = {}
    for key, reply in pairs:
        if key is not None and replies.setdefault(key, reply.text) != reply.text:
            raise ForeignFileError(
                f"{task.name}: sample {key} has two different replies, the second is {foreign.numbering}"
                f" {reply.number}; keep one row for each"
            )
    verdicts = [_same(reply, known[key], task) for key, reply in pairs if key is not None]
    compared = [verdict for verdict in verdicts if verdict is not None]
    strangers = tuple(reply.number for key, reply in pairs if key is None)
    found = Matched(replies, how, strangers, len(compared), sum(compared))
    if compared and found.agreeing < AGREEMENT * len(compared):
        raise ForeignFileError(
            f"{task.name}: {found.sentence(foreign)}, so these replies answer other questions, or in another order; "
            "give a file with the columns of the task's id"
        )
    return found


def _keys(
    foreign: Foreign, task: TaskSpec, known: Mapping[str, Sample], by_row: Mapping[int, Sample]
) -> tuple[list[str | None], str]:
    names = ", ".join(task.columns.names()["id"])
    told = [_identity(task, reply) for reply in foreign.replies]
    if sum(key in known for key in told) > len(told) / 2:
        return [key if key in known else None for key in told], f"the sample is told by its {names}"
    numbers = [reply.number for reply in foreign.replies]
    if sum(number in known for number in numbers) > len(numbers) / 2:
        return [n if n in known else None for n in numbers], f"{foreign.numbering} is the sample's {names}"
    if len(by_row) < max(by_row, default=-1) + 1 and set(map(_number, numbers)) == set(range(len(by_row))):
        by_row = dict(enumerate(by_row.values()))
        how = f"{foreign.numbering} is the row number among the rows that count"
    else:
        how = f"{foreign.numbering} is the row number of the data set"
    return [by_row[n].id if (n := _number(number)) in by_row else None for number in numbers], how


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _identity(task: TaskSpec, reply: ForeignReply) -> str | None:
    """The sample's id as its columns make it, "" where the row lacks them."""
    if any(name not in reply.cells for name in task.columns.names()["id"]):
        return None
    try:
        return task.columns.identity(reply.cells)
    except CellError:
        return None


def _same(reply: ForeignReply, sample: Sample, task: TaskSpec) -> bool | None:
    """Whether the row's question is the sample's, else its gold; None where it brings neither."""
    name = task.columns.question
    theirs = reply.cells.get(name if isinstance(name, str) else "question")
    if isinstance(theirs, str) and theirs.strip() and sample.question:
        return _folded(theirs) == _folded(sample.question)
    gold = reply.cells.get("target")
    if not isinstance(gold, str | int) or not sample.answers or str(gold).startswith("["):
        return None
    return _folded(str(gold)) in _golds(sample)


def _golds(sample: Sample) -> set[str]:
    """Every way to write the gold: its text, and for an option also its letter, its number from 0 and its text."""
    forms = set(sample.answers)
    for answer in sample.answers:
        number = ord(answer) - ord("A") if len(answer) == 1 else -1
        if 0 <= number < len(sample.choices):
            forms |= {str(number), f"({answer})", sample.choices[number]}
    return {_folded(form) for form in forms}


def _folded(text: str) -> str:
    return " ".join(text.lower().split())
