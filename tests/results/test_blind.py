"""The column of a model minus its blind run: the numbers' own differences, with paired intervals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from evalkit.cli.entry import main
from evalkit.reporting import read_runs
from evalkit.results.blind import with_differences
from tests.records import edit

TASK = """\
name: signs
title: {en: Signs}
samples: 8
source: {kind: jsonl, path: signs.jsonl}
columns: {id: id, question: id, answer: answer, groups: {place: place, size: size}}
adapter: {kind: yes_no}
generation: {max_new_tokens: 8}
metrics:
  accuracy: {kind: accuracy, by: [place, size]}
  macro: {kind: accuracy, by: [place, size], average: macro}
  f1: {kind: f1, positive: yes, by: [place]}
headline: accuracy
"""
CARD = """\
name: card
tables:
  - id: t
    columns: [Published]
    rows: [{score: signs, label: {en: Signs}, published: ["50.0"]}]
"""
GOLDS = ["yes", "no", "yes", "no", "yes", "no", "yes", "no"]
SEEN = ["yes", "no", "yes", "no", "yes", "no", "no", "no"]  # seven right
BLIND = ["yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"]  # four right


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "signs.yaml").write_text(TASK)
    (tmp_path / "card.yaml").write_text(CARD)
    rows = [{"id": n, "answer": gold, "place": "ab"[n > 2], "size": "xy"[n % 2]} for n, gold in enumerate(GOLDS)]
    (tmp_path / "signs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, words in (("m", SEEN), ("m+blind", BLIND), ("other", BLIND)):
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps({"id": n, "prediction": word}) + "\n" for n, word in enumerate(words)))
        arguments = ["--task", str(tmp_path / "signs.yaml"), "--predictions", str(file), "--name", name]
        assert main(["score", *arguments, "--out", str(tmp_path / "r")]) == 0
    return tmp_path / "r"


def test_every_number_is_the_difference_of_the_two(results: Path) -> None:
    plain = read_runs([results])
    (made,) = with_differences(plain)[len(plain) :]
    seen, blind = (next(r for r in plain if r.record.model.name == name) for name in ("m", "m+blind"))
    assert made.title == "m minus blind"
    assert len(made.stats) == len(seen.stats) == len(blind.stats) == 13
    for found, mine, theirs in zip(made.stats, seen.stats, blind.stats, strict=True):
        assert found.value == pytest.approx(mine.value - theirs.value), found
    assert made.stats[0].value == pytest.approx(3 / 8)
    assert "paired" in made.stats[0].method


def test_the_report_has_the_column_when_asked(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["report", str(results), "--card", str(results.parent / "card.yaml"), "--format", "csv"]
    capsys.readouterr()
    assert main(arguments) == 0
    assert "minus" not in capsys.readouterr().out
    assert main([*arguments, "--blind-difference"]) == 0
    head, line = csv.reader(io.StringIO(capsys.readouterr().out))
    (column,) = [n for n, name in enumerate(head) if name.endswith("minus blind (ours)")]
    assert line[column] == "37.5"


def test_runs_on_other_samples_have_no_difference(results: Path) -> None:
    file = results / "m+blind" / "signs" / "scores.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    edit(file.with_name("run.json"), counts__planned=7)
    plain = read_runs([results])
    assert with_differences(plain) == plain


def test_scores_that_cannot_be_read_are_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "m" / "signs" / "scores.jsonl").write_text("{\n")
    arguments = ["report", str(results), "--card", str(results.parent / "card.yaml"), "--blind-difference"]
    assert main(arguments) == 4
    assert "scores.jsonl: damaged, or not of this program" in capsys.readouterr().err
