"""Find and read the YAML files of tasks, models and cards, by name or by path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evalkit.backends.phi3_vision.spec import Phi3Vision
from evalkit.backends.transformers import Transformers
from evalkit.data.sources import HuggingFace
from evalkit.errors import EvalkitError
from evalkit.metrics import Metric
from evalkit.registry import catalog
from evalkit.registry.decode import decode, suggestion
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.registry.yaml12 import Document, Path_, read

T = TypeVar("T", TaskSpec, ModelSpec, CardSpec)
FOLDERS: dict[type, str] = {TaskSpec: "tasks", ModelSpec: "models", CardSpec: "cards"}
COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
PACKAGE = catalog.PACKAGE


def files(kind: type[T]) -> dict[str, Path]:
    """Every registered file of a kind by name; nothing is parsed."""
    return catalog.files(FOLDERS[kind])


def suite(name: str) -> tuple[str, ...]:
    """The tasks of a suite, sorted by name. Raises EvalkitError, with a suggestion for a typo."""
    known = catalog.suites()
    if name not in known:
        raise EvalkitError(f"unknown suite {name!r}{suggestion(name, known)}; see `evalkit list suites`")
    return known[name]


def spec(kind: type[T], name: str) -> T:
    """The spec called `name`, or in the YAML file of that path. Raises EvalkitError, with a suggestion for a typo."""
    return file(kind, path(kind, name))


def path(kind: type[T], name: str) -> Path:
    """The file that `name` means: a path when it ends in .yaml or .yml, else a registered name."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = files(kind)
    if name not in known:
        what = FOLDERS[kind].removesuffix("s")
        raise EvalkitError(f"unknown {what} {name!r}{suggestion(name, known)}; see `evalkit list {FOLDERS[kind]}`")
    return known[name]


def file(kind: type[T], place: Path) -> T:
    """Decode one file and check what its types cannot say. Raises YamlError as file:line:column."""
    document = read(place)
    found = decode(document, kind)
    if found.name != place.stem and catalog.root() in place.parents:
        raise document.error(
            ("name",), f"name: {found.name!r} differs from the file's name {place.stem!r}; make them equal"
        )
    if isinstance(found, TaskSpec) and found.headline not in found.metrics:
        hint = suggestion(found.headline, found.metrics)
        raise document.error(("headline",), f"headline: no metric is called {found.headline!r}{hint}")
    if isinstance(found, TaskSpec):
        _check_metrics(found, document)
    return found


def _check_metrics(task: TaskSpec, document: Document) -> None:
    """Every metric has the groups that it needs; what is said of a rule is said of one that there is."""
    for field, rule in task.readings.items():
        if rule not in task.rules:
            hint = suggestion(rule, task.rules)
            raise document.error(("readings", field), f"readings: no rule is called {rule!r}{hint}")
    for rule in task.metrics_of:
        if rule not in task.opinions:
            hint = suggestion(rule, task.opinions)
            raise document.error(("metrics_of", rule), f"metrics_of: no rule is called {rule!r}{hint}")
    tables: dict[Path_, Mapping[str, Metric]] = {("metrics_of", rule): own for rule, own in task.metrics_of.items()}
    for place, metrics in {("metrics",): task.metrics, **tables}.items():
        for name, metric in metrics.items():
            problem = _problem(task, name, metric)
            if problem:
                path = (*place, name)
                raise document.error(path, f"{'.'.join(map(str, path))}: {problem}")


def _problem(task: TaskSpec, name: str, metric: Metric) -> str:
    """What a metric wants that the task lacks, "" for nothing."""
    lacking = [group for group in metric.needs() if group not in task.columns.groups]
    if lacking:
        return f"columns.groups has no {lacking[0]!r}{suggestion(lacking[0], task.columns.groups)}"
    return "" if name in task.metrics else f"no metric is called {name!r}{suggestion(name, task.metrics)}"


def model(name: str) -> ModelSpec:
    """A registered model, a model file, a local checkpoint folder, or a hub id `organisation/name`."""
    if name.endswith((".yaml", ".yml")) or name in files(ModelSpec):
        return spec(ModelSpec, name)
    if Path(name).is_dir():
        folder = Path(name).resolve()
        return ModelSpec(name=folder.name, backend=Transformers(model=str(folder)))
    if HUB_ID.fullmatch(name):
        return ModelSpec(name=name.replace("/", "--"), backend=Transformers(model=name))
    if "/" in name or name.startswith((".", "~")):
        raise EvalkitError(f"there is no model folder {name}; check the path, or see `evalkit list models`")
    return spec(ModelSpec, name)


def tasks_of(card: CardSpec) -> tuple[str, ...]:
    """The tasks that a card's rows refer to, in the card's order, once each."""
    return tuple(dict.fromkeys(row.reference.task for table in card.tables for row in table.rows))


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of task, model and card files, for editors."""
    return {FOLDERS[kind].removesuffix("s"): msgspec.json.schema(kind) for kind in FOLDERS}


def unpinned(tasks: Iterable[TaskSpec], models: Iterable[ModelSpec]) -> list[str]:
    """Tasks and models whose data or weights may change under them, since their file names no full commit hash."""
    data = [(t.name, t.source) for t in tasks]
    loose = [
        f"task {name}: {source.path} at {source.revision}"
        for name, source in data
        if isinstance(source, HuggingFace) and not source.bundled and not COMMIT.fullmatch(source.revision)
    ]
    weights = [(m.name, m.backend) for m in models]
    return loose + [
        f"model {name}: {backend.model} at {backend.revision or 'main'}"
        for name, backend in weights
        if isinstance(backend, Transformers | Phi3Vision)
        and HUB_ID.fullmatch(backend.model)
        and not COMMIT.fullmatch(backend.revision)
    ]
