"""A finished task as its run's folder keeps it: record, scores and numbers, made from the log and replaced whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from evalkit import filenames, text_files
from evalkit.errors import EvalkitError
from evalkit.run import record
from evalkit.run.dataset import Dataset
from evalkit.run.record import RunRecord
from evalkit.types import Score, Stat


def folder(out: Path, model: str, task: str) -> Path:
    """`out/<model>/<task>`; characters that a path should not hold become `-`, so ask `earlier` whose it is."""
    return out / filenames.safe_name(model) / filenames.safe_name(task)


def earlier(place: Path, *, model: str, task: str, say: Callable[[str], None]) -> RunRecord | None:
    """The record that the folder holds of an earlier run; None for a new folder, and for a damaged record, told.

    Raises EvalkitError where another model or task, whose name becomes the same folder's, has run there.
    """
    if not (place / record.FILE).exists():
        return None
    try:
        found = record.read(place)
    except EvalkitError as error:
        say(f"{error}; the device of earlier replies is unknown, and the record is replaced")
        return None
    owner = found.model.name, found.task.name
    if owner != (model, task):
        raise EvalkitError(
            f"{place}: holds model {owner[0]!r} on task {owner[1]!r}, not model {model!r} on task {task!r}; "
            "choose another --out"
        )
    return found


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished task, the folder where it lies and the data it was scored on.

    `calls` and `seconds` are of this command alone, those of the record of all commands; a rescore has neither.
    """

    record: RunRecord
    scores: tuple[Score, ...]
    stats: tuple[Stat, ...]
    folder: Path
    dataset: Dataset
    calls: int = 0
    seconds: float = 0.0

    def write(self) -> Outcome:
        """Replace the three derived files of the run, run.json last: where it stands, the others are its own."""
        text_files.write_lines(self.folder / "scores.jsonl", self.scores)
        text_files.write_json(self.folder / "stats.json", self.stats)
        text_files.write_json(self.folder / record.FILE, self.record)
        return self
