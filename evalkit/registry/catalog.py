"""The files that the registry holds, by name, without decoding any, so that listing is fast."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from evalkit.errors import YamlError
from evalkit.registry.yaml12 import parse_document

PACKAGE = Path(str(resources.files("evalkit")))
TOP_LEVEL = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)
SUFFIXES = (".yaml", ".yml")


@cache
def root() -> Path:
    """The folder that holds `tasks`, `models` and `cards`: inside the installed package, or the checkout around it."""
    shipped = PACKAGE / "registry_data"
    return shipped if shipped.is_dir() else PACKAGE.parent


def files_in(folder: str) -> dict[str, Path]:
    """Every YAML file of `tasks`, `models` or `cards` by name (the file's stem), sorted by folder and name."""
    return {file.stem: file for file in sorted((root() / folder).rglob("*.yaml"))}


def suites() -> dict[str, tuple[str, ...]]:
    """Suites by name: a folder below `tasks` is a suite of the tasks in it."""
    tasks: dict[str, tuple[str, ...]] = {}
    for name, file in files_in("tasks").items():
        if file.parent.name != "tasks":
            tasks[file.parent.name] = (*tasks.get(file.parent.name, ()), name)
    return tasks


def summaries(folder: str, *keys: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and some top-level keys of every file, a variant's from its base where it does not say them itself.

    Only the lines of those keys are parsed. Raises YamlError.
    """
    files = files_in(folder)
    for name, file in files.items():
        values = _top_level(file, ("extends", *keys))
        if "extends" in values:
            base = str(values.pop("extends"))
            place = file.parent / base if base.endswith(SUFFIXES) else files.get(base, Path(base))
            inherited = _top_level(place, keys)
            both = {key for key in values if isinstance(inherited.get(key), dict) and isinstance(values[key], dict)}
            values = inherited | values | {key: inherited[key] | values[key] for key in both}
        yield name, values


def _top_level(file: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    blocks = TOP_LEVEL.split(text)
    lines = "".join(block for block in blocks if block.startswith(tuple(f"{key}:" for key in keys)))
    return dict(parse_document(lines, file).data or {})
