"""Blanks and thoughts are taken off a reply once, before every rule, so that they decide no score."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import evalkit
from evalkit.rules.thoughts import split_thought
from tests import TESTS
from tests.growth import is_linear

# reply, what rules read, its thought, whether it was cut off inside it
REPLIES = [
    ("Yes\n", "Yes", "", False),
    (" \u00a0No ", "No", "", False),
    ("", "", "", False),
    ("<think>A dog? No.</think>\nYes", "Yes", "A dog? No.", False),
    ("<THINK>\nno\n</THINK>\n\nNo", "No", "no", False),
    ("None at first... there is one.</think>Yes", "Yes", "None at first... there is one.", False),
    ("<analysis>No bus.</analysis>No", "No", "No bus.", False),
    ("<thinking>a</thinking>B", "B", "a", False),
    ('<reasoning effort="low">a</reasoning> B', "B", "a", False),
    ("<think>a</think>B<think>c</think>", "B", "ac", False),
    ("<think>one <think>two</think> three</think> E", "E", "one two three", False),
    ("<think>I would use <analysis> tags</think> Yes", "Yes", "I would use  tags", False),
    ("[THINK]hm[/THINK]D", "D", "hm", False),
    ("◁think▷hm◁/think▷ C", "C", "hm", False),
    ("<|begin_of_thought|>hm<|end_of_thought|>C", "C", "hm", False),
    ("<|START_THINKING|>hm<|END_THINKING|>C", "C", "hm", False),
    ("<unused94>hm<unused95>C", "C", "hm", False),
    (
        "<|channel|>analysis<|message|>A? No.<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>",
        "B",
        "A? No.",
        False,
    ),
    ("<|channel|>final<|message|>B", "B", "", False),
    ("<|channel|>analysis<|message|>It is A", "", "It is A", True),
    ("<think>There might be a spoon. No, wait", "", "There might be a spoon. No, wait", True),
    ("B <think>let me check that", "B", "let me check that", True),
    ("<think></think>", "", "", False),
    ("Is 2 < think > 1?", "Is 2 < think > 1?", "", False),
    ("B<|endoftext|>Question: What is it? A", "B", "", False),
    ("B<|im_end|>\n<|im_start|>user\nA?", "B", "", False),
    ("No</s>", "No", "", False),
    ("</s>\nYes<eos>No", "Yes", "", False),
    ("<think>A</think>B<|eot_id|>C<|return|>", "B", "A", False),
    ("The word </thinker> is no mark", "The word </thinker> is no mark", "", False),
]


@pytest.mark.parametrize(("reply", "text", "thought", "cut_off"), REPLIES, ids=[reply for reply, *_ in REPLIES])
def test_a_reply_is_split_from_its_thought(reply: str, text: str, thought: str, cut_off: bool) -> None:
    found = split_thought(reply)
    assert (found.text, found.cut_off) == (text, cut_off)
    assert sorted(found.thought.split()) == sorted(thought.split())


@pytest.mark.parametrize(
    "piece", ["<think>", "</think>", "<think>a</think>", "<|channel|>final<|message|>a", "a <", "</s>", "a<eos>"]
)
def test_the_time_is_linear(piece: str) -> None:
    assert is_linear(split_thought, piece)


WRAPPERS: dict[str, Callable[[str], str]] = {
    "blank before": lambda text: f" {text}",
    "newline behind": lambda text: f"{text}\n",
    "thought before": lambda text: f"<think>It is no A. Yes or no: 7. Answer: C</think>\n\n{text}",
    "lone mark before": lambda text: f"Perhaps B, no. The answer is D.</think>{text}",
    "gpt-oss": lambda text: (
        f"<|channel|>analysis<|message|>No.<|end|><|start|>assistant<|channel|>final<|message|>{text}"
    ),
}
# Recorded replies of one model for each task; ChartQA, MMMU and TextVQA have free answers.
PACKS = [
    "pope",
    "scienceqa_test",
    "mmmu_val",
    "chartqa_test",
    "textvqa_val_subset",
    "mathvista_testmini",
    "videomme",
]


def predictions(shared: Path, pack: str) -> dict[str, str]:
    """Some of the replies of the pack's first model, by sample id."""
    file = sorted((shared / "packs" / pack / "predictions").iterdir())[0]
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        lines = [json.loads(line) for line in stream]
    return {str(line["id"]): line["prediction"] or "" for line in lines[::7]}


@pytest.mark.slow
@pytest.mark.parametrize("pack", PACKS)
def test_wrapped_replies_score_as_they_do_bare_under_every_rule(pack: str, shared: Path, tmp_path: Path) -> None:
    task, folder = TESTS / "conformance" / f"{pack}.yaml", shared / "packs" / pack
    replies = predictions(shared, pack)

    def opinions(replies: dict[str, str]) -> dict[str, list[tuple[str | None, float]]]:
        annotations, cache = folder / "annotations.jsonl.gz", tmp_path / "cache"
        explanation = evalkit.explain(task, replies, annotations=annotations, cache=cache)
        runs = {"default": explanation.default, **explanation.others}
        return {name: [(score.answer, score.value) for score in run.scores] for name, run in runs.items()}

    bare = opinions({name: text.strip() for name, text in replies.items()})
    assert opinions(replies) == bare
    for name, wrap in WRAPPERS.items():
        assert opinions({key: wrap(text) for key, text in replies.items()}) == bare, name


@pytest.mark.parametrize("rule", ["", "lmms-eval"])
def test_a_reply_cut_off_in_its_thought_is_unparsed_and_counted(rule: str, tmp_path: Path) -> None:
    replies = {str(n): text for n, text in enumerate(["<think>no", "<think>no</think>Yes", "No\n", "yes"])}
    task = {
        "name": "t",
        "title": {"en": "T"},
        "samples": 4,
        "source": {"kind": "memory"},
        "columns": {"id": "id", "question": "q", "answer": "gold"},
        "adapter": {"kind": "yes_no", "rule": {"kind": "pope"}},
        "rules": {"lmms-eval": {"kind": "lmms_pope"}},
        "generation": {"max_new_tokens": 8},
        "metrics": {"accuracy": {"kind": "accuracy"}},
        "headline": "accuracy",
    }
    rows = [{"id": str(n), "q": "?", "gold": "no" if n == 2 else "yes"} for n in range(4)]
    run = evalkit.score(task, replies, rows=rows, rule=rule, cache=tmp_path)
    assert [score.answer for score in run.scores] == [None, "yes", "no", "yes"]
    assert [score.step == "cut off in its thought" for score in run.scores] == [True, False, False, False]
    counts = run.record.scoring.counts
    assert (counts.unparsed, counts.thoughts, counts.cut_off_in_thought) == (1, 2, 1)
