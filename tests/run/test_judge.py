"""A judge reads only what the rule cannot, is asked once, and its readings are facts in a log of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.adapters import MultipleChoice, ShortAnswer, YesNo
from evalkit.cli.entry import main
from evalkit.data.columns import Columns
from evalkit.data.sources import Jsonl
from evalkit.errors import EvalkitError
from evalkit.metrics.accuracy import Accuracy
from evalkit.registry.spec import JudgePrompt, Localized, TaskSpec
from evalkit.run.judge import Judge, request
from evalkit.types import Generation, Sample

TASK = """\
name: pets
title: {en: Pets}
samples: 5
source: {kind: jsonl, path: pets.jsonl}
columns: {id: id, question: question, choices: [A, B], answer: {kind: letter, column: answer}}
adapter: {kind: multiple_choice, rule: {kind: letter}}
rules: {official: {kind: blink}}
generation: {max_new_tokens: 8}
metrics: {accuracy: {kind: accuracy}}
headline: accuracy
"""
REPLIES = {
    "clear": "B",
    "hazy": "The furry one that guards houses, I would say.",
    "nothing": "I cannot tell.",
    "empty": "",
    "wrong": "B",
}
READINGS = {"clear": "B", "hazy": "(B)", "nothing": "NONE", "wrong": "A"}
"""What the judge says; it has nothing on the empty reply, about which it must not be asked."""


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    (tmp_path / "pets.yaml").write_text(TASK)
    golds = {"clear": "B", "hazy": "B", "nothing": "A", "empty": "A", "wrong": "A"}
    rows = [{"id": n, "question": "Which one barks?", "A": "cat", "B": "dog", "answer": g} for n, g in golds.items()]
    lines(tmp_path / "pets.jsonl", rows)
    lines(tmp_path / "replies.jsonl", [{"id": name, "prediction": text} for name, text in REPLIES.items()])
    says(tmp_path, READINGS)
    return tmp_path


def says(folder: Path, readings: Mapping[str, str]) -> None:
    """A judge model whose answers are recorded, by sample."""
    lines(folder / "readings.jsonl", [{"id": name, "prediction": text} for name, text in readings.items()])
    backend = f"backend: {{kind: replay, path: {folder / 'readings.jsonl'}}}\n"
    (folder / "solomon.yaml").write_text(f"name: solomon\n{backend}")


def score(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any], str]:
    arguments = ["score", "--task", str(folder / "pets.yaml"), "--predictions", str(folder / "replies.jsonl")]
    code = main([*arguments, "--json", "--out", str(folder / "r"), *more])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def value(result: dict[str, Any]) -> float:
    return result["stats"][0]["value"]


def kept(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "r" / "replies" / "pets" / "judge.json").read_text())


def test_a_judge_reads_what_the_rule_cannot(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, alone, _ = score(pets, capsys)
    assert (code, value(alone), alone["unparsed"]) == (0, 0.2, 3)
    code, helped, err = score(pets, capsys, "--judge", str(pets / "solomon.yaml"))
    assert (code, value(helped), helped["unparsed"]) == (0, 0.4, 2)
    assert "judge solomon: 1 replies read that the rule left unparsed, 1 left" in err
    found = kept(pets)
    assert {name: found[name] for name in ("asked", "read", "resolved", "agree", "differ", "calls")} == {
        "asked": 2, "read": 1, "resolved": 1, "agree": 0, "differ": 0, "calls": 2,
    }  # fmt: skip


def test_asked_about_everything_the_rule_still_stands(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result, err = score(pets, capsys, "--judge", str(pets / "solomon.yaml"), "--judge-all")
    assert (code, value(result)) == (0, 0.4)
    assert "of 2 that both read, 1 agree" in err
    assert (kept(pets)["asked"], kept(pets)["examples"]) == (4, ["wrong"])


def test_nobody_is_asked_twice(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = str(pets / "solomon.yaml")
    score(pets, capsys, "--judge", judge)
    log = pets / "r" / "replies" / "pets" / "judgements-0.jsonl"
    before = log.read_bytes()
    assert len(before.splitlines()) == 2
    score(pets, capsys, "--judge", judge)
    assert (log.read_bytes(), kept(pets)["calls"]) == (before, 0)
    (pets / "readings.jsonl").unlink()  # a rescore needs no judge
    assert main(["score", str(pets / "r"), "--json"]) == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert (value(again), again["unparsed"], again["complete"]) == (0.4, 2, True)


def test_another_rule_is_shown_without_the_judge(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score(pets, capsys, "--judge", str(pets / "solomon.yaml"))
    assert main(["score", str(pets / "r"), "--json", "--rule", "official"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["unparsed"] == 3


def test_a_judge_that_fails_makes_the_result_incomplete(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    says(pets, {"hazy": "B"})
    code, result, err = score(pets, capsys, "--judge", str(pets / "solomon.yaml"))
    assert (code, result["complete"], value(result)) == (4, False, 0.4)
    assert "sample nothing: judge solomon: sample 'nothing' has no reply" in err
    says(pets, READINGS)
    assert score(pets, capsys, "--judge", str(pets / "solomon.yaml"))[0] == 0


# --- what it is asked

SAMPLES = {
    "letters": (
        MultipleChoice(),
        Sample(id="s", question="Is <image 1> a dog?", answers=("A",), choices=("yes", "no")),
    ),
    "yes or no": (YesNo(), Sample(id="s", question="Is it a dog?", answers=("yes",))),
    "a short answer": (ShortAnswer(), Sample(id="s", question="How many?", answers=("7",))),
}


def task(adapter: Any, **more: Any) -> TaskSpec:
    return TaskSpec(
        name="t", title=Localized("T"), samples=1, source=Jsonl(path="-"), columns=Columns(id="id", question="q"),
        adapter=adapter, generation=Generation(max_new_tokens=1), metrics={"accuracy": Accuracy()},
        headline="accuracy", **more,
    )  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_the_question_is_text_only_and_holds_all_that_is_needed(name: str) -> None:
    adapter, sample = SAMPLES[name]
    asked = request(Judge(name="j", identity={"kind": "x"}), task(adapter), sample, "Surely <image 1> {reply}!")
    (part,) = asked.messages[0].parts
    text = msgspec.to_builtins(part)["text"]
    assert sample.question.replace("<image 1>", "(picture 1)") in text
    assert "Reply: Surely (picture 1) {reply}!" in text
    assert "NONE" in text
    assert all(f"{letter}. {option}" in text for letter, option in zip("AB", sample.choices, strict=False))


def test_the_key_knows_judge_reply_and_prompt() -> None:
    adapter, sample = SAMPLES["a short answer"]
    own = msgspec.convert({"prompt": "{reply}?", "none": "-"}, JudgePrompt)
    keys = [
        request(Judge(name="j", identity={"kind": kind}), task(adapter, judge=form), sample, reply).key
        for kind in ("x", "y")
        for form in (None, own)
        for reply in ("7", "8")
    ]
    assert len(set(keys)) == len(keys) == 8
    assert request(Judge(name="renamed", identity={"kind": "x"}), task(adapter), sample, "7").key == keys[0]


def test_a_prompt_that_wants_too_much_is_named() -> None:
    own = JudgePrompt(prompt="{hint} {reply}")
    with pytest.raises(EvalkitError, match=r"task t: judge.prompt wants \{hint\}, which columns.extra lacks"):
        request(Judge(name="j", identity={}), task(ShortAnswer(), judge=own), SAMPLES["a short answer"][1], "x")


@pytest.mark.parametrize("said", ["B", "(B)", "B.", "**B**", "The answer is B."])
def test_letters_are_read_as_judges_write_them(pets: Path, capsys: pytest.CaptureFixture[str], said: str) -> None:
    says(pets, {**READINGS, "hazy": said})
    assert value(score(pets, capsys, "--judge", str(pets / "solomon.yaml"))[1]) == 0.4


@pytest.mark.parametrize("said", ["NONE", "none.", "'NONE'", "", "It is neither."])
def test_a_judge_may_find_nothing(pets: Path, capsys: pytest.CaptureFixture[str], said: str) -> None:
    says(pets, {**READINGS, "hazy": said})
    assert value(score(pets, capsys, "--judge", str(pets / "solomon.yaml"))[1]) == 0.2
