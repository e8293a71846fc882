"""A finished task in its run's folder: record, scores and stats, made from the log and replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from evalkit import digest, filenames, text_files
from evalkit.errors import EvalkitError
from evalkit.run import record
from evalkit.run.dataset import Dataset
from evalkit.run.record import RunRecord
from evalkit.types import Score, Stat


def folder(out: Path, model: str, task: str) -> Path:
    """`out/<model>/<task>`; characters unfit for a path become `-`, so `earlier_record` checks whose folder it is."""
    return out / filenames.safe_name(model) / filenames.safe_name(task)


def earlier_record(
    folder: Path, *, model: str, identity: Mapping[str, object], task: str, say: Callable[[str], None]
) -> RunRecord | None:
    """The record of an earlier run in the folder; None for a new folder, and after a sentence for a damaged record.

    Raises EvalkitError where another model or task, whose name becomes the same folder's, has run there: a model of
    the same name with other weights or settings is another one, and would replace its numbers.
    """
    if not (folder / record.FILE).exists():
        return None
    try:
        earlier = record.read_record(folder)
    except EvalkitError as error:
        say(f"{error}; the device of earlier replies is unknown, and the record is replaced")
        return None
    owner = earlier.model.name, earlier.task.name
    if owner != (model, task):
        raise EvalkitError(
            f"{folder}: holds model {owner[0]!r} on task {owner[1]!r}, not model {model!r} on task {task!r}; "
            "choose another --out"
        )
    if earlier.model.digest != digest.of(identity):
        before = earlier.model.identity
        names = [name for name in dict.fromkeys([*before, *identity]) if before.get(name) != identity.get(name)]
        raise EvalkitError(
            f"{folder}: holds another model called {model!r}, which differs in {', '.join(names) or 'its identity'}; "
            "give this one a name of its own by --name, or choose another --out"
        )
    return earlier


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished task, the folder of its run and the data it was scored on.

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
        """Replace the three derived files of the run, run.json last: where it exists, the others belong to it."""
        text_files.write_lines(self.folder / "scores.jsonl", self.scores)
        text_files.write_json(self.folder / "stats.json", self.stats)
        text_files.write_json(self.folder / record.FILE, self.record)
        return self
