"""Rules: what each reads from a reply, and that none raises on any."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.registry import yaml12
from evalkit.rules import Rule, mathvista
from evalkit.rules.mmmu import MmmuRule
from evalkit.rules.relaxed import RelaxedRule
from evalkit.rules.textvqa import TextvqaRule, annotator_agreement
from evalkit.types import Sample
from tests import TESTS
from tests.growth import is_linear


def cases(name: str) -> Any:
    """The table of that name."""
    return yaml12.read_document(TESTS / "cases" / f"{name}.yaml").data


CASES = [(table, *case) for table in cases("rules") for case in table["cases"]]


def sample(*answers: str, choices: tuple[str, ...] = ()) -> Sample:
    return Sample(id="s", question="?", answers=answers, choices=choices)


@pytest.mark.parametrize(
    ("table", "reply", "answer", "why"), CASES, ids=[f"{c[0]['rule']['kind']}-{c[1][:30]}" for c in CASES]
)
def test_rule_reads(table: dict[str, Any], reply: str, answer: str | None, why: str) -> None:
    rule = msgspec.convert(table["rule"], Rule)
    gold = table.get("gold", "A")
    verdict = rule.judge(reply, sample(gold, choices=tuple(table.get("options", ()))))
    assert verdict.answer == answer, why
    if table["rule"]["kind"] not in ("recorded", "textvqa", "vlmevalkit_textvqa"):
        assert verdict.value == float(answer == gold)


@pytest.mark.parametrize(
    ("reply", "value", "why"),
    [
        ("(A)", 1.0, "equal"),
        ("A", 0.0, "without brackets"),
        ("(A) x", 0.0, "more than it"),
        ("(B)", 0.0, "another"),
        ("", 0.0, "nothing recorded"),
    ],
)
def test_recorded_is_equality(reply: str, value: float, why: str) -> None:
    rule = msgspec.convert({"kind": "recorded"}, Rule)
    assert rule.judge(reply, sample("A", choices=("x", "y"))).value == value, why


@pytest.mark.parametrize(("reply", "golds", "value", "why"), cases("mmmu_open"))
def test_mmmu_reads_open_answers(reply: str, golds: list[str], value: float, why: str) -> None:
    assert MmmuRule().judge(reply, sample(*golds)).value == value, why


@pytest.mark.parametrize(("matches", "value"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_ten_annotators_agree(matches: int, value: float) -> None:
    assert annotator_agreement("x", ["x"] * matches + ["y"] * (10 - matches)) == value


def test_textvqa_may_read_the_answer_out_of_a_sentence() -> None:
    ten = sample(*["dakota"] * 10)
    assert TextvqaRule().judge("The answer is Dakota.", ten).value == 0.0
    assert TextvqaRule(extract=True).judge("The answer is Dakota.", ten).value == 1.0


@pytest.mark.parametrize(
    ("kind", "reply", "answer", "gold", "value"),
    [
        ("number", "There are five.", "5", "5", 1.0),
        ("number", "5.0", "5.0", "5", 1.0),
        ("number", "6", "6", "5", 0.0),
        ("number", "many", None, "5", 0.0),
        ("text", "The Dakota.", "dakota", "Dakota", 1.0),
        ("text", "", None, "Dakota", 0.0),
        ("yes_no", "There is no dog.", "no", "No", 1.0),
        ("letter_or_text", "Dakota", "dakota", "dakota", 1.0),
    ],
)
def test_calibrated_rules(kind: str, reply: str, answer: str | None, gold: str, value: float) -> None:
    assert msgspec.convert({"kind": kind}, Rule).judge(reply, sample(gold))[:2] == (answer, value)


def test_numbers_within_a_tolerance() -> None:
    rule = msgspec.convert({"kind": "number", "tolerance": 0.05}, Rule)
    assert [rule.judge(reply, sample("100")).value for reply in ("95", "105", "94.9", "-100")] == [1, 1, 0, 0]


ODD = ["\ud800", "\x00", "(" * 500, "1" * 500, "," * 300, "1,000" * 100, "inf", "nan", "1e999"]
TEXTS = st.one_of(st.text(max_size=200), st.sampled_from(ODD))


@pytest.mark.parametrize("rule", get_args(Rule))
@settings(max_examples=60, deadline=None)
@given(reply=TEXTS, gold=st.text(max_size=20), choices=st.lists(st.text(max_size=10), max_size=28))
def test_no_rule_raises(rule: type[Any], reply: str, gold: str, choices: list[str]) -> None:
    for options in (tuple(choices), ()):
        verdict = rule().judge(reply, sample(gold, choices=options))
        assert 0.0 <= verdict.value <= 1.0
        assert verdict.answer is None or isinstance(verdict.answer, str)
        assert verdict.step


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("piece", ["(", "A ", "1", "1,", "1.", "not ", "\n", "'s", "the answer is "])
def test_every_rule_reads_in_linear_time(rule: type[Any], piece: str) -> None:
    samples = [sample("A", choices=("dog", "cat")), sample("5")]
    assert is_linear(lambda reply: [rule().judge(reply, asked) for asked in samples], piece)


@pytest.mark.slow
@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("piece", ["(", "A ", "1,", "the answer is "])
def test_every_rule_reads_a_megabyte(rule: type[Any], piece: str) -> None:
    reply = piece * (1_000_000 // len(piece))
    assert 0.0 <= rule().judge(reply, sample("A", choices=("dog", "cat"))).value <= 1.0
    assert 0.0 <= rule().judge(reply, sample("5")).value <= 1.0


@pytest.mark.parametrize(("fields", "reply", "gold", "value", "why"), cases("relaxed"))
def test_relaxed(fields: dict[str, bool], reply: str, gold: str, value: float, why: str) -> None:
    assert msgspec.convert(fields, RelaxedRule).judge(reply, sample(gold)).value == value, why


@pytest.mark.parametrize(("reply", "choices", "number", "why"), cases("mathvista")["choices"])
def test_mathvista_choices(reply: str, choices: list[str], number: int, why: str) -> None:
    assert mathvista.nearest_option(reply, choices) == number, why


@pytest.mark.parametrize(("reply", "kind", "precision", "normal", "why"), cases("mathvista")["others"])
def test_mathvista_normal_forms(reply: str, kind: str, precision: object, normal: str | None, why: str) -> None:
    assert mathvista.normalize_typed(reply, kind, precision) == normal, why


def test_edit_distance() -> None:
    assert mathvista.edit_distance("kitten", "sitting") == 3
    assert mathvista.edit_distance("", "abc") == 3
