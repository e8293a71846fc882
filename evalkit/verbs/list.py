"""`evalkit list`: what the registry holds, one line each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from evalkit import registry
from evalkit.spec import CardSpec, ModelSpec, TaskSpec


def main(options: argparse.Namespace) -> int:
    """Tab-free aligned lines on stdout: name first, then what it is."""
    rows = list({"tasks": _tasks, "models": _models, "cards": _cards, "suites": _suites}[options.kind]())
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        print(f"{name:<{width}}  {text}".rstrip())
    return 0


def _tasks() -> Iterator[tuple[str, str]]:
    for name in registry.files(TaskSpec):
        task = registry.load(TaskSpec, name)
        yield name, f"{task.samples:>6} samples  {task.title.en}"


def _models() -> Iterator[tuple[str, str]]:
    for name in registry.files(ModelSpec):
        model = registry.load(ModelSpec, name)
        yield name, model.title


def _cards() -> Iterator[tuple[str, str]]:
    for name in registry.files(CardSpec):
        card = registry.load(CardSpec, name)
        yield name, f"{len(card.tables)} tables, {len(registry.tasks_of(card))} tasks"


def _suites() -> Iterator[tuple[str, str]]:
    for name, tasks in registry.suites().items():
        yield name, ", ".join(tasks)
