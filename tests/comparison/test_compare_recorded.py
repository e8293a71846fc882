"""compare on recorded replies of real models, by the command: figures of scipy and statsmodels, and broken replies."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from evalkit.cli.entry import main
from evalkit.comparison import Comparison
from evalkit.data.sources import DataPlaces
from evalkit.media.cache import MediaCache
from evalkit.registry import load
from evalkit.registry.spec import TaskSpec
from evalkit.run import dataset
from evalkit.run.places import BUNDLED
from evalkit.types import Score
from tests import TESTS

HERE = TESTS / "conformance"
BROKEN = "I am sorry, I cannot help with that."


class Packs:
    """Recorded replies scored into `place/<name>/<task>`, as `evalkit score --out` does it."""

    def __init__(self, shared: Path, place: Path) -> None:
        self.packs, self.place = shared / "packs", place

    def score(self, task: str, file: Path, *, name: str, field: str = "prediction") -> list[Score]:
        options = ["--annotations", str(self.packs / task / "annotations.jsonl.gz"), "--field", field, "--name", name]
        options += ["--rule", "recorded"] if field == "extracted" else []
        spec = str(HERE / f"{task}.yaml")
        assert main(["score", "--task", spec, "--predictions", str(file), *options, "--out", str(self.place)]) == 0
        lines = (self.place / name / task / "scores.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Score) for line in lines]

    def model(self, task: str, model: str, *, name: str = "", field: str = "prediction") -> list[Score]:
        return self.score(task, self._file(task, model), name=name or model, field=field)

    def broken(self, task: str, model: str, share: float, *, name: str, field: str = "prediction") -> list[Score]:
        """The same replies, of which a `share` drawn at random says nothing of use."""
        with gzip.open(self._file(task, model), "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        for row in random.Random(5).sample(rows, round(share * len(rows))):
            row[field] = BROKEN
        made = self.place / f"{model}.jsonl"
        made.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return self.score(task, made, name=name, field=field)

    def compare(self, base: str, candidate: str, *options: str) -> tuple[int, Comparison]:
        file = self.place / "comparison.json"
        sides = [str(self.place / base), str(self.place / candidate)]
        code = main(["compare", *sides, "--flips", "0", "--json", str(file), *options])
        return code, msgspec.json.decode(file.read_bytes(), type=Comparison)

    def _file(self, task: str, model: str) -> Path:
        return self.packs / task / "predictions" / f"{model}.jsonl.gz"


@pytest.fixture
def packs(shared: Path, tmp_path: Path) -> Packs:
    return Packs(shared, tmp_path)


def values(scores: Sequence[Score]) -> NDArray[np.float64]:
    return np.array([score.value for score in scores])


# task, field that holds the reply, base, candidate
PAIRS = [
    ("blink", "extracted", "GPT4V", "GeminiProVision"),
    ("blink", "extracted", "instructblip_13b", "llava-v1.5-13b-xtuner"),
    ("mathvista_testmini", "extraction", "gpt4_2shot_solution", "chatgpt_2shot_solution_use_ocr"),
    ("mathvista_testmini", "extraction", "claude", "idefics_9b_instruct"),
]


@pytest.mark.parametrize(("task", "field", "base", "candidate"), PAIRS, ids=[f"{p[2]} {p[3]}" for p in PAIRS])
def test_recorded_pairs_equal_statsmodels_and_scipy(
    packs: Packs, task: str, field: str, base: str, candidate: str
) -> None:
    before, after = (values(packs.model(task, model, field=field)) for model in (base, candidate))
    lost, won, n = int((before > after).sum()), int((before < after).sum()), len(before)
    code, found = packs.compare(base, candidate)
    (line,) = found.lines
    got = line.difference
    exact = mcnemar([[0, lost], [won, 0]], exact=True).pvalue
    oracle = scipy.stats.ttest_rel(after, before).confidence_interval()
    assert got.p == pytest.approx(exact, abs=1e-9)
    assert (got.value, got.test) == (pytest.approx(after.mean() - before.mean(), abs=1e-9), "mcnemar(exact)")
    assert (got.low, got.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)
    assert got.stderr == pytest.approx(scipy.stats.sem(after - before), abs=1e-9)
    assert (len(line.turned_wrong), len(line.turned_right), got.n) == (lost, won, n)
    for side, right in ((line.base, before), (line.candidate, after)):
        wilson = proportion_confint(int(right.sum()), n, method="wilson")
        assert (side.value, side.low, side.high) == pytest.approx((right.mean(), *wilson), abs=1e-9)
    assert code == (1 if exact <= 0.05 and lost > won else 0)
    code, found = packs.compare(base, base, "--fail-inconclusive", "--gate", "noninferiority")
    (line,) = found.lines
    assert (code, found.verdict, line.turned_wrong, line.turned_right) == (0, "pass", (), ())
    assert (line.difference.value, line.difference.p) == (0.0, 1.0)


def test_p_values_of_two_recorded_tasks_are_adjusted_as_statsmodels_does(packs: Packs) -> None:
    for name, blink, mathvista in (
        ("base", "llava-internlm2-7b", "claude"),
        ("candidate", "OPUS", "instruct_blip2_vicuna_13b"),
    ):
        packs.model("blink", blink, name=name, field="extracted")
        packs.model("mathvista_testmini", mathvista, name=name, field="extraction")
    for correction, method in (("holm", "holm"), ("bh", "fdr_bh")):
        _, found = packs.compare("base", "candidate", "--correction", correction)
        oracle = multipletests([line.difference.p for line in found.lines], method=method)[1]
        assert [line.p_adjusted for line in found.lines] == pytest.approx(list(oracle), abs=1e-9)


def flipped(totals: Sequence[int]) -> Fraction:
    """P(|sum| of randomly signed totals >= |their sum|), counted sum by sum in whole numbers."""
    ways = {0: 1}
    for total in filter(None, totals):
        more: dict[int, int] = {}
        for old, count in ways.items():
            for new in (old + total, old - total):
                more[new] = more.get(new, 0) + count
        ways = more
    return Fraction(sum(c for s, c in ways.items() if abs(s) >= abs(sum(totals))), sum(ways.values()))


def test_clustered_figures_of_recorded_replies_equal_statsmodels_and_whole_numbers(packs: Packs) -> None:
    """ChartQA's questions share charts: errors are a sandwich, and whole charts change signs."""
    model = "qwen2.5-vl-7b-instruct"
    before = packs.model("chartqa_test", model)
    after = packs.broken("chartqa_test", model, 0.02, name="candidate")
    charts = {name: n for n, name in enumerate(dict.fromkeys(score.cluster for score in before))}
    groups = np.array([charts[score.cluster] for score in before])
    changes = values(after) - values(before)
    _, found = packs.compare(model, "candidate")
    got = found.lines[0].difference
    oracle = sm.OLS(changes, np.ones(len(changes))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    assert (got.clusters, got.n) == (1509, 2500)
    assert (got.value, got.stderr) == pytest.approx((oracle.params[0], oracle.bse[0]), abs=1e-9)
    assert (got.low, got.high) == pytest.approx(tuple(oracle.conf_int()[0]), abs=1e-9)
    totals = np.bincount(groups, changes).round().astype(int)
    assert got.p == pytest.approx(float(flipped(totals.tolist())), abs=1e-9)


# --- broken replies

# task, field, model; MMMU is the smallest real one that a gate can judge
TASKS = [
    ("mmmu_val", "prediction", "llava1.5_13b"),
    ("mathvista_testmini", "extraction", "gpt4_2shot_solution"),
    ("chartqa_test", "prediction", "qwen2.5-vl-7b-instruct"),
]


def test_one_percent_of_broken_replies_on_a_small_task_is_no_failure(packs: Packs) -> None:
    task, field, model = TASKS[0]
    packs.model(task, model, name="base", field=field)
    packs.broken(task, model, 0.01, name="candidate", field=field)
    for options in ([], ["--margin", "1"], ["--gate", "noninferiority"]):
        code, found = packs.compare("base", "candidate", *options)
        assert code == 0
        assert found.verdict in ("pass", "inconclusive")
    assert 1 <= len(found.lines[0].turned_wrong) <= 9, "some of nine broken replies were right"


@pytest.mark.slow
@pytest.mark.parametrize(("share", "failed"), [(0.01, 0), (0.10, 8)])
def test_broken_replies_to_the_mini_suite(tmp_path: Path, share: float, failed: int) -> None:
    """Every task's gold answers, which are all right, and the same with some of them broken."""
    tasks = sorted(path.stem for path in load.files(TaskSpec).values() if path.parent.name == "mini")
    for task in tasks:
        where = DataPlaces(media_cache=MediaCache(tmp_path / "cache"), bundled=BUNDLED, mirrors=(), offline=True)
        spec = load.spec(TaskSpec, task)
        samples = dataset.load(spec, where, media=False).samples
        rows = [{"id": s.id, "prediction": spec.adapter.gold(s)[0]} for s in samples]
        for name, count in (("base", 0), ("candidate", round(share * len(rows)))):
            for row in random.Random(5).sample(rows, count):
                row["prediction"] = BROKEN
            file = tmp_path / "predictions.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            options = ["--predictions", str(file), "--name", name, "--out", str(tmp_path)]
            assert main(["score", "--task", task, *options]) == 0
    report = tmp_path / "comparison.json"
    code = main(["compare", str(tmp_path / "base"), str(tmp_path / "candidate"), "--json", str(report)])
    found = msgspec.json.decode(report.read_bytes(), type=Comparison)
    verdicts = [line.verdict for line in found.lines]
    assert (len(verdicts), verdicts.count("fail"), code) == (8, failed, 1 if failed else 0)


def test_ten_percent_of_broken_replies_on_all_tasks_fail(packs: Packs) -> None:
    for task, field, model in TASKS:
        packs.model(task, model, name="base", field=field)
        packs.broken(task, model, 0.10, name="candidate", field=field)
    code, found = packs.compare("base", "candidate")
    assert code == 1
    failed = {line.task for line in found.lines if line.verdict == "fail"}
    assert failed >= {"mmmu_val", "chartqa_test"}, "MathVista's rule makes some option of anything: its drop is small"
    assert all(line.candidate.value < line.base.value for line in found.lines)
