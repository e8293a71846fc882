"""Scores of replies that exist already: a file of predictions as a run, and recorded runs scored again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from evalkit import text_files
from evalkit.api.inputs import TaskFile, TaskLike, task_file
from evalkit.backends.replay import Replay
from evalkit.data.sources import DataPlaces
from evalkit.data.sources.memory import Rows
from evalkit.errors import EvalkitError
from evalkit.interop import read
from evalkit.registry import load
from evalkit.registry.decode import suggestion
from evalkit.registry.spec import Batch, ModelSpec, TaskSpec
from evalkit.results.run import Run
from evalkit.run import dataset, runner
from evalkit.run.judge import Judge
from evalkit.run.places import default_places
from evalkit.run.prepare import TaskSettings
from evalkit.run.progress import Progress, SilentProgress
from evalkit.run.session import Session

Predictions: TypeAlias = "str | Path | Mapping[str, str]"
"""A file of replies, of evalkit's own format or another harness's, or replies by sample id."""

ENDINGS = frozenset({".gz", ".jsonl", ".json", ".tsv", ".csv", ".xlsx", ".parquet", ".txt"})


def score(
    task: TaskLike,
    predictions: Predictions,
    *,
    field: str = "prediction",
    rule: str = "",
    name: str = "",
    out: str | Path | None = None,
    data: Iterable[str | Path] = (),
    annotations: str | Path | None = None,
    rows: Rows | None = None,
    cache: str | Path | None = None,
    notify: Callable[[str], None] = lambda sentence: None,
) -> Run:
    """Score recorded replies by a task's rule, or by another `rule` of it; no model is called.

    `field` names the replies in a file. Without `out` nothing stays on disk. `name` is the model's name, by default
    the file's. `rows` or `annotations` stand in for the task's source. `notify` is called with a sentence about how the
    rows of another harness's file became samples, and about lines without a reply or without a sample.

    Raises EvalkitError for a file that cannot be read; a sample without a reply makes the run incomplete.
    """
    file, places = task_file(task), default_places(data=data, cache=cache)
    settings = TaskSettings(
        out=Path("results") if out is None else Path(out),
        places=msgspec.structs.replace(places, folder=file.folder),
        progress=SilentProgress(),
        annotations=None if annotations is None else Path(annotations),
        rows=rows,
        rule=rule,
        media=False,
    )
    return score_predictions(file, predictions, settings, field=field, name=name, keep=out is not None, notify=notify)


def score_predictions(
    task: TaskFile,
    predictions: Predictions,
    settings: TaskSettings,
    *,
    field: str,
    name: str,
    keep: bool,
    notify: Callable[[str], None],
) -> Run:
    """The service behind `score`; without `keep` the run lies in a temporary folder, which goes with it."""
    scratch = tempfile.TemporaryDirectory(prefix="evalkit-")
    spec = task_with_rule(task.spec.for_field(field), settings.rule)
    path, source = _own_format(spec, predictions, settings, Path(scratch.name), field=field, notify=notify)
    backend = Replay(path=str(path), field=field, source=source)
    model = ModelSpec(
        name=name or _stem(source) or "predictions",
        backend=backend,
        batch=Batch(count=1024),
        workers=0,
    )
    if not keep:
        settings = msgspec.structs.replace(settings, out=Path(scratch.name))
    run = Run.of(runner.run(Session(model), spec, settings), spec, settings.places)
    for sentence in _unused_lines(backend, run):
        notify(sentence)
    if not keep:
        run.scratch = scratch
    return run


def _stem(source: str) -> str:
    """A file's name without the endings that say how it is written: `llava-1.5-7b` of `llava-1.5-7b.jsonl.gz`."""
    path = Path(source)
    while path.suffix.lower() in ENDINGS:
        path = path.with_suffix("")
    return path.name


def _own_format(
    task: TaskSpec,
    predictions: Predictions,
    settings: TaskSettings,
    folder: Path,
    *,
    field: str,
    notify: Callable[[str], None],
) -> tuple[Path, str]:
    """The predictions as a file of our own format, translated into `folder` where they are not, and their name."""
    if isinstance(predictions, Mapping):
        file = folder / "predictions.jsonl"
        text_files.write_lines(file, ({"id": name, field: text} for name, text in predictions.items()))
        return file, "predictions"
    path = Path(predictions)
    rows = read.read_predictions(path, field=field)
    if rows is None:
        return path, str(path)
    data = dataset.load(task, settings.places, annotations=settings.annotations, rows=settings.rows, media=False)
    positions = read.row_positions(task, settings.places, settings.annotations)
    match = read.match_samples(rows, task, data.samples, positions)
    notify(f"{path}: {match.summary(rows)}")
    file = folder / f"{path.name.partition('.')[0]}.jsonl"
    text_files.write_lines(file, ({"id": name, field: text} for name, text in match.replies.items()))
    return file, str(path)


def _unused_lines(file: Replay, run: Run) -> Iterator[str]:
    """A sentence for lines without a reply, which are scored as empty replies, and for those of no sample."""
    replies, sample_ids = file.rows(), {score.sample_id for score in run.scores}
    empty = [name for name, text in replies.items() if text is None]
    unknown = [name for name in replies if name not in sample_ids]
    for names, problem in (
        (empty, f"have no {file.field!r} and are scored as empty replies"),
        (unknown, "belong to no sample"),
    ):
        if names:
            yield f"{file.source}: {len(names)} lines {problem}, the first is {names[0]!r}"


def task_with_rule(task: TaskSpec, rule: str) -> TaskSpec:
    """The task under another of its rules; "" is its own. Raises EvalkitError, with a suggestion for a typo."""
    if not rule:
        return task
    if rule not in task.rule_names:
        raise EvalkitError(f"task {task.name} has no rule {rule!r}{suggestion(rule, task.rule_names)}")
    return task.with_rule(rule)


def rescore(run: Run, *, rule: str = "", judge: Judge | None = None, progress: Progress | None = None) -> Run:
    """Score a recorded run again, by today's version of its task; no model but the judge is called.

    The new scores replace those in the run's folder, unless another `rule` is named. Raises EvalkitError.
    """
    current = current_run(run)
    outcome = current.rescored(
        task_with_rule(current.task, rule), rule=rule, judge=judge, progress=progress or SilentProgress()
    )
    return Run.of(outcome if rule else outcome.write(), current.task, current.places)


def current_run(run: Run) -> Run:
    """The run with the task as in its file today, or as in its record if that file is gone."""
    name = run.record.task.name
    if name not in load.files(TaskSpec):
        return run
    field = str(run.record.model.identity.get("field", ""))
    return run.replaced(task=load.spec(TaskSpec, name).for_field(field), scores=None, stats=None)


def run_folders(folders: Iterable[Path]) -> Iterator[Path]:
    """Folders of runs in and below `folders`. Raises EvalkitError for a folder that is not there."""
    for folder in folders:
        if not folder.is_dir():
            raise EvalkitError(f"there is no results folder {folder}; check the path")
        yield from (file.parent for file in sorted(folder.rglob("run.json")))


def read_current(folder: Path, places: DataPlaces) -> Run:
    """The run in a folder under today's task."""
    return current_run(Run.read(folder, places))
