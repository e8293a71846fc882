"""`evalkit export`: finished runs in the formats of other tools."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit.cli.setup import existing, places
from evalkit.errors import EvalkitError
from evalkit.interop.write import FORMATS, Publication
from evalkit.interop.write.publication import check_one_run_per_task
from evalkit.reporting import read_runs
from evalkit.run import provenance


def main(options: argparse.Namespace) -> int:
    """Print the files written. Exit code 4 when a run was left out because it is incomplete."""
    results = read_runs(existing(options.results, Path("results")), places(options))
    complete = [result for result in results if result.record.complete]
    left_out = [result for result in results if not result.record.complete]
    for result in left_out:
        print(f"evalkit: {result.folder}: incomplete, not exported; finish it with the same command", file=sys.stderr)
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
    return 4 if left_out else 0


def _pair(text: str) -> tuple[str, str]:
    task, equals, name = text.partition("=")
    if not (task and equals and name):
        raise EvalkitError(f"--task-id {text}: write TASK=ID, the task's name here and the benchmark's on the hub")
    return task, name
