"""`run.json`: all about a run except its replies and scores, in typed parts; files of version 0.1 are read, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from evalkit import text_files
from evalkit.errors import IncompleteError
from evalkit.types import Value

FILE = "run.json"
VERSION = 2
Origin: TypeAlias = Literal["model", "recorded", "baseline"]
"""The origin of replies: a model that got the prompts, a file of recorded replies, or a baseline without a model."""


class Counts(Value, frozen=True, kw_only=True):
    """Samples of a run: in the task, asked for, distinct requests, answered, failed, unparsable and cut off replies.

    `thoughts` are replies whose thought was taken off before the rule read them, `cut_off_in_thought` those that ended
    inside it.
    """

    samples: int
    planned: int
    requests: int
    unique: int
    answered: int
    errors: int
    unparsed: int
    truncated: int
    thoughts: int = 0
    cut_off_in_thought: int = 0


class TaskRecord(Value, frozen=True, kw_only=True):
    """The task of a run.

    `spec` is the whole task file as plain data and `digest` its digest; `folder` is where relative data paths start.
    `limit` is the number of samples asked for, or their share in (0, 1); None: all.
    """

    name: str
    digest: str
    spec: Mapping[str, Any]
    folder: str = ""
    limit: int | float | None = None


class ModelRecord(Value, frozen=True, kw_only=True):
    """The model of a run.

    `spec` is the whole model file as plain data, `identity` what its backend adds to every request key, and `digest`
    that identity's digest.
    """

    name: str
    title: str
    digest: str
    spec: Mapping[str, Any]
    identity: Mapping[str, Any]
    origin: Origin = "model"

    @property
    def blind(self) -> bool:
        """True if the prompts were sent without their pictures and videos."""
        return bool(self.spec.get("blind"))


class DataRecord(Value, frozen=True, kw_only=True):
    """The data of a run.

    `digest` is over the content of `files`, `revision` the hub's commit ("" for local files). `mirrors` and
    `annotations` are the local folders and the file given in place of the hub's.
    """

    digest: str
    revision: str = ""
    files: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()
    annotations: str = ""


class ExecutionRecord(Value, frozen=True, kw_only=True):
    """The facts about the model calls; neither a rescore nor a repetition without a model call changes them.

    `calls` counts requests sent to the model, `seconds` is wall time and `busy` the part of it inside the model, all
    three summed over the commands that called it. `busy_percent` is the model's share of the time between the first
    request and the last reply. `device` and `dtype` name every kind that replies in the log came from, and
    `share_prefix` whether prefills were shared ("on", or "off" and why; "" where there was no choice). The rest is of
    the last command that called the model.
    """

    started: str = ""
    seconds: float = 0.0
    busy: float = 0.0
    busy_percent: float = 0.0
    calls: int = 0
    share_prefix: str = ""
    device: str = ""
    dtype: str = ""
    versions: Mapping[str, str] = {}
    git_commit: str = ""
    argv: tuple[str, ...] = ()

    def after(self, earlier: ExecutionRecord) -> ExecutionRecord:
        """This command's facts with those of an `earlier` one on the same log; only the earlier ones after no calls.

        Device and dtype are this command's: they name the origins of the whole log.
        """
        if not self.calls:
            return msgspec.structs.replace(earlier, device=self.device, dtype=self.dtype) if earlier.calls else self
        return msgspec.structs.replace(
            self,
            seconds=round(earlier.seconds + self.seconds, 3),
            busy=round(earlier.busy + self.busy, 3),
            calls=earlier.calls + self.calls,
        )


class ScoringRecord(Value, frozen=True, kw_only=True):
    """The `rule` that scored ("default": the task's own), the `headline` metric, and the counts.

    `problems` maps the id of a sample without a score to the reason. `judge` names the judge model, whose answers count
    where the rule extracted none; empty: there was no judge. `evalkit` is the version that scored.
    """

    rule: str
    headline: str
    counts: Counts
    problems: Mapping[str, str] = {}
    judge: Mapping[str, Any] = {}
    evalkit: str = ""


class RunRecord(Value, frozen=True, kw_only=True):
    """`run.json`. `complete` is False where samples failed or were left out, so that its numbers are not results."""

    version: int = VERSION
    complete: bool
    task: TaskRecord
    model: ModelRecord
    data: DataRecord
    execution: ExecutionRecord
    scoring: ScoringRecord


def read_record(folder: Path) -> RunRecord:
    """The record in a run's folder. Raises IncompleteError where it is missing or cannot be read."""
    file = folder / FILE
    advice = f"recompute it with `evalkit score {folder}` or leave the folder out"
    try:
        data = text_files.decoded(file.read_bytes(), dict[str, Any])
        # The fields of version 0.1 were not grouped: its `task` is a name.
        return msgspec.convert(_grouped(data) if isinstance(data.get("task"), str) else data, RunRecord)
    except OSError as error:
        raise IncompleteError(f"{file}: cannot be read ({error.strerror}): {advice}") from error
    except (msgspec.ValidationError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise IncompleteError(f"{file}: not a record of this program ({error}): {advice}") from error


def _grouped(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A record of version 0.1 in today's parts; it wrote `limit` as text. Raises KeyError, ValueError."""
    limit = flat["limit"]
    number = None if not limit else int(limit) if limit.isdecimal() else float(limit)
    kinds: dict[str, Origin] = {"replay": "recorded", "baseline": "baseline"}
    return {
        "version": 1,
        "complete": flat["complete"],
        "task": {
            "name": flat["task"],
            "digest": flat["task_digest"],
            "spec": _without_strip(flat["task_spec"]),
            "folder": flat["task_folder"],
            "limit": number,
        },
        "model": {
            "name": flat["model"],
            "title": flat["title"],
            "digest": flat["model_digest"],
            "spec": flat["model_spec"],
            "identity": flat["identity"],
            "origin": kinds.get(flat["identity"].get("kind"), "model"),
        },
        "data": {
            "digest": flat["data_digest"],
            "revision": flat["data_revision"],
            "files": flat["data_files"],
            "mirrors": flat["mirrors"],
            "annotations": flat["annotations"],
        },
        "execution": {
            name: flat[name] for name in ExecutionRecord.__struct_fields__ if name in flat and name != "calls"
        }
        | {"calls": flat.get("model_calls", 0)},
        "scoring": {name: flat[name] for name in ScoringRecord.__struct_fields__ if name in flat}
        | {"evalkit": flat["versions"].get("evalkit", "")},
    }


def _without_strip(spec: Any) -> Any:
    """A task of version 0.1 without the rule relaxed's `strip`: every reply is stripped before a rule reads it."""
    if isinstance(spec, dict):
        dropped = {"strip"} if spec.get("kind") == "relaxed" else set()
        return {name: _without_strip(value) for name, value in spec.items() if name not in dropped}
    return [_without_strip(value) for value in spec] if isinstance(spec, list) else spec
