"""A card's tables as a DataFrame: the numbers that the formats print, where a pandas user looks for them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evalkit.registry import load
from evalkit.registry.spec import CardSpec
from evalkit.reporting import card_report, card_tables, data_frame, read_runs
from evalkit.statistics import mean, proportion
from tests.records import record
from tests.reporting.test_report import CARD, partial, write


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, record("a", "mmmu"), proportion(4, 10).stat("accuracy", {}, 10))
    write(tmp_path, partial("a", "bench"), proportion(5, 10).stat("accuracy", {}, 10))
    write(tmp_path, record("b", "pope"), mean([1.0, 2.5], high=float("inf")).stat("accuracy", {}, 2, "answer"))
    return tmp_path


def test_a_row_per_row_of_the_card_and_a_column_per_model(results: Path) -> None:
    frame = data_frame(card_tables(CARD, read_runs([results])))
    assert list(frame.columns) == [("published", "Alpha"), ("published", "Beta"), ("ours", "a"), ("ours", "b")]
    assert list(frame.index) == [
        ("main", "Popular", "MMMU"),
        ("main", "Popular", "Bench"),
        ("main", "Presence", "POPE"),
        ("groups", "", "Art"),
        ("groups", "", "F1"),
    ]
    assert {str(dtype) for dtype in frame.dtypes} == {"float64"}
    assert frame.loc["main"]["published", "Alpha"].tolist() == [43.0, 81.9, 86.1]
    assert frame["published", "Beta"].isna().tolist() == [False, True, False, True, True]
    assert frame["ours", "a"].dropna().tolist() == [pytest.approx(40.0)]
    assert frame["ours", "b"].dropna().tolist() == [1.75], "not a fraction, so not in percent"


def test_intervals_are_columns_of_their_own(results: Path) -> None:
    frame = data_frame(card_tables(CARD, read_runs([results])), intervals=True)
    assert list(frame.columns.get_level_values("number").unique()) == ["published", "ours", "low", "high"]
    row = frame.loc["main", "Popular", "MMMU"]
    assert (row["low", "a"], row["high", "a"]) == (pytest.approx(16.8, abs=0.05), pytest.approx(68.7, abs=0.05))
    assert ((frame["low"] <= frame["ours"]) | frame["ours"].isna()).all(axis=None)


def test_an_incomplete_run_is_left_out_or_named(results: Path) -> None:
    runs = read_runs([results])
    for allow, number, note in (
        (False, [], "Not shown, incomplete: a / bench"),
        (True, [50.0], "* incomplete: a / bench"),
    ):
        frame = data_frame(card_tables(CARD, runs, allow_incomplete=allow))
        assert frame.xs("Bench", level="benchmark")["ours", "a"].dropna().tolist() == number
        assert any(text.startswith(note) for text in frame.attrs["notes"])


def test_the_mini_card_as_a_report(tmp_path: Path) -> None:
    card = load.spec(CardSpec, "mini")
    write(tmp_path, record("pocket-vlm", "mini_pope", headline="f1"), proportion(99, 100).stat("f1", {}, 100))
    report = card_report(card, read_runs([tmp_path]))
    frame = report.frame()
    assert len(frame) == sum(len(table.rows) for table in card.tables)
    assert frame["ours", "pocket-vlm"].dropna().tolist() == [99.0, 99.0], (
        "the card has a row for its headline and one for its F1"
    )
    pd.testing.assert_frame_equal(frame, data_frame(report.tables))


def test_no_runs_and_no_tables_are_frames_too() -> None:
    mini = data_frame(card_tables(load.spec(CardSpec, "mini"), []))
    assert (len(mini), len(mini.columns)) == (26, 0)
    assert mini.reset_index().columns.get_level_values(0).tolist() == ["table", "category", "benchmark"]
    assert data_frame([]).empty
