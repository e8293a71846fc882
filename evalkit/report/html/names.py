"""What the pages of a site are called, so that one can link to another before it is written."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from evalkit import digest
from evalkit.report.results import Result
from evalkit.spec import Reference

UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def model(result: Result) -> str:
    """What a run's model is called wherever it is shown."""
    return f"{result.title} [{result.apart}]" if result.apart else result.title


def run(result: Result) -> str:
    """The page of a run, seen from the first page."""
    return f"runs/{_slug(result.column, result.run.task)}.html"


def samples(task: str) -> str:
    """The page of a task's samples, seen from the first page."""
    return f"samples/{_slug(task)}.html"


def group(reference: Reference) -> str:
    """The samples behind a column: the page, at the group that the column counts."""
    where = [f"{name}={value}" for name, value in reference.where.items()]
    return samples(reference.task) + (f"#{urlencode({'group': where[0]})}" if len(where) == 1 else "")


def _slug(*names: str) -> str:
    # Names that lose characters keep a part of their digest instead, so that no two share a file.
    plain = "--".join(UNSAFE.sub("-", name).strip(".-") for name in names)
    return plain if plain == "--".join(names) else f"{plain}-{digest.of(names)[:8]}"
