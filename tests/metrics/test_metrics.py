"""Metrics on hand-computed tables, MMMU's seeded guess, and the recorded POPE and MMBench answers."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.metrics import F1, Accuracy, AllCorrect, Metric, Precision, Recall, Within, YesRatio
from evalkit.types import Score
from tests import TESTS

HERE = TESTS
CASES = yaml.safe_load((HERE / "cases" / "metrics.yaml").read_text(encoding="utf-8"))


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def score(target: str, answer: str | None, value: float, *, options: int = 0, **groups: str) -> Score:
    return Score(sample_id="s", target=target, answer=answer, value=value, options=options, groups=groups)


def case_scores(case: dict[str, Any]) -> list[Score]:
    found = [score(t, a, v, options=options, g=g) for t, a, v, g, options in case["rows"]]
    if "error" in case:
        found[case["error"]] = msgspec.structs.replace(found[case["error"]], answer=None, value=0.0, error="broken")
    return found


@pytest.mark.parametrize("case", CASES, ids=[case["reason"][:60] for case in CASES])
def test_by_hand(case: dict[str, Any]) -> None:
    metric = msgspec.convert(case["metric"], Metric)
    got = {stat.where.get("g", ""): (stat.value, stat.n) for stat in metric.stats("m", case_scores(case))}
    expected = {where: (float(Fraction(str(value))), n) for where, (value, n) in case["expect"].items()}
    assert {where: n for where, (_, n) in got.items()} == {where: n for where, (_, n) in expected.items()}
    for where, (value, _) in expected.items():
        assert got[where][0] == pytest.approx(value), where


@pytest.mark.parametrize(
    "metric",
    [
        {"kind": "accuracy"},
        {"kind": "f1", "positive": "yes"},
        {"kind": "yes_ratio", "positive": "yes"},
        {"kind": "all_correct", "group": "g"},
        {"kind": "mean_absolute_error", "unparsed": "skip"},
        {"kind": "within"},
    ],
    ids=lambda metric: metric["kind"],
)
def test_no_scores_give_no_number(metric: dict[str, Any]) -> None:
    assert msgspec.convert(metric, Metric).stats("m", []) == []


def test_metrics_name_the_groups_they_need() -> None:
    assert Accuracy(by=("a", "b")).needs() == ("a", "b")
    assert F1(positive="yes", by=("c",)).needs() == ("c",)
    assert AllCorrect(group="question", by=("category",)).needs() == ("question", "category")
    assert Within().needs() == ()


def test_a_macro_mean_without_groups_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="macro needs the group"):
        msgspec.convert({"kind": "f1", "positive": "yes", "average": "macro"}, Metric)


def test_a_missing_group_names_the_sample() -> None:
    with pytest.raises(EvalkitError, match=r"sample 's' has no group 'subtask'.*the sample has g"):
        Accuracy(by=("subtask",)).stats("m", [score("A", "A", 1.0, g="x")])


def test_a_target_that_is_no_number_names_the_sample() -> None:
    with pytest.raises(EvalkitError, match="sample 's': the target 'four' is no number"):
        Within().stats("m", [score("four", "4", 0.0)])


def test_circular_questions_keep_their_category() -> None:
    rows = [score("A", "A", 1.0, q="1", c="logic"), score("B", "A", 0.0, q="1", c="logic")]
    rows += [score("A", "A", 1.0, q="2", c="scene")]
    stats = AllCorrect(group="q", by=("c",)).stats("m", rows)
    assert [(dict(s.where), s.value, s.n) for s in stats] == [
        ({}, 0.5, 2),
        ({"c": "logic"}, 0, 1),
        ({"c": "scene"}, 1, 1),
    ]


def test_the_official_guess_draws_in_order_with_seed_42() -> None:
    # random.seed(42); choice("ABCD") x 3 gives A, A, C; choice over two letters then gives A.
    unparsed = [score(t, None, 0.0, options=n) for t, n in (("A", 4), ("A", 4), ("C", 4), ("A", 2))]
    open_question = score("red", None, 0.0, options=0)
    answered = score("B", "B", 1.0, options=4)
    resolved = Accuracy(unparsed="official").resolve(
        [unparsed[0], open_question, *unparsed[1:3], answered, unparsed[3]]
    )
    assert [(s.answer, s.value, s.fallback) for s in resolved] == [
        ("A", 1.0, True),
        (None, 0.0, False),
        ("A", 1.0, True),
        ("C", 1.0, True),
        ("B", 1.0, False),
        ("A", 1.0, True),
    ]


def test_the_official_guess_is_not_drawn_for_failed_samples() -> None:
    failed = msgspec.structs.replace(score("A", None, 0.0, options=4), error="timeout")
    resolved = Accuracy(unparsed="official").resolve([failed, score("A", None, 0.0, options=4)])
    assert [s.answer for s in resolved] == [None, "A"]


def test_mmmu_reaches_330_with_the_official_guess_and_329_without(shared: Path) -> None:
    pack = shared / "packs" / "mmmu_val"
    gold = {row["id"]: row for row in lines(pack / "annotations.jsonl.gz")}
    found = []
    for row in sorted(lines(pack / "predictions" / "llava1.5_13b.jsonl.gz"), key=lambda r: gold[r["id"]]["subject"]):
        entry = gold[row["id"]]
        target = entry["answer"] if isinstance(entry["answer"], str) else "|".join(entry["answer"])
        guessed = bool(row["random_fallback"])
        right = row["official_judge"] in (True, "Correct") and not guessed
        found.append(
            Score(
                sample_id=row["id"],
                target=target,
                answer=None if guessed else str(row["official_parsed"]),
                value=float(right),
                options=len(entry["options"]),
                groups={"subject": entry["subject"]},
            )
        )
    official, wrong = (Accuracy(unparsed=u).stats("m", found)[0] for u in ("official", "wrong"))
    expected = json.loads((pack / "expected.json").read_text())["models"]["llava1.5_13b"]
    assert round(official.value * 900) == expected["official"]["correct"] == 330
    assert round(wrong.value * 900) == expected["deterministic"]["correct_if_random_fallback_counted_wrong"] == 329
    subjects = {
        s.where["subject"]: s.value for s in Accuracy(by=("subject",), unparsed="official").stats("m", found)[1:]
    }
    assert subjects == pytest.approx(expected["official"]["subjects"])


def test_pope_per_category_pooled_and_mean(shared: Path) -> None:
    pack = shared / "packs" / "pope"
    gold = {f"{r['category']}/{r['question_id']}": r for r in lines(pack / "annotations.jsonl.gz")}
    (file,) = (pack / "predictions").glob("*.jsonl.gz")
    found = [
        score(gold[row["id"]]["label"], row["prediction"].lower(), 0.0, category=gold[row["id"]]["category"])
        for row in lines(file)
    ]
    expected = json.loads((pack / "expected.json").read_text())["models"]["llava-v1.5-13b"]
    for field, kind in (("precision", Precision), ("recall", Recall), ("f1_score", F1)):
        pooled, *categories = kind(positive="yes", by=("category",)).stats("m", found)
        average = kind(positive="yes", by=("category",), average="macro").stats("m", found)[0]
        assert pooled.value == pytest.approx(expected["pooled_8910"][field], abs=1e-12)
        assert average.value == pytest.approx(expected["mean_of_three"][field], abs=1e-12)
        got = {s.where["category"]: s.value for s in categories}
        assert got == pytest.approx({c: v[field] for c, v in expected["official_per_category"].items()}, abs=1e-12)
    ratio = YesRatio(positive="yes").stats("m", found)[0]
    assert ratio.value == pytest.approx(expected["pooled_8910"]["yes_ratio"], abs=1e-12)


def test_mmbench_circular(shared: Path) -> None:
    pack = shared / "packs" / "mmbench_dev_en"
    gold = {row["index"]: row["answer"] for row in lines(pack / "annotations.jsonl.gz")}
    (file,) = (pack / "predictions").glob("*.jsonl.gz")
    found = [
        score(
            gold[r["id"]], r["prediction"], float(gold[r["id"]] == r["prediction"]), question=str(r["id"] % 1_000_000)
        )
        for r in lines(file)
    ]
    (stat,) = AllCorrect(group="question").stats("m", found)
    assert (round(stat.value * stat.n), stat.n) == (796, 1176)


@given(st.lists(st.tuples(st.sampled_from(["yes", "no"]), st.sampled_from(["yes", "no", None])), min_size=1))
def test_f1_is_the_harmonic_mean(pairs: list[tuple[str, str | None]]) -> None:
    found = [score(target, answer, float(target == answer)) for target, answer in pairs]
    p, r, f = (kind(positive="yes").stats("m", found)[0].value for kind in (Precision, Recall, F1))
    assert f == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)


def test_dropped_replies_leave_the_denominator_and_failed_samples_do_not() -> None:
    scores = [
        Score(sample_id="right", target="A", answer="A", value=1.0, options=4),
        Score(sample_id="wrong", target="A", answer="B", value=0.0, options=4),
        Score(sample_id="unread", target="A", answer=None, value=0.0, options=4),
        Score(sample_id="failed", target="A", answer=None, value=0.0, error="no picture"),
    ]
    (stat,) = Accuracy(unparsed="dropped").stats("accuracy", scores)
    assert (stat.value, stat.n) == (1 / 3, 3)
    assert Accuracy(unparsed="dropped").difference(scores, scores).value == 0
