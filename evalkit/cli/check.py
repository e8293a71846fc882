"""`evalkit check`: every registry file decodes, and every task scores its own gold with 1 and wrong replies with 0."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from evalkit import text_files
from evalkit.cli.setup import data_places, task_places
from evalkit.data.sources import HuggingFace
from evalkit.errors import EvalkitError, IncompleteError
from evalkit.registry import load
from evalkit.registry.decode import suggestion
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.run import dataset
from evalkit.run.dataset import Dataset
from evalkit.safe_text import LONGEST, one_line


def main(options: argparse.Namespace) -> int:
    """Print a line for each task on stdout and for each error on stderr; exit code 0, or that of the first error."""
    if options.schema is not None:
        write_schemas(options.schema)
    specs, errors = _load(list(_files(options.files)))
    tasks = [(file, spec) for file, spec in specs if isinstance(spec, TaskSpec)]
    for file, task in tasks:
        try:
            print(f"{file}: {_gold(file, task, options)}")
        except EvalkitError as failure:
            errors.append(failure)
    errors += list(_rows(spec for _, spec in specs if isinstance(spec, CardSpec)))
    models = [spec for _, spec in specs if isinstance(spec, ModelSpec)]
    for line in load.unpinned((t for _, t in tasks), models):
        print(f"unpinned: {line}")
    for error in errors:
        print(f"evalkit: {one_line(str(error), LONGEST)}", file=sys.stderr)
    print(f"{len(specs)} files are valid, {len(errors)} problems")
    return errors[0].code if errors else 0


def write_schemas(folder: Path) -> None:
    """Write the JSON Schema of each kind of file as `<kind>.schema.json`."""
    for name, schema in load.schemas().items():
        text_files.write_json(folder / f"{name}.schema.json", schema, option="--schema")


def _files(paths: list[Path]) -> Iterator[tuple[type, Path]]:
    kinds = {folder: kind for kind, folder in load.FOLDERS.items()}
    for file in paths:
        kind = next((kinds[p] for p in reversed(file.absolute().parts[:-1]) if p in kinds), TaskSpec)
        yield kind, file
    if not paths:
        for kind in load.FOLDERS:
            for file in load.files(kind).values():
                yield kind, file


def _load(files: list[tuple[type, Path]]) -> tuple[list[tuple[Path, object]], list[EvalkitError]]:
    specs: list[tuple[Path, object]] = []
    errors: list[EvalkitError] = []
    for kind, file in files:
        try:
            specs.append((file, load.file(kind, file)))
        except EvalkitError as error:
            errors.append(error)
    return specs, errors


def _gold(file: Path, task: TaskSpec, options: argparse.Namespace) -> str:
    """The result of scoring gold and wrong replies of every sample, if the task's data are on this machine."""
    places = msgspec.structs.replace(task_places(data_places(options), str(file)), offline=True)
    try:
        task.source.open(places)
    except EvalkitError as error:
        if isinstance(task.source, HuggingFace) and task.source.bundled:
            raise
        return f"valid; gold answers not scored: {error}"
    return prove(task, dataset.load(task, places, media=False))


def prove(task: TaskSpec, data: Dataset) -> str:
    """A sentence with the counts. Raises EvalkitError for a gold reply that does not score 1 or a wrong one not 0."""
    if not task.columns.answer:
        return "valid; its gold answers are withheld"
    wrong = 0
    for sample in data.samples:
        if not sample.answers:
            raise IncompleteError(f"{task.name}: sample {sample.id}: {data.problems.get(sample.id, 'no gold answer')}")
        gold = task.adapter.score(sample, task.adapter.gold(sample))
        if gold.value != 1:
            reply = task.adapter.gold(sample)
            raise EvalkitError(f"{task.name}: sample {sample.id}: the gold reply {reply} scores {gold.value}, not 1")
        wrong_reply = task.adapter.wrong(sample)
        if not wrong_reply:
            continue
        wrong += 1
        if task.adapter.score(sample, wrong_reply).value != 0:
            raise EvalkitError(f"{task.name}: sample {sample.id}: the wrong reply {wrong_reply} does not score 0")
    return f"valid; {len(data.samples)} gold replies score 1, {wrong} wrong ones 0"


def _rows(cards: Iterator[CardSpec]) -> Iterator[EvalkitError]:
    """An error for each reference of a card to a task or a metric that does not exist."""
    tasks = load.files(TaskSpec)
    for card in cards:
        for table in card.tables:
            for row in table.rows:
                name = row.reference.task
                if name not in tasks:
                    yield EvalkitError(f"card {card.name}: no task is called {name}{suggestion(name, tasks)}")
                elif row.reference.metric and row.reference.metric not in load.spec(TaskSpec, name).metrics:
                    yield EvalkitError(f"card {card.name}: task {name} has no metric {row.reference.metric}")
