"""`explain` and `--rule`: several opinions on the same replies, each with the samples on which it parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.cli.entry import main
from tests import TESTS

CONFORMANCE = TESTS / "conformance"


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
    assert "  default reads None -> 0  (no letter and no option text)\n" in text
    assert "  calibrated reads A -> 1  (option letter at the start)\n" in text


def test_an_unknown_rule_is_answered_with_a_suggestion(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"id": "a", "prediction": "A"}\n')
    arguments = ["score", "--task", "mmmu_val", "--predictions", str(tmp_path / "p.jsonl"), "--rule", "offical"]
    assert main(arguments) == 2
    assert "did you mean official?" in capsys.readouterr().err


def test_a_run_is_explained_from_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "results")
    for task in ("mini_mmmu", "mini_textvqa"):
        assert main(["run", "--model", "pocket-vlm", "--task", task, "--limit", "12", "--out", out, "--quiet"]) == 0
    before = {file: file.read_bytes() for file in Path(out).rglob("*") if file.is_file()}
    capsys.readouterr()
    assert main(["explain", f"{out}/pocket-vlm/mini_mmmu"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("mini_mmmu, pocket-vlm: 12 replies\n")
    assert "official on " in text
    assert "default reads" in text
    assert main(["explain", out, "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert [(found["task"], found["model"]) for found in both] == [
        ("mini_mmmu", "pocket-vlm"),
        ("mini_textvqa", "pocket-vlm"),
    ]
    differing = both[0]["rules"][0]["differ"]
    assert differing
    assert all(parting["reply"] for parting in differing)
    assert {file: file.read_bytes() for file in Path(out).rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "explain needs --task and --predictions together, or folders of runs alone"),
        (["--task", "pope"], "explain needs --task and --predictions together, or folders of runs alone"),
        (["nowhere"], "there is no results folder nowhere; check the path"),
        (["empty"], "there is no run.json below the folders named; run `evalkit run` first"),
    ],
)
def test_what_cannot_be_explained_is_said(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["explain", *arguments]) == 2
    assert message in capsys.readouterr().err
