"""The facts of an export that are in no run (`Publication`), and helpers that several formats use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evalkit import text_files
from evalkit.data.sources import HuggingFace
from evalkit.errors import EvalkitError
from evalkit.registry.spec import TaskSpec
from evalkit.results.run import Run
from evalkit.run.record import RunRecord
from evalkit.types import Request, Response, Stat, Text, Value, Video


class Publication(Value, frozen=True, kw_only=True):
    """The folder `out`, the time of writing (`written`: UTC, ISO 8601), and facts that other tools ask for.

    task_ids: the benchmark's own id on the hub, by our task. organization: the publisher of the results. relationship:
    that of the publisher to the model's maker. escape_formulas: change texts that a spreadsheet would run.
    """

    out: Path
    written: str
    task_ids: Mapping[str, str] = {}
    organization: str = ""
    relationship: str = ""
    escape_formulas: bool = False


def check_one_run_per_task(runs: Sequence[Run]) -> None:
    """Raise EvalkitError for two runs of one model on one task, which would share a file."""
    folders: dict[tuple[str, str], str] = {}
    for run in runs:
        model, task = run.record.model.name, run.record.task.name
        other = folders.setdefault((model, task), str(run.folder))
        if other != str(run.folder):
            raise EvalkitError(
                f"model {model!r} has two runs of task {task!r}, {other} and {run.folder}: export them one by one, "
                "each to a folder of its own"
            )


def runs_by_model(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each model, in their order."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.record.model.name, []).append(run)
    return groups


def write_file(file: Path, data: str | bytes) -> Path:
    """Replace a file in one step and return its path. Raises EvalkitError where it cannot be written."""
    return text_files.write_atomic(file, data.encode() if isinstance(data, str) else data)


def run_digests(record: RunRecord) -> dict[str, str]:
    """The digests of task, model and data."""
    return {"task_digest": record.task.digest, "model_digest": record.model.digest, "data_digest": record.data.digest}


def overall_stats(run: Run) -> list[Stat]:
    """The stats over all samples, one per metric."""
    return [stat for stat in run.stats if not stat.where]


def hub_dataset(task: TaskSpec) -> HuggingFace | None:
    """The task's data set on the hub; None for local and bundled data."""
    return task.source if isinstance(task.source, HuggingFace) and not task.source.bundled else None


def has_full_timing(run: Run) -> bool:
    """True if the recorded times are those of the whole run; a resumed run has those of its last part only."""
    execution = run.record.execution
    return bool(execution.started) and execution.calls == run.record.scoring.counts.unique


def prompts_and_replies(run: Run, sample_id: str) -> list[tuple[Request, Response]]:
    """A sample's prompts and replies. Raises EvalkitError where the log lacks one."""
    requests = run.replies(sample_id)
    pairs = [(request, response) for request, response in requests if response is not None]
    if not pairs or len(pairs) < len(requests):
        raise EvalkitError(
            f"{run.folder}: sample {sample_id} has no reply in the log, since data or prompts changed; "
            "run the task again"
        )
    return pairs


def single_reply(run: Run, sample_id: str) -> tuple[Request, Response]:
    """A sample's one prompt and reply. Raises EvalkitError where it has several or the log has none."""
    pairs = prompts_and_replies(run, sample_id)
    if len(pairs) > 1:
        place = f"{run.folder}: sample {sample_id}"
        raise EvalkitError(f"{place} has {len(pairs)} prompts, and this format has room for one; choose lm-eval")
    return pairs[0]


def prompt_text(request: Request) -> str:
    """The prompt as one text, with `<image>` or `<video>` in place of each picture or video."""
    parts = (part for message in request.messages for part in message.parts)
    return "".join(p.text if isinstance(p, Text) else "<video>" if isinstance(p, Video) else "<image>" for p in parts)
