"""`evalkit export`: finished runs in the formats of other tools."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit.cli.setup import data_places, result_folders
from evalkit.errors import EvalkitError
from evalkit.interop.write import FORMATS, Publication
from evalkit.interop.write.publication import check_one_run_per_task
from evalkit.reporting import read_runs
from evalkit.run import provenance


def main(options: argparse.Namespace) -> int:
    """Print the paths of the files. Exit code 4 if an incomplete run was left out."""
    runs = read_runs(result_folders(options.results, Path("results")), data_places(options))
    complete = [run for run in runs if run.record.complete]
    incomplete = [run for run in runs if not run.record.complete]
    for run in incomplete:
        print(f"evalkit: {run.folder}: incomplete, not exported; finish it with the same command", file=sys.stderr)
    check_one_run_per_task(complete)
    publication = Publication(
        out=options.out,
        written=provenance.now(),
        task_ids=dict(map(_pair, options.task_id)),
        organization=options.organization,
        relationship=options.relationship,
        escape_formulas=options.escape_formulas,
    )
    for file in FORMATS[options.to](complete, publication):
        print(file)
    return 4 if incomplete else 0


def _pair(text: str) -> tuple[str, str]:
    task, equals, name = text.partition("=")
    if not (task and equals and name):
        raise EvalkitError(f"--task-id {text}: write TASK=ID, the task's name here and the benchmark's on the hub")
    return task, name
