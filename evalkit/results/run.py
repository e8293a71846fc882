"""`Run`: one model's run of one task, read back from its folder; the one way in which everything reads a run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from evalkit import digest
from evalkit.data.sources import DataPlaces
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.registry.spec import Reference, TaskSpec
from evalkit.results.old_stats import upgraded
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


class Run:
    """The record of a run, and read when first asked for: its numbers, scores, replies, samples and prompts.

    `folder` is where it lies. `samples` and `requests` are today's reading of the data that the record names; where
    the data `changed` since, replies to changed prompts are not found. `calls` and `seconds` are those of the command
    that made it just now, 0 for a run read back; the record has those of all commands. `derived` tells a difference
    of two runs, and `apart` tells runs of one model from each other that stand side by side: the folder named by the
    user.
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
        apart: str = "",
    ) -> None:
        self.folder, self.record = folder, record
        self.places = default_places(offline=True) if places is None else places
        self.derived, self.apart = derived, apart
        self.calls, self.seconds = 0, 0.0
        self.scratch: TemporaryDirectory[str] | None = None  # goes with the run, if it lies in a temporary folder
        self._given: dict[str, Any] = {"task": task, "scores": scores, "stats": stats}

    @classmethod
    def load(cls, folder: str | Path, *, data: Iterable[str | Path] = (), cache: str | Path | None = None) -> Run:
        """The run in `folder`, which holds a run.json. `data` are local copies of data sets in place of the recorded.

        Raises IncompleteError where there is no readable record. Nothing is downloaded.
        """
        return cls.read(Path(folder), default_places(data=data, cache=cache, offline=True))

    @classmethod
    def read(cls, folder: Path, places: DataPlaces | None = None) -> Run:
        """The same with `places` that are there already."""
        return cls(folder, record.read(folder), places=places)

    @classmethod
    def of(cls, outcome: Outcome, task: TaskSpec, places: DataPlaces) -> Run:
        """A run that this process just made or scored."""
        run = cls(outcome.folder, outcome.record, places=places, task=task, scores=outcome.scores, stats=outcome.stats)
        run.__dict__["dataset"] = outcome.dataset
        run.calls, run.seconds = outcome.calls, outcome.seconds
        return run

    def replaced(self, **fields: Any) -> Run:
        """The same run with other values for arguments of the constructor."""
        now: dict[str, Any] = {"places": self.places, "derived": self.derived, "apart": self.apart, **self._given}
        return Run(**{"folder": self.folder, "record": self.record, **now, **fields})

    def __repr__(self) -> str:
        return f"<Run {self.record.model.name} on {self.record.task.name} in {self.folder}>"

    # --- what the record tells

    @property
    def title(self) -> str:
        """The model's name in a table."""
        return self.record.model.title or self.record.model.name

    @property
    def column(self) -> str:
        """The model, and what tells its runs apart: equal for all that stand in one column."""
        return f"{self.record.model.name} [{self.apart}]" if self.apart else self.record.model.name

    @property
    def generated(self) -> bool:
        """True if the task's prompt and settings made the replies; how recorded ones were made is not known."""
        return self.record.model.origin == "model"

    @property
    def recorded(self) -> bool:
        """True if the replies come from a file, and were scored without looking for pictures."""
        return self.record.model.origin == "recorded"

    @cached_property
    def task(self) -> TaskSpec:
        """The task as the record holds it. Raises EvalkitError for a record of another version."""
        given: TaskSpec | None = self._given["task"]
        if given is not None:
            return given
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
        given: Sequence[Stat] | None = self._given["stats"]
        if given is not None:
            return tuple(given)
        return tuple(upgraded(stat, self.record.task.spec) for stat in self._derived("stats.json", _stats))

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The scores, in the order of the samples. Raises IncompleteError when they cannot be read or some lack."""
        given: Sequence[Score] | None = self._given["scores"]
        if given is not None:
            return tuple(given)
        scores: tuple[Score, ...] = self._derived("scores.jsonl", _scores)
        distinct, planned = len({score.sample_id for score in scores}), self.record.scoring.counts.planned
        if not distinct == len(scores) == planned:
            raise IncompleteError(
                f"{self.folder}/scores.jsonl: holds {len(scores)} scores of {distinct} samples, but its run.json "
                f"tells of {planned}; recompute it with `evalkit score {self.folder}`"
            )
        return scores

    def _derived(self, name: str, decode: Any) -> Any:
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
        """Every reply in the log by request key, those to prompts that are no longer asked among them."""
        return self.log.responses

    @cached_property
    def dataset(self) -> Dataset:
        """The data as it lies today. Raises EvalkitError where it cannot be read."""
        return self._dataset({})

    def open(self, datasets: dict[str, Dataset]) -> Run:
        """Read everything now, with `datasets` keeping those that several models' runs of a task share; itself.

        Raises EvalkitError where scores, replies or data cannot be read.
        """
        self.__dict__["dataset"] = self._dataset(datasets)
        _ = self.scores, self.log, self.plan
        return self

    def _dataset(self, known: dict[str, Dataset]) -> Dataset:
        task, data, limit = self.task, self.record.data, self.record.task.limit
        where = msgspec.structs.replace(
            self.places,
            mirrors=self.places.mirrors or tuple(map(Path, data.mirrors)),
            folder=Path(self.record.task.folder),
        )
        key = digest.of(
            {
                "source": _rows_of(task),
                "where": [str(mirror) for mirror in where.mirrors],
                "file": [self.record.task.folder, data.annotations, limit, self.recorded],
            }
        )
        if key not in known:
            annotations = Path(data.annotations) if data.annotations else None
            known[key] = dataset.load(task, where, annotations=annotations, limit=limit, media=not self.recorded)
        return known[key]

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
        """The prompts of every sample, and why others cannot be asked."""
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
        """The run under another rule or version of its `task`; nothing is asked, and nothing written.

        A `judge` reads what the rule cannot; without one, and without another `rule`, the readings of the record's own
        judge count. Replies to prompts that the task no longer asks do not count. Raises EvalkitError.
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
        """One row per sample: id, groups, gold, extracted answer, score, and the replies where the data lies here.

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
    """All that decides which samples a task has."""
    return [task.source, task.columns, task.row_filter, task.samples]


def read_runs(folders: Iterable[Path], places: DataPlaces | None = None) -> list[Run]:
    """Every run below the folders, sorted by path within each; a run that lies below two of them counts once.

    Raises EvalkitError for a folder that does not exist or holds no run, and IncompleteError for a record that cannot
    be read.
    """
    return [run for _, run in _below(folders, places)]


def side_by_side(folders: Iterable[Path], places: DataPlaces | None = None) -> list[Run]:
    """The same, but where a model has several runs of a task below different folders, each folder is set `apart`."""
    runs = list(_below(folders, places))
    origins: dict[tuple[str, str], set[Path]] = {}
    for folder, run in runs:
        origins.setdefault((run.record.model.name, run.record.task.name), set()).add(folder)
    several = {model for (model, _), named in origins.items() if len(named) > 1}
    return [run.replaced(apart=str(folder)) if run.record.model.name in several else run for folder, run in runs]


def _below(folders: Iterable[Path], places: DataPlaces | None) -> Iterator[tuple[Path, Run]]:
    files = {file.resolve(): (folder, file) for folder in folders for file in _records(folder)}
    for folder, file in files.values():
        yield folder, Run.read(file.parent, places)


def _records(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise EvalkitError(f"there is no results folder {folder}: check the path, or run `evalkit run --out {folder}`")
    files = sorted(folder.rglob(record.FILE))
    if not files:
        raise EvalkitError(f"{folder}: no run.json below it: name a folder that `evalkit run` or `evalkit score` wrote")
    yield from files


def _stats(data: bytes) -> tuple[Stat, ...]:
    return msgspec.json.decode(data, type=tuple[Stat, ...])


def _scores(data: bytes) -> tuple[Score, ...]:
    return tuple(msgspec.json.Decoder(Score).decode_lines(data))
