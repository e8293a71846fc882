"""The JSON Schemas for editors take every registered file, whole or a variant, and refuse what evalkit refuses."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.registry import load, yaml12
from evalkit.registry.spec import CardSpec, ModelSpec, TaskSpec

jsonschema = pytest.importorskip("jsonschema")
WHOLE = yaml12.read_document(load.path(TaskSpec, "pope")).data
VARIANT = {"name": "mine", "extends": "pope"}


def valid(kind: str, data: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(load.schemas()[kind]).is_valid(data))


@pytest.mark.parametrize("kind", [TaskSpec, ModelSpec, CardSpec])
def test_every_registered_file_is_valid(kind: type) -> None:
    name = load.FOLDERS[kind].removesuffix("s")
    for file in load.files(kind).values():
        assert valid(name, yaml12.read_document(file).data), file


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (VARIANT, True),
        ({**VARIANT, "adapter": {"prompt": "{question}"}}, True),
        ({**VARIANT, "adapter": {"rule": None}, "note": None, "metrics": {"f1": None}}, True),
        ({**VARIANT, "columns": {"groups": {"category": None}}}, True),
        ({"extends": "pope"}, False),
        ({**VARIANT, "name": None}, False),
        ({**VARIANT, "extends": 3}, False),
        ({**VARIANT, "adapter": {"promt": "{question}"}}, False),
        ({**VARIANT, "generation": {"max_new_tokens": "many"}}, False),
        ({key: value for key, value in WHOLE.items() if key != "samples"}, False),
        ({**WHOLE, "note": None}, False),
    ],
)
def test_a_variant_may_lack_what_a_whole_file_needs(data: Any, verdict: bool) -> None:
    assert valid("task", data) is verdict
