"""The runs of one side of a comparison: one model's runs by task, their metrics and scores, and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.metrics import Accuracy, AllCorrect, Metric
from evalkit.results.folders import read_runs
from evalkit.results.run import Run
from evalkit.types import Score

DERIVED = ("run.json", "scores.jsonl", "stats.json")
"""The files of a run that a baseline holds."""


def read_side(folder: Path, places: DataPlaces) -> dict[str, Run]:
    """Task -> run, of a run's folder or a model's. Raises EvalkitError when it holds no run, or several models."""
    if not folder.is_dir() or not any(folder.rglob("run.json")):
        raise EvalkitError(f"{folder}: no run.json below it; name the folder of a run, or of a model's runs")
    return by_task(read_runs([folder], places), str(folder))


def by_task(runs: Sequence[Run], name: str) -> dict[str, Run]:
    """Task -> run. Raises EvalkitError, naming `name`, for no run, for several models, and for two runs of one task."""
    if not runs:
        raise EvalkitError(f"{name}: no run to compare; name a model's runs")
    side: dict[str, Run] = {}
    for run in runs:
        other = side.setdefault(run.record.task.name, run)
        if other is not run or run.record.model.name != runs[0].record.model.name:
            raise EvalkitError(
                f"{name}: holds {other.folder} and {run.folder}, but one side of a comparison is one model "
                "with one run of each task; name the model's own folder"
            )
    return side


def metric_of(run: Run, name: str) -> Metric:
    """A metric as the run's record has it, which may be of another version. Raises IncompleteError without one."""
    specs = run.record.task.spec.get("metrics")
    try:
        metric: Metric = msgspec.convert(specs[name] if isinstance(specs, dict) else None, Metric)
    except (KeyError, msgspec.ValidationError) as error:
        raise IncompleteError(
            f"the record of {run.record.model.name} / {run.record.task.name} has no usable metric {name!r} ({error}); "
            "recompute it with `evalkit score`"
        ) from error
    return metric


def counted(metric: Metric, scores: Sequence[Score]) -> Sequence[Score]:
    """The scores as the metric's difference counts them: one for each question, guesses for unparsable replies."""
    if isinstance(metric, AllCorrect):
        return metric.questions(scores)
    if isinstance(metric, Accuracy) and metric.unparsed != "dropped":
        return metric.resolve(scores)
    return scores


def aligned(base: Sequence[Score], candidate: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """The scores of the samples in both, in the base's order; clusters are those of the side that has them."""
    candidate_of = {score.sample_id: score for score in candidate}
    pairs = [(score, candidate_of[score.sample_id]) for score in base if score.sample_id in candidate_of]
    before = [
        score if score.cluster or not other.cluster else msgspec.structs.replace(score, cluster=other.cluster)
        for score, other in pairs
    ]
    return before, [other for _, other in pairs]


def save_baseline(runs: Sequence[Run], place: Path) -> None:
    """Copy the derived files of the runs to `place/<task>/`, whole or not at all. Raises EvalkitError.

    Replies stay where they are: a baseline is numbers and answers, small enough to be kept under version control.
    """
    import shutil
    import tempfile

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            for run in runs:
                folder = Path(scratch) / "new" / run.folder.resolve().name
                folder.mkdir(parents=True)
                for name in DERIVED:
                    shutil.copyfile(run.folder / name, folder / name)
            if place.exists():
                place.rename(Path(scratch) / "old")
            (Path(scratch) / "new").rename(place)
    except OSError as error:
        raise EvalkitError(f"{place}: the baseline cannot be written ({error.strerror}); check the folder") from error
