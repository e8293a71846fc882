"""Which files the registry holds, and what each is called, without decoding any: listing must feel like `ls`."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from evalkit.registry.yaml12 import parse

PACKAGE = Path(str(resources.files("evalkit")))
TOP_LEVEL = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)


@cache
def root() -> Path:
    """The folder that holds `tasks`, `models` and `cards`: inside the installed package, or the checkout around it."""
    shipped = PACKAGE / "registry_data"
    return shipped if shipped.is_dir() else PACKAGE.parent


def files(folder: str) -> dict[str, Path]:
    """Every YAML file of `tasks`, `models` or `cards` by name (the file's stem), sorted by folder and name."""
    return {file.stem: file for file in sorted((root() / folder).rglob("*.yaml"))}


def suites() -> dict[str, tuple[str, ...]]:
    """Suites by name: a folder below `tasks` is a suite of the tasks in it."""
    found: dict[str, tuple[str, ...]] = {}
    for name, file in files("tasks").items():
        if file.parent.name != "tasks":
            found[file.parent.name] = (*found.get(file.parent.name, ()), name)
    return found


def heading(file: Path, *keys: str) -> dict[str, Any]:
    """Some top-level keys of a file as plain data; only their lines are parsed. Raises YamlError."""
    blocks = TOP_LEVEL.split(file.read_text(encoding="utf-8"))
    wanted = "".join(block for block in blocks if block.startswith(tuple(f"{key}:" for key in keys)))
    return dict(parse(wanted, file).data or {})
