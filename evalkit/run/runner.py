"""One model on one task: prepare, execute, score, write; whatever fails, the replies so far stay in the log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit import digest
from evalkit.backends import BackendProtocol
from evalkit.registry.spec import TaskSpec
from evalkit.run import provenance, response_log, scoring, torchrun
from evalkit.run.dataset import Dataset
from evalkit.run.judge import Judge, scores_with_judge
from evalkit.run.local import CallTotals, Executor, execute_locally, reuse_replies
from evalkit.run.outcome import Outcome
from evalkit.run.plan import Plan
from evalkit.run.prepare import PreparedTask, TaskSettings, prepare, report_damage
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
from evalkit.run.torchrun import RankGroup
from evalkit.types import Request, Score, Stat
from evalkit.version import __version__


def run(session: Session, task: TaskSpec, settings: TaskSettings, *, execute: Executor | None = None) -> Outcome:
    """Run one task to its end; its requests are executed by `execute`, by default in this process.

    Raises EvalkitError; the replies in the log so far are kept and used next time.
    """
    prepared = prepare(session, task, settings)
    return finish(session, prepared, _execute(session, prepared, prepared.todo, execute or execute_locally))


def finish_for_ranks(
    session: Session, prepared: PreparedTask, remaining: Sequence[Request], *, rank_group: RankGroup, number: int
) -> Outcome:
    """Finish task `number` of several ranks: wait for all ranks, then execute the `remaining` requests here."""
    progress = prepared.settings.progress
    progress.label(prepared.label)
    totals = torchrun.collect_reports(session, rank_group=rank_group, number=number, progress=progress)
    return finish(session, prepared, totals.plus(_execute(session, prepared, remaining, execute_locally)))


def _execute(session: Session, prepared: PreparedTask, todo: Sequence[Request], execute: Executor) -> CallTotals:
    """Append a reply to every request to the log: from another task of this command, else from the model."""
    progress = prepared.settings.progress
    unanswered = reuse_replies(session, todo, prepared.folder, progress=progress)
    return execute(session, unanswered, prepared.folder, progress=progress) if unanswered else CallTotals()


def finish(session: Session, prepared: PreparedTask, totals: CallTotals) -> Outcome:
    """Score the replies in the log as it is now, and write scores, stats and record."""
    task, settings, planned = prepared.task, prepared.settings, prepared.planned
    log = response_log.read_responses(prepared.folder)
    scores = scores_with_judge(
        settings.judge,
        task,
        prepared.data.samples,
        planned=planned,
        log=log,
        folder=prepared.folder,
        progress=settings.progress,
    )
    seconds = round(time.perf_counter() - prepared.clock, 3)
    execution = _execution(session, prepared, totals, seconds=seconds, log=log)
    record = RunRecord(
        complete=_complete(scores, limit=settings.limit),
        task=_task(task, settings),
        model=_model(session),
        data=_data(prepared.data, settings),
        execution=execution if prepared.earlier is None else execution.after(prepared.earlier.execution),
        scoring=scoring_record(task, planned, log, scores, rule=settings.rule, judge=settings.judge),
    )
    return Outcome(
        record=record,
        scores=scores,
        stats=_stats(task, scores),
        folder=prepared.folder,
        dataset=prepared.data,
        calls=totals.calls,
        seconds=seconds,
    ).write()


def rescore_record(
    record: RunRecord,
    task: TaskSpec,
    data: Dataset,
    planned: Plan,
    log: Log,
    *,
    folder: Path,
    rule: str = "",
    judge: Judge | None = None,
    progress: Progress,
) -> Outcome:
    """Return the outcome of a recorded run under a `task` as it is today; nothing is written, see `Outcome.write`.

    The prompts in `planned` are those of today's task: replies to prompts that it no longer asks do not count.
    """
    report_damage(log, progress)
    scores = scores_with_judge(judge, task, data.samples, planned=planned, log=log, folder=folder, progress=progress)
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
    return Outcome(record=new, scores=scores, stats=_stats(task, scores), folder=folder, dataset=data)


# --- the parts of a record


def _complete(scores: Sequence[Score], *, limit: int | float | None) -> bool:
    return limit is None and not scoring.problems(scores)


def _task(task: TaskSpec, settings: TaskSettings) -> TaskRecord:
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


def _data(data: Dataset, settings: TaskSettings) -> DataRecord:
    return DataRecord(
        digest=data.fingerprint,
        revision=data.revision,
        files=tuple(str(file) for file in data.files),
        mirrors=tuple(str(mirror.absolute()) for mirror in settings.places.mirrors),
        annotations="" if settings.annotations is None else str(settings.annotations.absolute()),
    )


def _execution(
    session: Session, prepared: PreparedTask, totals: CallTotals, *, seconds: float, log: Log
) -> ExecutionRecord:
    """This command's part in the replies; device and dtype are those of every reply in the log."""
    before = prepared.earlier.execution if prepared.earlier else ExecutionRecord()
    shared = any(request.key in session.answers for request in prepared.todo)
    origins = provenance.merge_facts(
        {"device": before.device, "dtype": before.dtype},
        session.origins if shared else {},
        session.facts if totals.calls else {},
    )
    session.remember(prepared.planned.all, log, origins)
    return ExecutionRecord(
        started=prepared.started,
        seconds=seconds,
        busy=round(totals.busy, 3),
        busy_percent=round(totals.busy_percent, 1),
        calls=totals.calls,
        share_prefix=session.share_prefix if totals.calls else "",
        device=origins.get("device", ""),
        dtype=origins.get("dtype", ""),
        versions=provenance.versions(),
        git_commit=provenance.git_commit(),
        argv=prepared.settings.argv,
    )


def scoring_record(
    task: TaskSpec, planned: Plan, log: Log, scores: Sequence[Score], *, rule: str, judge: Judge | None
) -> ScoringRecord:
    """The part of a record that follows from the log, a rule and perhaps a judge."""
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
