"""Read YAML as plain data by the 1.2 core schema with the place of every value, and refuse what hides mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import yaml

from evalkit import text_files
from evalkit.errors import YamlError

DEEPEST = 100
"""Levels of lists and mappings in a file, at most; the registry's own files have fewer than ten."""
KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and list positions that lead from the root of a file to a value."""


class FilePosition(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Document(msgspec.Struct, frozen=True):
    """Plain data of one file, and the place of each key or item; the place of an inherited one is in the other file."""

    file: Path
    data: Any
    marks: dict[KeyPath, FilePosition]

    def error(self, path: KeyPath, text: str) -> YamlError:
        """An error at the place of `path`, or of its nearest known ancestor."""
        while path and path not in self.marks:
            path = path[:-1]
        mark = self.marks.get(path, FilePosition(self.file))
        hint = "" if mark.file == self.file else f" ({self.file} extends this file)"
        return YamlError(f"{mark}: {text}{hint}")


class CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A SafeLoader whose plain scalars follow YAML 1.2: `no` is text, `1e5` a float, `010` ten, a date is text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own attribute)
    depth = 0

    def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
        """Count the levels above a node: libyaml's composer recurses in C, where too many of them end the process."""
        self.depth += 1
        if self.depth > DEEPEST:
            mark = current_node.start_mark if current_node is not None else None
            raise yaml.MarkedYAMLError(problem=f"nested more than {DEEPEST} levels deep", problem_mark=mark)

    def ascend_resolver(self) -> None:
        """The counterpart of `descend_resolver`."""
        self.depth -= 1


class CoreDumper(yaml.SafeDumper):
    """A SafeDumper that quotes each text which YAML 1.1 or 1.2 would not read as text, and writes no aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        """True: the reader refuses aliases."""
        return True


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
):
    for _class in (CoreLoader, CoreDumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def read_document(file: Path) -> Document:
    """Parse one YAML file. Raises YamlError for unreadable files, syntax, duplicate keys, aliases and unusual tags."""
    try:
        text = text_files.regular(file).read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise YamlError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse_document(text, file)


def parse_document(text: str, file: Path) -> Document:
    """Parse `text`, the content of `file`. Raises YamlError as `read_document` does."""
    try:
        node = yaml.compose(text, Loader=CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise YamlError(f"{file}:{where}: not valid YAML: {error.problem}; mend the syntax there") from error
    except yaml.YAMLError as error:
        raise YamlError(f"{file}: not valid YAML: {' '.join(str(error).split())}; mend the syntax") from error
    reader = _Reader(file)
    data = reader.value(node, ()) if node is not None else None
    return Document(file, data, reader.marks)


class _Reader:
    """Turns composed nodes into plain data and notes the place of each."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.marks: dict[KeyPath, FilePosition] = {}
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.marks.setdefault(path, self._mark(node))
        if id(node) in self._seen:
            raise self._error(node, "aliases (*name) are not allowed; write the value out")
        self._seen.add(id(node))
        if not isinstance(node, yaml.ScalarNode) and node.tag not in COLLECTIONS:
            raise self._error(node, f"the tag {node.tag} is not allowed; use plain values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, "only mappings, lists and plain values are allowed")
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be plain text")
            key = key_node.value
            if key in result:
                raise self._error(key_node, f"the key {key} occurs twice; remove one")
            self.marks[(*path, key)] = self._mark(key_node)
            result[key] = self.value(child, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        convert = SCALARS.get(kind)
        if convert is None:
            raise self._error(node, f"the tag {node.tag} is not allowed; use plain values")
        try:
            return convert(node.value)
        except ValueError as error:
            raise self._error(node, f"{node.value!r} is not a {kind}; quote it if it is text") from error

    def _error(self, node: yaml.Node, text: str) -> YamlError:
        return YamlError(f"{self._mark(node)}: {text}")

    def _mark(self, node: yaml.Node) -> FilePosition:
        return FilePosition(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def _int(text: str) -> int:
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text, 10)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
SCALARS: dict[str, Callable[[str], Any]] = {
    "null": lambda _text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _int,
    "float": _float,
    "str": str,
}
