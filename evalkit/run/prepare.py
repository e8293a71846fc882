"""A task before its requests are executed: data, prompts, and the requests that the log has no answer to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit.data.sources import DataPlaces
from evalkit.data.sources.memory import Rows
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset, outcome, plan, provenance, response_log
from evalkit.run.dataset import Dataset
from evalkit.run.judge import Judge
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.record import RunRecord
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.types import Request


class TaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a task's run that do not depend on the model.

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


class PreparedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task with its data and prompts, and `todo`, the requests that the log has no answer to.

    `folder` is that of its run, and `earlier` the record of an earlier run in it. `started` is the time in UTC, `clock`
    the same moment in seconds of `time.perf_counter`.
    """

    task: TaskSpec
    settings: TaskSettings
    folder: Path
    earlier: RunRecord | None
    data: Dataset
    planned: Plan
    todo: Sequence[Request]
    started: str
    clock: float
    label: str


def prepare(session: Session, task: TaskSpec, settings: TaskSettings) -> PreparedTask:
    """Read the data and the log, make the prompts, and report how much is left to do. Raises EvalkitError."""
    started, clock = provenance.now(), time.perf_counter()
    model, progress = session.model, settings.progress
    folder, label = outcome.folder(settings.out, model.name, task.name), f"{model.name} / {task.name}"
    progress.label(label)
    earlier = outcome.earlier_record(
        folder, model=model.name, identity=session.identity, task=task.name, say=progress.say
    )
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
    log = response_log.read_responses(folder)
    report_damage(log, progress)
    todo = plan.pending(planned, log)
    _report_log(planned, log, todo=len(todo), progress=progress)
    return PreparedTask(
        task=task,
        settings=settings,
        folder=folder,
        earlier=earlier,
        data=data,
        planned=planned,
        todo=todo,
        started=started,
        clock=clock,
        label=label,
    )


def report_damage(log: Log, progress: Progress) -> None:
    """Report the lines of a log that cannot be read."""
    for line in log.damaged:
        progress.say(f"{line}: a damaged line is ignored; its request is asked again")


def _report_log(planned: Plan, log: Log, *, todo: int, progress: Progress) -> None:
    """Report how many replies of the log a resumed run uses, and how many belong to other prompts or weights."""
    keys = {request.key for request in planned.all}
    answered = sum(log.answered(key) for key in keys)
    if answered:
        progress.say(f"{answered} of {len(keys)} distinct requests are answered in the log, {todo} to go")
    foreign = sum(log.answered(key) for key in log.responses if key not in keys)
    if foreign:
        progress.say(
            f"the log also holds {foreign} replies to requests not asked now (other prompts, weights, settings, data "
            "or limit); they are kept and not used"
        )
