"""Normal forms of answers: tables of cases and the recorded normal forms of 5,000 replies."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.registry import yaml12
from evalkit.rules.normalize import mmmu_candidates, mmmu_numbers, normalize_mmmu, normalize_vqa
from tests import TESTS

VQA: list[Any] = yaml12.read_document(TESTS / "cases" / "vqa.yaml").data


@pytest.mark.parametrize(("text", "normal", "why"), VQA)
def test_vqa(text: str, normal: str, why: str) -> None:
    assert normalize_vqa(text) == normal, why


def test_only_32_periods_go() -> None:
    assert normalize_vqa("." * 40) == "." * 8


def test_vqa_equals_recorded_normal_forms(shared: Path) -> None:
    path = shared / "packs" / "textvqa_val_subset" / "predictions" / "llava-v1.5-13b.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 5000
    assert [row["id"] for row in rows if normalize_vqa(row["prediction"]) != row["m4c_normalized"]] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,200 and 3", ["1,200", "200", "3"]),
        ("1e5", ["1e5", "5"]),
        ("-2.5 m", ["-2.5"]),
        (".5", [".5"]),
        ("a2b", []),
        ("20,000,000", ["20,000,000", "000"]),
        ("1.2.3", ["1.2", ".3"]),
        ("3-4", ["3", "-4"]),
    ],
)
def test_numbers(text: str, found: list[str]) -> None:
    assert mmmu_numbers(text) == found


# The official patterns, which take quadratic time on a long run of digits.
OFFICIAL = [r"-?\b\d{1,3}(?:,\d{3})+\b", r"-?\d+(?:\.\d+)?[eE][+-]?\d+"]
OFFICIAL += [r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,eE+-ab ", max_size=30))
def test_numbers_equal_the_official_patterns(text: str) -> None:
    assert mmmu_numbers(text) == [number for pattern in OFFICIAL for number in re.findall(pattern, text)]


@pytest.mark.parametrize(
    ("text", "forms"),
    [("1,234.567", [1234.57]), (" B ", [" b", "b "]), ("Dog", ["dog"]), ("7", [7.0]), ("", [""]), ("1e2", [100.0])],
)
def test_mmmu_forms(text: str, forms: list[str | float]) -> None:
    assert normalize_mmmu(text) == forms


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("36 watts", {"36 watts", 36.0}),
        ("The result is 5.", {5.0}),
        ("So x is 3. Thus y is 4", {4.0}),
        ("1/4", {"1/4", 1.0, 4.0}),
    ],
)
def test_mmmu_candidates(reply: str, found: set[str | float]) -> None:
    assert mmmu_candidates(reply) == found


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    assert isinstance(normalize_vqa(text), str)
    assert mmmu_candidates(text) is not None
