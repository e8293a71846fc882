"""VLMEvalKit's prediction tables: a tab-separated file per run, the data's columns and `prediction`.

Replies stand there letter by letter, since the kit scores them again; only `escape_formulas` changes them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from evalkit.filenames import distinct
from evalkit.interop.write.publication import Publication, only, save
from evalkit.reporting.formats.csv import escape_formula
from evalkit.results.run import Run
from evalkit.rules.verdict import LETTERS
from evalkit.types import Sample


def write(results: Sequence[Run], publication: Publication) -> list[Path]:
    """`<model>/<model>_<task>.tsv`. Raises EvalkitError where a run's data or replies cannot be read again."""
    files = []
    for result in results:
        model, task = distinct(result.record.model.name), distinct(result.record.task.name)
        text = table(result, escape=publication.escape_formulas)
        files.append(save(publication.out / model / f"{model}_{task}.tsv", text))
    return files


def table(found: Run, *, escape: bool = False) -> str:
    """`index`, `question`, a column per option letter, `answer`, a column per group, `prediction`."""
    samples = found.samples
    order = [samples[score.sample_id] for score in found.scores]
    letters = LETTERS[: max((len(sample.choices) for sample in order), default=0)]
    groups = list(dict.fromkeys(name for sample in order for name in sample.groups))
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerow(["index", "question", *letters, "answer", *groups, "prediction"])
    for sample in order:
        _, response = only(found, sample.id)
        row = [*_row(sample, len(letters)), *(sample.groups.get(name, "") for name in groups), response.text]
        writer.writerow([escape_formula(value) for value in row] if escape else row)
    return out.getvalue()


def _row(sample: Sample, letters: int) -> list[str]:
    answer = sample.answers[0] if len(sample.answers) == 1 else str(list(sample.answers))
    return [sample.id, sample.question, *sample.choices, *[""] * (letters - len(sample.choices)), answer]
