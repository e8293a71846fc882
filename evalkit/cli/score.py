"""`evalkit score`: scores again from recorded replies, of runs or of a predictions file; no model is loaded."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from evalkit.backends.replay import Replay
from evalkit.cli.predictions import translated
from evalkit.cli.printing import print_json, print_summary
from evalkit.cli.run import judge_of, tell_problems
from evalkit.cli.setup import beside, existing, places
from evalkit.errors import EvalkitError
from evalkit.registry import load
from evalkit.registry.decode import suggestion
from evalkit.registry.spec import Batch, ModelSpec, TaskSpec
from evalkit.results.run import Run
from evalkit.run import runner
from evalkit.run.judge import Judge
from evalkit.run.outcome import Outcome
from evalkit.run.progress import Progress
from evalkit.run.runner import Settings
from evalkit.run.session import Session


def main(options: argparse.Namespace) -> int:
    """Exit code 4 when a score is incomplete."""
    if (options.predictions is None) != (options.task is None):
        raise EvalkitError("score needs --task and --predictions together, or result folders alone")
    if options.predictions is not None:
        return _predictions(options)
    judge = judge_of(options)
    outcomes = [_again(folder, options, judge) for folder in runs(existing(options.results, Path("results")))]
    if not outcomes:
        raise EvalkitError("there is no run.json below the folders named; run `evalkit run` first")
    if options.json:
        print_json([summary(o) for o in outcomes])
    else:
        print_summary(outcomes)
    return max(tell_problems(o) for o in outcomes)


def _predictions(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        task = _with_rule(load.spec(TaskSpec, options.task).reading(options.field), options.rule)
        outcome = recorded(task, options, translated(task, options, Path(scratch)), out=options.out or Path(scratch))
        if options.json:
            print_json(summary(outcome))
        else:
            print_summary([outcome])
    return tell_problems(outcome)


def recorded(task: TaskSpec, options: argparse.Namespace, file: Path, *, out: Path) -> Outcome:
    """The predictions in `file` as a run of `task` below `out`; no picture is looked for."""
    name = options.name or options.predictions.name.partition(".")[0]
    backend = Replay(path=str(file), field=options.field, source=str(options.predictions))
    session = Session(ModelSpec(name=name, backend=backend, batch=Batch(count=1024), workers=0))
    outcome = runner.run(session, task, recorded_settings(options, out=out))
    _tell_lines(backend, outcome)
    return outcome


def _tell_lines(file: Replay, outcome: Outcome) -> None:
    """Say on stderr how many lines have no reply, and are scored as empty ones, and how many are no sample's."""
    rows, known = file.rows(), {score.sample_id for score in outcome.scores}
    empty = [name for name, text in rows.items() if text is None]
    lost = [name for name in rows if name not in known]
    for names, what in (
        (empty, f"have no {file.field!r} and are scored as empty replies"),
        (lost, "belong to no sample"),
    ):
        if names:
            print(f"evalkit: {file.source}: {len(names)} lines {what}, the first is {names[0]!r}", file=sys.stderr)


def recorded_settings(options: argparse.Namespace, *, out: Path) -> Settings:
    """How a predictions file is run."""
    return Settings(
        out=out,
        places=beside(places(options), options.task),
        progress=Progress(quiet=not options.judge),
        argv=options.argv,
        annotations=options.annotations,
        rule=options.rule,
        media=False,
        judge=judge_of(options),
    )


def _with_rule(task: TaskSpec, rule: str) -> TaskSpec:
    if not rule:
        return task
    if rule not in task.opinions:
        raise EvalkitError(f"task {task.name} has no rule {rule!r}{suggestion(rule, task.opinions)}")
    return task.under(rule)


def runs(folders: list[Path]) -> Iterator[Path]:
    """Folders of runs in and below `folders`. Raises EvalkitError for a folder that is not there."""
    for folder in folders:
        if not folder.is_dir():
            raise EvalkitError(f"there is no results folder {folder}; check the path")
        yield from (file.parent for file in sorted(folder.rglob("run.json")))


def _again(folder: Path, options: argparse.Namespace, judge: Judge | None) -> Outcome:
    run = opened(folder, options)
    print(f"scoring {folder}", file=sys.stderr)
    outcome = run.rescored(_with_rule(run.task, options.rule), rule=options.rule, judge=judge, progress=quiet(options))
    return outcome if options.rule else outcome.write()  # another opinion is shown, not kept as the result


def quiet(options: argparse.Namespace) -> Progress:
    """Says nothing, but where a judge model is asked."""
    return Progress(quiet=not options.judge)


def opened(folder: Path, options: argparse.Namespace) -> Run:
    """A recorded run with today's task file, or with the copy in its record where that is gone. Raises EvalkitError."""
    run = Run.read(folder, places(options))
    if run.record.task.name not in load.files(TaskSpec):
        return run
    task = load.spec(TaskSpec, run.record.task.name)
    return run.replaced(task=task.reading(str(run.record.model.identity.get("field", ""))))


def summary(outcome: Outcome) -> dict[str, object]:
    """What `score --json` prints of one run; values are fractions at full precision."""
    record = outcome.record
    return {
        "task": record.task.name,
        "rule": record.scoring.rule,
        "n": record.scoring.counts.planned,
        "unparsed": record.scoring.counts.unparsed,
        "complete": record.complete,
        "stats": [msgspec.to_builtins(stat) for stat in outcome.stats],
    }
