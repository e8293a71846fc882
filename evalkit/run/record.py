"""`run.json`: what a run's folder says about how its numbers came about."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.types import Value


class Counts(Value, frozen=True, kw_only=True):
    """Samples of a run: in the task, asked for, distinct requests, answered, failed, unparsable and cut off replies."""

    samples: int
    planned: int
    requests: int
    unique: int
    answered: int
    errors: int
    unparsed: int
    truncated: int


class RunRecord(Value, frozen=True, kw_only=True):
    """`run.json`: everything about a run but its replies and scores.

    `title` and `headline` are copied so that a report needs no registry; `problems` maps a sample id to its reason.
    `identity` is what the backend put into every key. `seconds` is the wall time of the last invocation, `busy` the
    part of it inside the model and `busy_percent` its share of the time from the first request to the last reply,
    `model_calls` the requests it sent, `share_prefix` whether those shared prefills ("on",
    or "off" and why; empty where there was no choice). `device` and `dtype` name every kind that replies
    in the log came from. `mirrors`, `task_folder` and `annotations` tell where a rescore finds the data again, `judge`
    whose readings count where the rule read nothing.
    """

    model: str
    task: str
    title: str
    headline: str
    complete: bool
    counts: Counts
    rule: str
    limit: str
    task_digest: str
    model_digest: str
    data_digest: str
    data_revision: str
    data_files: tuple[str, ...]
    mirrors: tuple[str, ...]
    task_folder: str
    annotations: str
    task_spec: Mapping[str, object]
    model_spec: Mapping[str, object]
    identity: Mapping[str, object]
    problems: Mapping[str, str]
    versions: Mapping[str, str]
    git_commit: str
    argv: tuple[str, ...]
    device: str = ""
    dtype: str = ""
    judge: Mapping[str, object] = {}
    started: str = ""
    seconds: float = 0.0
    busy: float = 0.0
    busy_percent: float = 0.0
    model_calls: int = 0
    share_prefix: str = ""
