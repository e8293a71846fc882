"""What several verbs need from the options: where data lies, and tasks with the folder of their file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import msgspec

from evalkit.data.sources import Places
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run.places import default_places


def places(options: argparse.Namespace) -> Places:
    """Mirrors of `--data`, the package's own data, and the media cache."""
    return default_places(data=options.data, cache=options.cache, offline=options.offline)


def beside(where: Places, task: str) -> Places:
    """The same places, with relative data paths starting from the folder of the task's file."""
    return msgspec.structs.replace(where, folder=load.path(TaskSpec, task).resolve().parent)


def existing(folders: Iterable[Path], default: Path) -> list[Path]:
    """The folders that were named, or the default one if a run lies in it."""
    return list(folders) or ([default] if any(default.rglob("run.json")) else [])
