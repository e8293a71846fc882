"""`evalkit score`: scores again from recorded replies, of runs or of a predictions file; no model is loaded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from evalkit.api.inputs import task_file
from evalkit.api.scoring import rescore, run_folders, score_predictions
from evalkit.cli.printing import print_json, print_problems, print_summary, say
from evalkit.cli.run import judge_of
from evalkit.cli.setup import data_places, result_folders
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.run.prepare import TaskSettings
from evalkit.run.progress import TerminalProgress


def main(options: argparse.Namespace) -> int:
    """Exit code 4 when a score is incomplete."""
    if (options.predictions is None) != (options.task is None):
        raise EvalkitError("score needs --task and --predictions together, or result folders alone")
    runs = [_predictions(options)] if options.predictions is not None else _folders(options)
    if not runs:
        raise EvalkitError("there is no run.json below the folders named; run `evalkit run` first")
    if options.json:
        summaries = [summary(run) for run in runs]
        print_json(summaries[0] if options.predictions is not None else summaries)
    else:
        print_summary(runs)
    return max(print_problems(run) for run in runs)


def _predictions(options: argparse.Namespace) -> Run:
    task = task_file(options.task)
    settings = TaskSettings(
        out=options.out or Path("results"),
        places=msgspec.structs.replace(data_places(options), folder=task.folder),
        progress=_progress(options),
        argv=options.argv,
        annotations=options.annotations,
        rule=options.rule,
        media=False,
        judge=judge_of(options),
    )
    return score_predictions(
        task, options.predictions, settings, field=options.field, name=options.name, keep=bool(options.out), notify=say
    )


def _folders(options: argparse.Namespace) -> list[Run]:
    judge, runs = judge_of(options), []
    for folder in run_folders(result_folders(options.results, Path("results"))):
        run = Run.read(folder, data_places(options))
        print(f"scoring {folder}", file=sys.stderr)
        runs.append(rescore(run, rule=options.rule, judge=judge, progress=_progress(options)))
    return runs


def _progress(options: argparse.Namespace) -> TerminalProgress:
    """Reports only where a judge model is asked; all else takes seconds."""
    return TerminalProgress(quiet=not options.judge, colour=options.colour)


def summary(run: Run) -> dict[str, object]:
    """One run as `score --json` prints it; values are fractions at full precision."""
    scoring = run.record.scoring
    return {
        "task": run.record.task.name,
        "rule": scoring.rule,
        "n": scoring.counts.planned,
        "unparsed": scoring.counts.unparsed,
        "complete": run.record.complete,
        "stats": [msgspec.to_builtins(stat) for stat in run.stats],
    }
