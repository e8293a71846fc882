"""A document as YAML that reads back as the same data, with a mark on every part that it inherits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from evalkit.registry.yaml12 import CoreDumper, Document, KeyPath

WIDTH = 110
"""Characters that a mapping or a list takes on one line, at most; a longer one has a line for each item."""

UNFOLDED = 10**9
"""A width at which PyYAML never breaks a line."""


class _Dumper(CoreDumper):
    """Short lists and mappings on one line, a text of several lines as it reads."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        """A mapping of plain values and short lists on one line, any other with a line for each key."""
        node = super().represent_mapping(tag, mapping, flow_style)
        if flow_style is None:
            node.flow_style = all(map(_inline, (value for _, value in node.value))) and _short(node)
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """A list of plain values on one line, any other with a line for each item."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = node.flow_style and _short(node)
        return node


def _inline(node: yaml.Node) -> bool:
    """True for a node that may be inside a one-line mapping: a plain value, or a list on one line."""
    plain = isinstance(node, yaml.ScalarNode) and node.style != "|"
    return plain or (isinstance(node, yaml.SequenceNode) and bool(node.flow_style))


def _short(node: yaml.CollectionNode) -> bool:
    """True if the node fits on a line of `WIDTH` characters; to measure that it is set to flow style."""
    node.flow_style = True
    return len(yaml.serialize(node, Dumper=_Dumper, width=UNFOLDED)) <= WIDTH


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    literal = "\n" in text and text == text.strip() and text.split("\n") == text.splitlines()
    style = "|" if literal else None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


class _Field(dict[str, Any]):
    """A key and its value, on lines of their own however short."""


def _field(dumper: _Dumper, field: _Field) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", field, flow_style=False)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Field, _field)


def dump(document: Document) -> str:
    """YAML text of the whole document, with `# from NAME` behind each part that it inherits.

    A file that inherits nothing is given as it is written, comments included.
    """
    if {mark.file for mark in document.marks.values()} == {document.file}:
        return document.file.read_text(encoding="utf-8")
    return "".join(_lines(document, document.data, (), ""))


def _lines(document: Document, data: dict[str, Any], path: KeyPath, indent: str) -> Iterator[str]:
    for key, value in data.items():
        here = (*path, key)
        origins = {mark.file for place, mark in document.marks.items() if place[: len(here)] == here}
        if len(origins) > 1 and isinstance(value, dict):
            yield f"{indent}{_yaml(key)}:\n"
            yield from _lines(document, value, here, f"{indent}  ")
            continue
        first, *others = _yaml(_Field({key: value})).split("\n")
        base = next(iter(origins - {document.file}), None)
        yield f"{indent}{first}{f'  # from {base.stem}' if base else ''}\n"
        yield from (f"{indent}{line}\n" if line else "\n" for line in others)


def _yaml(value: Any) -> str:
    """YAML of a mapping, or of a key; never folded, so that the first line can end in a comment."""
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=UNFOLDED
    )
    return text.removesuffix("\n...\n").removesuffix("\n")
