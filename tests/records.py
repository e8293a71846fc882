"""Records of runs for tests: whole ones from a few fields, and changed ones, both by short names of fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from evalkit.run.record import (
    Counts,
    DataRecord,
    ExecutionRecord,
    ModelRecord,
    RunRecord,
    ScoringRecord,
    TaskRecord,
)

FIELDS = {
    "model": ("model", "name"),
    "title": ("model", "title"),
    "model_spec": ("model", "spec"),
    "identity": ("model", "identity"),
    "origin": ("model", "origin"),
    "task": ("task", "name"),
    "task_spec": ("task", "spec"),
    "limit": ("task", "limit"),
    "data_digest": ("data", "digest"),
    "data_revision": ("data", "revision"),
    "calls": ("execution", "calls"),
    "device": ("execution", "device"),
    "dtype": ("execution", "dtype"),
    "started": ("execution", "started"),
    "headline": ("scoring", "headline"),
    "rule": ("scoring", "rule"),
    "counts": ("scoring", "counts"),
    "judge": ("scoring", "judge"),
    "complete": ("complete",),
}
EMPTY = RunRecord(
    complete=True,
    task=TaskRecord(name="", digest="", spec={}),
    model=ModelRecord(name="", title="", digest="", spec={}, identity={}),
    data=DataRecord(digest=""),
    execution=ExecutionRecord(),
    scoring=ScoringRecord(
        rule="",
        headline="accuracy",
        counts=Counts(samples=10, planned=10, requests=10, unique=10, answered=10, errors=0, unparsed=0, truncated=0),
    ),
)


def record(model: str, task: str, **fields: Any) -> RunRecord:
    """A run's record whose remaining fields are empty; `fields` by the names of FIELDS."""
    return changed(EMPTY, model=model, task=task, **fields)


def changed(old: RunRecord, **fields: Any) -> RunRecord:
    """The same record with other values."""
    return msgspec.convert(_with(msgspec.to_builtins(old), fields), RunRecord)


def edit(file: Path, **fields: Any) -> None:
    """Change a run.json; a name with `__` reaches into a field: `task_spec__note`."""
    file.write_text(json.dumps(_with(json.loads(file.read_text()), fields)))


def _with(data: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    for name, value in fields.items():
        first, *rest = name.split("__")
        *path, last = (*FIELDS[first], *rest)
        inner = data
        for step in path:
            inner = inner[step]
        inner[last] = value
    return data
