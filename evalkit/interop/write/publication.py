"""What an exporter is told beside the runs, and how its files are written."""

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
    """What no run knows: where to write, the time of writing (UTC, ISO 8601), names that others have given.

    `task_ids` maps our task to the benchmark's own id on the hub. `organization` publishes the results and stands in
    `relationship` to the model's maker. `escape_formulas` changes texts so that a spreadsheet runs none of them.
    """

    out: Path
    written: str
    task_ids: Mapping[str, str] = {}
    organization: str = ""
    relationship: str = ""
    escape_formulas: bool = False


def check_alone(results: Sequence[Run]) -> None:
    """Raises EvalkitError for two runs of one model on one task, which would share a file."""
    known: dict[tuple[str, str], str] = {}
    for result in results:
        run = result.record
        other = known.setdefault((run.model.name, run.task.name), str(result.folder))
        if other != str(result.folder):
            raise EvalkitError(
                f"model {run.model.name!r} has two runs of task {run.task.name!r}, {other} and {result.folder}: export "
                "them one by one, each to a folder of its own"
            )


def by_model(results: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs by model, in their order."""
    found: dict[str, list[Run]] = {}
    for result in results:
        found.setdefault(result.record.model.name, []).append(result)
    return found


def save(file: Path, data: str | bytes) -> Path:
    """Write one file whole. Raises EvalkitError when it cannot be."""
    return text_files.write_atomic(file, data.encode() if isinstance(data, str) else data)


def digests(run: RunRecord) -> dict[str, str]:
    """The sha256 of what was run on what."""
    return {"task_digest": run.task.digest, "model_digest": run.model.digest, "data_digest": run.data.digest}


def overall(result: Run) -> list[Stat]:
    """The numbers over all samples, one per metric."""
    return [stat for stat in result.stats if not stat.where]


def hub(task: TaskSpec) -> HuggingFace | None:
    """The task's data set on the hub; None for local and bundled data."""
    return task.source if isinstance(task.source, HuggingFace) and not task.source.bundled else None


def timed(result: Run) -> bool:
    """Whether the recorded times are those of the whole run; a resumed run knows those of its last part only."""
    return (
        bool(result.record.execution.started) and result.record.execution.calls == result.record.scoring.counts.unique
    )


def replied(trace: Run, sample_id: str) -> list[tuple[Request, Response]]:
    """A sample's prompts and replies. Raises EvalkitError where the log lacks one."""
    asked = trace.replies(sample_id)
    found = [(request, response) for request, response in asked if response is not None]
    if not found or len(found) < len(asked):
        raise EvalkitError(
            f"{trace.folder}: sample {sample_id} has no reply in the log, since data or prompts changed; "
            "run the task again"
        )
    return found


def only(trace: Run, sample_id: str) -> tuple[Request, Response]:
    """A sample's one prompt and reply. Raises EvalkitError where it has several or the log has none."""
    found = replied(trace, sample_id)
    if len(found) > 1:
        place = f"{trace.folder}: sample {sample_id}"
        raise EvalkitError(f"{place} has {len(found)} prompts, and this format has room for one; choose lm-eval")
    return found[0]


def plain(request: Request) -> str:
    """A prompt as one text, with a mark where each picture or video stands."""
    parts = (part for message in request.messages for part in message.parts)
    return "".join(p.text if isinstance(p, Text) else "<video>" if isinstance(p, Video) else "<image>" for p in parts)
