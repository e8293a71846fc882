"""Runs found below the folders that a user names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.run import record


def read_runs(folders: Iterable[Path], places: DataPlaces | None = None) -> list[Run]:
    """Every run below the folders, sorted by path within each; a run that lies below two of them counts once.

    Raises EvalkitError for a folder that does not exist or holds no run, and IncompleteError for a record that cannot
    be read.
    """
    return [run for _, run in _runs_below(folders, places)]


def side_by_side(folders: Iterable[Path], places: DataPlaces | None = None) -> list[Run]:
    """`read_runs`, with `results_folder` set where a model has runs of one task below several folders."""
    pairs = list(_runs_below(folders, places))
    origins: dict[tuple[str, str], set[Path]] = {}
    for folder, run in pairs:
        origins.setdefault((run.record.model.name, run.record.task.name), set()).add(folder)
    repeated = {model for (model, _), origin in origins.items() if len(origin) > 1}
    return [
        run.replaced(results_folder=str(folder)) if run.record.model.name in repeated else run for folder, run in pairs
    ]


def _runs_below(folders: Iterable[Path], places: DataPlaces | None) -> Iterator[tuple[Path, Run]]:
    files = {file.resolve(): (folder, file) for folder in folders for file in _records(folder)}
    for folder, file in files.values():
        yield folder, Run.read(file.parent, places)


def _records(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise EvalkitError(f"there is no results folder {folder}: check the path, or run `evalkit run --out {folder}`")
    files = sorted(folder.rglob(record.FILE))
    if not files:
        raise EvalkitError(f"{folder}: no run.json below it: name a folder that `evalkit run` or `evalkit score` wrote")
    yield from files
