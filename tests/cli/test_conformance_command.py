"""The real command on recorded replies prints the official numbers, and those that other harnesses give on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import entry
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from tests import TESTS

HERE = TESTS / "conformance"
Cell = tuple[str, str, str]
"""A metric, a group and its value; empty texts for all samples."""


class Command:
    """`evalkit score` and `explain` on a pack, as a user types them."""

    def __init__(self, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.packs, self.capsys = shared / "packs", capsys

    def expected(self, pack: str) -> dict[str, Any]:
        return json.loads((self.packs / pack / "expected.json").read_text(encoding="utf-8"))

    def models(self, pack: str) -> list[str]:
        return sorted(self.expected(pack)["models"])

    def said(self, verb: str, pack: str, model: str, *more: str, task: str = "", code: int = 0) -> dict[str, Any]:
        folder = self.packs / pack
        arguments = [verb, "--task", str(HERE / f"{task or pack}.yaml")]
        arguments += ["--annotations", str(folder / "annotations.jsonl.gz")]
        arguments += ["--predictions", str(folder / "predictions" / f"{model}.jsonl.gz")]
        assert entry.main([*arguments, *more, "--json"]) == code
        return json.loads(self.capsys.readouterr().out)

    def score(self, pack: str, model: str, rule: str, **more: Any) -> dict[Cell, tuple[float, int]]:
        field = more.pop("field", "prediction")
        return cells(self.said("score", pack, model, "--rule", rule, "--field", field, **more))


def cells(said: dict[str, Any]) -> dict[Cell, tuple[float, int]]:
    """Value and count of every number that the command printed."""
    found = {}
    for stat in said["stats"]:
        ((name, value),) = stat["where"].items() or [("", "")]
        found[stat["metric"], name, value] = (stat["value"], stat["n"])
    return found


def same(found: dict[Cell, tuple[float, int]], metric: str, expected: dict[tuple[str, str], tuple[float, int]]) -> None:
    """All parts of a metric, no more and no fewer, with right ones counted exactly."""
    parts = {cell[1:]: numbers for cell, numbers in found.items() if cell[0] == metric}
    assert parts.keys() == expected.keys()
    for part, (correct, n) in expected.items():
        assert parts[part][1] == n, part
        assert parts[part][0] * n == pytest.approx(correct, abs=1e-9 * n), part


@pytest.fixture
def command(shared: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(shared, capsys)


def test_blink(command: Command) -> None:
    expected = command.expected("blink")
    counts = expected["val_counts"]
    for model in command.models("blink"):
        official = expected["models"][model]["official"]
        found = command.score("blink", model, "official" if model == "OPUS" else "", field="extracted")
        parts = {("subtask", name): (official["correct"][name], n) for name, n in counts.items()}
        same(found, "accuracy", {**parts, ("", ""): (sum(official["correct"].values()), 1901)})
        macro = official["overall_unweighted_mean_of_14_subtasks"]
        assert found["accuracy_macro", "", ""][0] * 100 == pytest.approx(macro, abs=1e-9)
        for name, share in official["per_subtask"].items():
            assert found["accuracy", "subtask", name][0] * 100 == pytest.approx(share, abs=1e-9)


def test_blink_explained_as_others_read_it(command: Command) -> None:
    for model in ("GPT4V", "MiniGPT-4-v2", "OPUS"):
        others = command.expected("blink")["models"][model]["other_implementations_on_full_prediction"]
        rules = {r["rule"]: r for r in command.said("explain", "blink", model)["rules"]}
        assert set(rules) == {"official", "recorded", "lmms-eval", "vlmevalkit", "vlmevalkit-letters"}
        known = {"lmms-eval": "lmms_eval_first_letter_rule"}
        known["vlmevalkit-letters"] = "vlmevalkit_can_infer_option_letters_only_no_judge"
        for rule, name in known.items():
            found = cells(rules[rule])
            assert found["accuracy", "", ""][0] * 100 == pytest.approx(others[name]["sample_weighted"], abs=1e-9)
            assert found["accuracy_macro", "", ""][0] * 100 == pytest.approx(others[name]["unweighted"], abs=1e-9)
        assert rules["vlmevalkit-letters"]["unparsed"] == others[known["vlmevalkit-letters"]]["unparsed"]


def test_mmmu(command: Command) -> None:
    model = "llava1.5_13b"
    expected = command.expected("mmmu_val")["models"][model]
    official = expected["official"]
    found = command.score("mmmu_val", model, "official")
    assert found["accuracy", "", ""] == (pytest.approx(official["accuracy_overall"], abs=1e-9), 900)
    for group, numbers in (("discipline", official["domains"]), ("subject", official["subjects"])):
        for name, accuracy in numbers.items():
            assert found["accuracy", group, name][0] == pytest.approx(accuracy, abs=1e-9)
    certain = command.score("mmmu_val", model, "wrong")
    for name, correct in expected["deterministic"]["per_subject_correct"].items():
        assert certain["accuracy", "subject", name][0] * 30 == pytest.approx(correct, abs=1e-9)
    assert certain["accuracy", "", ""][0] * 900 == pytest.approx(329, abs=1e-9)
    chance = command.score("mmmu_val", model, "chance")["accuracy", "", ""][0]
    assert chance == pytest.approx(expected["deterministic"]["expected_accuracy"], abs=1e-9)


def test_mmmu_explained_as_others_read_it(command: Command) -> None:
    expected = command.expected("mmmu_val")["models"]["llava1.5_13b"]
    rules = {r["rule"]: r for r in command.said("explain", "mmmu_val", "llava1.5_13b")["rules"]}
    accuracy = {name: cells(rule)["accuracy", "", ""][0] for name, rule in rules.items()}
    assert accuracy["lmms-eval"] == pytest.approx(expected["lmms_eval"]["expected_accuracy"], abs=1e-9)
    assert rules["lmms-eval"]["unparsed"] == expected["lmms_eval"]["mc_random_fallback"]
    assert accuracy["vlmevalkit"] == pytest.approx(expected["vlmevalkit_exact_matching"]["accuracy"], abs=1e-9)
    assert rules["vlmevalkit"]["unparsed"] == expected["vlmevalkit_exact_matching"]["unparsed"]


def test_pope(command: Command) -> None:
    expected = command.expected("pope")["models"]["llava-v1.5-13b"]
    found = command.score("pope", "llava-v1.5-13b", "official")
    parts = {("category", name): numbers for name, numbers in expected["official_per_category"].items()}
    names = {"f1": "f1_score", "accuracy": "accuracy", "precision": "precision", "recall": "recall"}
    for part, numbers in {**parts, ("", ""): expected["pooled_8910"]}.items():
        for ours, theirs in {**names, "yes_ratio": "yes_ratio"}.items():
            assert found[(ours, *part)][0] == pytest.approx(numbers[theirs], abs=1e-9), (part, ours)
    assert found["f1_macro", "", ""][0] == pytest.approx(expected["mean_of_three"]["f1_score"], abs=1e-9)


def test_pope_explained_as_others_read_it(command: Command) -> None:
    expected = command.expected("pope")["models"]["llava-v1.5-13b"]
    rules = {r["rule"]: cells(r) for r in command.said("explain", "pope", "llava-v1.5-13b")["rules"]}
    for name in ("accuracy", "precision", "recall", "f1", "yes_ratio"):
        assert rules["lmms-eval"][name, "", ""][0] == pytest.approx(expected["lmms_eval_pooled"][name], abs=1e-9)
    for part, numbers in expected["vlmevalkit"].items():
        where = ("", "") if part == "Overall" else ("category", part)
        for ours, theirs in {"f1": "F1", "accuracy": "acc", "precision": "precision", "recall": "recall"}.items():
            assert rules["vlmevalkit"][(ours, *where)][0] * 100 == pytest.approx(numbers[theirs], abs=1e-9)


OLDER_SKILLS = {"chatgpt", "claude", "idefics_9b_instruct", "instruct_blip2_vicuna_13b", "llava_llama_2_13b"}
"""Runs whose breakdown was made with other lists of skills than the annotations have."""
TOTALS = ("question_type", "answer_type", "language", "source", "category", "task", "context", "grade")


def test_mathvista_lines_without_an_extraction_are_told(command: Command) -> None:
    file = command.packs / "mathvista_testmini" / "predictions" / "chatgpt.jsonl.gz"
    arguments = ["score", "--task", str(HERE / "mathvista_testmini.yaml"), "--field", "extraction", "--json"]
    arguments += ["--annotations", str(file.parent.parent / "annotations.jsonl.gz"), "--predictions", str(file)]
    assert entry.main(arguments) == 0
    assert (
        "2 lines have no 'extraction' and are scored as empty replies, the first is" in command.capsys.readouterr().err
    )


def test_mathvista(command: Command) -> None:
    for model in command.models("mathvista_testmini"):
        expected = command.expected("mathvista_testmini")["models"][model]
        official = expected["official_current_code"]
        found = command.score("mathvista_testmini", model, "official", field="extraction")
        parts = {(name, value): numbers(cell) for name in TOTALS for value, cell in official[name].items()}
        same(found, "accuracy", {**parts, ("", ""): numbers(official["average"])})
        if model not in OLDER_SKILLS:
            skills = {("skills", value): numbers(cell) for value, cell in official["skills"].items()}
            same(found, "accuracy_by_skill", {**skills, ("", ""): numbers(official["average"])})


def test_mathvista_as_lmms_eval_reads_it(command: Command) -> None:
    model = "gpt4_2shot_solution"
    expected = command.expected("mathvista_testmini")["models"][model]["lmms_eval_on_recorded_extraction"]
    found = command.score("mathvista_testmini", model, "lmms-eval", field="extraction")
    assert found["accuracy", "", ""][0] * 1000 == pytest.approx(expected, abs=1e-9)


def numbers(cell: dict[str, Any]) -> tuple[float, int]:
    return cell["correct"], cell["total"]


def test_scienceqa(command: Command) -> None:
    expected = command.expected("scienceqa_test")["models"]
    large = expected["llava-v1.5-13b"]
    images = {"task": "scienceqa_img_test"}
    for rule, all_of_them, shown in (
        ("official", large["evaluator"]["total"], large["evaluator"]["img"]),
        ("lmms-eval", large["lmms"]["all"], large["lmms"]["img"]),
        ("vlmevalkit", large["vlm"]["all"], large["vlm"]["img"]),
    ):
        found = command.score("scienceqa_test", "llava-v1.5-13b", rule)
        same(found, "accuracy", {("", ""): tuple(all_of_them)})
        assert found["accuracy_by_context", "context", "img"] == (pytest.approx(shown[0] / shown[1], abs=1e-9), 2017)
        found = command.score("scienceqa_test", "llava-v1.5-13b", rule, **images)
        same(found, "accuracy", {("", ""): tuple(shown)})
    contexts = {("context", name): large["evaluator"][name] for name in ("img", "text_context", "no_context")}
    found = command.score("scienceqa_test", "llava-v1.5-13b", "official")
    same(found, "accuracy_by_context", {**contexts, ("", ""): large["evaluator"]["total"]})
    said = command.said("explain", "scienceqa_test", "llava-v1.5-7b_lmms-eval_img-only", **images)  # type: ignore[arg-type]
    log = expected["llava-v1.5-7b_lmms-eval_img-only"]
    rules = {r["rule"]: cells(r)["accuracy", "", ""][0] for r in said["rules"]}
    assert rules["lmms-eval"] == pytest.approx(log["lmms_eval_recorded_exact_match"], abs=1e-9)
    assert rules["official"] * 2017 == pytest.approx(log["llava_eval_correct"], abs=1e-9)
    assert rules["vlmevalkit"] * 2017 == pytest.approx(log["vlm"][0], abs=1e-9)


def test_textvqa(command: Command) -> None:
    scores = command.expected("textvqa_val_subset")["models"]["llava-v1.5-13b"]["scores_on_the_90"]
    names = {"official": "official_m4c", "lmms-eval": "lmms", "vlmevalkit": "vlmevalkit"}
    for rule, name in names.items():
        found = command.score("textvqa_val_subset", "llava-v1.5-13b", rule)
        assert found["accuracy", "", ""][0] * 100 == pytest.approx(scores[name], abs=1e-9)
        assert found["accuracy", "", ""][1] == 90


def test_videomme(command: Command) -> None:
    expected = command.expected("videomme")
    breakdown = expected["head_run_breakdown"]
    groups = ("duration", "domain", "sub_category", "task_type")
    parts = {(group, name): numbers(cell) for group in groups for name, cell in breakdown[group].items()}
    for rule in ("official", "lmms-eval", "vlmevalkit"):
        found = command.score("videomme", "minicpm-o-4.5-q4km-llamacpp", rule)
        same(found, "accuracy", {**parts, ("", ""): (1850, 2700)})


def test_videomme_counts_unread_replies_as_each_source_does(command: Command, tmp_path: Path) -> None:
    rows = [{"id": f"{video:03}-{n}", "prediction": "no idea"} for video in range(1, 901) for n in (1, 2, 3)]
    file = tmp_path / "silent.jsonl"
    file.write_text("\n".join(json.dumps({**row, "prediction": "A"} if n % 2 else row) for n, row in enumerate(rows)))
    arguments = ["score", "--task", str(HERE / "videomme.yaml"), "--predictions", str(file), "--json"]
    arguments += ["--annotations", str(command.packs / "videomme" / "annotations.jsonl.gz")]
    for rule, n in (("official", 1350), ("lmms-eval", 2700), ("vlmevalkit", 2700), ("wrong", 2700)):
        assert entry.main([*arguments, "--rule", rule]) == 0
        assert cells(json.loads(command.capsys.readouterr().out))["accuracy", "", ""][1] == n, rule


def test_mmbench(command: Command) -> None:
    expected = command.expected("mmbench_dev_en")["models"]["llava-v1.5-13b"]
    said = command.said("explain", "mmbench_dev_en", "llava-v1.5-13b")
    for rule in said["rules"]:
        found = cells(rule)
        same(found, "circular", {("", ""): (expected["circular_hits"], expected["base_questions"])})
        passes = {("", ""): "vanilla_all_rows", ("rotation", "0"): "vanilla_first_pass"}
        for part, name in passes.items():
            right, n = expected[name]
            assert found[("accuracy", *part)] == (pytest.approx(right / n, abs=1e-9), n)


def test_chartqa(command: Command) -> None:
    expected = command.expected("chartqa_test")["models"]["qwen2.5-vl-7b-instruct"]["correct"]
    rules = {r["rule"]: cells(r) for r in command.said("explain", "chartqa_test", "qwen2.5-vl-7b-instruct")["rules"]}
    names = {"official": "pix2struct", "lmms-eval": "lmms", "vlmevalkit": "vlm", "years-exact": "year_exact"}
    for rule, name in names.items():
        parts = {("split", half): (correct, 1250) for half, correct in expected[name].items()}
        same(rules[rule], "accuracy", {**parts, ("", ""): (sum(expected[name].values()), 2500)})


# --- what every file offers, and files that are not as tidy


TASKS = sorted(HERE.glob("*.yaml")) + sorted((HERE.parent.parent / "tasks").glob("*.yaml"))


WITHOUT_OFFICIAL = {"ai2d_test", "ai2d_test_no_mask", "intergps_test", "intergps_test_zip"}
"""Benchmarks whose authors published no way to read replies."""


@pytest.mark.parametrize("path", TASKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_official_rule_is_there_by_name(path: Path) -> None:
    spec = load.file(TaskSpec, path)
    assert ("official" in spec.rule_names) == (spec.name not in WITHOUT_OFFICIAL)


UNTIDY: list[tuple[str, Callable[[dict[str, Any]], object], int, float]] = [
    ("further fields", lambda row: {**row, "note": [1, {"x": None}], "tokens": 3}, 0, 3.0),
    ("a line that holds no reply", lambda row: {**row, "prediction": None} if row["id"] == 1 else row, 0, 2.0),
    ("a line without the field", lambda row: {"id": 1} if row["id"] == 1 else row, 0, 2.0),
    ("a sample without a line", lambda row: {**row, "id": 4} if row["id"] == 1 else row, 4, 2.0),
    ("ids as texts", lambda row: {**row, "id": str(row["id"])}, 0, 3.0),
    ("an empty reply", lambda row: {**row, "prediction": ""} if row["id"] == 1 else row, 0, 2.0),
    ("a number as reply", lambda row: {**row, "prediction": 1.50} if row["id"] == 1 else row, 0, 3.0),
]
GOLDS = {1: "1.50", 2: "dog", 3: "0.2"}
TASK = """\
name: untidy
title: {en: Untidy}
samples: 3
source: {kind: jsonl, path: gold.jsonl}
columns: {id: id, question: id, answer: label}
adapter: {kind: short_answer, prompt: "{question}", rule: {kind: relaxed}}
rules: {official: {kind: relaxed}}
generation: {max_new_tokens: 8}
metrics: {accuracy: {kind: accuracy}}
headline: accuracy
"""


@pytest.mark.parametrize(("what", "change", "code", "right"), UNTIDY, ids=[case[0] for case in UNTIDY])
def test_untidy_files_are_read(
    what: str,
    change: Callable[[dict[str, Any]], object],
    code: int,
    right: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "task.yaml").write_text(TASK)
    lines = [json.dumps({"id": name, "label": gold}) for name, gold in GOLDS.items()]
    (tmp_path / "gold.jsonl").write_text("\n".join(lines))
    replies = [json.dumps(change({"id": name, "prediction": gold})) for name, gold in GOLDS.items()]
    (tmp_path / "said.jsonl").write_text("\n".join(replies))
    arguments = ["score", "--task", str(tmp_path / "task.yaml"), "--annotations", str(tmp_path / "gold.jsonl")]
    arguments += ["--predictions", str(tmp_path / "said.jsonl"), "--rule", "official", "--json"]
    assert entry.main(arguments) == code
    out, err = capsys.readouterr()
    assert ("1 lines belong to no sample, the first is '4'" in err) == (what == "a sample without a line")
    assert ("1 lines have no 'prediction'" in err) == what.startswith("a line")
    said = json.loads(out)
    assert said["complete"] == (code == 0)
    assert cells(said)["accuracy", "", ""] == (pytest.approx(right / 3), 3)
