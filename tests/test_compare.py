"""compare end to end: recorded replies become runs, runs are compared through the command line, exit codes tell."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evalkit.cli import main

TASK = """
name: {name}
title: {{en: "{name}"}}
samples: {samples}
source: {{kind: jsonl, path: {name}.jsonl}}
columns:
  id: id
  question: question
  choices: choices
  answer: {{kind: letter, column: answer}}
  groups: {{half: half}}
  cluster: picture
adapter: {{kind: multiple_choice, prompt: "{{question}}", rule: {{kind: letter}}}}
generation: {{max_new_tokens: 8}}
metrics:
  accuracy: {{kind: accuracy, by: [half]}}
headline: accuracy
"""
SAMPLES = 300


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tasks of 300 questions, three a picture, and the runs of a base model that is right on 80 %."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    for task in ("cats", "dogs"):
        (tmp_path / f"{task}.yaml").write_text(TASK.format(name=task, samples=SAMPLES))
        rows = [question(n) for n in range(SAMPLES)]
        (tmp_path / f"{task}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        run(tmp_path, "base", task, replies())
    return tmp_path


def question(n: int) -> dict[str, Any]:
    choices = ["one", "two", "three", "four"]
    half = "low" if n < SAMPLES // 2 else "high"
    return {"id": f"q{n}", "question": f"What is {n}?", "choices": choices, "answer": "ABCD"[n % 4]} | {
        "half": half,
        "picture": f"p{n // 3}",
    }


def replies(broken: int = 0) -> dict[str, str]:
    """Four of five are right; `broken` of the right ones, evenly spread, say nothing of use."""
    right = [n for n in range(SAMPLES) if n % 5]
    lost = {right[i * len(right) // broken] for i in range(broken)} if broken else set()
    wrong = {n: "ABCD"[(n + 1) % 4] for n in range(SAMPLES)}
    return {f"q{n}": "hm" if n in lost else "ABCD"[n % 4] if n % 5 else wrong[n] for n in range(SAMPLES)}


def run(place: Path, model: str, task: str, said: dict[str, str], *, out: str = "results") -> int:
    file = place / f"{model}.jsonl.gz"
    with gzip.open(file, "wt") as stream:
        stream.writelines(json.dumps({"id": name, "prediction": text}) + "\n" for name, text in said.items())
    options = ["--annotations", str(place / f"{task}.jsonl"), "--predictions", str(file), "--out", str(place / out)]
    return main(["score", "--task", str(place / f"{task}.yaml"), *options])


def compare(place: Path, base: str, candidate: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the JSON of a comparison of folders below results/."""
    file = place / "comparison.json"
    base = base if ":" in base else str(place / "results" / base)
    code = main(["compare", base, str(place / "results" / candidate), "--json", str(file), *options])
    return code, json.loads(file.read_text()) if file.exists() else {}


def edit(place: Path, model: str, task: str, **changes: Any) -> None:
    """Change fields of a run's record; a dotted name reaches into its task."""
    file = place / "results" / model / task / "run.json"
    record = json.loads(file.read_text())
    for name, value in changes.items():
        inner = record
        *path, last = name.split("__")
        for step in path:
            inner = inner[step]
        inner[last] = value
    file.write_text(json.dumps(record))


def test_a_run_against_itself_passes_with_zero_flips(place: Path) -> None:
    for gate in ("regression", "noninferiority", "threshold"):
        code, found = compare(place, "base", "base", "--gate", gate, "--fail-inconclusive")
        assert (code, found["verdict"]) == (0, "pass")
        for line in found["lines"]:
            assert (line["difference"]["value"], line["turned_wrong"], line["turned_right"]) == (0, [], [])
            assert line["difference"]["clusters"] == 100


@pytest.mark.parametrize(("broken", "code"), [(3, 0), (30, 1)], ids=["1 % broken", "10 % broken"])
def test_broken_replies(place: Path, broken: int, code: int) -> None:
    for task in ("cats", "dogs"):
        run(place, "candidate", task, replies(broken))
    got, found = compare(place, "base", "candidate")
    assert got == code
    assert [len(line["turned_wrong"]) for line in found["lines"]] == [broken, broken]
    assert found["lines"][0]["difference"]["value"] == pytest.approx(-broken / SAMPLES)


