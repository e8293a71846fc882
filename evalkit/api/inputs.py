"""What callers may give as tasks, models and cards, as specs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from evalkit.backends.engine import Engine
from evalkit.backends.function import Function, FunctionEngine, ModelFunction
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.spec import Batch, CardSpec, ModelSpec, TaskSpec
from evalkit.results.folders import side_by_side
from evalkit.results.run import Run

TaskLike: TypeAlias = "str | Path | TaskSpec | Mapping[str, Any]"
"""A registered name, the path of a YAML file, a spec, or the mapping that a YAML file would hold."""
ModelLike: TypeAlias = "str | Path | ModelSpec | ModelFunction"
"""A registered name, the path of a YAML file or of a checkpoint's folder, a hub id, a spec, or a function."""
RunsLike: TypeAlias = "str | Path | Run | Iterable[str | Path | Run]"
"""Runs, or folders that hold runs at any depth."""
FUNCTION_BATCH = 32


class TaskFile(NamedTuple):
    """A task, and the folder from which its relative data paths start."""

    spec: TaskSpec
    folder: Path


class Subject(NamedTuple):
    """A model to be asked, and the engine of one that is not loaded from files."""

    spec: ModelSpec
    engine: Engine[Any] | None = None


def task_file(task: TaskLike) -> TaskFile:
    """The task with its folder. Raises EvalkitError, with a suggestion for a typo."""
    if isinstance(task, TaskSpec):
        return TaskFile(task, Path.cwd())
    if isinstance(task, Mapping):
        try:
            return TaskFile(msgspec.convert(task, TaskSpec), Path.cwd())
        except msgspec.ValidationError as error:
            raise EvalkitError(f"task {task.get('name', '')}: {error}; write it as a task file is written") from error
    name = str(task)
    return TaskFile(load.spec(TaskSpec, name), load.path(TaskSpec, name).resolve().parent)


def task_files(
    tasks: TaskLike | Sequence[TaskLike] | None, *, card: CardSpec | None = None, suite: str = ""
) -> list[TaskFile]:
    """The tasks named, those of a card's rows and those of a suite, each once. Raises EvalkitError."""
    one = isinstance(tasks, str | Path | TaskSpec | Mapping)
    named: list[TaskLike] = [] if tasks is None else [tasks] if one else list(tasks)  # type: ignore[list-item,arg-type]
    if card is not None:
        named += load.tasks_of(card)
    if suite:
        named += load.suite(suite)
    files = {file.spec.name: file for file in map(task_file, named)}
    return list(files.values())


def subject(model: ModelLike, *, name: str = "") -> Subject:
    """The model to be asked, under another `name` where one is given. Raises EvalkitError."""
    if isinstance(model, ModelSpec):
        found = Subject(model)
    elif isinstance(model, str | Path):
        found = Subject(load.model(str(model)))
    else:
        found = _function(model)
    return Subject(msgspec.structs.replace(found.spec, name=name), found.engine) if name else found


def _function(function: Callable[..., Any]) -> Subject:
    if not callable(function):
        raise EvalkitError(f"model: {type(function).__name__} is no name, path, ModelSpec or function")
    backend = Function.of(function)
    # Replies come one batch at a time; the function may use threads of its own.
    spec = ModelSpec(name=backend.name, backend=backend, batch=Batch(count=FUNCTION_BATCH), workers=0)
    return Subject(spec, FunctionEngine(function, backend.name))


def card_spec(card: str | Path | CardSpec) -> CardSpec:
    """The card. Raises EvalkitError, with a suggestion for a typo."""
    return card if isinstance(card, CardSpec) else load.spec(CardSpec, str(card))


def runs_of(runs: RunsLike, places: DataPlaces) -> list[Run]:
    """The runs; below folders, those of one model on one task are told apart by the folder's name.

    Raises EvalkitError for a folder without a run.
    """
    several = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    folders = [Path(item) for item in several if not isinstance(item, Run)]
    return [*(item for item in several if isinstance(item, Run)), *side_by_side(folders, places)]
