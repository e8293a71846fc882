"""`evalkit list`: the names in the registry, one line each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from evalkit.registry import catalog


def main(options: argparse.Namespace) -> int:
    """Print aligned lines: a name, then its title or content."""
    rows = list({"tasks": _tasks, "models": _models, "cards": _cards, "suites": _suites}[options.kind]())
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        print(f"{name:<{width}}  {text}".rstrip())
    return 0


def _tasks() -> Iterator[tuple[str, str]]:
    for name, values in catalog.summaries("tasks", "title", "samples"):
        yield name, f"{values.get('samples', '?'):>6} samples  {values.get('title', {}).get('en', '')}"


def _models() -> Iterator[tuple[str, str]]:
    for name, values in catalog.summaries("models", "title"):
        yield name, str(values.get("title", ""))


def _cards() -> Iterator[tuple[str, str]]:
    for name, values in catalog.summaries("cards", "tables"):
        tables = values.get("tables", ())
        yield name, f"{len(tables)} tables, {sum(len(table.get('rows', ())) for table in tables)} rows"


def _suites() -> Iterator[tuple[str, str]]:
    for name, tasks in catalog.suites().items():
        yield name, ", ".join(tasks)
