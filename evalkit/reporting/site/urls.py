"""Addresses of a site's pages, seen from its first page, so that a page can be linked before it is written."""

from __future__ import annotations

from urllib.parse import urlencode

from evalkit.filenames import unique_name
from evalkit.registry.spec import Reference
from evalkit.results.run import Run


def run_url(run: Run) -> str:
    """The address of a run's page."""
    return f"runs/{unique_name(run.column, run.record.task.name)}.html"


def samples_url(task: str) -> str:
    """The address of the samples of a task."""
    return f"samples/{unique_name(task)}.html"


def group_url(reference: Reference) -> str:
    """The address of the samples that a column counts: the page of its task, filtered by the column's group."""
    groups = [f"{name}={value}" for name, value in reference.where.items()]
    fragment = f"#{urlencode({'group': groups[0]})}" if len(groups) == 1 else ""
    return samples_url(reference.task) + fragment
