"""Decode plain data into a typed spec; a mistake is reported with its place in the file and a suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from evalkit.errors import YamlError
from evalkit.registry.type_info import field_names, kinds, type_at
from evalkit.registry.yaml12 import Document, KeyPath

T = TypeVar("T")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def decode(document: Document, type_: type[T]) -> T:
    """The document as a `type_`. Raises YamlError: `file:line:column: path: what is wrong, did you mean ...?`."""
    try:
        return msgspec.convert(document.data, type_)
    except msgspec.ValidationError as error:
        raise _explained(document, type_, str(error)) from None


def suggestion(name: str, known: Iterable[str]) -> str:
    """`, did you mean x?` for the nearest known name, otherwise the known ones when they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f", did you mean {near[0]}?"
    return f"; known: {', '.join(names)}" if len(names) <= 12 else ""


def _explained(document: Document, type_: Any, message: str) -> YamlError:
    """Rewrite msgspec's message, which has neither line nor key names of dictionaries, for a reader of the file."""
    text, _, where = message.partition(" - at `$")
    path = _resolve(document.data, type_, where.rstrip("`"), text)
    if match := re.match(r"Object contains unknown field `(.*)`$", text):
        name = match.group(1)
        hint = suggestion(name, field_names(type_at(type_, document.data, path)))
        return document.error((*path, name), f"{_dotted((*path, name))}: unknown field{hint}")
    if match := re.match(r"Object missing required field `(.*)`$", text):
        name = match.group(1)
        place = (*path, name)
        remedy = "it cannot be taken away" if place in document.marks else "add it"
        return document.error(place, f"{_dotted(place)}: this field is required; {remedy}")
    value = _get(document.data, path)
    if text.startswith("Invalid value") and path and path[-1] == "kind":
        hint = suggestion(str(value), kinds(type_at(type_, document.data, path[:-1])))
        return document.error(path, f"{_dotted(path)}: unknown kind {value!r}{hint}")
    if text.startswith("Invalid enum value"):
        hint = suggestion(str(value), map(str, getattr(type_at(type_, document.data, path), "values", ())))
        return document.error(path, f"{_dotted(path)}: {value!r} is not allowed{hint}")
    return document.error(path, f"{_dotted(path) or 'file'}: {text[:1].lower()}{text[1:]}".replace("`", ""))


def _resolve(data: Any, type_: Any, where: str, text: str) -> KeyPath:
    """The path that msgspec names, with `[...]` (some key of a dictionary) replaced by the key that is at fault."""
    path: tuple[str | int, ...] = ()
    for name, index in STEP.findall(where):
        step = _key_at_fault(data, type_, path, text) if index == "..." else name or int(index)
        path = (*path, step)
    return path


def _key_at_fault(data: Any, type_: Any, path: KeyPath, text: str) -> str:
    """The key without which msgspec no longer reports this error (it stops at the first one)."""
    mapping = _get(data, path)
    for key in mapping:
        try:
            msgspec.convert(_without(data, path, key), type_)
        except msgspec.ValidationError as error:
            if str(error).partition(" - at `$")[0] == text:
                continue
        return str(key)
    return str(next(iter(mapping)))


def _without(data: Any, path: KeyPath, key: str) -> Any:
    if not path:
        return {k: v for k, v in data.items() if k != key}
    if isinstance(data, dict):
        return {k: _without(v, path[1:], key) if k == path[0] else v for k, v in data.items()}
    return [_without(v, path[1:], key) if i == path[0] else v for i, v in enumerate(data)]


def _get(data: Any, path: KeyPath) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).removeprefix(".")
