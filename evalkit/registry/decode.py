"""Decode plain data into a typed spec; a mistake is reported with its place in the file and a suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from evalkit.errors import YamlError
from evalkit.registry.yaml12 import Document, Path_

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
        hint = suggestion(name, _fields(_type_at(type_, document.data, path)))
        return document.error((*path, name), f"{_dotted((*path, name))}: unknown field{hint}")
    if match := re.match(r"Object missing required field `(.*)`$", text):
        name = match.group(1)
        return document.error(path, f"{_dotted((*path, name))}: this field is required; add it")
    value = _get(document.data, path)
    if text.startswith("Invalid value") and path and path[-1] == "kind":
        hint = suggestion(str(value), _tags(_type_at(type_, document.data, path[:-1])))
        return document.error(path, f"{_dotted(path)}: unknown kind {value!r}{hint}")
    if text.startswith("Invalid enum value"):
        hint = suggestion(str(value), map(str, getattr(_type_at(type_, document.data, path), "values", ())))
        return document.error(path, f"{_dotted(path)}: {value!r} is not allowed{hint}")
    return document.error(path, f"{_dotted(path) or 'file'}: {text[:1].lower()}{text[1:]}".replace("`", ""))


def _resolve(data: Any, type_: Any, where: str, text: str) -> Path_:
    """The path that msgspec names, with `[...]` (some key of a dictionary) replaced by the key that is at fault."""
    path: tuple[str | int, ...] = ()
    for name, index in STEP.findall(where):
        step = _guilty_key(data, type_, path, text) if index == "..." else name or int(index)
        path = (*path, step)
    return path


def _guilty_key(data: Any, type_: Any, path: Path_, text: str) -> str:
    """The one key without which the same complaint is not made any more (msgspec stops at the first error)."""
    mapping = _get(data, path)
    for key in mapping:
        try:
            msgspec.convert(_without(data, path, key), type_)
        except msgspec.ValidationError as error:
            if str(error).partition(" - at `$")[0] == text:
                continue
        return str(key)
    return str(next(iter(mapping)))


def _without(data: Any, path: Path_, key: str) -> Any:
    if not path:
        return {k: v for k, v in data.items() if k != key}
    if isinstance(data, dict):
        return {k: _without(v, path[1:], key) if k == path[0] else v for k, v in data.items()}
    return [_without(v, path[1:], key) if i == path[0] else v for i, v in enumerate(data)]


def _get(data: Any, path: Path_) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _dotted(path: Path_) -> str:
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).removeprefix(".")


def _type_at(type_: Any, data: Any, path: Path_) -> Any:
    """The msgspec type description that the value at `path` is decoded by, unions narrowed by `kind`."""
    node: Any = inspect.type_info(type_)
    for step in path:
        node = _child(_narrow(node, data), step)
        data = _get(data, (step,))
    return _narrow(node, data)


def _narrow(node: Any, data: Any) -> Any:
    options = node.types if isinstance(node, inspect.UnionType) else (node,)
    structs = [t for t in options if isinstance(t, inspect.StructType)]
    if isinstance(data, dict) and len(structs) > 1:
        tagged = [t for t in structs if t.tag == data.get("kind")]
        return tagged[0] if tagged else node
    if isinstance(data, dict) and structs:
        return structs[0]
    others = [t for t in options if not isinstance(t, inspect.StructType | inspect.NoneType)]
    return others[0] if len(options) > 1 and len(others) == 1 and not isinstance(data, dict) else node


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, inspect.StructType):
        return next((f.type for f in node.fields if f.encode_name == step), None)
    if isinstance(node, inspect.DictType):
        return node.value_type
    return getattr(node, "item_type", None)


def _fields(node: Any) -> list[str]:
    structs = node.types if isinstance(node, inspect.UnionType) else (node,)
    return [f.encode_name for t in structs if isinstance(t, inspect.StructType) for f in t.fields]


def _tags(node: Any) -> list[str]:
    structs = node.types if isinstance(node, inspect.UnionType) else (node,)
    return [str(t.tag) for t in structs if isinstance(t, inspect.StructType)]
