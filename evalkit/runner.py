"""One model on one task: load, plan, execute, score, write; whatever breaks, what was done stays done."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from evalkit import dataset, digest, plan, provenance, scoring, store
from evalkit.dataset import Dataset
from evalkit.execute.local import Work, local, reuse
from evalkit.execute.progress import Progress
from evalkit.judge import Judge, judged, recorded
from evalkit.plan import Plan
from evalkit.session import Session
from evalkit.sources import Places
from evalkit.spec import Counts, RunRecord, TaskSpec
from evalkit.store import Log
from evalkit.types import EvalkitError, Request, Score, Stat

UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
NOTHING = Counts(samples=0, planned=0, requests=0, unique=0, answered=0, errors=0, unparsed=0, truncated=0)


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


class Outcome(msgspec.Struct, frozen=True):
    """A finished task: its record, scores and stats, and where they lie."""

    record: RunRecord
    scores: tuple[Score, ...]
    stats: tuple[Stat, ...]
    folder: Path


def folder(out: Path, model: str, task: str) -> Path:
    """`out/<model>/<task>`; characters that a path should not hold become `-`."""
    return out / UNSAFE.sub("-", model).strip(".-") / UNSAFE.sub("-", task).strip(".-")


def run(session: Session, task: TaskSpec, settings: Settings) -> Outcome:
    """Bring one task to its end. Raises EvalkitError; the replies in the log so far are kept and used next time."""
    started, clock = provenance.now(), time.perf_counter()
    model, progress = session.model, settings.progress
    place = folder(settings.out, model.name, task.name)
    progress.label(f"{model.name} / {task.name}")
    data = _load(task, settings)
    blind = model.blind or not settings.media
    planned = plan.requests(task, session.identity, data.samples, problems=data.problems, blind=blind)
    log = _read(place, progress)
    todo = plan.pending(planned, log)
    _tell(planned, log, todo=len(todo), progress=progress)
    work = Work()
    if todo:
        work = _ask(session, todo, place, progress=progress)
        log = _read(place, progress)
    scores = judged(settings.judge, task, data.samples, planned=planned, log=log, place=place, progress=progress)
    record = _record(session, task, settings, data=data, scores=scores)
    record = msgspec.structs.replace(
        record,
        counts=_counts(task, planned, log, scores),
        started=started,
        seconds=round(time.perf_counter() - clock, 3),
        busy=round(work.busy, 3),
        busy_percent=round(work.busy_percent, 1),
        model_calls=work.calls,
        share_prefix=session.share_prefix if work.calls else "",
        **_device(place, session.facts if todo else {}, progress),
    )
    return write(Outcome(record, scores, tuple(scoring.stats(task.metrics, list(scores))), place))


def _ask(session: Session, todo: Sequence[Request], place: Path, *, progress: Progress) -> Work:
    """Bring a reply to every request into the log: the one that another task of this command got, else the model's."""
    known = [session.answers[request.key] for request in todo if request.key in session.answers]
    if known:
        reuse(known, place)
        progress.say(f"{len(known)} requests were answered in another task of this run")
    asked = [request for request in todo if request.key not in session.answers]
    if not asked:
        return Work()
    engine = session.engine()
    if session.share_prefix:
        progress.say(f"prefill shared by questions on the same media: {session.share_prefix}")
    return local(engine, asked, place, model=session.model, progress=progress, answers=session.answers)


