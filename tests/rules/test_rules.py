"""Rules: what each reads from a reply, and that none raises on any."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.registry import yaml12
from evalkit.rules import Rule, mathvista
from evalkit.rules.mathvista import LmmsMathvistaRule
from evalkit.rules.mmmu import MmmuRule
from evalkit.rules.relaxed import RelaxedRule
from evalkit.rules.textvqa import TextvqaRule, annotator_agreement
from evalkit.rules.vlmevalkit import VlmevalkitMathvistaRule
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


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("ab" * 3_000 + "x", "ab" * 3_000, 1),  # nothing is cut off
        ("x" * 5_000 + "dog", "dog", 5_000),
    ],
    ids=["words", "left empty", "right empty", "both", "long", "long and short"],
)
def test_edit_distance(left: str, right: str, distance: int) -> None:
    assert mathvista.edit_distance(left, right) == distance


@given(left=st.text("abc", max_size=40), right=st.text("abc", max_size=40))
def test_edit_distance_is_that_of_the_table(left: str, right: str) -> None:
    row = list(range(len(right) + 1))
    for i, sign in enumerate(left, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(right, start=1):
            above, row[j] = row[j], min(above + (sign != other), row[j] + 1, row[j - 1] + 1)
    assert mathvista.edit_distance(left, right) == row[-1]


@pytest.mark.parametrize(
    ("reply", "gold", "answer_type", "reading", "answer", "value", "why"),
    [
        ("7", "7", "integer", "quick", "7", 1.0, "a right number"),
        ("8", "7", "integer", "quick", None, 0.0, "the judge is asked about a wrong one"),
        ("0", "0", "integer", "quick", None, 0.0, "a right 0 is no answer to the script"),
        ("0.0", "0", "float", "quick", None, 0.0, "nor is 0.0"),
        ("0", "0", "integer", "recorded", "0", 1.0, "but it is right where the judge gives it"),
        ("8", "7", "integer", "recorded", "8", 0.0, "a judge's number may be wrong"),
        ("7.0", "7", "integer", "recorded", "7.0", 0.0, "Python reads no integer in it"),
        ("[1]", "[1]", "list", "recorded", "[1]", 0.0, "a list is never right"),
    ],
)
def test_vlmevalkit_reads_numbers_of_mathvista(
    reply: str, gold: str, answer_type: str, reading: Any, answer: str | None, value: float, why: str
) -> None:
    asked = msgspec.structs.replace(sample(gold), extra={"answer_type": answer_type})
    assert VlmevalkitMathvistaRule(reading=reading).judge(reply, asked)[:2] == (answer, value), why


@pytest.mark.parametrize(
    ("reply", "gold", "answer_type", "precision", "answer", "value", "why"),
    [
        ("1.26", "1.3", "float", 1, "1.3", 1.0, "rounded by a precision that is an integer"),
        ("1.26", "1.3", "float", 1.0, None, 0.0, "Python rounds by no float, and the hub holds 1.0"),
        ("1.3", "1.3", "float", 1.0, None, 0.0, "not even what needs no rounding"),
        ("5.9", "5", "integer", None, "5", 1.0, "integers want no precision"),
        ("[1, 2] ", "[1, 2]", "list", None, "[1, 2] ", 1.0, "blanks around a text do not count"),
        ("five", "5", "integer", None, None, 0.0, "no number"),
    ],
)
def test_lmms_eval_rounds_by_the_precision_of_the_data(
    reply: str, gold: str, answer_type: str, precision: object, answer: str | None, value: float, why: str
) -> None:
    asked = msgspec.structs.replace(sample(gold), extra={"answer_type": answer_type, "precision": precision})
    assert LmmsMathvistaRule().judge(reply, asked)[:2] == (answer, value), why
