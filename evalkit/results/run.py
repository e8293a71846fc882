"""`Run`: one model's run of one task, read back from its folder; all code that reads a run again goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from evalkit import digest
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.registry.spec import Reference, TaskSpec
from evalkit.results.old_stats import upgrade
from evalkit.run import dataset, plan, record, response_log
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

T = TypeVar("T")
_decode_stats = msgspec.json.Decoder(list[Stat]).decode
_decode_scores = msgspec.json.Decoder(Score).decode_lines


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
        return cls(folder, record.read(folder), places=places)

    @classmethod
    def of(cls, outcome: Outcome, task: TaskSpec, places: DataPlaces) -> Run:
        """The run of an outcome of this process."""
        run = cls(outcome.folder, outcome.record, places=places, task=task, scores=outcome.scores, stats=outcome.stats)
        run.__dict__["dataset"] = outcome.dataset
        run.calls, run.seconds = outcome.calls, outcome.seconds
        return run

    def replaced(self, **fields: Any) -> Run:
        """The same run with other values for arguments of the constructor."""
        now: dict[str, Any] = {
            "places": self.places,
            "derived": self.derived,
            "results_folder": self.results_folder,
            **self._arguments,
        }
        return Run(**{"folder": self.folder, "record": self.record, **now, **fields})

    def __repr__(self) -> str:
        return f"<Run {self.record.model.name} on {self.record.task.name} in {self.folder}>"

    # --- from the record

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

    # --- its derived files

    @cached_property
    def stats(self) -> tuple[Stat, ...]:
        """The numbers, in the order of the task file. Raises IncompleteError when they cannot be read."""
        stats: Sequence[Stat] | None = self._arguments["stats"]
        if stats is not None:
            return tuple(stats)
        return tuple(upgrade(stat, self.record.task.spec) for stat in self._read_derived("stats.json", _decode_stats))

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The scores, in the order of the samples. Raises IncompleteError when they cannot be read or some lack."""
        argument: Sequence[Score] | None = self._arguments["scores"]
        if argument is not None:
            return tuple(argument)
        scores = tuple(self._read_derived("scores.jsonl", _decode_scores))
        distinct, planned = len({score.sample_id for score in scores}), self.record.scoring.counts.planned
        if not distinct == len(scores) == planned:
            raise IncompleteError(
                f"{self.folder}/scores.jsonl: holds {len(scores)} scores of {distinct} samples, but its run.json "
                f"tells of {planned}; recompute it with `evalkit score {self.folder}`"
            )
        return scores

    def _read_derived(self, name: str, decode: Callable[[bytes], list[T]]) -> list[T]:
        file, advice = self.folder / name, f"recompute it with `evalkit score {self.folder}` or leave the folder out"
        try:
            return decode(file.read_bytes())
        except OSError as error:
            raise IncompleteError(f"{file}: cannot be read ({error.strerror}): {advice}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise IncompleteError(f"{file}: damaged, or not of this program ({error}): {advice}") from error

    def find(self, reference: Reference) -> Stat | None:
        """The number that a table cell refers to; None where the run has none."""
        metric = reference.metric or self.record.scoring.headline
        return next((s for s in self.stats if s.metric == metric and s.where == reference.where), None)

    @property
    def headline(self) -> Stat | None:
        """The number that stands for the task: its headline metric over all samples."""
        return self.find(Reference(task=self.record.task.name))

    # --- its log, and the data and prompts behind it

    @cached_property
    def log(self) -> Log:
        """The response log."""
        return response_log.read(self.folder)

    @property
    def responses(self) -> Mapping[str, Response]:
        """Every reply in the log by request key, also those to prompts that the task no longer has."""
        return self.log.responses

    @cached_property
    def dataset(self) -> Dataset:
        """The data as they are today. Raises EvalkitError where they cannot be read."""
        return self._dataset({})

    def open(self, datasets: dict[str, Dataset]) -> Run:
        """Read everything now and return the run; `datasets` holds those that several models' runs of a task share.

        Raises EvalkitError where scores, replies or data cannot be read.
        """
        self.__dict__["dataset"] = self._dataset(datasets)
        _ = self.scores, self.log, self.plan
        return self

    def _dataset(self, datasets: dict[str, Dataset]) -> Dataset:
        task, data, limit = self.task, self.record.data, self.record.task.limit
        places = msgspec.structs.replace(
            self.places,
            mirrors=self.places.mirrors or tuple(map(Path, data.mirrors)),
            folder=Path(self.record.task.folder),
        )
        key = digest.of(
            {
                "source": _rows_of(task),
                "where": [str(mirror) for mirror in places.mirrors],
                "file": [self.record.task.folder, data.annotations, limit, self.recorded],
            }
        )
        if key not in datasets:
            annotations = Path(data.annotations) if data.annotations else None
            datasets[key] = dataset.load(task, places, annotations=annotations, limit=limit, media=not self.recorded)
        return datasets[key]

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
        """The run under another rule or version of its `task`; no model is called, and nothing written.

        A `judge` reads what the rule cannot; without one, and without another `rule`, the logged replies of the
        record's own judge count. Replies to prompts that the task no longer has do not count. Raises EvalkitError.
        """
        run = self.replaced(task=task, scores=None, stats=None)
        if _rows_of(task) == _rows_of(self.task):
            run.__dict__["dataset"] = self.dataset
        return rescore_record(
            self.record,
            task,
            run.dataset,
            run.plan,
            self.log,
            folder=self.folder,
            rule=rule,
            judge=judge or (None if rule else recorded_judge(self.record.scoring.judge)),
            progress=progress,
        )

    # --- for notebooks

    def frame(self) -> pandas.DataFrame:
        """One row per sample: id, groups, gold, extracted answer, score, and the replies where the data can be read.

        Columns: sample_id, target, answer, value, step, error, one `group.<name>` for each group, question and reply
        (missing values where the data cannot be read). Several replies of a sample are joined by blank lines.
        """
        import pandas

        return pandas.DataFrame.from_records(list(self._rows()))

    def _rows(self) -> Iterator[dict[str, object]]:
        try:
            samples: Mapping[str, Sample] = self.samples
        except EvalkitError:
            samples = {}  # the numbers do not need the data
        for score in self.scores:
            sample = samples.get(score.sample_id)
            replies = [reply.text for _, reply in self.replies(score.sample_id) if reply] if sample else []
            yield {
                "sample_id": score.sample_id,
                **{f"group.{name}": value for name, value in score.groups.items()},
                "question": sample.question if sample else None,
                "reply": "\n\n".join(replies) if replies else None,
                "target": score.target,
                "answer": score.answer,
                "value": score.value,
                "step": score.step,
                "error": score.error,
            }


def _rows_of(task: TaskSpec) -> list[object]:
    """The parts of a task that decide which samples it has."""
    return [task.source, task.columns, task.row_filter, task.samples]
