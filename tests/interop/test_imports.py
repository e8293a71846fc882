"""Files of other tools: recognised by content, matched to samples, refused when they answer other questions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.cli.entry import main
from evalkit.interop import read
from evalkit.interop.read import lmms_eval, vlmevalkit
from tests import TESTS

TASK = """\
name: pets
title: {en: Pets}
samples: 3
source: {kind: jsonl, path: pets.jsonl}
columns: {id: "{kind}/{index}", question: question, choices: [A, B, C], answer: {kind: letter, column: answer}}
keep: {kind: below, column: index, value: 100}
adapter: {kind: multiple_choice, rule: {kind: letter}}
rules: {official: {kind: vlmevalkit}}
generation: {max_new_tokens: 8}
metrics: {accuracy: {kind: accuracy}}
headline: accuracy
"""
BY_INDEX = TASK.replace('"{kind}/{index}"', "index")
# Row 1 does not count, so the samples stand in rows 0, 2 and 3.
ROWS: list[dict[str, Any]] = [
    {"index": 7, "kind": "dogs", "question": "Which one barks?", "A": "cat", "B": "dog", "C": "fish", "answer": "B"},
    {"index": 107, "kind": "dogs", "question": "Which one barks?", "A": "dog", "B": "cat", "C": "fish", "answer": "A"},
    {"index": 8, "kind": "cats", "question": "Which one purrs?", "A": "cat", "B": "dog", "C": "fish", "answer": "A"},
    {"index": 9, "kind": "fish", "question": "Which one swims?", "A": "cat", "B": "dog", "C": "fish", "answer": "C"},
]
RIGHT = {0: "B", 2: "A", 3: "C"}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    (tmp_path / "pets.yaml").write_text(TASK)
    (tmp_path / "by_index.yaml").write_text(BY_INDEX)
    lines(tmp_path / "pets.jsonl", ROWS)
    return tmp_path


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def scored(
    folder: Path, file: Path, capsys: pytest.CaptureFixture[str], *more: str, task: str = "pets"
) -> tuple[int, dict[str, Any], str]:
    code = main(["score", "--task", str(folder / f"{task}.yaml"), "--predictions", str(file), "--json", *more])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def value(result: dict[str, Any]) -> float:
    return next(stat["value"] for stat in result["stats"] if not stat["where"])


# --- lmms-eval and lm-eval


def log(row: int, text: str, **more: Any) -> dict[str, Any]:
    return {"doc_id": row, "target": ROWS[row]["answer"], "filtered_resps": [text], "input": "?", **more}


LOGS = {
    "by the row of the data set": ([log(0, "B"), log(2, "dog"), log(3, "(C)")], 2 / 3, "doc_id is the row number in"),
    "what was said before a filter": ([log(n, "Z", resps=[[RIGHT[n]]]) for n in RIGHT], 1.0, "row number"),
    "by the document, in any order": (
        [log(n, RIGHT[n], doc_id=40 + n, doc=ROWS[n]) for n in (3, 2, 0)],
        1.0,
        "matched by the sample's kind, index",
    ),
    "by what a metric noted": (
        [log(n, RIGHT[n], pets_acc={"kind": ROWS[n]["kind"], "index": ROWS[n]["index"]}) for n in RIGHT],
        1.0,
        "matched by the sample's kind, index",
    ),
    "with what is no JSON": ([log(n, RIGHT[n], pets_acc=float("nan"), seen="\ud83d") for n in RIGHT], 1.0, "3 of 3"),
    "one line per filter": ([log(n, RIGHT[n], filter=f) for n in RIGHT for f in ("none", "strict")], 1.0, "3 of 3"),
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_log_of_lmms_eval(pets: Path, capsys: pytest.CaptureFixture[str], name: str, suffix: str) -> None:
    rows, expected, how = LOGS[name]
    code, result, err = scored(pets, lines(pets / f"2026_samples_pets{suffix}", rows), capsys)
    assert code == 0
    assert value(result) == pytest.approx(expected)
    assert "read as an lmms-eval log" in err
    assert how in err


def test_a_log_numbered_over_the_rows_that_count(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [log(row, RIGHT[row], doc_id=n) for n, row in enumerate(RIGHT)]
    code, result, err = scored(pets, lines(pets / "s.jsonl", rows), capsys)
    assert (code, value(result)) == (0, 1.0)
    assert "row number among the rows that the task keeps" in err


def test_missing_and_unknown_numbers_are_told(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result, err = scored(pets, lines(pets / "s.jsonl", [log(0, "B"), log(3, "C"), log(1, "A")]), capsys)
    assert code == 4
    assert result["complete"] is False
    assert "1 match no sample, first 1" in err
    assert f"sample cats/8: sample 'cats/8' has no reply in {pets / 's.jsonl'}" in err


def test_replies_to_other_questions_are_refused(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shifted = [log(n, "A", target="B") for n in (0, 2, 3)]
    code, _, err = scored(pets, lines(pets / "s.jsonl", shifted), capsys)
    assert code == 4
    assert "1 of 3 questions or golds agree, so these replies answer other questions" in err


BROKEN = {
    "log-likelihoods": ([log(0, "", filtered_resps=[[-1.5, False]])], "one text is expected"),
    "several replies": ([log(0, "", resps=[["A", "B"]])], "with one reply for each document"),
    "two lines that disagree": ([log(0, "A"), log(0, "B")], "number 0 has two different replies"),
    "two documents with one id": (
        [log(0, "A", doc=ROWS[0]), log(2, "A", doc=ROWS[2]), log(3, "B", doc=ROWS[0])],
        "sample dogs/7 has two different replies, the second is doc_id 3; keep one row for each",
    ),
    "a line without its number": ([log(0, "A"), {"resps": [["B"]]}], "s.jsonl:2: there is no doc_id"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_log_is_named(pets: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    rows, message = BROKEN[name]
    code, _, err = scored(pets, lines(pets / "s.jsonl", rows), capsys)
    assert code == 4
    assert message in err


# --- VLMEvalKit

HEADER = ("index", "question", "A", "B", "C", "answer", "prediction")


def cells(row: int, text: str, **changed: Any) -> list[Any]:
    filled = {**ROWS[row], "prediction": text, **changed}
    return [filled[name] for name in HEADER]


def tsv(path: Path, header: tuple[str, ...], rows: list[list[Any]]) -> Path:
    path.write_text("\n".join("\t".join(map(str, row)) for row in [list(header), *rows]) + "\n")
    return path


def xlsx(path: Path, header: tuple[str, ...], rows: list[list[Any]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [list(header), *rows]:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("write", "name"), [(tsv, "m.tsv"), (xlsx, "m.xlsx"), (tsv, "m.txt"), (xlsx, "m.XLSX"), (xlsx, "m")]
)
def test_a_vlmevalkit_table_by_index(pets: Path, capsys: pytest.CaptureFixture[str], write: Any, name: str) -> None:
    rows = [cells(3, "C"), cells(0, "B"), cells(2, ""), cells(1, "A")]
    file = write(pets / name, HEADER, rows)
    code, result, err = scored(pets, file, capsys, task="by_index")
    assert (code, value(result), result["unparsed"]) == (0, pytest.approx(2 / 3), 1)
    assert "read as a VLMEvalKit table: rows are matched by the sample's index; 3 of 3" in err
    assert "1 match no sample, first 107" in err


def test_a_vlmevalkit_table_by_row(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [cells(row, reply, index=row) for row, reply in RIGHT.items()]
    code, result, err = scored(pets, tsv(pets / "m.tsv", HEADER, rows), capsys)
    assert (code, value(result)) == (0, 1.0)
    assert "index is the row number in the data set" in err


def test_the_reply_may_stand_in_another_column(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tsv(pets / "m.tsv", (*HEADER[:-1], "said"), [cells(row, reply) for row, reply in RIGHT.items()])
    assert scored(pets, file, capsys, "--field", "said", task="by_index")[0] == 0


def test_a_workbook_without_its_columns_is_named(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = scored(pets, xlsx(pets / "m.xlsx", ("index", "reply"), [[1, "A"]]), capsys)
    assert code == 4
    assert "there is no column 'prediction'; name the replies' column by --field" in err


def test_a_workbook_that_is_none_is_named(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openpyxl")
    (pets / "m.xlsx").write_bytes(b"index,prediction\n")
    code, _, err = scored(pets, pets / "m.xlsx", capsys)
    assert code == 4
    assert "not an xlsx file" in err


# --- the whole way


def test_an_imported_run_is_kept_explained_and_scored_again(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(pets / "m.jsonl", [log(n, text) for n, text in RIGHT.items()])
    assert scored(pets, file, capsys, "--out", str(pets / "r"))[0] == 0
    file.unlink()
    assert main(["score", str(pets / "r"), "--json"]) == 0
    assert value(json.loads(capsys.readouterr().out)[0]) == 1.0
    file = lines(pets / "m.jsonl", [log(n, text) for n, text in RIGHT.items()])
    assert main(["explain", "--task", str(pets / "pets.yaml"), "--predictions", str(file), "--json"]) == 0
    assert value(json.loads(capsys.readouterr().out)["rules"][0]) == 1.0


@pytest.mark.parametrize("text", ['{"id": "a", "prediction": "A"}\n', "", "index\treply\n1\tA\n", "[1]\n", "\xff\n"])
def test_other_files_are_left_to_our_own_reader(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.jsonl").write_text(text, encoding="latin-1")
    assert read.read_predictions(tmp_path / "p.jsonl") is None


def test_recorded_replies_as_a_log_score_as_they_do_plainly(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MMMU's 900 recorded replies as lmms-eval would have logged them: doc_id is the row of the annotations."""
    pack = shared / "packs" / "mmmu_val"
    with gzip.open(pack / "annotations.jsonl.gz", "rt") as file:
        golds = [json.loads(line) for line in file]
    with gzip.open(pack / "predictions" / "llava1.5_13b.jsonl.gz", "rt") as file:
        said = {row["id"]: row["prediction"] for row in map(json.loads, file)}
    rows = [
        {"doc_id": n, "target": str(gold["answer"]), "filtered_resps": [said[gold["id"]]]}
        for n, gold in enumerate(golds)
    ]
    task = TESTS / "conformance" / "mmmu_val.yaml"
    arguments = ["score", "--task", str(task), "--annotations", str(pack / "annotations.jsonl.gz"), "--json"]
    assert main([*arguments, "--predictions", str(lines(tmp_path / "samples_mmmu_val.jsonl", rows))]) == 0
    out, err = capsys.readouterr()
    assert round(900 * value(json.loads(out))) == 329
    assert "897 of 897 questions or golds agree" in err  # three open questions have several golds


@given(st.binary(max_size=80))
def test_no_first_line_breaks_recognition(start: bytes) -> None:
    assert lmms_eval.is_log_line(start) in (True, False)
    assert vlmevalkit.is_table_header(start, "prediction") in (True, False)
