"""The rules on recorded replies decide as the official scripts did, row by row; the totals are the command's test."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evalkit.media.cache import MediaCache
from evalkit.registry import yaml12
from evalkit.registry.decode import decode
from evalkit.registry.spec import TaskSpec
from evalkit.rules.normalize import mmmu_candidates
from evalkit.rules.vlmevalkit import VlmevalkitMathvistaRule
from evalkit.types import Sample, Score, Stat
from tests import TESTS

HERE = TESTS / "conformance"


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Pack:
    """A task file of `conformance/` with the rows that it scores."""

    def __init__(self, shared: Path, name: str) -> None:
        self.folder = shared / "packs" / name
        self.spec = decode(yaml12.read_document(HERE / f"{name}.yaml"), TaskSpec)
        self.expected = json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))
        found = rows(self.folder / "annotations.jsonl.gz")
        media_cache = MediaCache(self.folder)  # never written: the packs have no media
        self.samples = [
            self.spec.columns.sample(row, root=self.folder, media_cache=media_cache, media=False) for row in found
        ]
        assert len(self.samples) == self.spec.samples

    def models(self) -> list[str]:
        return sorted(path.name.removesuffix(".jsonl.gz") for path in (self.folder / "predictions").iterdir())

    def replies(self, model: str) -> dict[str, dict[str, Any]]:
        return {str(row["id"]): row for row in rows(self.folder / "predictions" / f"{model}.jsonl.gz")}

    def scores(self, model: str, *, rule: str = "", field: str = "prediction") -> list[Score]:
        adapter = self.spec.adapter.with_rule(self.spec.rules[rule]) if rule else self.spec.adapter
        replies = self.replies(model)
        return [adapter.score(sample, [replies[sample.id][field]]) for sample in self.samples]

    def stats(self, scores: list[Score]) -> dict[tuple[str, str], Stat]:
        """By metric and group value, "" for all."""
        found = [stat for name, metric in self.spec.metrics.items() for stat in metric.stats(name, scores)]
        return {(stat.metric, "".join(stat.where.values())): stat for stat in found}


def right(scores: list[Score], group: str = "") -> Mapping[str, float]:
    found: dict[str, float] = defaultdict(float)
    for score in scores:
        found[score.groups[group] if group else ""] += score.value
    return found


# --- BLINK


@pytest.fixture(scope="module")
def blink(shared: Path) -> Pack:
    return Pack(shared, "blink")


def test_blink_rule_part(blink: Pack) -> None:
    for model in blink.models():
        extraction = blink.expected["models"][model]["extraction"]
        scores, replies = blink.scores(model, rule="official"), blink.replies(model)
        decided = Counter(f"({s.answer})" == replies[s.sample_id]["extracted"] for s in scores if s.answer)
        assert sum(score.answer is None for score in scores) == extraction["needs_llm"]
        assert decided[True] == extraction["rule_decided_and_equal_to_recorded"]
        assert decided[False] == extraction["rule_decided_but_differs_from_recorded"]
        assert right(scores, "subtask") == extraction["score_rules_only_LLM_cases_wrong_correct_per_subtask"]


def test_blink_as_vlmevalkit_reads_it(blink: Pack) -> None:
    name = "vlmevalkit_can_infer_option_letters_only_no_judge"
    letters_only = {group: ("\0",) * len(texts) for group, texts in blink.spec.adapter.shared["subtask"].items()}  # type: ignore[union-attr]  # a multiple choice
    samples = [(s, letters_only[s.groups["subtask"]]) for s in blink.samples]
    for model in blink.models():
        expected = blink.expected["models"][model]["other_implementations_on_full_prediction"][name]
        replies, rule = blink.replies(model), blink.spec.rules["vlmevalkit"]
        verdicts = [
            rule.judge(replies[s.id]["prediction"], Sample(id=s.id, question="", answers=s.answers, choices=choices))
            for s, choices in samples
        ]
        assert sum(verdict.answer is None for verdict in verdicts) == expected["unparsed"]
        share = 100 * sum(verdict.value for verdict in verdicts) / len(verdicts)
        assert share == pytest.approx(expected["sample_weighted"], abs=1e-9)


# --- MMMU


@pytest.fixture(scope="module")
def mmmu(shared: Path) -> Pack:
    return Pack(shared, "mmmu_val")


def test_mmmu(mmmu: Pack) -> None:
    expected = mmmu.expected["models"]["llava1.5_13b"]
    scores = mmmu.scores("llava1.5_13b")
    certain = expected["deterministic"]
    assert sum(right(scores).values()) == certain["correct_if_random_fallback_counted_wrong"] == 329
    assert sum(score.answer is None for score in scores) == certain["n_random_fallback"] == 2
    assert right(scores, "subject") == certain["per_subject_correct"]
    stats = mmmu.stats(scores)
    assert stats["accuracy_guessed", ""].value == pytest.approx(expected["official"]["accuracy_overall"], abs=1e-9)
    for group, accuracy in (expected["official"]["domains"] | expected["official"]["subjects"]).items():
        assert stats["accuracy_guessed", group].value == pytest.approx(accuracy, abs=1e-9)


def test_mmmu_row_by_row(mmmu: Pack) -> None:
    replies = mmmu.replies("llava1.5_13b")
    for score in mmmu.scores("llava1.5_13b"):
        row = replies[score.sample_id]
        if score.options:
            assert score.answer == (None if row["random_fallback"] else row["official_parsed"]), row
        else:
            assert sorted(map(str, mmmu_candidates(row["prediction"]))) == row["official_parsed"], row
        if not row["random_fallback"]:
            assert bool(score.value) == (row["official_judge"] == "Correct"), row


def test_mmmu_as_vlmevalkit_reads_it(mmmu: Pack) -> None:
    lettered = [score for score in mmmu.scores("llava1.5_13b", rule="vlmevalkit") if score.options]
    expected = mmmu.expected["models"]["llava1.5_13b"]["vlmevalkit_exact_matching"]
    assert sum(score.value for score in lettered) == expected["mc_correct"]


# --- TextVQA


def test_textvqa(shared: Path) -> None:
    pack = Pack(shared, "textvqa_val_subset")
    expected = pack.expected["models"]["llava-v1.5-13b"]
    scores = pack.scores("llava-v1.5-13b")
    assert {score.sample_id: score.value for score in scores} == expected["per_sample"]
    accuracy = 100 * pack.stats(scores)["accuracy", ""].value
    assert accuracy == pytest.approx(expected["scores_on_the_90"]["official_m4c"], abs=1e-9)
    assert [s.value for s in pack.scores("llava-v1.5-13b", rule="calibrated")] == [s.value for s in scores]


# --- Video-MME


def test_videomme(shared: Path) -> None:
    pack = Pack(shared, "videomme")
    breakdown = pack.expected["head_run_breakdown"]
    replies = pack.replies("minicpm-o-4.5-q4km-llamacpp")
    scores = pack.scores("minicpm-o-4.5-q4km-llamacpp")
    assert all(score.answer == replies[score.sample_id]["official_extracted"] for score in scores)
    assert sum(score.value for score in scores) == breakdown["overall"]["overall"]["correct"] == 1850
    for group in ("duration", "domain", "sub_category", "task_type"):
        assert right(scores, group) == {name: cell["correct"] for name, cell in breakdown[group].items()}
    for rule in ("calibrated", "vlmevalkit"):
        assert sum(s.value for s in pack.scores("minicpm-o-4.5-q4km-llamacpp", rule=rule)) == 1850


def test_every_sample_of_every_pack_has_gold_and_wrong_replies(shared: Path) -> None:
    for name in ("blink", "mmmu_val", "pope", "videomme", "mmbench_dev_en"):
        pack = Pack(shared, name)
        for sample, gold, wrong in _extremes(pack):
            assert gold == 1.0, (name, sample.id)
            assert wrong in (0.0, None), (name, sample.id)


def _extremes(pack: Pack) -> Iterator[tuple[Sample, float, float | None]]:
    adapter = pack.spec.adapter
    for sample in pack.samples[::29]:
        wrong = adapter.wrong(sample)
        yield (
            sample,
            adapter.score(sample, adapter.gold(sample)).value,
            adapter.score(sample, wrong).value if wrong else None,
        )


# --- ScienceQA, ChartQA, MathVista


def test_scienceqa(shared: Path) -> None:
    pack = Pack(shared, "scienceqa_test")
    expected = pack.expected["models"]["llava-v1.5-13b"]
    replies = pack.replies("llava-v1.5-13b")
    scores = pack.scores("llava-v1.5-13b")
    assert [sum(score.value for score in scores), len(scores)] == expected["evaluator"]["total"]
    assert sum(score.answer is None for score in scores) == expected["failed_parse"]
    assert all((score.answer or "FAILED") == replies[score.sample_id]["parsed_ans"] for score in scores)
    shown = {row["id"] for row in rows(pack.folder / "annotations.jsonl.gz") if row["image"]}
    for model, correct in (("llava-v1.5-13b", 1445), ("llava-v1.5-7b_lmms-eval_img-only", 1402)):
        found = pack.replies(model)
        judged = [pack.spec.adapter.score(s, [found[s.id]["prediction"]]) for s in pack.samples if s.id in shown]
        assert [sum(score.value for score in judged), len(judged)] == [correct, 2017]


def test_chartqa(shared: Path) -> None:
    pack = Pack(shared, "chartqa_test")
    replies = pack.replies("qwen2.5-vl-7b-instruct")
    scores = pack.scores("qwen2.5-vl-7b-instruct")
    assert right(scores, "split") == pack.expected["models"]["qwen2.5-vl-7b-instruct"]["correct"]["pix2struct"]
    assert all(bool(score.value) == replies[score.sample_id]["relaxed_correct"] for score in scores)


def test_mathvista(shared: Path) -> None:
    pack = Pack(shared, "mathvista_testmini")
    for model in pack.models():
        replies = pack.replies(model)
        scores = [pack.spec.adapter.score(s, [replies[s.id].get("extraction") or ""]) for s in pack.samples]
        official = pack.expected["models"][model]["official_current_code"]
        assert sum(score.value for score in scores) == official["average"]["correct"], model
        assert all(bool(score.value) == replies[score.sample_id]["official_true_false"] for score in scores)
        for group in ("question_type", "answer_type", "language", "source", "category", "task", "context"):
            assert right(scores, group) == {name: cell["correct"] for name, cell in official[group].items()}


def test_mathvista_as_vlmevalkit_reads_it(shared: Path) -> None:
    """Its rule reads the reply first, and an extraction of what that leaves unread."""
    pack = Pack(shared, "mathvista_testmini")
    rule, of_extractions = VlmevalkitMathvistaRule(), VlmevalkitMathvistaRule(reading="recorded")
    for model in pack.models():
        replies, right = pack.replies(model), 0.0
        for sample in pack.samples:
            line = replies[sample.id]
            read = rule.judge(line["prediction"], sample).answer
            extraction = line.get("extraction") or "" if read is None else read
            right += of_extractions.judge(extraction, sample).value
        assert right == pack.expected["models"][model]["vlmevalkit_own_prefetch_then_recorded_extraction"], model
