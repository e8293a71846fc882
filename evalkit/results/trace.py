"""A run followed back from its scores to the replies, the prompts as sent and the pictures they show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from evalkit import digest
from evalkit.data.sources import Places
from evalkit.errors import EvalkitError
from evalkit.registry.spec import TaskSpec
from evalkit.results.read import Result
from evalkit.run import dataset, plan, response_log
from evalkit.run.dataset import Dataset
from evalkit.run.plan import Plan
from evalkit.run.response_log import Log
from evalkit.types import Request, Response, Sample, Score


class Trace(msgspec.Struct, frozen=True):
    """Everything behind one run's numbers; `data` and `plan` are today's reading of the data that the run names."""

    result: Result
    task: TaskSpec
    scores: tuple[Score, ...]
    data: Dataset
    plan: Plan
    log: Log

    @property
    def samples(self) -> dict[str, Sample]:
        """Samples by id."""
        return {sample.id: sample for sample in self.data.samples}

    @property
    def changed(self) -> bool:
        """Whether the data differ from those that the run was made on, so that its replies may not be found."""
        return self.data.fingerprint != self.result.run.data_digest

    def asked(self, sample_id: str) -> list[tuple[Request, Response | None]]:
        """Every prompt of a sample with its reply (None: the log has none); empty for one that was never asked."""
        return [(r, self.log.responses.get(r.key)) for r in self.plan.requests.get(sample_id, ())]


Known = dict[str, Dataset]
"""Data sets that were read already, so that several models' runs of a task read them once."""


def trace(result: Result, places: Places, known: Known | None = None) -> Trace:
    """Read scores, replies and data again. Mirrors in `places` stand in for those that the record names.

    Raises EvalkitError where scores or data cannot be read.
    """
    run = result.run
    task = task_of(result)
    data = _data(result, task, places, {} if known is None else known)
    blind = bool(run.model_spec.get("blind")) or not _media(result)
    planned = plan.requests(task, run.identity, data.samples, problems=data.problems, blind=blind)
    return Trace(result, task, read_scores(result), data, planned, response_log.read(Path(result.folder)))


def task_of(result: Result) -> TaskSpec:
    """The task as the run's record holds it. Raises EvalkitError for a record of another version."""
    try:
        return msgspec.convert(result.run.task_spec, TaskSpec)
    except msgspec.ValidationError as error:
        raise EvalkitError(
            f"{result.folder}/run.json: its task_spec is not one of this version ({error}); "
            f"recompute it with `evalkit score {result.folder}`"
        ) from error


def read_scores(result: Result) -> tuple[Score, ...]:
    """The scores of a run, in the order of the samples. Raises EvalkitError when they cannot be read."""
    file = Path(result.folder) / "scores.jsonl"
    advice = f"recompute it with `evalkit score {result.folder}`"
    try:
        return tuple(msgspec.json.Decoder(Score).decode_lines(file.read_bytes()))
    except OSError as error:
        raise EvalkitError(f"{file}: cannot be read ({error.strerror}): {advice}") from error
    except msgspec.DecodeError as error:
        raise EvalkitError(f"{file}: not the scores of a run ({error}): {advice}") from error


def _media(result: Result) -> bool:
    # Recorded replies are keyed by sample and were scored without looking for pictures.
    return result.run.identity.get("kind") != "replay"


def _data(result: Result, task: TaskSpec, places: Places, known: Known) -> Dataset:
    run, media = result.run, _media(result)
    where = msgspec.structs.replace(
        places, mirrors=places.mirrors or tuple(map(Path, run.mirrors)), folder=Path(run.task_folder)
    )
    settings: Mapping[str, object] = {
        "source": [task.source, task.columns, task.keep, task.samples],
        "where": [str(m) for m in where.mirrors],
        "file": [run.task_folder, run.annotations, run.limit, media],
    }
    key = digest.of(settings)
    if key not in known:
        known[key] = dataset.load(
            task,
            where,
            annotations=Path(run.annotations) if run.annotations else None,
            limit=_limit(run.limit),
            media=media,
        )
    return known[key]


def _limit(text: str) -> int | float | None:
    return None if not text else float(text) if "." in text or "e" in text else int(text)
