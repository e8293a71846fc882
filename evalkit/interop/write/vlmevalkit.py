"""VLMEvalKit's prediction tables: a tab-separated file per run, the data's columns and `prediction`.

Replies are written unchanged, since VLMEvalKit scores them again; only `escape_formulas` changes them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from evalkit.filenames import unique_name
from evalkit.interop.write.publication import Publication, single_reply, write_file
from evalkit.reporting.formats.csv import escape_formula
from evalkit.results.run import Run
from evalkit.rules.verdict import LETTERS
from evalkit.types import Sample


def write_vlmevalkit(runs: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/<model>_<task>.tsv`. Raises EvalkitError where a run's data or replies cannot be read again."""
    files = []
    for run in runs:
        model, task = unique_name(run.record.model.name), unique_name(run.record.task.name)
        text = prediction_table(run, escape=publication.escape_formulas)
        files.append(write_file(publication.out / model / f"{model}_{task}.tsv", text))
    return files


def prediction_table(run: Run, *, escape: bool = False) -> str:
    """The table's text: `index`, `question`, a column per option letter, `answer`, a column per group, `prediction`."""
    samples = [run.sample(score.sample_id) for score in run.scores]
    letters = LETTERS[: max((len(sample.choices) for sample in samples), default=0)]
    groups = list(dict.fromkeys(name for sample in samples for name in sample.groups))
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(["index", "question", *letters, "answer", *groups, "prediction"])
    for sample in samples:
        _, response = single_reply(run, sample.id)
        row = [*_row(sample, len(letters)), *(sample.groups.get(name, "") for name in groups), response.text]
        writer.writerow([escape_formula(value) for value in row] if escape else row)
    return out.getvalue()


def _row(sample: Sample, letters: int) -> list[str]:
    answer = sample.answers[0] if len(sample.answers) == 1 else str(list(sample.answers))
    return [sample.id, sample.question, *sample.choices, *[""] * (letters - len(sample.choices)), answer]
