"""Our numbers beside the published ones: marks, the sentence above a table, the best of a row, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from evalkit.cli.entry import main
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Reference, Row, Table
from evalkit.reporting import FORMATS, Run, card_tables, read_runs
from evalkit.reporting.agreement import agreement_sentences
from evalkit.reporting.best_of_row import mark_best
from evalkit.reporting.table import Absent
from evalkit.results.published import column_of, published_value
from evalkit.statistics import proportion
from evalkit.types import Score
from tests.records import EMPTY, changed, edit, record
from tests.reporting.test_report import partial, report_text, write

SPEC = {
    "name": "t",
    "title": {"en": "T"},
    "samples": 100,
    "source": {"kind": "jsonl", "path": "t.jsonl"},
    "columns": {"id": "id", "question": "q", "answer": "a"},
    "adapter": {"kind": "multiple_choice", "prompt": "{question}\nLetter."},
    "generation": {"max_new_tokens": 16},
    "metrics": {"accuracy": {"kind": "accuracy", "by": ["part"]}},
    "headline": "accuracy",
}
PARTS = ("one", "two", "three")
# 60 of 100 with Wilson's interval [50.2, 69.1]; the published numbers lie inside, at its edge, and outside.
CARD = CardSpec(
    name="tiny",
    tables=(
        Table(
            id="main",
            title=Localized("Main", "主表"),
            columns=("Phi-3.5 Vision", "Other"),
            rows=tuple(
                Row(
                    score=Reference(task="t", where={"part": part}),
                    label=Localized(part),
                    published=(published, other),
                )
                for part, published, other in zip(PARTS, ("55.0", "50.15", "40"), ("90.0", "59.9", "10.0"), strict=True)
            ),
        ),
    ),
)


COUNTS = msgspec.structs.replace(EMPTY.scoring.counts, samples=300, planned=300, answered=300)


def run(folder: Path, model: str, title: str, right: tuple[int, int, int], *, skip: int = 0) -> None:
    """A run with `right` of 100 answers in each part; `skip` moves which ones those are."""
    scores = [
        Score(
            sample_id=f"{part}-{n}",
            target="A",
            answer="A" if (n - skip) % 100 < hits else "B",
            value=float((n - skip) % 100 < hits),
            groups={"part": part},
            options=4,
        )
        for part, hits in zip(PARTS, right, strict=True)
        for n in range(100)
    ]
    stats = [proportion(hits, 100).stat("accuracy", {"part": p}, 100) for p, hits in zip(PARTS, right, strict=True)]
    made = record(model, "t", task_spec=SPEC, title=title, rule="default", counts=COUNTS)
    place = write(folder, made, *stats)
    (place / "scores.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, scores)))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run(tmp_path / "r", "phi", "phi 3.5 vision", (60, 60, 60))
    return tmp_path / "r"


def test_a_difference_is_within_noise_where_the_interval_holds_the_number(results: Path) -> None:
    (table,) = card_tables(CARD, read_runs([results]))
    found = [row.cells[2] for row in table.rows]
    told = [(cell.against.published, round(cell.against.difference, 6), cell.against.within) for cell in found]  # type: ignore[union-attr]
    assert told == [("55.0", 0.05, True), ("50.15", 0.0985, False), ("40", 0.2, False)]
    # 50.2 - 50.15 is outside by 0.05; one digit fewer would be rounded from as much as 50.25
    assert proportion(60, 100).low == pytest.approx(0.50200, abs=5e-5)


def test_rounding_of_the_printed_number_counts(results: Path) -> None:
    row = msgspec.structs.replace(CARD.tables[0].rows[1], published=("50.2", "1"))
    card = CardSpec(name="c", tables=(msgspec.structs.replace(CARD.tables[0], rows=(row,)),))
    ((filled,),) = [table.rows for table in card_tables(card, read_runs([results]))]
    assert filled.cells[2].against.within  # type: ignore[union-attr]


PRINTED = [
    ("43.0", True, (0.43, 0.0005)),
    ("44.22", True, (0.4422, 0.00005)),
    ("8", True, (0.08, 0.005)),
    ("1.5", False, (1.5, 0.05)),
    ("-", True, None),
    ("", True, None),
    ("n/a", True, None),
]


@pytest.mark.parametrize(("text", "percent", "expected"), PRINTED)
def test_a_printed_number_is_exact_up_to_its_last_digit(
    text: str, percent: bool, expected: tuple[float, float] | None
) -> None:
    found = published_value(text, percent=percent)
    assert found == (None if expected is None else pytest.approx(expected))


COLUMNS = ("Phi-3.5-vision-instruct", "GPT-4o")
NAMES = [
    ({"model": "phi-3.5-vision-instruct"}, "", "Phi-3.5-vision-instruct"),
    ({"model": "microsoft--Phi-3.5-vision-instruct"}, "", "Phi-3.5-vision-instruct"),
    ({"model": "x", "title": "gpt 4O"}, "", "GPT-4o"),
    ({"model": "phi-3.5-vision-instruct+blind", "title": "Phi-3.5-vision-instruct (blind)"}, "", ""),
    ({"model": "checkpoint-9"}, "", ""),
    ({"model": "checkpoint-9"}, "GPT-4o", "GPT-4o"),
    ({"model": "checkpoint-9"}, "Claude", ""),
]


@pytest.mark.parametrize(("fields", "wanted", "expected"), NAMES)
def test_the_column_of_the_same_model(fields: dict[str, object], wanted: str, expected: str) -> None:
    result = Run(Path("f"), record(**{"task": "t", **fields}), stats=())  # type: ignore[arg-type]
    assert column_of(COLUMNS, result, wanted) == expected
    assert column_of(COLUMNS, result.replaced(derived=True), wanted) == ""


def test_a_terminal_table_with_its_verdict_in_full(results: Path) -> None:
    text = report_text(CARD, read_runs([results]), format="terminal", details=True)
    assert text.splitlines()[:9] == [
        "Main",
        "Not consistent with the published numbers: phi 3.5 vision (column Phi-3.5 Vision), 2 of 3 beyond noise (≠): "
        "three +20.0, two +9.9.",
        "",
        "                                            phi 3.5 vision",
        " Benchmark     n   Phi-3.5 Vision   Other           (ours)   vs published",
        " ────────────────────────────────────────────────────────────────────────",
        " one         100             55.0    90.0             60.0         +5.0 ≈",
        " two         100            50.15    59.9             60.0         +9.9 ≠",
        " three       100               40    10.0             60.0        +20.0 ≠",
    ]
    settings = "rule default; prompt “{question} Letter.”; at most 16 new tokens; greedy"
    assert f"phi / t: {settings}; unparsed 0 of 300" in text
    assert text.count("≠ beyond noise") == 1


VERDICTS = [
    ((55, 50, 40), "Consistent with the published numbers: phi (column Phi-3.5 Vision), all 3 within noise (≈)."),
    # 60 against 50.15: p = 0.049, times three by Holm is no evidence
    ((55, 60, 40), "2 of 3 within noise (≈); beyond it (≠) two +9.9, which may be chance among 3."),
    ((55, 50, 60), "Not consistent with the published numbers: phi (column Phi-3.5 Vision), 1 of 3 beyond noise (≠)"),
]


@pytest.mark.parametrize(("right", "expected"), VERDICTS)
def test_the_sentence_above_a_table(right: tuple[int, int, int], expected: str, tmp_path: Path) -> None:
    run(tmp_path, "phi", "phi", right)
    (table,) = card_tables(CARD, read_runs([tmp_path]), column="Phi-3.5 Vision")
    (sentence,) = agreement_sentences(table, "en")
    assert expected in sentence
    (chinese,) = agreement_sentences(table, "zh")
    assert ("不一致" in chinese) == ("Not consistent" in sentence)


def test_a_model_that_the_card_does_not_have_is_compared_with_nothing(tmp_path: Path) -> None:
    run(tmp_path, "mine", "mine", (60, 60, 60))
    text = report_text(CARD, read_runs([tmp_path]), format="markdown")
    assert "vs published" not in text
    assert "onsistent" not in text
    with pytest.raises(EvalkitError, match=r"card tiny has no column 'Claude': choose one of Phi-3\.5 Vision, Other"):
        card_tables(CARD, [], column="Claude")


def test_an_incomplete_run_is_compared_with_nothing(tmp_path: Path) -> None:
    made = changed(partial("phi", "t"), title="Phi-3.5 Vision")
    write(tmp_path, made, proportion(60, 100).stat("accuracy", {"part": "one"}, 100))
    text = report_text(CARD, read_runs([tmp_path]), format="markdown", allow_incomplete=True)
    assert r"60.0\*" in text
    assert "vs published" not in text


def test_marks_stand_in_every_format(results: Path) -> None:
    runs = read_runs([results])
    shown = {name: report_text(CARD, runs, format=name) for name in FORMATS}
    for name in ("terminal", "markdown", "html"):
        assert "+20.0 ≠" in shown[name]
        assert "+5.0 ≈" in shown[name]
        assert "≈ within noise" in shown[name], "the sign is explained"
        assert "Not consistent with the published numbers" in shown[name]
    assert r"60.0 & +20.0 $\neq$ \\" in shown["latex"]
    rows = [dict(zip(*pair, strict=True)) for pair in _rows(shown["csv"])]
    name = "phi 3.5 vision (ours)"
    assert [row[f"{name} noise"] for row in rows] == ["within", "beyond", "beyond"]
    assert [row[f"{name} vs published"] for row in rows] == ["5.0", "9.9", "20.0"]
    against = json.loads(shown["json"])["tables"][0]["lines"][2]["cells"][2]["against"]
    assert (against["column"], against["published"], against["within"]) == ("Phi-3.5 Vision", "40", False)


def _rows(text: str) -> list[tuple[list[str], list[str]]]:
    head, *body = csv.reader(io.StringIO(text))
    return [(head, line) for line in body]


def best_of(results: Path) -> list[list[int]]:
    runs = read_runs([results])
    (table,) = mark_best(CARD, card_tables(CARD, runs), runs)
    return [[n for n, cell in enumerate(row.cells) if not isinstance(cell, Absent) and cell.best] for row in table.rows]


@pytest.mark.parametrize(("language", "more"), [("en", " and 2 more."), ("zh", "，另有 2 个。")])
def test_a_sentence_names_six_rows_and_counts_the_others(results: Path, language: str, more: str) -> None:
    rows = CARD.tables[0].rows * 4  # two of three are beyond noise
    card = msgspec.structs.replace(CARD, tables=(msgspec.structs.replace(CARD.tables[0], rows=rows),))
    (table,) = card_tables(card, read_runs([results]), language=language)
    (sentence,) = agreement_sentences(table, language)
    assert sentence.count("three +20.0") == 4
    assert sentence.count("two +9.9") == 2
    assert sentence.endswith(more)


def test_the_best_of_a_row_shares_with_what_noise_cannot_tell(results: Path) -> None:
    # One: 90.0 leads, 60 of 100 is far off. Two: ours leads by 0.1 over Other. Three: ours leads beyond doubt.
    assert best_of(results) == [[1], [1, 2], [2]]


def test_one_number_is_the_best_of_nothing(results: Path) -> None:
    runs = read_runs([results])
    alone = msgspec.structs.replace(CARD.tables[0], columns=(), rows=(Row(score="t", label=Localized("T")),))
    card = CardSpec(name="c", tables=(alone,))
    assert "★" not in report_text(card, runs, format="terminal", best=True)


def test_our_runs_tie_by_a_paired_test(results: Path) -> None:
    # The second model has 60, 59 and 40 right of the same samples: 1 loss is noise, 20 losses without a win are not.
    run(results, "second", "second", (60, 59, 40))
    assert best_of(results) == [[1], [1, 2, 3], [2]]


def test_a_best_number_is_bold_or_starred(results: Path) -> None:
    runs = read_runs([results])
    shown = {name: report_text(CARD, runs, format=name, best=True) for name in FORMATS}
    assert "★60.0" in shown["terminal"]
    assert "★: best of its row" in shown["terminal"]
    assert "**60.0** |" in shown["markdown"]
    assert "**59.9**" in shown["markdown"]
    assert r"\textbf{60.0}" in shown["latex"]
    assert "<b>59.9</b>" in shown["html"]
    rows = [dict(zip(*pair, strict=True)) for pair in _rows(shown["csv"])]
    assert [row["Other best"] for row in rows] == ["yes", "yes", ""]
    assert "best of its row" not in report_text(CARD, runs, format="markdown")


def test_other_samples_are_no_tie(results: Path, tmp_path: Path) -> None:
    run(tmp_path / "b", "second", "second", (60, 59, 40))
    file = tmp_path / "b" / "second" / "t" / "scores.jsonl"
    file.write_bytes(b"\n".join(file.read_bytes().split(b"\n")[:-5]))
    edit(file.with_name("run.json"), counts__planned=295)
    with pytest.raises(EvalkitError, match="the samples or their gold answers differ"):
        report_text(CARD, read_runs([results, tmp_path / "b"]), best=True)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_terminal_table_folds_to_the_screen(results: Path, width: int, language: str) -> None:
    runs = read_runs([results])
    text = report_text(
        CARD, runs, format="terminal", width=width, intervals=True, best=True, details=True, language=language
    )
    assert max(map(cell_len, text.splitlines())) <= width
    for shown in ("50.15", "90.0", "[50.2, 69.1]", "+20.0 ≠"):
        assert shown in text, "nothing is lost by folding"


def test_categories_of_a_folded_table_stand_above_their_first_row(results: Path) -> None:
    rows = tuple(
        msgspec.structs.replace(row, category=Localized("A category of two benchmarks")) for row in CARD.tables[0].rows
    )
    card = CardSpec(name="c", tables=(msgspec.structs.replace(CARD.tables[0], rows=rows),))
    lines = report_text(card, read_runs([results]), format="terminal", width=60).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(" A category"))
    assert [line.split()[:2] for line in lines[start : start + 3]] == [
        ["A", "category"],
        ["benchmarks"],
        ["one", "55.0"],
    ]
    assert sum("A category" in line for line in lines) == 1


def test_runs_of_one_model_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, right in (("before", (55, 50, 40)), ("after", (55, 50, 70))):
        run(tmp_path / name, "phi", "Phi-3.5 Vision", right)
    card = tmp_path / "card.yaml"
    card.write_bytes(msgspec.yaml.encode(CARD))
    folders = [str(tmp_path / name) for name in ("before", "after")]
    assert main(["report", "--card", str(card), *folders, "--best"]) == 0
    text = capsys.readouterr().out
    assert f"Consistent with the published numbers: Phi-3.5 Vision [{folders[0]}]" in text
    assert f"Not consistent with the published numbers: Phi-3.5 Vision [{folders[1]}]" in text
    (line,) = [line for line in text.splitlines() if line.startswith(" three")]
    assert line.split() == ["three", "40", "10.0", "40.0", "+0.0", "≈", "★70.0", "+30.0", "≠"]
    assert main(["report", "--card", str(card), str(tmp_path)]) == 2
    assert "has two runs of task 't'" in capsys.readouterr().err


def test_many_unreadable_replies_are_told_without_being_asked(tmp_path: Path) -> None:
    made = record("phi", "t")
    for unparsed, told in ((0, False), (1, True)):
        made = changed(made, counts=msgspec.structs.replace(made.scoring.counts, unparsed=unparsed))
        place = tmp_path / str(unparsed)
        write(place, made, proportion(60, 100).stat("accuracy", {"part": "one"}, 100))
        assert ("phi / t: 1 of 10 replies could not be read (10.0 %)." in report_text(CARD, read_runs([place]))) is told


def test_the_command_compares_with_the_column_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "r", "mine", "mine", (55, 50, 40))
    card = tmp_path / "card.yaml"
    card.write_bytes(msgspec.yaml.encode(CARD))
    arguments = ["report", "--card", str(card), str(tmp_path / "r")]
    assert main(arguments) == 0
    assert "vs published" not in capsys.readouterr().out
    assert main([*arguments, "--against", "Phi-3.5 Vision"]) == 0
    assert "all 3 within noise" in capsys.readouterr().out
    assert main([*arguments, "--against", "Phi-3.5 Vision", "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert "all 3 within noise" in said.err
    assert "all 3 within noise" not in said.out
    assert main([*arguments, "--against", "nobody"]) == 2
