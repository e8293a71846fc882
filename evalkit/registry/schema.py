"""JSON Schemas of task, model and card files, for editors: of a whole file, or of one that extends another."""

from __future__ import annotations

from typing import Any

import msgspec

EXTENDS = {"type": "string", "description": "The registered name, or the path, of the file that this one extends."}
NULL = {"type": "null"}
WHOLE_ONLY = {"title", "description", "default", "discriminator", "required"}


def json_schema(kind: type) -> dict[str, Any]:
    """The schema of files that decode into `kind`.

    A file that extends another may leave out any field but its name, at any depth, and take fields away with `null`:
    its types are those of the whole file, under names that end in `Changes`.
    """
    whole = msgspec.json.schema(kind)["$defs"]
    changes = {f"{name}Changes": _changes(struct) for name, struct in whole.items()}
    variant = changes[f"{kind.__name__}Changes"]
    variant["properties"] |= {"extends": EXTENDS, "name": whole[kind.__name__]["properties"]["name"]}
    variant["required"] = ["extends", "name"]
    either = [{"$ref": f"#/$defs/{kind.__name__}"}, {"$ref": f"#/$defs/{kind.__name__}Changes"}]
    return {"anyOf": either, "$defs": whole | changes}


def _changes(part: dict[str, Any]) -> dict[str, Any]:
    """The schema of what a variant says of a value: nothing is required, null is allowed, lists are whole."""
    result = {key: value for key, value in part.items() if key not in WHOLE_ONLY}
    if "$ref" in part:
        result["$ref"] = f"{part['$ref']}Changes"
    if "anyOf" in part:
        result["anyOf"] = [_changes(option) for option in part["anyOf"]]
    if "properties" in part:
        result["properties"] = {name: _or_null(field) for name, field in part["properties"].items()}
    if part.get("additionalProperties"):
        result["additionalProperties"] = _or_null(part["additionalProperties"])
    return result


def _or_null(part: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field: what a variant says of its value, or null to take it away."""
    change = _changes(part)
    options = change["anyOf"] if set(change) == {"anyOf"} else [change]
    return {"anyOf": [*options, *([] if NULL in options else [NULL])]}
