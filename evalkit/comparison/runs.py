"""The runs of one side: one model's folders by task, and their scores sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit.errors import EvalkitError, IncompleteError
from evalkit.metrics import Accuracy, AllCorrect, Metric
from evalkit.results.read import Result, read_results
from evalkit.run.record import RunRecord
from evalkit.types import Score

DERIVED = ("run.json", "scores.jsonl", "stats.json")


def runs(folder: Path) -> dict[str, Result]:
    """Task -> run, for a run's folder or a model's. Raises EvalkitError when it holds several models."""
    if not folder.is_dir() or not any(folder.rglob("run.json")):
        raise EvalkitError(f"{folder}: no run.json below it; name the folder of a run, or of a model's runs")
    try:
        results = read_results([folder])
    except EvalkitError as error:
        raise IncompleteError(str(error)) from error  # the folder is one of ours: what it holds is damaged
    found: dict[str, Result] = {}
    for result in results:
        other = found.setdefault(result.run.task, result)
        if other is not result or result.run.model != results[0].run.model:
            raise EvalkitError(
                f"{folder}: holds {other.folder} and {result.folder}, but one side of a comparison is one model "
                "with one run of each task; name the model's own folder"
            )
    return found


def scores(result: Result) -> tuple[Score, ...]:
    """The run's scores in sample order. Raises IncompleteError for a missing, damaged or cut file."""
    file = Path(result.folder) / "scores.jsonl"
    found = _lines(file, result)
    distinct, planned = len({score.sample_id for score in found}), result.run.counts.planned
    if not distinct == len(found) == planned:
        raise IncompleteError(
            f"{file}: holds {len(found)} scores of {distinct} samples, but its run.json tells of {planned}; recompute "
            f"it with `evalkit score {result.folder}`"
        )
    return found


def _lines(file: Path, result: Result) -> tuple[Score, ...]:
    try:
        return tuple(msgspec.json.decode(line, type=Score) for line in file.read_bytes().splitlines())
    except OSError as error:
        raise IncompleteError(
            f"{file}: cannot be read ({error.strerror}); recompute it with `evalkit score {result.folder}`"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IncompleteError(
            f"{file}: damaged ({error}); recompute it with `evalkit score {result.folder}`"
        ) from error


def metric(run: RunRecord, name: str) -> Metric:
    """The metric as the record's task has it. Raises IncompleteError where it has none of that name."""
    specs = run.task_spec.get("metrics")
    try:
        found: Metric = msgspec.convert(specs[name] if isinstance(specs, dict) else None, Metric)
    except (KeyError, msgspec.ValidationError) as error:
        raise IncompleteError(
            f"the record of {run.model} / {run.task} has no usable metric {name!r} ({error}); "
            "recompute it with `evalkit score`"
        ) from error
    return found


def counted(metric: Metric, scores: Sequence[Score]) -> Sequence[Score]:
    """The scores as the metric's difference counts them: questions for their rows, guesses for unparsed replies."""
    if isinstance(metric, AllCorrect):
        return metric.questions(scores)
    if isinstance(metric, Accuracy) and metric.unparsed != "dropped":
        return metric.resolve(scores)
    return scores


def aligned(base: Sequence[Score], candidate: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Scores of the samples in both, in the base's order; clusters are taken from the side that knows them."""
    there = {score.sample_id: score for score in candidate}
    pairs = [(score, there[score.sample_id]) for score in base if score.sample_id in there]
    ours = [
        one if one.cluster or not two.cluster else msgspec.structs.replace(one, cluster=two.cluster)
        for one, two in pairs
    ]
    return ours, [two for _, two in pairs]


def save(results: Sequence[Result], place: Path) -> None:
    """Copy the derived files of the runs to `place/<task>/`, whole or not at all. Raises EvalkitError.

    Replies stay where they are: a baseline is numbers and answers, small enough to be kept under version control.
    """
    import shutil
    import tempfile

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            for result in results:
                folder = Path(scratch) / "new" / Path(result.folder).resolve().name
                folder.mkdir(parents=True)
                for name in DERIVED:
                    shutil.copyfile(Path(result.folder) / name, folder / name)
            if place.exists():
                place.rename(Path(scratch) / "old")
            (Path(scratch) / "new").rename(place)
    except OSError as error:
        raise EvalkitError(f"{place}: the baseline cannot be written ({error.strerror}); check the folder") from error
