"""Rules: what each reads from a reply, and that none raises on any."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit import yaml12
from evalkit.rules import Rule, mathvista
from evalkit.rules.mmmu import MmmuRule
from evalkit.rules.relaxed import RelaxedRule
from evalkit.rules.textvqa import TextvqaRule, agreement
from evalkit.types import Sample

TABLES: list[Any] = yaml12.read(Path(__file__).parent / "cases" / "rules.yaml").data
CASES = [(table, *case) for table in TABLES for case in table["cases"]]


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


OPEN = [
    ("The answer is 12.", ["12"], 1.0, "a number after an announcement"),
    ("12.004", ["12"], 1.0, "numbers are rounded to two decimals"),
    ("12.01", ["12"], 0.0, "and compared so"),
    ("$1,200", ["1200"], 1.0, "commas go"),
    ("it is embryonic tissue", ["embryonic"], 1.0, "a text that contains the gold text"),
    ("embryo", ["embryonic"], 0.0, "not the other way round"),
    ("Step b", ["B"], 1.0, "a gold of one letter must stand beside a blank"),
    ("bob", ["B"], 0.0, "not inside a word"),
    ("b", ["B"], 1.0, "the reply of one letter gets its blanks, too"),
    ("MgS", ["$MgS$", "MgS"], 1.0, "any of several golds"),
    ("x = 5\ny = 7", ["7"], 1.0, '"=" announces in the last line'),
    ("x = 5\ny = 7", ["5"], 0.0, "and only there: the first line is no candidate then"),
    ("", ["5"], 0.0, "nothing said"),
]


@pytest.mark.parametrize(("reply", "golds", "value", "why"), OPEN)
def test_mmmu_reads_open_answers(reply: str, golds: list[str], value: float, why: str) -> None:
    assert MmmuRule().judge(reply, sample(*golds)).value == value, why


@pytest.mark.parametrize(("matches", "value"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_ten_annotators_agree(matches: int, value: float) -> None:
    assert agreement("x", ["x"] * matches + ["y"] * (10 - matches)) == value


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
    assert msgspec.convert({"kind": kind}, Rule).judge(reply, sample(gold)) == (answer, value)


def test_numbers_within_a_tolerance() -> None:
    rule = msgspec.convert({"kind": "number", "tolerance": 0.05}, Rule)
    assert [rule.judge(reply, sample("100")).value for reply in ("95", "105", "94.9", "-100")] == [1, 1, 0, 0]


RELAXED = [
    ({"strip": False}, "red ", "red", 0.0, "lmms-eval keeps the blank"),
    ({"strip": False}, "RED", "red", 1.0, "case does not count"),
    ({"strip": False}, " 14 ", "14", 1.0, "Python reads a number with its blanks"),
    ({"elements": True}, "2016", "[2014, 2016]", 1.0, "any element of a list"),
    ({"elements": True}, "[2014, 2016]", "[2014, 2016]", 0.0, "the list itself is no element"),
    ({"elements": True}, "[Yes, No]", "[Yes, No]", 1.0, "not a list to Python"),
    ({"years": True}, "2010", "2010", 1.0, "this year"),
    ({"years": True}, "2011", "2010", 0.0, "within five percent, but another year"),
    ({"years": True}, "20.5", "20", 1.0, "no year"),
    ({"extract": True}, "The answer is 14.", "14", 1.0, "out of a sentence"),
    ({"extract": True}, "U.S.", "U.S.", 1.0, "as it is"),
    ({}, "The answer is 14.", "14", 0.0, "officially nothing is read out of a sentence"),
]


@pytest.mark.parametrize(("fields", "reply", "gold", "value", "why"), RELAXED)
def test_relaxed_as_others_have_it(fields: dict[str, bool], reply: str, gold: str, value: float, why: str) -> None:
    assert RelaxedRule(**fields).judge(reply, sample(gold)).value == value, why  # type: ignore[arg-type]  # all are bool


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


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("piece", ["(", "A ", "1", "1,", "1.", "not ", "\n", "'s", "the answer is "])
def test_every_rule_reads_a_megabyte(rule: type[Any], piece: str) -> None:
    reply = piece * (1_000_000 // len(piece))
    rule().judge(reply, sample("A", choices=("dog", "cat")))
    rule().judge(reply, sample("5"))


@pytest.mark.parametrize(
    ("reply", "gold", "value", "why"),
    [
        ("14.5", "14", 1.0, "within 5 %"),
        ("14.8", "14", 0.0, "beyond"),
        ("0.021", "0.02", 0.0, "5 % is a little more in floating point"),
        ("2016", "2014", 1.0, "years are numbers"),
        ("62%", "62", 0.0, "62 % is 0.62"),
        ("62%", "0.62", 1.0, "and equal to it"),
        ("5,627", "5627", 0.0, "commas make a text"),
        ("$3", "3", 0.0, "signs of currency too"),
        ("0.0", "0", 0.0, "a gold of 0 wants the same text"),
        ("0", "0", 1.0, "which this is"),
        ("yes", "Yes", 1.0, "case does not count"),
        ("[2014, 2016]", "[2014, 2016]", 1.0, "lists are texts"),
        ("nan", "14", 0.0, "not a number is near to none"),
        ("inf", "14", 0.0, "nor is infinity"),
    ],
)
def test_relaxed(reply: str, gold: str, value: float, why: str) -> None:
    assert RelaxedRule().judge(reply, sample(gold)).value == value, why


@pytest.mark.parametrize(
    ("reply", "choices", "number", "why"),
    [
        ("B", ("145", "155"), 1, "the letter"),
        ("it is (b)", ("145", "155"), 1, "a letter in brackets, whatever its case"),
        ("(B) or (A)", ("145", "155"), 1, "the first of them"),
        ("155°", ("145", "155"), 1, "the nearest text"),
        ("150", ("145", "155"), 1, "one edit against two"),
        ("x", ("145", "155"), 0, "the first of equally near ones"),
        ("", ("long text", "it"), 1, "nothing is nearest to the shortest"),
        ("(c)", ("(c)", "(a)"), 0, "a letter beyond the options is a text"),
        ("(a)", ("(c)", "(a)"), 0, "a choice text that is a letter is taken for one"),
    ],
)
def test_mathvista_choices(reply: str, choices: tuple[str, ...], number: int, why: str) -> None:
    assert mathvista.choice(reply, choices) == number, why


@pytest.mark.parametrize(
    ("reply", "kind", "precision", "normal"),
    [
        ("5.9", "integer", None, "5"),
        ("-5.9", "integer", None, "-5"),
        ("five", "integer", None, None),
        ("inf", "integer", None, None),
        ("1.26", "float", 1, "1.3"),
        ("1.26", "float", 1.0, "1.3"),
        ("1.26", "float", None, None),
        ("[1, 2]", "list", None, "[1, 2]"),
        ("anything", "text", None, "anything"),
    ],
)
def test_mathvista_normal_forms(reply: str, kind: str, precision: object, normal: str | None) -> None:
    assert mathvista.normal(reply, kind, precision) == normal


def test_edit_distance() -> None:
    assert mathvista.distance("kitten", "sitting") == 3
    assert mathvista.distance("", "abc") == 3
