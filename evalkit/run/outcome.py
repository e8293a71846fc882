"""What a run leaves in its folder: its record, scores and numbers, made from the log and replaced whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from evalkit import filenames, text_files
from evalkit.errors import EvalkitError
from evalkit.run import provenance
from evalkit.run.record import RunRecord
from evalkit.types import Score, Stat

RECORD = "run.json"


def folder(out: Path, model: str, task: str) -> Path:
    """`out/<model>/<task>`; characters that a path should not hold become `-`, so ask `earlier` whose it is."""
    return out / filenames.plain(model) / filenames.plain(task)


def earlier(place: Path, *, model: str, task: str, say: Callable[[str], None]) -> dict[str, str]:
    """Where the replies in a run's folder came from: `device` and `dtype`; empty for a new folder.

    Raises EvalkitError where another model or task, whose name becomes the same folder's, has run there.
    """
    found = provenance.recorded(place / RECORD, "model", "task", "device", "dtype", say=say)
    owner = found.pop("model", model), found.pop("task", task)
    if owner != (model, task):
        raise EvalkitError(
            f"{place}: holds model {owner[0]!r} on task {owner[1]!r}, not model {model!r} on task {task!r}; "
            "choose another --out"
        )
    return found


class Outcome(msgspec.Struct, frozen=True):
    """A finished task: its record, scores and stats, and where they lie."""

    record: RunRecord
    scores: tuple[Score, ...]
    stats: tuple[Stat, ...]
    folder: Path

    def write(self) -> Outcome:
        """Replace the three derived files of the run, run.json last: where it stands, the others are its own."""
        text_files.write_lines(self.folder / "scores.jsonl", self.scores)
        text_files.write_json(self.folder / "stats.json", self.stats)
        text_files.write_json(self.folder / RECORD, self.record)
        return self
