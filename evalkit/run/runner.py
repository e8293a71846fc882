"""One model on one task: load, plan, execute, score, write; whatever breaks, what was done stays done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import digest
from evalkit.data.sources import Places
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset, outcome, plan, provenance, response_log, scoring, torchrun
from evalkit.run.dataset import Dataset
from evalkit.run.judge import Judge, judged, recorded
from evalkit.run.local import Execute, Work, local, reuse
from evalkit.run.outcome import Outcome
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.record import RunRecord
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.run.torchrun import Crew
from evalkit.types import Request, Score


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line decides for a task of a run.

    `rule` names the rule its adapter scores by. Without `media` no picture is looked for: recorded replies are scored
    where the data set's pictures are not.
    """

    out: Path
    places: Places
    progress: Progress
    limit: int | float | None = None
    argv: tuple[str, ...] = ()
    annotations: Path | None = None
    rule: str = ""
    media: bool = True
    judge: Judge | None = None


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A task before anyone is asked: its data, its prompts, and `todo`, the requests that the log has no answer to.

    `origins` tells where the replies that the log holds already came from.
    """

    task: TaskSpec
    settings: Settings
    place: Path
    origins: Mapping[str, str]
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
    origins = outcome.earlier(place, model=model.name, task=task.name, say=progress.say)
    data = _load(task, settings)
    blind = model.blind or not settings.media
    planned = plan.requests(task, session.identity, data.samples, problems=data.problems, blind=blind)
    log = _read(place, progress)
    todo = plan.pending(planned, log)
    _tell(planned, log, todo=len(todo), progress=progress)
    return Ready(
        task=task,
        settings=settings,
        place=place,
        origins=origins,
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
    task, settings, place, planned = ready.task, ready.settings, ready.place, ready.planned
    log = response_log.read(place)
    origins = provenance.merged(
        ready.origins,
        session.origins if any(request.key in session.answers for request in ready.todo) else {},
        session.facts if work.calls else {},
    )
    session.knows(planned.all, log, origins)
    opinion = _opinion(task, settings, settings.judge, data=ready.data, planned=planned, log=log, place=place)
    record = RunRecord(
        **_asked(session, task, settings, data=ready.data),
        **opinion.fields,
        started=ready.started,
        seconds=round(time.perf_counter() - ready.clock, 3),
        busy=round(work.busy, 3),
        busy_percent=round(work.busy_percent, 1),
        model_calls=work.calls,
        share_prefix=session.share_prefix if work.calls else "",
        device=origins.get("device", ""),
        dtype=origins.get("dtype", ""),
    )
    return opinion.of(record, place).write()


def rescore(record: RunRecord, task: TaskSpec, settings: Settings, *, place: Path) -> Outcome:
    """New scores for the replies of a recorded run; nothing is written, see `Outcome.write`.

    The keys are made again from today's task file: replies to prompts that it no longer asks do not count.
    """
    data = _load(task, settings)
    blind = bool(record.model_spec.get("blind")) or not settings.media
    planned = plan.requests(task, record.identity, data.samples, problems=data.problems, blind=blind)
    log = _read(place, settings.progress)
    judge = settings.judge or (None if settings.rule else recorded(record.judge))
    opinion = _opinion(task, settings, judge, data=data, planned=planned, log=log, place=place)
    return opinion.of(msgspec.structs.replace(record, **opinion.fields, model_calls=0), place)


class Opinion(msgspec.Struct, frozen=True):
    """What a task's rule, and perhaps a judge, make of a log, with the fields of the record that tell it."""

    task: TaskSpec
    scores: tuple[Score, ...]
    fields: dict[str, Any]

    def of(self, record: RunRecord, place: Path) -> Outcome:
        """The run whose log it is."""
        return Outcome(record, self.scores, tuple(scoring.stats(self.task.metrics, list(self.scores))), place)


def _opinion(
    task: TaskSpec, settings: Settings, judge: Judge | None, *, data: Dataset, planned: Plan, log: Log, place: Path
) -> Opinion:
    scores = judged(judge, task, data.samples, planned=planned, log=log, place=place, progress=settings.progress)
    problems = scoring.problems(scores)
    fields = {
        "counts": scoring.counts(task, planned, log, scores),
        "problems": problems,
        "complete": settings.limit is None and not problems,
        "rule": settings.rule or "default",
        "headline": task.headline,
        "task_digest": digest.of(task),
        "task_spec": msgspec.to_builtins(task),
        "data_digest": data.fingerprint,
        "judge": judge.record() if judge else {},
    }
    return Opinion(task, scores, fields)


def _load(task: TaskSpec, settings: Settings) -> Dataset:
    return dataset.load(
        task, settings.places, annotations=settings.annotations, limit=settings.limit, media=settings.media
    )


def _read(place: Path, progress: Progress) -> Log:
    log = response_log.read(place)
    for line in log.damaged:
        progress.say(f"{line}: a damaged line is ignored; its request is asked again")
    return log


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


def _asked(session: Session, task: TaskSpec, settings: Settings, *, data: Dataset) -> dict[str, Any]:
    """The fields of a record that tell who was asked what, and by which program."""
    model = session.model
    return {
        "model": model.name,
        "task": task.name,
        "title": model.title or model.name,
        "limit": "" if settings.limit is None else str(settings.limit),
        "model_digest": digest.of(session.identity),
        "data_revision": data.revision,
        "data_files": tuple(str(f) for f in data.files),
        "mirrors": tuple(str(m.resolve()) for m in settings.places.mirrors),
        "task_folder": str(settings.places.folder),
        "annotations": "" if settings.annotations is None else str(settings.annotations.resolve()),
        "model_spec": msgspec.to_builtins(model),
        "identity": session.identity,
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
        "argv": settings.argv,
    }
