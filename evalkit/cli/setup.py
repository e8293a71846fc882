"""Folders that several verbs need: those of data and media, of a task file, and of runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run.places import default_places


def data_places(options: argparse.Namespace) -> DataPlaces:
    """Local copies of `--data`, the package's own data and the media cache. Raises EvalkitError for a missing one."""
    missing = next((folder for folder in options.data if not folder.is_dir()), None)
    if missing is not None:
        raise EvalkitError(f"--data {missing}: there is no such folder; name the one that holds the data sets")
    return default_places(data=options.data, cache=options.cache, offline=options.offline)


def task_places(places: DataPlaces, task: str) -> DataPlaces:
    """The places with relative data paths starting from the folder of the task's file."""
    return msgspec.structs.replace(places, folder=load.path(TaskSpec, task).resolve().parent)


def result_folders(folders: Iterable[Path], default: Path) -> list[Path]:
    """The folders that were named, or the default one if it holds a run."""
    return list(folders) or ([default] if any(default.rglob("run.json")) else [])
