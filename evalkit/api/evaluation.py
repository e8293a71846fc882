"""Models on tasks: each task runs to its end, whatever happens to the others, in one process or in many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from evalkit.api.inputs import (
    EvaluatedModel,
    ModelLike,
    TaskFile,
    TaskLike,
    adapted_model,
    card_spec,
    evaluated_model,
    task_files,
)
from evalkit.data.sources.memory import Rows
from evalkit.errors import EvalkitError, EvaluationError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.results.run import Run
from evalkit.run import runner, torchrun
from evalkit.run.judge import Judge
from evalkit.run.outcome import Outcome
from evalkit.run.places import default_cache, default_places
from evalkit.run.prepare import TaskSettings, prepare
from evalkit.run.progress import CallbackProgress, Progress, ProgressEvent, SilentProgress, TerminalProgress
from evalkit.run.ray import RayExecutor
from evalkit.run.session import Session
from evalkit.run.torchrun import Launch, RankGroup, RankReport

ExecutorName: TypeAlias = Literal["local", "ray"]
Step: TypeAlias = Callable[[], Outcome]


class Failure(NamedTuple):
    """A task that ended with an error."""

    model: str
    task: str
    error: EvalkitError


class EvaluationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an evaluation beside its models and tasks; see `evaluate` for the fields."""

    out: Path
    cache: Path
    progress: Progress
    data: tuple[Path, ...] = ()
    offline: bool = False
    limit: int | float | None = None
    annotations: Path | None = None
    rows: Rows | None = None
    judge: Judge | None = None
    device: str = ""
    executor: ExecutorName = "local"
    actors: int | None = None
    launch: Launch = Launch()
    argv: tuple[str, ...] = ()


def evaluate(
    model: ModelLike,
    tasks: TaskLike | Sequence[TaskLike] | None = None,
    *,
    card: str | Path | CardSpec | None = None,
    suite: str = "",
    name: str = "",
    limit: int | float | None = None,
    out: str | Path = "results",
    data: Iterable[str | Path] = (),
    rows: Rows | None = None,
    annotations: str | Path | None = None,
    judge: str | None = None,
    device: str = "",
    cache: str | Path | None = None,
    offline: bool = False,
    batch: int | None = None,
    blind: bool = False,
    progress: Callable[[ProgressEvent], None] | bool = True,
) -> list[Run]:
    """Run a model on tasks and return a finished run for each, in the order of the tasks.

    Requests that the log in `out` answers are not executed again. `card` or `suite` may stand for their tasks.
    `rows` (dicts, a `datasets.Dataset` or a DataFrame) or the file `annotations` stand in for the source of one task.
    `limit` is a number of samples or a share in (0, 1) of each task; `data` are folders with copies of data sets;
    `blind` leaves pictures and videos out; `batch` is the number of requests at a time; `judge` names a model that
    reads replies which the rule cannot read. `progress`: True reports on stderr, False not at all, a function is
    called with every event.

    Raises EvaluationError at the end where tasks failed; its `runs` are those that did not. A run whose samples failed
    in part is returned, with `record.complete` False.
    """
    layout = None if card is None else card_spec(card)
    files = task_files(tasks, card=layout, suite=suite)
    if not files:
        raise EvalkitError("name the tasks: tasks=[...], card=... or suite=...")
    evaluated = evaluated_model(model, name=name)
    spec = adapted_model(evaluated.spec, blind=blind, batch=batch)
    folder = default_cache() if cache is None else Path(cache)
    settings = EvaluationSettings(
        out=Path(out),
        cache=folder,
        progress=reporter(progress),
        data=tuple(map(Path, data)),
        offline=offline,
        limit=limit,
        annotations=None if annotations is None else Path(annotations),
        rows=rows,
        judge=judge_model(judge, device=device, cache=folder) if judge else None,
        device=device,
    )
    results = list(run_models([EvaluatedModel(spec, evaluated.engine)], files, settings))
    runs = [result for result in results if isinstance(result, Run)]
    failures = [result for result in results if isinstance(result, Failure)]
    if failures:
        raise EvaluationError(failures, runs)
    return runs


def reporter(progress: Callable[[ProgressEvent], None] | bool) -> Progress:
    """The reporter that an argument of `evaluate` names."""
    if isinstance(progress, bool):
        return TerminalProgress(colour=False) if progress else SilentProgress()
    return CallbackProgress(progress)