def rescore(record: RunRecord, task: TaskSpec, settings: Settings, *, place: Path) -> Outcome:
    """New scores for the replies of a recorded run; nothing is written, see `write`.

    The keys are made again from today's task file: replies to prompts that it no longer asks do not count.
    """
    data = _load(task, settings)
    blind = bool(record.model_spec.get("blind")) or not settings.media
    planned = plan.requests(task, record.identity, data.samples, problems=data.problems, blind=blind)
    log = _read(place, settings.progress)
    judge = settings.judge or (None if settings.rule else recorded(record.judge))
    scores = judged(judge, task, data.samples, planned=planned, log=log, place=place, progress=settings.progress)
    problems = scoring.problems(scores)
    record = msgspec.structs.replace(
        record,
        counts=_counts(task, planned, log, scores),
        problems=problems,
        complete=settings.limit is None and not problems,
        rule=settings.rule or "default",
        headline=task.headline,
        task_digest=digest.of(task),
        task_spec=msgspec.to_builtins(task),
        data_digest=data.fingerprint,
        model_calls=0,
        judge=judge.record() if judge else {},
    )
    return Outcome(record, scores, tuple(scoring.stats(task.metrics, list(scores))), place)


def _load(task: TaskSpec, settings: Settings) -> Dataset:
    return dataset.load(
        task, settings.places, annotations=settings.annotations, limit=settings.limit, media=settings.media
    )


def write(outcome: Outcome) -> Outcome:
    """Replace the three derived files of a run, run.json last: where it stands, the others are its own."""
    place = outcome.folder
    try:
        place.mkdir(parents=True, exist_ok=True)
        store.write_lines(place / "scores.jsonl", outcome.scores)
        store.write_json(place / "stats.json", outcome.stats)
        store.write_json(place / "run.json", outcome.record)
    except OSError as error:
        raise EvalkitError(f"{place}: cannot be written ({error.strerror}); choose another --out") from error
    return outcome


def _read(place: Path, progress: Progress) -> Log:
    log = store.read(place)
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


def _record(
    session: Session, task: TaskSpec, settings: Settings, *, data: Dataset, scores: tuple[Score, ...]
) -> RunRecord:
    problems = scoring.problems(scores)
    model = session.model
    return RunRecord(
        model=model.name,
        task=task.name,
        title=model.title or model.name,
        headline=task.headline,
        complete=settings.limit is None and not problems,
        counts=NOTHING,
        rule=settings.rule or "default",
        limit="" if settings.limit is None else str(settings.limit),
        task_digest=digest.of(task),
        model_digest=digest.of(session.identity),
        data_digest=data.fingerprint,
        data_revision=data.revision,
        data_files=tuple(str(f) for f in data.files),
        mirrors=tuple(str(m.resolve()) for m in settings.places.mirrors),
        task_folder=str(settings.places.folder),
        annotations="" if settings.annotations is None else str(settings.annotations.resolve()),
        task_spec=msgspec.to_builtins(task),
        model_spec=msgspec.to_builtins(model),
        identity=session.identity,
        problems=problems,
        versions=provenance.versions(),
        git_commit=provenance.git_commit(),
        argv=settings.argv,
        judge=settings.judge.record() if settings.judge else {},
    )


def _counts(task: TaskSpec, planned: Plan, log: Log, scores: tuple[Score, ...]) -> Counts:
    keys = {request.key for request in planned.all}
    given = [log.responses[key] for key in keys if log.answered(key)]
    return Counts(
        samples=task.samples,
        planned=len(scores),
        requests=len(planned.all),
        unique=len(keys),
        answered=sum(s.error is None for s in scores),
        errors=sum(s.error is not None for s in scores),
        unparsed=sum(s.error is None and s.answer is None for s in scores),
        truncated=sum(r.finish == "length" for r in given),
    )


def _device(place: Path, facts: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """Device and dtype of the replies; a log that was filled on several kinds names them all."""
    old: Mapping[str, Any] = {}
    if (place / "run.json").is_file():
        try:
            old = msgspec.json.decode((place / "run.json").read_bytes())
        except msgspec.DecodeError:
            progress.say(f"{place / 'run.json'}: damaged, so the device of earlier replies is unknown; it is replaced")
    names = {}
    for field in ("device", "dtype"):
        found = [*str(old.get(field, "")).split(" + "), facts.get(field, "")]
        names[field] = " + ".join(dict.fromkeys(filter(None, found)))
    return names
