"""Models on tasks: each task is brought to its end, whatever happens to the others, by one process or by many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from evalkit.api.inputs import ModelLike, Subject, TaskFile, TaskLike, card_spec, subject, task_files
from evalkit.data.sources.memory import Rows
from evalkit.errors import EvalkitError, EvaluationError
from evalkit.registry import load
from evalkit.registry.spec import CardSpec, ModelSpec
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

Executor: TypeAlias = Literal["local", "ray"]
Step: TypeAlias = Callable[[], Outcome]


class Failure(NamedTuple):
    """A task that did not come to its end."""

    model: str
    task: str
    error: EvalkitError


class EvaluationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How models are run on tasks: all that is not a model or a task; see `evaluate` for the fields."""

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
    executor: Executor = "local"
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

    What the log in `out` holds already is not asked again. `tasks` may be left out for those of a `card` or `suite`.
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
    asked = subject(model, name=name)
    spec = adapted(asked.spec, blind=blind, batch=batch)
    folder = default_cache() if cache is None else Path(cache)
    plan = EvaluationSettings(
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
    results = list(run_models([Subject(spec, asked.engine)], files, plan))
    runs = [result for result in results if isinstance(result, Run)]
    failures = [result for result in results if isinstance(result, Failure)]
    if failures:
        raise EvaluationError(failures, runs)
    return runs


def reporter(progress: Callable[[ProgressEvent], None] | bool) -> Progress:
    """The reporter that `evaluate` was asked for."""
    if isinstance(progress, bool):
        return TerminalProgress(colour=False) if progress else SilentProgress()
    return CallbackProgress(progress)


def adapted(
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


def judge_model(name: str, *, device: str, cache: Path, everything: bool = False) -> Judge:
    """A model that reads what rules cannot; it loads when a reply needs it. Raises EvalkitError."""
    session = Session(load.model(name), device=device, cache=cache)
    return Judge(
        name=session.model.name,
        identity=session.identity,
        everything=everything,
        model=session.model,
        engine=session.engine,
    )


def run_models(
    subjects: Sequence[Subject], tasks: Sequence[TaskFile], plan: EvaluationSettings
) -> Iterator[Run | Failure]:
    """Every model on every task, one after the other; of several ranks only the first one yields anything."""
    _check(subjects, tasks, plan)
    device, rank_group = plan.device, None
    if plan.launch.size > 1:
        # Before the ranks meet: a rank without a device ends at once, and keeps no other waiting.
        device = torchrun.device_of(plan.launch.local_rank, name=plan.device)
        rank_group = torchrun.join(attempt=plan.launch.attempt)
    for number, (spec, engine) in enumerate(subjects):
        session = Session(spec, engine=engine, device=device, cache=plan.cache)
        yield from _run_model(session, tasks, plan, rank_group=rank_group, first=number * len(tasks))


def _check(subjects: Sequence[Subject], tasks: Sequence[TaskFile], plan: EvaluationSettings) -> None:
    """Refuse what cannot be meant."""
    if len(tasks) != 1 and (plan.annotations or plan.rows is not None):
        option = "--annotations replaces" if plan.annotations else "rows replace"
        raise EvalkitError(f"{option} the data file of one task; name exactly one --task")
    if plan.executor != "ray":
        if plan.actors:
            raise EvalkitError("--actors counts the workers of --executor ray; add that or leave --actors away")
        return
    if plan.launch.size > 1:
        raise EvalkitError(
            "--executor ray starts workers of its own; call it once, without torchrun or accelerate launch"
        )
    if plan.judge:
        raise EvalkitError("--executor ray has no worker for a judge; run without, then `evalkit score --judge MODEL`")
    if ":" in plan.device:
        raise EvalkitError(f"--device {plan.device} names one device of one machine; ray gives each worker its own")
    if any(engine is not None for _, engine in subjects):
        raise EvalkitError("--executor ray cannot send a Python function to its workers; run it in this process")


def _run_model(
    session: Session, tasks: Sequence[TaskFile], plan: EvaluationSettings, *, rank_group: RankGroup | None, first: int
) -> Iterator[Run | Failure]:
    settings = [_settings(task, plan) for task in tasks]
    with closing(RayExecutor(actors=plan.actors)) as ray_executor:
        execute = ray_executor if plan.executor == "ray" else None
        steps: list[Step] = (
            [partial(runner.run, session, t.spec, s, execute=execute) for t, s in zip(tasks, settings, strict=True)]
            if rank_group is None
            else _rank_steps(session, tasks, settings, rank_group, first=first)
        )
        # Ranks other than the first have no steps left: their part is done.
        for step, task, setting in zip(steps, tasks, settings, strict=False):
            try:
                yield Run.of(step(), task.spec, setting.places)
            except EvalkitError as error:
                plan.progress.failed(f"{session.model.name} on {task.spec.name}", error)
                yield Failure(session.model.name, task.spec.name, error)


def _settings(task: TaskFile, plan: EvaluationSettings) -> TaskSettings:
    places = default_places(data=plan.data, cache=plan.cache, offline=plan.offline)
    return TaskSettings(
        out=plan.out,
        places=msgspec.structs.replace(places, folder=task.folder),
        progress=plan.progress,
        limit=plan.limit,
        argv=plan.argv,
        annotations=plan.annotations,
        rows=plan.rows,
        judge=plan.judge,
    )


def _rank_steps(
    session: Session, tasks: Sequence[TaskFile], settings: Sequence[TaskSettings], rank_group: RankGroup, *, first: int
) -> list[Step]:
    """Ask this rank's part of every task; return what brings the tasks to their ends, on the first rank only.

    An error in the preparation of a task occurs on every rank, and the first one reports it.
    """
    steps: list[Step] = []
    for number, (task, setting) in enumerate(zip(tasks, settings, strict=True), start=first):
        try:
            ready = prepare(session, task.spec, setting)
        except EvalkitError as error:
            rank_group.report(number, RankReport())
            steps.append(partial(_raise, error))
            continue
        left = torchrun.execute_claims(
            session,
            ready.planned,
            ready.todo,
            ready.folder,
            rank_group=rank_group,
            task=number,
            progress=setting.progress,
        )
        steps.append(partial(runner.finish_for_ranks, session, ready, left, rank_group=rank_group, number=number))
    return [] if rank_group.rank else steps


def _raise(error: EvalkitError) -> Outcome:
    raise error
