"""YAML by the 1.2 core schema, and mistakes reported where they stand."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import YamlError
from evalkit.registry.yaml12 import parse_document

FILE = Path("tasks/x.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-31", "2024-01-31"),
        ("1e5", 100000.0),
        ("-.5", -0.5),
        (".inf", float("inf")),
        ("'1'", "1"),
        ("<<", "<<"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = parse_document(f"a: {text}", FILE).data["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "tasks/x.yaml:3:1: the key a occurs twice"),
        ("a: &x 1\nb: *x", "tasks/x.yaml:1:4: aliases (*name) are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "tasks/x.yaml:1:4: "),
        ("a: !function f.g", "tasks/x.yaml:1:4: the tag !function is not allowed"),
        ("a: [1", "tasks/x.yaml:2:1: not valid YAML"),
        ("? [a]\n: 1", "a key must be plain text"),
    ],
)
def test_what_hides_mistakes_is_refused(text: str, message: str) -> None:
    with pytest.raises(YamlError) as error:
        parse_document(text, FILE)
    assert message in str(error.value)


@given(st.text())
def test_any_text_is_data_or_a_yaml_error(text: str) -> None:
    with contextlib.suppress(YamlError):
        assert isinstance(parse_document(text, FILE).data, dict | list | str | int | float | None)
