"""`explain` and `--rule`: several opinions on the same replies, each with the samples on which it parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli import main

CONFORMANCE = Path(__file__).parent / "conformance"


def call(capsys: pytest.CaptureFixture[str], verb: str, shared: Path, *more: str) -> dict[str, object]:
    pack = shared / "packs" / "mmmu_val"
    arguments = [
        verb, "--task", str(CONFORMANCE / "mmmu_val.yaml"), "--annotations", str(pack / "annotations.jsonl.gz"),
        "--predictions", str(pack / "predictions" / "llava1.5_13b.jsonl.gz"), *more,
    ]  # fmt: skip
    assert main(arguments) == 0
    out = capsys.readouterr().out
    return json.loads(out) if "--json" in more else {"text": out}


@pytest.mark.parametrize(("rule", "correct"), [("official", 330), ("wrong", 329), ("chance", 329.5)])
def test_a_policy_is_chosen_by_name(
    capsys: pytest.CaptureFixture[str], shared: Path, rule: str, correct: float
) -> None:
    found = call(capsys, "score", shared, "--rule", rule, "--json")
    (overall,) = [s for s in found["stats"] if s["metric"] == "accuracy" and not s["where"]]  # type: ignore[attr-defined]
    assert overall["value"] * 900 == pytest.approx(correct, abs=1e-9)
    assert found["rule"] == rule


def test_explain_counts_and_names_the_samples_on_which_rules_part(
    capsys: pytest.CaptureFixture[str], shared: Path
) -> None:
    found = call(capsys, "explain", shared, "--json")
    ours = {s["metric"]: s["value"] for s in found["default"]["stats"] if not s["where"]}  # type: ignore[index]
    for rule in found["rules"]:  # type: ignore[attr-defined]
        theirs = {s["metric"]: s["value"] for s in rule["stats"] if not s["where"]}
        difference = sum(d["value"] - d["default_value"] for d in rule["differ"])
        if rule["rule"] in {"calibrated", "vlmevalkit"}:
            assert difference
            assert (theirs["accuracy"] - ours["accuracy"]) * 900 == pytest.approx(difference)


def test_explain_shows_examples_with_both_readings(capsys: pytest.CaptureFixture[str], shared: Path) -> None:
    text = str(call(capsys, "explain", shared)["text"])
    assert "calibrated on validation_Design_4, gold A: 'A) Josef Albers'" in text
    assert "calibrated reads A -> 1" in text


def test_an_unknown_rule_is_answered_with_a_suggestion(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"id": "a", "prediction": "A"}\n')
    arguments = ["score", "--task", "mmmu_val", "--predictions", str(tmp_path / "p.jsonl"), "--rule", "offical"]
    assert main(arguments) == 2
    assert "did you mean official?" in capsys.readouterr().err
