"""The forms in which callers may name tasks, models, cards and runs, turned into typed values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

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


class EvaluatedModel(NamedTuple):
    """A model to evaluate, with its engine if that is not loaded from files."""

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
    single = isinstance(tasks, str | Path | TaskSpec | Mapping)
    named: list[TaskLike] = [] if tasks is None else [tasks] if single else list(tasks)  # type: ignore[list-item,arg-type]
    if card is not None:
        named += load.tasks_of(card)
    if suite:
        named += load.suite(suite)
    files: dict[str, TaskFile] = {}
    for task, file in zip(named, map(task_file, named), strict=True):
        first = files.setdefault(file.spec.name, file)
        if first != file:
            raise EvalkitError(
                f"{task}: another task named here is called {file.spec.name!r}, too; give one of them another name"
            )
    return list(files.values())


def evaluated_model(model: ModelLike, *, name: str = "") -> EvaluatedModel:
    """The model with its engine, under another `name` if one is given. Raises EvalkitError."""
    if isinstance(model, ModelSpec):
        spec, engine = model, None
    elif isinstance(model, str | Path):
        spec, engine = load.model(str(model)), None
    else:
        spec, engine = _function(model)
    return EvaluatedModel(msgspec.structs.replace(spec, name=name) if name else spec, engine)


def _function(function: Callable[..., Any]) -> EvaluatedModel:
    if not callable(function):
        raise EvalkitError(f"model: {type(function).__name__} is no name, path, ModelSpec or function")
    backend = Function.of(function)
    # Replies come one batch at a time; the function may use threads of its own.
    spec = ModelSpec(name=backend.name, backend=backend, batch=Batch(count=FUNCTION_BATCH), workers=0)
    return EvaluatedModel(spec, FunctionEngine(function, backend.name))


def adapted_model(
    model: ModelSpec,
    *,
    blind: bool = False,
    batch: int | None = None,
    workers: int | None = None,
    share_prefix: Literal["auto", "on", "off"] | None = None,
) -> ModelSpec:
    """The model with other scheduling, or blind, which is another model with another name."""
    changes: dict[str, Any] = {}
    if blind and not model.blind:
        title = f"{model.title or model.name} (blind)"
        changes |= {"name": f"{model.name}+blind", "title": title, "blind": True}
    if batch:
        changes["batch"] = msgspec.structs.replace(model.batch, count=batch)
    if workers:
        changes["workers"] = workers
    if share_prefix:
        changes["share_prefix"] = share_prefix
    return msgspec.structs.replace(model, **changes)


def card_spec(card: str | Path | CardSpec) -> CardSpec:
    """The card. Raises EvalkitError, with a suggestion for a typo."""
    return card if isinstance(card, CardSpec) else load.spec(CardSpec, str(card))


def runs_of(runs: RunsLike, places: DataPlaces) -> list[Run]:
    """The runs; below folders, several of one model on one task get the name of their folder beside the model's.

    Raises EvalkitError for a folder without a run.
    """
    items = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    folders = [Path(item) for item in items if not isinstance(item, Run)]
    return [*(item for item in items if isinstance(item, Run)), *side_by_side(folders, places)]
