"""msgspec's description of the type that stands at a place in a spec, to explain mistakes and to merge files."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from evalkit.registry.yaml12 import KeyPath


def type_at(kind: Any, data: Any, path: KeyPath) -> Any:
    """The type that decodes the value at `path` of `data`, where `kind` decodes the whole; None where there is none."""
    node: Any = inspect.type_info(kind)
    for step in path:
        node = child_type(narrow_union(node, data), step)
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
    return narrow_union(node, data)


def narrow_union(node: Any, data: Any) -> Any:
    """The member of a union that decodes `data`, by its `kind` or its shape; the union where these do not decide."""
    options = node.types if isinstance(node, inspect.UnionType) else (node,)
    structs = _structs(node)
    if isinstance(data, dict) and len(structs) > 1:
        return next((struct for struct in structs if struct.tag == data.get("kind")), node)
    if isinstance(data, dict) and structs:
        return structs[0]
    others = [t for t in options if not isinstance(t, inspect.StructType | inspect.NoneType)]
    return others[0] if len(options) > 1 and len(others) == 1 else node


def child_type(node: Any, step: str | int) -> Any:
    """The type of a field, of a mapping's value or of a list's item; None for a field that the type lacks."""
    if isinstance(node, inspect.StructType):
        return next((field.type for field in node.fields if field.encode_name == step), None)
    if isinstance(node, inspect.DictType):
        return node.value_type
    return getattr(node, "item_type", None)


def field_names(node: Any) -> list[str]:
    """The names of the fields of a type, or of all members of a union, as a file writes them."""
    return [field.encode_name for struct in _structs(node) for field in struct.fields]


def kinds(node: Any) -> list[str]:
    """The values of `kind` that choose the type; none for a type without a tag."""
    return [str(struct.tag) for struct in _structs(node) if struct.tag is not None]


def _structs(node: Any) -> list[inspect.StructType]:
    options = node.types if isinstance(node, inspect.UnionType) else (node,)
    return [option for option in options if isinstance(option, inspect.StructType)]
