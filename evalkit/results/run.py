"""`Run`: one model's run of one task, read back from its folder; all code that reads a run again goes through it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.registry.spec import Reference, TaskSpec
from evalkit.results.derived_files import read_scores, read_stats
from evalkit.results.recorded_data import load_recorded, row_fields
from evalkit.results.sample_rows import sample_rows
from evalkit.run import plan, record, response_log
from evalkit.run.dataset import Dataset
from evalkit.run.judge import Judge, recorded_judge
from evalkit.run.outcome import Outcome
from evalkit.run.places import default_places
from evalkit.run.plan import Plan
from evalkit.run.progress import Progress
from evalkit.run.record import RunRecord
from evalkit.run.response_log import Log
from evalkit.run.runner import rescore_record
from evalkit.types import Request, Response, Sample, Score, Stat

if TYPE_CHECKING:
    import pandas


class Run:
    """The record of a run; its stats, scores, replies, samples and prompts are read at their first use.

    `samples` and `requests` follow from the data that the record names, as they are today; where the data `changed`
    since, replies to changed prompts are not found. `calls` and `seconds` are those of the command that made the run
    just now, 0 for a run read back; the record has those of all commands. `derived` is True for a difference of two
    runs. `results_folder` is set where several runs of a model are shown: the folder that the user named.
    """

    def __init__(
        self,
        folder: Path,
        record: RunRecord,
        *,
        places: DataPlaces | None = None,
        task: TaskSpec | None = None,
        scores: Sequence[Score] | None = None,
        stats: Sequence[Stat] | None = None,
        derived: bool = False,
        results_folder: str = "",
    ) -> None:
        self.folder, self.record = folder, record
        self.places = default_places(offline=True) if places is None else places
        self.derived, self.results_folder = derived, results_folder
        self.calls, self.seconds = 0, 0.0
        self.scratch: TemporaryDirectory[str] | None = None  # goes with the run, if it lies in a temporary folder
        self._arguments: dict[str, Any] = {"task": task, "scores": scores, "stats": stats}

    @classmethod
    def load(cls, folder: str | Path, *, data: Iterable[str | Path] = (), cache: str | Path | None = None) -> Run:
        """The run in `folder`, which holds a run.json. `data` are local copies of data sets in place of the recorded.

        Raises IncompleteError where there is no readable record. Nothing is downloaded.
        """
        return cls.read(Path(folder), default_places(data=data, cache=cache, offline=True))

    @classmethod
    def read(cls, folder: Path, places: DataPlaces | None = None) -> Run:
        """`load` with `places` instead of folders."""
        return cls(folder, record.read_record(folder), places=places)

    @classmethod
    def of(cls, outcome: Outcome, task: TaskSpec, places: DataPlaces) -> Run:
        """The run of an outcome of this process."""
        run = cls(outcome.folder, outcome.record, places=places, task=task, scores=outcome.scores, stats=outcome.stats)
        run.__dict__["dataset"] = outcome.dataset
        run.calls, run.seconds = outcome.calls, outcome.seconds
        return run

    def replaced(self, **fields: Any) -> Run:
        """The same run with other values for arguments of the constructor."""
        names = ("folder", "record", "places", "derived", "results_folder")
        return Run(**{**{name: getattr(self, name) for name in names}, **self._arguments, **fields})

    def __repr__(self) -> str:
        return f"<Run {self.record.model.name} on {self.record.task.name} in {self.folder}>"

    @property
    def title(self) -> str:
        """The model's name in a table."""
        return self.record.model.title or self.record.model.name

    @property
    def column(self) -> str:
        """The model, with the `results_folder` if there is one: equal for all runs of one column."""
        return f"{self.record.model.name} [{self.results_folder}]" if self.results_folder else self.record.model.name

    @property
    def generated(self) -> bool:
        """True if the task's prompt and settings made the replies; not so for recorded ones."""
        return self.record.model.origin == "model"

    @property
    def recorded(self) -> bool:
        """True if the replies come from a file, and were scored without looking for pictures."""
        return self.record.model.origin == "recorded"

    @cached_property
    def task(self) -> TaskSpec:
        """The task as the record holds it. Raises EvalkitError for a record of another version."""
        task: TaskSpec | None = self._arguments["task"]
        if task is not None:
            return task
        try:
            return msgspec.convert(self.record.task.spec, TaskSpec)
        except msgspec.ValidationError as error:
            raise EvalkitError(
                f"{self.folder}/run.json: its task is not one of this version ({error}); "
                f"recompute it with `evalkit score {self.folder}`"
            ) from error

    @cached_property
    def stats(self) -> tuple[Stat, ...]:
        """The numbers, in the order of the task file. Raises IncompleteError when they cannot be read."""
        stats: Sequence[Stat] | None = self._arguments["stats"]
        if stats is not None:
            return tuple(stats)
        return read_stats(self.folder, self.record.task.spec)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The scores, in the order of the samples. Raises IncompleteError when they cannot be read or some lack."""
        scores: Sequence[Score] | None = self._arguments["scores"]
        if scores is not None:
            return tuple(scores)
        return read_scores(self.folder, planned=self.record.scoring.counts.planned)

    def find(self, reference: Reference) -> Stat | None:
        """The number that a table cell refers to; None where the run has none."""
        metric = reference.metric or self.record.scoring.headline
        return next((s for s in self.stats if s.metric == metric and s.where == reference.where), None)

    @property
    def headline(self) -> Stat | None:
        """The number that stands for the task: its headline metric over all samples."""
        return self.find(Reference(task=self.record.task.name))

    @cached_property
    def log(self) -> Log:
        """The response log."""
        return response_log.read_responses(self.folder)

    @property
    def responses(self) -> Mapping[str, Response]:
        """Every reply in the log by request key, also those to prompts that the task no longer has."""
        return self.log.responses

    @cached_property
    def dataset(self) -> Dataset:
        """The data as they are today. Raises EvalkitError where they cannot be read."""
        return load_recorded(self.record, self.task, self.places, media=not self.recorded, datasets={})

    def open(self, datasets: dict[str, Dataset]) -> Run:
        """Read everything now and return the run; `datasets` holds those that several models' runs of a task share.

        Raises EvalkitError where scores, replies or data cannot be read.
        """
        self.__dict__["dataset"] = load_recorded(
            self.record, self.task, self.places, media=not self.recorded, datasets=datasets
        )
        _ = self.scores, self.log, self.plan
        return self

    @property
    def changed(self) -> bool:
        """True if the data differ from those that the run was made on, so that its replies may not be found."""
        return self.dataset.fingerprint != self.record.data.digest

    @cached_property
    def samples(self) -> Mapping[str, Sample]:
        """Samples by id, in the order of the data."""
        return {sample.id: sample for sample in self.dataset.samples}

    def sample(self, sample_id: str) -> Sample:
        """The sample of a score. Raises IncompleteError where the data have none of that id any more."""
        if sample_id not in self.samples:
            raise IncompleteError(
                f"{self.folder}: sample {sample_id} has a score but is not in the data as they are today; restore the "
                f"data, or recompute the scores with `evalkit score {self.folder}`"
            )
        return self.samples[sample_id]

    @cached_property
    def plan(self) -> Plan:
        """The requests of every sample, and the reason why others cannot be asked."""
        blind = self.record.model.blind or self.recorded
        data, identity = self.dataset, self.record.model.identity
        return plan.requests(self.task, identity, data.samples, problems=data.problems, blind=blind)

    @property
    def requests(self) -> Mapping[str, tuple[Request, ...]]:
        """The requests of every sample in view order, by sample id."""
        return self.plan.requests

    def replies(self, sample_id: str) -> list[tuple[Request, Response | None]]:
        """Every prompt of a sample with its reply (None: the log has none); empty for one that was never asked."""
        return [(request, self.responses.get(request.key)) for request in self.requests.get(sample_id, ())]

    def rescored(self, task: TaskSpec, *, rule: str = "", judge: Judge | None = None, progress: Progress) -> Outcome:
        """The run under another rule or version of its `task`; nothing is written, and no model but the judge called.

        A `judge` reads what the rule cannot; without one, and without another `rule`, the logged replies of the
        record's own judge count. Replies to prompts that the task no longer has do not count. Raises EvalkitError.
        """
        run = self.replaced(task=task, scores=None, stats=None)
        if row_fields(task) == row_fields(self.task):
            run.__dict__["dataset"] = self.dataset
        if judge is None and not rule:
            judge = recorded_judge(self.record.scoring.judge)
        return rescore_record(
            self.record,
            task,
            run.dataset,
            run.plan,
            self.log,
            folder=self.folder,
            rule=rule,
            judge=judge,
            progress=progress,
        )

    def frame(self) -> pandas.DataFrame:
        """One row per sample: id, groups, gold, extracted answer, score, and the replies where the data can be read.

        Columns: sample_id, target, answer, value, step, error, one `group.<name>` for each group, question and reply
        (missing values where the data cannot be read). Several replies of a sample are joined by blank lines.
        """
        import pandas

        try:
            samples = self.samples
        except EvalkitError:
            samples = {}  # the scores do not need the data
        return pandas.DataFrame.from_records(list(sample_rows(self.scores, samples, self.replies)))
