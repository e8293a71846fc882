"""One model on one task: load, plan, execute, score, write; whatever breaks, what was done stays done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit import digest
from evalkit.backends import BackendProtocol
from evalkit.data.sources import DataPlaces
from evalkit.data.sources.memory import Rows
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset, outcome, plan, provenance, response_log, scoring, torchrun
from evalkit.run.dataset import Dataset
from evalkit.run.judge import Judge, judged
from evalkit.run.local import Execute, Work, local, reuse
from evalkit.run.outcome import Outcome
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.record import (
    VERSION,
    DataRecord,
    ExecutionRecord,
    ModelRecord,
    Origin,
    RunRecord,
    ScoringRecord,
    TaskRecord,
)
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.run.torchrun import Crew
from evalkit.types import Request, Score, Stat
from evalkit.version import __version__


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is run, whatever the model.

    `rule` names the rule its adapter scores by. Without `media` no picture is looked for: recorded replies are scored
    where the data set's pictures are not. `annotations` is a file and `rows` are rows in memory, either in place of
    the task's source.
    """

    out: Path
    places: DataPlaces
    progress: Progress
    limit: int | float | None = None
    argv: tuple[str, ...] = ()
    annotations: Path | None = None
    rows: Rows | None = None
    rule: str = ""
    media: bool = True
    judge: Judge | None = None


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A task before anyone is asked: its data, its prompts, and `todo`, the requests that the log has no answer to.

    `earlier` is the record of an earlier run in the same folder.
    """

    task: TaskSpec
    settings: Settings
    place: Path
    earlier: RunRecord | None
    data: Dataset
    planned: Plan
    todo: Sequence[Request]
    started: str
    clock: float
    label: str


def run(session: Session, task: TaskSpec, settings: Settings, *, execute: Execute | None = None) -> Outcome:
    """Bring one task to its end, its requests asked by `execute` or else in this process.

    Raises EvalkitError; the replies in the log so far are kept and used next time.
    """
    ready = prepare(session, task, settings)
    return finish(session, ready, _ask(session, ready, ready.todo, execute or local))


def prepare(session: Session, task: TaskSpec, settings: Settings) -> Ready:
    """Read the data and the log, make the prompts, say what is to do. Raises EvalkitError."""
    started, clock = provenance.now(), time.perf_counter()
    model, progress = session.model, settings.progress
    place, label = outcome.folder(settings.out, model.name, task.name), f"{model.name} / {task.name}"
    progress.label(label)
    earlier = outcome.earlier(place, model=model.name, task=task.name, say=progress.say)
    data = dataset.load(
        task,
        settings.places,
        annotations=settings.annotations,
        rows=settings.rows,
        limit=settings.limit,
        media=settings.media,
    )
    blind = model.blind or not settings.media
    planned = plan.requests(task, session.identity, data.samples, problems=data.problems, blind=blind)
    log = response_log.read(place)
    tell_damage(log, progress)
    todo = plan.pending(planned, log)
    _tell(planned, log, todo=len(todo), progress=progress)
    return Ready(
        task=task,
        settings=settings,
        place=place,
        earlier=earlier,
        data=data,
        planned=planned,
        todo=todo,
        started=started,
        clock=clock,
        label=label,
    )


def gather(session: Session, ready: Ready, left: Sequence[Request], *, crew: Crew, number: int) -> Outcome:
    """Bring task `number` of several ranks to its end: when all are through with it, what is `left` is asked here."""
    progress = ready.settings.progress
    progress.label(ready.label)
    work = torchrun.gather(session, crew=crew, task=number, progress=progress)
    return finish(session, ready, work.plus(_ask(session, ready, left, local)))


def _ask(session: Session, ready: Ready, todo: Sequence[Request], execute: Execute) -> Work:
    """Bring a reply to every request into the log: the one that another task of this command got, else the model's."""
    progress = ready.settings.progress
    asked = reuse(session, todo, ready.place, progress=progress)
    return execute(session, asked, ready.place, progress=progress) if asked else Work()


def finish(session: Session, ready: Ready, work: Work) -> Outcome:
    """Score what the log holds now, and write it."""
    task, settings, planned = ready.task, ready.settings, ready.planned
    log = response_log.read(ready.place)
    scores = judged(
        settings.judge,
        task,
        ready.data.samples,
        planned=planned,
        log=log,
        place=ready.place,
        progress=settings.progress,
    )
    seconds = round(time.perf_counter() - ready.clock, 3)
    execution = _execution(session, ready, work, seconds=seconds, log=log)
    record = RunRecord(
        complete=_complete(scores, limit=settings.limit),
        task=_task(task, settings),
        model=_model(session),
        data=_data(ready.data, settings),
        execution=execution if ready.earlier is None else execution.after(ready.earlier.execution),
        scoring=scoring_record(task, planned, log, scores, rule=settings.rule, judge=settings.judge),
    )
    return Outcome(
        record=record,
        scores=scores,
        stats=_stats(task, scores),
        folder=ready.place,
        dataset=ready.data,
        calls=work.calls,
        seconds=seconds,
    ).write()


