"""A file that extends another file, merged into one document that keeps the place of every value in either file."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from msgspec import inspect

from evalkit.registry.decode import suggestion
from evalkit.registry.type_info import child_type, kinds, narrow_union
from evalkit.registry.yaml12 import Document, KeyPath


def merge_documents(base: Document, variant: Document, kind: type) -> Document:
    """The document that results when `variant` is laid over `base`; `kind` is the type that decodes it.

    A mapping merges into the base's mapping. A list or a scalar replaces the value of the base, and so does a mapping
    whose `kind` is another than the base's, since the fields of one kind mean nothing to the next. `null` takes a
    field away. Keys stand in the order of the base, new ones at the end. Raises YamlError for a `null` that has
    nothing to take away.
    """
    replaced: set[KeyPath] = set()
    data = _merged(base, variant, base.data, variant.data, inspect.type_info(kind), (), replaced)
    marks = {path: mark for path, mark in base.marks.items() if not _within(path, replaced)}
    return Document(variant.file, data, marks | variant.marks)


def _merged(
    base: Document, variant: Document, old: Any, new: Any, node: Any, path: KeyPath, replaced: set[KeyPath]
) -> Any:
    """The value at `path`; paths at which nothing of the base remains are added to `replaced`."""
    if not isinstance(old, dict) or not isinstance(new, dict) or _other_kind(old, new, node):
        replaced.add(path)
        return new
    result, node = dict(old), narrow_union(node, {**old, **new})
    for key, value in new.items():
        here = (*path, key)
        if value is None and key not in old:
            hint = suggestion(key, old)
            text = f"{'.'.join(map(str, here))}: null takes a field away, and {base.file} has no such field{hint}"
            raise variant.error(here, text)
        if value is None:
            replaced.add(here)
            del result[key]
        elif key in old:
            result[key] = _merged(base, variant, old[key], value, child_type(node, key), here, replaced)
        else:
            result[key] = value
    return result


def _other_kind(old: dict[str, Any], new: dict[str, Any], node: Any) -> bool:
    """True if the variant has another `kind` and that chooses the mapping's type (a group called `kind` does not)."""
    return bool(kinds(node)) and "kind" in old and "kind" in new and old["kind"] != new["kind"]


def _within(path: KeyPath, places: Set[KeyPath]) -> bool:
    return any(path[:length] in places for length in range(len(path) + 1))
