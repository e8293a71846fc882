"""The shipped cards: every published cell as printed, and every reference to a task that exists."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml

from evalkit.registry import load
from evalkit.registry.spec import CardSpec, TaskSpec
from evalkit.reporting import card_report, render

CARD = "phi-3.5-vision-instruct"


def test_every_published_cell_is_as_printed(shared: Path) -> None:
    reference = yaml.safe_load((shared / "reference" / "cards" / f"{CARD}.yaml").read_text(encoding="utf-8"))
    card = load.spec(CardSpec, CARD)
    seen = 0
    for table, expected in zip(card.tables, reference["tables"], strict=True):
        assert (table.id, list(table.columns)) == (expected["id"], expected["columns"])
        for row, printed in zip(table.rows, expected["rows"], strict=True):
            assert {"en": row.label.en, "zh": row.label.zh} == printed["label"]
            category = row.category and {"en": row.category.en, "zh": row.category.zh}
            assert category == printed.get("category")
            assert list(row.published) == printed["published"]
            seen += len(row.published)
    assert seen == 243


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_csv_of_the_bare_card_is_the_reference(shared: Path, language: str) -> None:
    reference = yaml.safe_load((shared / "reference" / "cards" / f"{CARD}.yaml").read_text(encoding="utf-8"))
    text = render(card_report(load.spec(CardSpec, CARD), [], language=language), "csv")
    expected = []
    for table in reference["tables"]:
        expected.append(["table", "category", "label", *table["columns"]])
        for row in table["rows"]:
            category = row["category"][language] if "category" in row else ""
            expected.append([table["id"], category, row["label"][language], *row["published"]])
    assert [row for row in csv.reader(io.StringIO(text)) if row] == expected


# Spot checks that need no reference: first and last row, the only two-decimal row, and the merged categories.
def test_the_published_card_by_hand() -> None:
    card = load.spec(CardSpec, CARD)
    blink, video, overall = card.tables
    assert [len(t.rows) * len(t.columns) for t in card.tables] == [135, 36, 72]
    assert blink.rows[0].published[0] == "87.2"
    assert video.rows[3].published == ("50.8", "50.2", "49.9", "52.6", "62.3", "61.2", "55.9", "62.6", "68.4")
    assert overall.rows[0].published[1:4] == ("44.22", "46.33", "49.33")
    assert overall.rows[-1].published[0] == "86.1"
    # Category names as the card merges their cells: two rows each for the aggregated, math and chart benchmarks.
    names = [row.category.en for row in overall.rows if row.category]
    assert [names.count(name) for name in dict.fromkeys(names)] == [2, 1, 2, 2, 1, 1]


@pytest.mark.parametrize("name", [CARD, "mini"])
def test_cards_refer_to_tasks_and_metrics_that_exist(name: str) -> None:
    known = load.files(TaskSpec)
    for table in load.spec(CardSpec, name).tables:
        for row in table.rows:
            if row.reference.task not in known:
                continue  # the published card also holds benchmarks that are not run yet; its cells stay empty
            task = load.spec(TaskSpec, row.reference.task)
            metric = task.metrics[row.reference.metric or task.headline]
            assert set(row.reference.where) <= set(metric.needs()), f"{task.name}: {row.label.en}"


def test_the_mini_suite_is_complete_and_says_that_it_is_synthetic() -> None:
    card = load.spec(CardSpec, "mini")
    assert set(load.tasks_of(card)) <= set(load.files(TaskSpec))
    assert all(table.title and "synthetic" in table.title.en and "合成" in table.title.zh for table in card.tables)
    assert not any(table.columns or row.published for table in card.tables for row in table.rows)
