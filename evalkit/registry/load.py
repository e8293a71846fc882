"""Find and read the YAML files of tasks, models and cards, by name or by path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evalkit.backends import families
from evalkit.backends.checkpoint_files import COMMIT, HUB_ID
from evalkit.backends.phi3_vision.spec import Phi3Vision
from evalkit.backends.transformers import Transformers
from evalkit.data.sources import HuggingFace
from evalkit.errors import EvalkitError, YamlError
from evalkit.metrics import Metric
from evalkit.registry import catalog, variants
from evalkit.registry.decode import decode, suggestion
from evalkit.registry.schema import json_schema
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec
from evalkit.registry.yaml12 import Document, KeyPath, read_document

T = TypeVar("T", TaskSpec, ModelSpec, CardSpec)
FOLDERS: dict[type, str] = {TaskSpec: "tasks", ModelSpec: "models", CardSpec: "cards"}


def files(kind: type[T]) -> dict[str, Path]:
    """Every registered file of a kind by name; nothing is parsed."""
    return catalog.files_in(FOLDERS[kind])


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
    if name.endswith(catalog.SUFFIXES):
        return Path(name)
    known = files(kind)
    if name not in known:
        noun = FOLDERS[kind].removesuffix("s")
        raise EvalkitError(f"unknown {noun} {name!r}{suggestion(name, known)}; see `evalkit list {FOLDERS[kind]}`")
    return known[name]


def file(kind: type[T], place: Path) -> T:
    """Decode one file and check what its types cannot say. Raises YamlError as file:line:column."""
    return spec_of(kind, document(kind, place))


def document(kind: type[T], place: Path) -> Document:
    """The plain data of one file, laid over those of the file that it extends. Raises YamlError."""
    own = read_document(place)
    if not isinstance(own.data, dict) or "extends" not in own.data:
        return own
    if not own.data.get("name"):
        raise own.error(("name",), "name: a file that extends another needs a name of its own; add it")
    base = _base(kind, own)
    fields = {key: value for key, value in own.data.items() if key != "extends"}
    return variants.merge_documents(base, msgspec.structs.replace(own, data=fields), kind)


def _base(kind: type[T], variant: Document) -> Document:
    """The file that a variant extends: a registered name, or a path from the variant's folder."""
    name, noun = variant.data["extends"], FOLDERS[kind].removesuffix("s")
    if not isinstance(name, str):
        raise variant.error(("extends",), f"extends: write the name of a registered {noun} or the path of a file")
    try:
        place = variant.file.parent / name if name.endswith(catalog.SUFFIXES) else path(kind, name)
        base = read_document(place)
    except YamlError:
        if place.is_file():
            raise
        raise variant.error(("extends",), f"extends: there is no file {place}; correct the path") from None
    except EvalkitError as error:
        raise variant.error(("extends",), f"extends: {error}") from None
    if not isinstance(base.data, dict):
        raise base.error((), f"file: holds no fields that {variant.file} could extend; write them")
    if "extends" in base.data:
        further = base.data["extends"]
        text = f"extends: {name} itself extends {further}; extend a file that is whole, and say here what differs"
        raise variant.error(("extends",), text)
    return base


def spec_of(kind: type[T], document: Document) -> T:
    """Decode a document and check what its types cannot say. Raises YamlError as file:line:column."""
    spec = decode(document, kind)
    stem = document.file.stem
    if spec.name != stem and catalog.root() in document.file.parents:
        raise document.error(("name",), f"name: {spec.name!r} differs from the file's name {stem!r}; make them equal")
    if not spec.name or not spec.name.isprintable():
        raise document.error(("name",), f"name: {spec.name!r} is no name; write printable characters on one line")
    if isinstance(spec, TaskSpec):
        _check_metrics(spec, document)
    if isinstance(spec, ModelSpec):
        # A path starts at the file that says it, which for an inherited one is the extended file.
        folders = {path[-1]: mark.file.parent for path, mark in document.marks.items() if path[:-1] == ("backend",)}
        backend = spec.backend.with_absolute_paths(lambda field: folders.get(field, document.file.parent))
        spec = msgspec.structs.replace(spec, backend=backend)
    return spec


def _check_metrics(task: TaskSpec, document: Document) -> None:
    """Every metric has the groups that it needs, and every name of a rule or a metric is one that the task has."""
    if task.headline not in task.metrics:
        hint = suggestion(task.headline, task.metrics)
        raise document.error(("headline",), f"headline: no metric is called {task.headline!r}{hint}")
    for field, rule in task.readings.items():
        if rule not in task.rules:
            hint = suggestion(rule, task.rules)
            raise document.error(("readings", field), f"readings: no rule is called {rule!r}{hint}")
    for rule in task.metrics_of:
        if rule not in task.rule_names:
            hint = suggestion(rule, task.rule_names)
            raise document.error(("metrics_of", rule), f"metrics_of: no rule is called {rule!r}{hint}")
    tables: dict[KeyPath, Mapping[str, Metric]] = {("metrics_of", rule): own for rule, own in task.metrics_of.items()}
    for place, metrics in {("metrics",): task.metrics, **tables}.items():
        for name, metric in metrics.items():
            problem = _problem(task, name, metric)
            if problem:
                where = (*place, name)
                raise document.error(where, f"{'.'.join(map(str, where))}: {problem}")


def _problem(task: TaskSpec, name: str, metric: Metric) -> str:
    """The reason why a metric cannot be computed on the task, or ""."""
    lacking = [group for group in metric.needs() if group not in task.columns.groups]
    if lacking:
        return f"columns.groups has no {lacking[0]!r}{suggestion(lacking[0], task.columns.groups)}"
    return "" if name in task.metrics else f"no metric is called {name!r}{suggestion(name, task.metrics)}"


def model(name: str) -> ModelSpec:
    """A registered model, a model file, a local checkpoint folder, or a hub id `organisation/name`.

    Folders and hub ids are run by the kind of backend that their model type wants.
    """
    if has_file(name):
        return spec(ModelSpec, name)
    if Path(name).is_dir():
        folder = Path(name).resolve()
        return _checkpoint(folder.name, str(folder))
    if HUB_ID.fullmatch(name):
        return _checkpoint(name.replace("/", "--"), name)
    if "/" in name or name.startswith((".", "~")):
        raise EvalkitError(f"there is no model folder {name}; check the path, or see `evalkit list models`")
    return spec(ModelSpec, name)


def _checkpoint(name: str, model: str) -> ModelSpec:
    """The model that a file with no more than the checkpoint would say."""
    return msgspec.convert({"name": name, "backend": {"kind": families.kind_of(model), "model": model}}, ModelSpec)


def has_file(model: str) -> bool:
    """True for a model file and a registered model, False for a checkpoint folder and a hub id."""
    return model.endswith(catalog.SUFFIXES) or model in files(ModelSpec)


def tasks_of(card: CardSpec) -> tuple[str, ...]:
    """The tasks that a card's rows refer to, in the card's order, once each."""
    return tuple(dict.fromkeys(row.reference.task for table in card.tables for row in table.rows))


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schemas of task, model and card files by `task`, `model` and `card`."""
    return {folder.removesuffix("s"): json_schema(kind) for kind, folder in FOLDERS.items()}


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