def rescored(
    record: RunRecord,
    task: TaskSpec,
    data: Dataset,
    planned: Plan,
    log: Log,
    *,
    place: Path,
    rule: str = "",
    judge: Judge | None = None,
    progress: Progress,
) -> Outcome:
    """A recorded run under a `task` as it is today; nothing is written, see `Outcome.write`.

    The prompts in `planned` are those of today's task: replies to prompts that it no longer asks do not count.
    """
    tell_damage(log, progress)
    scores = judged(judge, task, data.samples, planned=planned, log=log, place=place, progress=progress)
    limit = record.task.limit
    new = msgspec.structs.replace(
        record,
        version=VERSION,
        complete=_complete(scores, limit=limit),
        task=TaskRecord(
            name=task.name,
            digest=digest.of(task),
            spec=msgspec.to_builtins(task),
            folder=record.task.folder,
            limit=limit,
        ),
        data=msgspec.structs.replace(record.data, digest=data.fingerprint),
        scoring=scoring_record(task, planned, log, scores, rule=rule, judge=judge),
    )
    return Outcome(record=new, scores=scores, stats=_stats(task, scores), folder=place, dataset=data)


def tell_damage(log: Log, progress: Progress) -> None:
    """Say which lines of a log cannot be read."""
    for line in log.damaged:
        progress.say(f"{line}: a damaged line is ignored; its request is asked again")


def _tell(planned: Plan, log: Log, *, todo: int, progress: Progress) -> None:
    """Say what a resumed run reuses, and that replies to other prompts or weights lie unused beside it."""
    keys = {request.key for request in planned.all}
    reused = sum(log.answered(key) for key in keys)
    if reused:
        progress.say(f"{reused} of {len(keys)} distinct requests are answered in the log, {todo} to go")
    foreign = sum(log.answered(key) for key in log.responses if key not in keys)
    if foreign:
        progress.say(
            f"the log also holds {foreign} replies to requests not asked now (other prompts, weights, settings, data "
            "or limit); they are kept and not used"
        )


# --- the parts of a record


def _complete(scores: Sequence[Score], *, limit: int | float | None) -> bool:
    return limit is None and not scoring.problems(scores)


def _task(task: TaskSpec, settings: Settings) -> TaskRecord:
    return TaskRecord(
        name=task.name,
        digest=digest.of(task),
        spec=msgspec.to_builtins(task),
        folder=str(settings.places.folder),
        limit=settings.limit,
    )


def _model(session: Session) -> ModelRecord:
    model = session.model
    return ModelRecord(
        name=model.name,
        title=model.title or model.name,
        digest=digest.of(session.identity),
        spec=msgspec.to_builtins(model),
        identity=session.identity,
        origin=_origin(model.backend),
    )


def _origin(backend: BackendProtocol) -> Origin:
    if backend.recorded:
        return "recorded"
    return "model" if backend.generates else "baseline"


def _data(data: Dataset, settings: Settings) -> DataRecord:
    return DataRecord(
        digest=data.fingerprint,
        revision=data.revision,
        files=tuple(str(file) for file in data.files),
        mirrors=tuple(str(mirror.absolute()) for mirror in settings.places.mirrors),
        annotations="" if settings.annotations is None else str(settings.annotations.absolute()),
    )


def _execution(session: Session, ready: Ready, work: Work, *, seconds: float, log: Log) -> ExecutionRecord:
    """This command's part in the replies; device and dtype are those of every reply in the log."""
    before = ready.earlier.execution if ready.earlier else ExecutionRecord()
    shared = any(request.key in session.answers for request in ready.todo)
    origins = provenance.merged(
        {"device": before.device, "dtype": before.dtype},
        session.origins if shared else {},
        session.facts if work.calls else {},
    )
    session.knows(ready.planned.all, log, origins)
    return ExecutionRecord(
        started=ready.started,
        seconds=seconds,
        busy=round(work.busy, 3),
        busy_percent=round(work.busy_percent, 1),
        calls=work.calls,
        share_prefix=session.share_prefix if work.calls else "",
        device=origins.get("device", ""),
        dtype=origins.get("dtype", ""),
        versions=provenance.versions(),
        git_commit=provenance.git_commit(),
        argv=ready.settings.argv,
    )


def scoring_record(
    task: TaskSpec, planned: Plan, log: Log, scores: Sequence[Score], *, rule: str, judge: Judge | None
) -> ScoringRecord:
    """What a rule, and perhaps a judge, made of a log."""
    return ScoringRecord(
        rule=rule or "default",
        headline=task.headline,
        counts=scoring.counts(task, planned, log, scores),
        problems=scoring.problems(scores),
        judge=judge.record() if judge else {},
        evalkit=__version__,
    )


def _stats(task: TaskSpec, scores: Sequence[Score]) -> tuple[Stat, ...]:
    return tuple(scoring.stats(task.metrics, list(scores)))
