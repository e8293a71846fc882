"""compare end to end: recorded replies become runs, runs are compared through the command line, exit codes tell."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from evalkit.cli import arguments
from evalkit.cli.entry import main
from evalkit.comparison import REASONS
from tests import records

pytestmark = pytest.mark.slow

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
    """Four of five are right; `broken` of the right ones, evenly repeat_allow, say nothing of use."""
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
    """Change fields of a run's record."""
    records.edit(place / "results" / model / task / "run.json", **changes)


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
    ("partial", {"complete": False, "limit": 10}, "the candidate run is incomplete"),
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
    edit(place, "candidate", "cats", counts__planned=90)
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


def test_a_task_of_the_candidate_alone_is_told(place: Path) -> None:
    run(place, "candidate", "cats", replies())
    code, found = compare(place, "candidate", "base")
    assert (code, [line["task"] for line in found["lines"]]) == (0, ["cats"])
    assert found["notes"] == ["dogs: only the candidate has a run; it is not compared."]


def test_numbers_that_leave_samples_out_are_not_subtracted(tmp_path: Path) -> None:
    """Thirty unparsed replies of 300: 240 of 270 would be better than 240 of 300, and is not."""
    (tmp_path / "cats.yaml").write_text(
        TASK.replace("kind: accuracy,", "kind: accuracy, unparsed: dropped,").format(name="cats", samples=SAMPLES)
    )
    (tmp_path / "cats.jsonl").write_text("".join(json.dumps(question(n)) + "\n" for n in range(SAMPLES)))
    run(tmp_path, "base", "cats", replies())
    run(tmp_path, "candidate", "cats", {**replies(), **{f"q{5 * n}": "hm" for n in range(30)}})
    code, found = compare(tmp_path, "base", "candidate")
    (line,) = found["lines"]
    assert (line["base"]["value"], line["candidate"]["value"]) == (0.8, pytest.approx(240 / 270))
    assert (code, line["difference"]["value"], line["turned_right"]) == (0, 0.0, [])
    assert any(note.startswith("cats: the difference counts the same samples") for note in found["notes"])
    assert len(compare(tmp_path, "base", "base")[1]["notes"]) == 0


ORDERS = [
    ("{sides} --allow data prompt", ["data", "prompt"]),
    ("--allow data prompt {sides}", ["data", "prompt"]),
    ("--allow data --allow prompt {sides}", ["data", "prompt"]),
    ("--allow=data {sides} --allow prompt --flips 0", ["data", "prompt"]),
    ("--allow promt {sides}", ["promt"]),
    ("{sides}", []),
]


@pytest.mark.parametrize(("line", "allowed"), ORDERS, ids=[line for line, _ in ORDERS])
def test_reasons_may_stand_before_or_after_the_runs(line: str, allowed: list[str]) -> None:
    words = ["compare", *line.format(sides="results/data results/b").split()]
    options = arguments.parser().parse_args(list(arguments.repeat_allow(words)))
    assert (options.base, str(options.candidate), options.allow) == ("results/data", "results/b", allowed)
    assert arguments.REASONS == REASONS


# base's device, candidate's device -> what a note says
DEVICES = [
    ("cuda", "cpu", "cats: device differs, cuda against cpu."),
    ("cpu", "cpu", ""),
    ("none", "cpu", ""),  # recorded replies, or a baseline, beside a model
]


@pytest.mark.parametrize(("one", "two", "said"), DEVICES)
def test_devices_that_differ_are_told(place: Path, one: str, two: str, said: str) -> None:
    run(place, "candidate", "cats", replies())
    for model, device in (("base", one), ("candidate", two)):
        edit(place, model, "cats", device=device)
    assert [note for note in compare(place, "base/cats", "candidate/cats")[1]["notes"] if "device" in note] == (
        [said] if said else []
    )


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
    assert compare(place, "card:mini/ours", "base")[0] == 2
    assert "prints no numbers" in capsys.readouterr().err


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


