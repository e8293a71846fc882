"""The published overall numbers follow from the published parts, averaged as our tasks average them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.metrics.accuracy import Accuracy
from evalkit.registry import load
from evalkit.registry.spec import CardSpec, Table, TaskSpec
from evalkit.types import Score

CARD = load.spec(CardSpec, "phi-3.5-vision-instruct")
BLINK, VIDEO = (next(table for table in CARD.tables if table.id == name) for name in ("blink", "video_mme"))
COUNTS = {
    "Art_Style": 117, "Counting": 120, "Forensic_Detection": 132, "Functional_Correspondence": 130, "IQ_Test": 150,
    "Jigsaw": 150, "Multi-view_Reasoning": 133, "Object_Localization": 122, "Relative_Depth": 124,
    "Relative_Reflectance": 134, "Semantic_Correspondence": 139, "Spatial_Relation": 143,
    "Visual_Correspondence": 172, "Visual_Similarity": 135,
}  # fmt: skip
"""Questions of each subtask in BLINK's validation set."""
EXCEPTIONS = {("GPT-4o", "Art_Style"): 116}
"""Published shares of other counts: 73.3 is 85 of 116, since a question that was refused left the denominator."""


def parts(table: Table, column: int, group: str) -> dict[str, float]:
    rows = {row.reference.where[group]: row.published[column] for row in table.rows if row.reference.where}
    return {name: float(text) for name, text in rows.items()}


def overall(table: Table, column: int) -> float:
    (row,) = (row for row in table.rows if not row.reference.where)
    return float(row.published[column])


def right(share: float, count: int) -> int:
    """The number of right ones among `count`, from their share in percent as printed."""
    return round(share * count / 100)


def micro(correct: dict[str, int], counts: dict[str, int]) -> float:
    """The overall accuracy in percent that our metric gives for so many right answers in each group."""
    scores = [
        Score(sample_id=f"{name}/{n}", target="A", answer="A", value=float(n < correct[name]), groups={"part": name})
        for name, count in counts.items()
        for n in range(count)
    ]
    return 100 * Accuracy(by=("part",)).stats("accuracy", scores)[0].value


@pytest.mark.parametrize("column", range(9), ids=BLINK.columns)
def test_blink_overall_is_the_micro_average(column: int) -> None:
    model = BLINK.columns[column]
    counts = {name: EXCEPTIONS.get((model, name), count) for name, count in COUNTS.items()}
    shares = parts(BLINK, column, "subtask")
    correct = {name: right(shares[name], count) for name, count in counts.items()}
    for name, count in counts.items():  # each share is one of so many questions
        assert abs(100 * correct[name] / count - shares[name]) <= 0.05 + 1e-9, name
    assert abs(micro(correct, counts) - overall(BLINK, column)) <= 0.05 + 1e-9


def test_blink_of_phi_is_not_the_macro_average() -> None:
    shares = parts(BLINK, 0, "subtask")
    assert round(sum(shares.values()) / len(shares), 1) == 57.5
    assert overall(BLINK, 0) == 57.0


def test_the_exception_is_one() -> None:
    share = parts(BLINK, BLINK.columns.index("GPT-4o"), "subtask")["Art_Style"]
    assert all(round(100 * k / 117, 1) != share for k in range(118))
    assert round(100 * 85 / 116, 1) == share


@pytest.mark.parametrize("column", range(9), ids=VIDEO.columns)
def test_videomme_overall_is_the_mean_of_its_durations(column: int) -> None:
    counts = dict.fromkeys(("short", "medium", "long"), 900)
    shares = parts(VIDEO, column, "duration")
    correct = {name: right(shares[name], 900) for name in counts}
    for name in counts:
        assert abs(100 * correct[name] / 900 - shares[name]) <= 0.05 + 1e-9, name
    assert abs(sum(shares.values()) / 3 - overall(VIDEO, column)) <= 0.05 + 1e-9
    # Phi's own 50.8 was averaged from printed shares: 547 + 429 + 394 right of 2,700 are 50.74
    assert abs(micro(correct, counts) - overall(VIDEO, column)) <= (0.06 if column == 0 else 0.05) + 1e-9


def test_counts_are_those_of_the_tasks(shared: Path) -> None:
    expected = json.loads((shared / "packs" / "blink" / "expected.json").read_text(encoding="utf-8"))
    assert expected["val_counts"] == COUNTS
    assert load.spec(TaskSpec, "blink_val").samples == sum(COUNTS.values())
    assert load.spec(TaskSpec, "videomme").samples == 2700


def test_every_row_of_the_card_has_its_task() -> None:
    known = load.files(TaskSpec)
    assert [row.reference.task for table in CARD.tables for row in table.rows if row.reference.task not in known] == []
