"""The steps of the rules have Chinese translations, and no translation is of a step that no rule has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import evalkit.rules
from evalkit.registry import yaml12
from evalkit.reporting.site.step_translations import CHINESE_STEPS
from evalkit.rules import Rule
from evalkit.rules.mathvista import MathvistaRule
from evalkit.types import Sample
from tests import TESTS

pytestmark = pytest.mark.slow


def replies() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every reply of the tables of cases, with the options of its table."""
    tables: dict[str, Any] = {
        name: yaml12.read_document(TESTS / "cases" / f"{name}.yaml").data
        for name in ("letter", "letter_plain", "rules", "yes_no", "yes_no_plain", "number", "text")
    }
    for name, table in tables.items():
        if name.startswith(("letter", "rules")):
            yield from ((case[0], tuple(part.get("options", ()))) for part in table for case in part["cases"])
        else:
            yield from ((case[0], ()) for case in table)


def test_every_step_has_its_chinese() -> None:
    rules = [rule() for rule in get_args(Rule)]
    rules += [MathvistaRule(reading=reading) for reading in ("quick", "calibrated")]
    steps = set()
    for reply, options in replies():
        for choices in {options, ()}:
            for answer_type in ("integer", "list"):
                sample = Sample(
                    id="s", question="?", answers=("A",), choices=choices, extra={"answer_type": answer_type}
                )
                steps |= {rule.judge(reply, sample).step for rule in rules}
    assert steps <= set(CHINESE_STEPS)
    assert len(steps) > 60


def test_every_translation_is_of_a_step() -> None:
    package = Path(evalkit.rules.__file__).parent.parent
    sources = "".join(file.read_text() for room in ("rules", "run") for file in (package / room).rglob("*.py"))
    assert [step for step in CHINESE_STEPS if f'"{step}"' not in sources and f"'{step}'" not in sources] == []