def test_a_cut_or_doubled_file_of_scores_is_damaged(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(place, "candidate", "cats", replies())
    scores = place / "results" / "candidate" / "cats" / "scores.jsonl"
    whole = scores.read_text().splitlines(keepends=True)
    scores.write_text("".join(whole[:90]))
    assert compare(place, "base/cats", "candidate/cats", "--allow", "samples")[0] == 4
    assert "holds 90 scores of 90 samples, but its run.json tells of 300" in capsys.readouterr().err
    scores.write_text("".join([whole[1], *whole[1:]]))
    assert compare(place, "base/cats", "candidate/cats")[0] == 4
    assert "holds 300 scores of 299 samples" in capsys.readouterr().err


def test_a_baseline_needs_a_plain_name_before_anything_is_compared(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(place, "worse", "cats", replies(30))
    assert compare(place, "base/cats", "worse", "--save-baseline", "../main") == (2, {})
    assert compare(place, "baseline:main", "base") == (2, {})
    assert "--save-baseline main writes it" in capsys.readouterr().err


def test_a_judge_of_one_side_alone_is_another_rule(place: Path) -> None:
    run(place, "candidate", "cats", replies())
    edit(place, "candidate", "cats", judge={"name": "j", "identity": {"kind": "x"}, "everything": False})
    code, found = compare(place, "base/cats", "candidate/cats")
    assert (code, [r["reason"] for r in found["refusals"]]) == (3, ["rule"])
    edit(place, "base", "cats", judge={"name": "j", "identity": {"kind": "x"}, "everything": True})
    assert compare(place, "base/cats", "candidate/cats")[0] == 0, "asked about more, the same judge scores alike"


def test_a_number_of_a_blind_or_partial_run_is_no_match_for_a_published_one(place: Path) -> None:
    (place / "card.yaml").write_text(CARD)
    for reason, change in (("blind", {"model_spec__blind": True}), ("partial", {"complete": False})):
        run(place, "candidate", "cats", replies())
        edit(place, "candidate", "cats", **change)
        code, found = compare(place, f"card:{place}/card.yaml/ours", "candidate")
        assert (code, [r["reason"] for r in found["refusals"]]) == (3, [reason])
        code, found = compare(place, f"card:{place}/card.yaml/ours", "candidate", "--allow", reason)
        assert code == 0
        assert any(note.startswith(f"Allowed although it differs: cats, {reason}") for note in found["notes"])
    edit(place, "base", "dogs", complete=False)
    assert compare(place, f"card:{place}/card.yaml/ours", "base")[0] == 0, "dogs are no row of the card"


def test_rows_of_a_card_are_told_apart_and_missing_ones_named(place: Path) -> None:
    (place / "card.yaml").write_text(CARD.replace("{en: Low}", "{en: Cats}"))
    found = compare(place, f"card:{place}/card.yaml/ours", "base")[1]
    assert [line["label"] for line in found["lines"]] == ["Cats (t)", "Cats (t)"]
    assert "Not compared, since no run has them: Birds." in found["notes"]


def test_a_headline_below_the_published_number_fails(place: Path) -> None:
    # 80.0 of 300, interval 75.0 to 84.2: 84 is inside, 85 is not
    for printed, code in (("84.0", 0), ("85.0", 1)):
        (place / "card.yaml").write_text(CARD.replace("79.2", printed).replace('"81"', '"-"'))
        got, found = compare(place, f"card:{place}/card.yaml/ours", "base")
        assert got == code
        assert found["lines"][0]["difference"]["value"] == pytest.approx(0.8 - float(printed) / 100)


def test_what_the_runner_of_a_build_server_reads_as_commands_is_not_printed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    title = "::stop-commands::x"
    run(place, "candidate", "cats", {**replies(30), "q1": "##[stop-commands]x and ##[add-matcher]y"})
    edit(place, "candidate", "cats", title=title)
    capsys.readouterr()
    assert compare(place, "base/cats", "candidate/cats")[0] == 1
    out = capsys.readouterr().out
    assert out.startswith(title)
    assert "##[stop-commands]x" in out, "elsewhere texts stay as they are"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert compare(place, "base/cats", "candidate/cats")[0] == 1
    out = capsys.readouterr().out
    assert out.startswith(": :stop-commands::x")
    assert "## [stop-commands]x and ## [add-matcher]y" in out
    assert "##[" not in out


CIRCULAR = TASK.replace("cluster: picture", "cluster: question").replace("half: half", "question: question")
CIRCULAR = CIRCULAR.replace("kind: accuracy, by: [half]", "kind: all_correct, group: question")


def test_flips_of_circular_questions_are_questions_named_by_their_wrong_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # eight questions of four rows; row 4 k + r is the r-th rotation of question k
    rows = [{**question(n), "question": f"What is {n // 4}?"} for n in range(32)]
    (tmp_path / "turned.yaml").write_text(CIRCULAR.format(name="turned", samples=32))
    (tmp_path / "turned.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gold = {row["id"]: row["answer"] for row in rows}
    run(tmp_path, "base", "turned", {**gold, "q4": "no", "q8": "no", "q9": "no"})  # questions 1 and 2 are wrong
    # 0 loses two rows: one question lost; 1 is mended: one won; 2 stays wrong in another row: nothing
    run(tmp_path, "candidate", "turned", {**gold, "q1": "no", "q2": "no", "q10": "no"})
    code, found = compare(tmp_path, "base", "candidate", "--flips", "2")
    (line,) = found["lines"]
    assert code == 0
    assert (line["base"]["n"], line["base"]["value"], line["candidate"]["value"]) == (8, 6 / 8, 6 / 8)
    assert (line["turned_wrong"], line["turned_right"]) == (["q1"], ["q4"])
    assert (line["difference"]["p"], line["difference"]["n"]) == (1.0, 8)
    out = capsys.readouterr().out
    assert "turned: q1 turned wrong; gold B" in out
    assert "turned: q4 turned right; gold A" in out


MACRO = TASK.replace("by: [half]", "by: [half], average: macro")


@pytest.mark.parametrize("lonely", [1, 3], ids=["one picture", "one group"])
def test_a_macro_mean_with_a_group_of_one_picture_is_judged(tmp_path: Path, lonely: int) -> None:
    """Group `low` holds three questions on one picture; or all questions are of one group."""
    rows = [{**question(n), "half": "low" if n < 3 and lonely == 1 else "high"} for n in range(SAMPLES)]
    (tmp_path / "cats.yaml").write_text(MACRO.format(name="cats", samples=SAMPLES))
    (tmp_path / "cats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path, "base", "cats", replies())
    run(tmp_path, "candidate", "cats", replies(60))
    code, found = compare(tmp_path, "base", "candidate", "--fail-inconclusive")
    (line,) = found["lines"]
    assert line["difference"]["low"] < line["difference"]["value"] < line["difference"]["high"]
    assert line["base"]["low"] is not None
    assert (code, line["reason"]) == (1, "worse beyond chance"), "sixty answers lost, none won"