def judge_model(name: str, *, device: str, cache: Path, everything: bool = False) -> Judge:
    """The judge of that model; it loads when a reply needs it. Raises EvalkitError."""
    session = Session(load.model(name), device=device, cache=cache)
    return Judge(
        name=session.model.name,
        identity=session.identity,
        everything=everything,
        model=session.model,
        engine=session.engine,
    )


def run_models(
    models: Sequence[EvaluatedModel], tasks: Sequence[TaskFile], settings: EvaluationSettings
) -> Iterator[Run | Failure]:
    """Every model on every task, one after the other; of several ranks only the first one yields anything."""
    _check(models, tasks, settings)
    device, rank_group = settings.device, None
    if settings.launch.size > 1:
        # Before the ranks meet: a rank without a device ends at once, and keeps no other waiting.
        device = torchrun.device_of(settings.launch.local_rank, name=settings.device)
        rank_group = torchrun.join(attempt=settings.launch.attempt)
    for number, (spec, engine) in enumerate(models):
        session = Session(spec, engine=engine, device=device, cache=settings.cache)
        yield from _run_model(session, tasks, settings, rank_group=rank_group, first=number * len(tasks))


def _check(models: Sequence[EvaluatedModel], tasks: Sequence[TaskFile], settings: EvaluationSettings) -> None:
    """Raises EvalkitError for settings that contradict each other."""
    if len(tasks) != 1 and (settings.annotations or settings.rows is not None):
        option = "--annotations replaces" if settings.annotations else "rows replace"
        raise EvalkitError(f"{option} the data file of one task; name exactly one --task")
    if settings.executor != "ray":
        if settings.actors:
            raise EvalkitError("--actors counts the workers of --executor ray; add that or leave --actors away")
        return
    if settings.launch.size > 1:
        raise EvalkitError(
            "--executor ray starts workers of its own; call it once, without torchrun or accelerate launch"
        )
    if settings.judge:
        raise EvalkitError("--executor ray has no worker for a judge; run without, then `evalkit score --judge MODEL`")
    if ":" in settings.device:
        raise EvalkitError(f"--device {settings.device} names one device of one machine; ray gives each worker its own")
    if any(engine is not None for _, engine in models):
        raise EvalkitError("--executor ray cannot send a Python function to its workers; run it in this process")


def _run_model(
    session: Session,
    tasks: Sequence[TaskFile],
    settings: EvaluationSettings,
    *,
    rank_group: RankGroup | None,
    first: int,
) -> Iterator[Run | Failure]:
    pairs = [(task, _task_settings(task, settings)) for task in tasks]
    with closing(RayExecutor(actors=settings.actors)) as ray_executor:
        if rank_group is None:
            execute = ray_executor if settings.executor == "ray" else None
            steps: list[Step] = [partial(runner.run, session, task.spec, s, execute=execute) for task, s in pairs]
        else:
            steps = _rank_steps(session, pairs, rank_group, first=first)
        # Ranks other than the first have no steps left: their part is done.
        for step, (task, task_settings) in zip(steps, pairs, strict=False):
            try:
                yield Run.of(step(), task.spec, task_settings.places)
            except EvalkitError as error:
                settings.progress.failed(f"{session.model.name} on {task.spec.name}", error)
                yield Failure(session.model.name, task.spec.name, error)


def _task_settings(task: TaskFile, settings: EvaluationSettings) -> TaskSettings:
    places = default_places(data=settings.data, cache=settings.cache, offline=settings.offline)
    return TaskSettings(
        out=settings.out,
        places=msgspec.structs.replace(places, folder=task.folder),
        progress=settings.progress,
        limit=settings.limit,
        argv=settings.argv,
        annotations=settings.annotations,
        rows=settings.rows,
        judge=settings.judge,
    )


def _rank_steps(
    session: Session, tasks: Sequence[tuple[TaskFile, TaskSettings]], rank_group: RankGroup, *, first: int
) -> list[Step]:
    """Execute this rank's part of every task; return the steps that finish the tasks, on the first rank only.

    An error in the preparation of a task occurs on every rank, and the first one reports it.
    """
    steps: list[Step] = []
    for number, (task, settings) in enumerate(tasks, start=first):
        try:
            prepared = prepare(session, task.spec, settings)
        except EvalkitError as error:
            rank_group.report(number, RankReport())
            steps.append(partial(_raise, error))
            continue
        remaining = torchrun.execute_claims(session, prepared, rank_group=rank_group, number=number)
        finish = partial(runner.finish_for_ranks, rank_group=rank_group, number=number)
        steps.append(partial(finish, session, prepared, remaining))
    return [] if rank_group.rank else steps


def _raise(error: EvalkitError) -> Outcome:
    raise error