def test_one_task_fails_and_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, "candidate", "cats", replies())
    run(place, "candidate", "dogs", replies(30))
    assert compare(place, "base", "candidate")[0] == 1
    out = capsys.readouterr().out
    assert "The gate regression failed: dogs (margin 0, alpha 0.05)." in out
    assert "dogs: q1 turned wrong; gold B" in out
    assert "What is 1?" in out
    assert "candidate: hm => None" in out


def test_flips_without_their_data_say_so(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, "candidate", "cats", replies(30))
    (place / "cats.jsonl").rename(place / "moved.jsonl")
    compare(place, "base/cats", "candidate/cats")
    out = capsys.readouterr().out
    assert "cats: prompts and replies cannot be shown (" in out
    assert "q1 turned wrong; gold B" in out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--gate", "noninferiority", "--margin", "10"], 0),
        (["--gate", "noninferiority"], 0),
        (["--gate", "noninferiority", "--fail-inconclusive"], 5),
        (["--gate", "threshold", "--margin", "1"], 0),
        (["--gate", "threshold"], 1),
        (["--margin", "0.5", "--fail-inconclusive"], 5),
        (["--margin", "5", "--fail-inconclusive"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_three_broken_replies_under_every_gate(place: Path, options: list[str], code: int) -> None:
    run(place, "candidate", "cats", replies(3))
    got, found = compare(place, "base/cats", "candidate", *options)
    assert got == code
    if code == 5:
        (line,) = found["lines"]
        assert found["verdict"] == "inconclusive"
        assert line["needed"] > SAMPLES


REFUSED = [
    ("data", {"data_digest": "0" * 64}, "the data files differ"),
    ("split", {"task_spec__source__split": "test"}, "split: None against 'test'"),
    ("prompt", {"task_spec__adapter__prompt": "Now: {question}"}, "adapter.prompt"),
    ("prompt", {"task_spec__columns__question": "other"}, "columns.question"),
    ("rule", {"rule": "official"}, "rule: 'default' against 'official'"),
    ("rule", {"task_spec__metrics__accuracy__unparsed": "chance"}, "metrics.accuracy"),
    ("generation", {"task_spec__generation__max_new_tokens": 16}, "max_new_tokens: 8 against 16"),
    ("task", {"task_spec__keep": {"kind": "present", "column": "picture"}}, "keep"),
    ("blind", {"model_spec__blind": True}, "left the pictures out"),
    ("partial", {"complete": False, "limit": "10"}, "the candidate run is incomplete"),
]


@pytest.mark.parametrize(("reason", "change", "text"), REFUSED, ids=[f"{r[0]}: {r[2]}" for r in REFUSED])
def test_what_is_not_comparable_is_refused_by_name(
    place: Path, reason: str, change: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(place, "candidate", "cats", replies())
    edit(place, "candidate", "cats", **change)
    code, found = compare(place, "base/cats", "candidate/cats")
    assert (code, found["verdict"], found["lines"]) == (3, "not comparable", [])
    assert [refusal["reason"] for refusal in found["refusals"]] == [reason]
    assert text in found["refusals"][0]["text"]
    assert f"--allow {reason}" in capsys.readouterr().out
    code, found = compare(place, "base/cats", "candidate/cats", "--allow", reason)
    assert code == 0
    assert any(note.startswith(f"Allowed although it differs: cats, {reason}:") for note in found["notes"])


def test_what_moves_no_score_is_comparable(place: Path) -> None:
    run(place, "candidate", "cats", replies())
    edit(place, "candidate", "cats", task_spec__note="reworded", task_spec__rules={}, task_spec__columns__cluster="id")
    assert compare(place, "base/cats", "candidate/cats")[0] == 0


def test_other_samples_are_refused_and_allowed_on_the_shared_ones(place: Path) -> None:
    run(place, "candidate", "cats", replies())
    scores = place / "results" / "candidate" / "cats" / "scores.jsonl"
    scores.write_text("".join(scores.read_text().splitlines(keepends=True)[:90]))
    code, found = compare(place, "base/cats", "candidate/cats")
    assert (code, found["refusals"][0]["reason"]) == (3, "samples")
    code, found = compare(place, "base/cats", "candidate/cats", "--allow", "samples")
    assert (code, found["lines"][0]["base"]["n"], found["lines"][0]["difference"]["n"]) == (0, 90, 90)


def test_a_missing_task_is_refused(place: Path) -> None:
    run(place, "candidate", "cats", replies())
    code, found = compare(place, "base", "candidate")
    assert (code, found["refusals"]) == (
        3,
        [{"task": "dogs", "reason": "tasks", "text": "the candidate has no run of it"}],
    )
    assert compare(place, "base", "candidate", "--allow", "tasks")[0] == 0
    assert compare(place, "base/dogs", "candidate", "--allow", "tasks")[0] == 4


def test_damage_is_told_apart_from_usage(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, "candidate", "cats", replies())
    assert compare(place, "base", "nowhere")[0] == 2
    assert main(["compare", str(place / "results"), str(place / "results" / "base")]) == 2
    assert compare(place, "base", "base", "--allow", "promt")[0] == 2
    assert "did you mean prompt?" in capsys.readouterr().err
    assert compare(place, "base", "base", "--alpha", "5")[0] == 2
    assert compare(place, "base", "base", "--margin", "-1")[0] == 2
    (place / "results" / "candidate" / "cats" / "scores.jsonl").write_text('{"sample_id": 1}\n')
    assert compare(place, "base/cats", "candidate/cats")[0] == 4
    assert "recompute it with `evalkit score" in capsys.readouterr().err
    (place / "results" / "candidate" / "cats" / "run.json").write_text("{")
    assert compare(place, "base/cats", "candidate/cats")[0] == 4


def test_a_baseline_is_kept_only_when_the_gate_passes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, "worse", "cats", replies(30))
    assert compare(place, "base/cats", "worse", "--save-baseline", "main")[0] == 1
    assert "is not saved" in capsys.readouterr().err
    assert not (place / "baselines").exists()
    for _ in range(2):  # an old baseline of the name is replaced
        assert compare(place, "base", "base", "--save-baseline", "main")[0] == 0
    kept = sorted(str(p.relative_to(place / "baselines")) for p in (place / "baselines").rglob("*.*"))
    assert kept == [
        f"main/{task}/{name}" for task in ("cats", "dogs") for name in ("run.json", "scores.jsonl", "stats.json")
    ]
    assert compare(place, "baseline:main", "worse", "--allow", "tasks")[0] == 1
    assert compare(place, "baseline:../main", "base")[0] == 2


CARD = """
name: card
tables:
  - id: t
    columns: [ours, theirs]
    rows:
      - {score: cats, label: {en: Cats}, published: ["79.2", "60.0"]}
      - {score: {task: cats, where: {half: low}}, label: {en: Low}, published: ["81", "-"]}
      - {score: birds, label: {en: Birds}, published: ["50.0", "50.0"]}
"""


def test_a_card_column_is_a_baseline(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "card.yaml").write_text(CARD)
    code, found = compare(place, f"card:{place}/card.yaml/ours", "base")
    assert code == 0
    assert [(line["label"], line["reason"]) for line in found["lines"]] == [
        ("Cats", "consistent with the published number"),
        ("Low", "consistent with the published number"),
    ]
    assert found["lines"][0]["difference"]["test"] == "one-sample(score)"
    code, found = compare(place, f"card:{place}/card.yaml/theirs", "base")
    assert (code, found["lines"][0]["reason"]) == (0, "better beyond chance")
    assert compare(place, f"card:{place}/card.yaml/nobody", "base")[0] == 2
    assert "choose one of ours, theirs" in capsys.readouterr().err


def test_build_servers_get_junit_a_summary_and_error_lines(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(place, "candidate", "cats", replies())
    run(place, "candidate", "dogs", replies(30))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place / "summary.md"))
    files = ["--junit", str(place / "deep" / "j.xml"), "--markdown", str(place / "c.md")]
    assert compare(place, "base", "candidate", *files)[0] == 1
    suite = ElementTree.parse(place / "deep" / "j.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert [case.find("failure") is not None for case in suite] == [False, True]
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::error")]
    assert len(errors) == 2
    assert errors[0].startswith("::error title=dogs::dogs: 80.0 -> 70.0, -10.0 [")
    text = (place / "c.md").read_text()
    assert (place / "summary.md").read_text() == text
    assert "| dogs | accuracy | 80.0 | 70.0 | -10.0 |" in text
