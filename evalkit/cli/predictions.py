"""What `--predictions` names as a file of our own format: other tools' files are translated, and that is said."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evalkit import text_files
from evalkit.cli.setup import beside, places
from evalkit.interop import read
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset


def translated(task: TaskSpec, options: argparse.Namespace, folder: Path) -> Path:
    """The predictions file itself, or a translation of it written into `folder`. Raises EvalkitError.

    The way in which rows became samples is one line on stderr, with how many questions or golds prove it.
    """
    path: Path = options.predictions
    file = read.read_predictions(path, field=options.field)
    if file is None:
        return path
    where = beside(places(options), options.task)
    data = dataset.load(task, where, annotations=options.annotations, media=False)
    positions = read.row_positions(task, where, options.annotations)
    match = read.match_samples(file, task, data.samples, positions)
    print(f"evalkit: {path}: {match.summary(file)}", file=sys.stderr)
    ours = folder / f"{path.name.partition('.')[0]}.jsonl"
    text_files.write_lines(ours, ({"id": name, options.field: text} for name, text in match.replies.items()))
    return ours
