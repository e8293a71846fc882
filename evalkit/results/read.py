"""Read finished runs back from results folders; a file that is not a run's record is an error, never skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from evalkit.errors import EvalkitError
from evalkit.registry.spec import Reference
from evalkit.results.old_stats import upgraded
from evalkit.run.record import RunRecord
from evalkit.types import Stat, Value

UNASKED = ("replay", "baseline")
"""Backends whose replies the task's prompt and generation settings did not make."""


class Result(Value, frozen=True):
    """One run: the folder it was read from, its record and its numbers; `derived`: a difference of two runs.

    `apart` tells runs of one model from each other that stand side by side: the folder named by the user.
    """

    folder: str
    run: RunRecord
    stats: tuple[Stat, ...]
    derived: bool = False
    apart: str = ""

    @property
    def title(self) -> str:
        """What the model is called in a table."""
        title = self.run.model_spec.get("title")
        return title if isinstance(title, str) and title else self.run.model

    @property
    def column(self) -> str:
        """The model, and what tells its runs apart: equal for all that stand in one column."""
        return f"{self.run.model} [{self.apart}]" if self.apart else self.run.model

    @property
    def generated(self) -> bool:
        """Whether the task's prompt and settings made the replies; how recorded ones were made is not known here."""
        return self.run.identity.get("kind") not in UNASKED

    def find(self, reference: Reference) -> Stat | None:
        """The number that a cell refers to; None where the run has none."""
        metric = reference.metric or self.run.headline
        return next((s for s in self.stats if s.metric == metric and s.where == reference.where), None)


def read_results(folders: Iterable[Path]) -> list[Result]:
    """Every run below the folders, sorted by path within each; a run that lies below two of them counts once.

    Raises EvalkitError for a folder that does not exist or holds no run, and for a record that cannot be read.
    """
    return [result for _, result in _read(folders)]


def side_by_side(folders: Iterable[Path]) -> list[Result]:
    """The same, but where a model has several runs of a task below different folders, each folder is set `apart`."""
    read = list(_read(folders))
    origins: dict[tuple[str, str], set[Path]] = {}
    for folder, result in read:
        origins.setdefault((result.run.model, result.run.task), set()).add(folder)
    several = {model for (model, _), named in origins.items() if len(named) > 1}
    return [
        msgspec.structs.replace(result, apart=str(folder)) if result.run.model in several else result
        for folder, result in read
    ]


def _read(folders: Iterable[Path]) -> Iterator[tuple[Path, Result]]:
    found = {file.resolve(): (folder, file) for folder in folders for file in _records(folder)}
    for folder, file in found.values():
        yield folder, _result(file)


def _records(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise EvalkitError(f"there is no results folder {folder}: check the path, or run `evalkit run --out {folder}`")
    files = sorted(folder.rglob("run.json"))
    if not files:
        raise EvalkitError(f"{folder}: no run.json below it: name a folder that `evalkit run` or `evalkit score` wrote")
    yield from files


def _result(file: Path) -> Result:
    run = _decode(file, RunRecord)
    stats = _decode(file.with_name("stats.json"), tuple[Stat, ...])
    return Result(str(file.parent), run, tuple(upgraded(stat, run.task_spec) for stat in stats))


def _decode(file: Path, kind: Any) -> Any:
    advice = f"recompute it with `evalkit score {file.parent}` or leave the folder out"
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise EvalkitError(f"{file}: cannot be read ({error.strerror}): {advice}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EvalkitError(f"{file}: not a record of this program ({error}): {advice}") from error
