"""What the pages of a site are called, so that one can link to another before it is written."""

from __future__ import annotations

from urllib.parse import urlencode

from evalkit.filenames import distinct
from evalkit.registry.spec import Reference
from evalkit.results.read import Result


def model(result: Result) -> str:
    """What a run's model is called wherever it is shown."""
    return f"{result.title} [{result.apart}]" if result.apart else result.title


def run(result: Result) -> str:
    """The page of a run, seen from the first page."""
    return f"runs/{distinct(result.column, result.run.task)}.html"


def samples(task: str) -> str:
    """The page of a task's samples, seen from the first page."""
    return f"samples/{distinct(task)}.html"


def group(reference: Reference) -> str:
    """The samples behind a column: the page, at the group that the column counts."""
    where = [f"{name}={value}" for name, value in reference.where.items()]
    return samples(reference.task) + (f"#{urlencode({'group': where[0]})}" if len(where) == 1 else "")
