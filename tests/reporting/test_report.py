"""Tables from real result folders, in every format, with hostile names and incomplete runs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Reference, Row, Table
from evalkit.reporting import FORMATS, card_report, card_tables, read_runs, render, table_notes
from evalkit.reporting.run_notes import mixed_models_notes
from evalkit.reporting.table import Absent, Measured, Published
from evalkit.results.run import Run
from evalkit.results.settings import reported_settings, sentence
from evalkit.run.record import RunRecord
from evalkit.safe_text import printable
from evalkit.statistics import mean, proportion
from evalkit.types import Stat
from tests.records import changed, record

HOSTILE = '=1+2|<script>alert("x")</script>_$a$ [l](javascript:x) & 50%\\'
CARD = CardSpec(
    name="tiny",
    title=Localized("Tiny card", "小卡片"),
    source="https://example.org/card",
    tables=(
        Table(
            id="main",
            title=Localized("Main", "主表"),
            columns=("Alpha", "Beta"),
            rows=(
                Row(
                    score="mmmu",
                    label=Localized("MMMU", "MMMU 中"),
                    category=Localized("Popular", "主流"),
                    published=("43.0", "44.22"),
                ),
                Row(
                    score="bench",
                    label=Localized("Bench"),
                    category=Localized("Popular", "主流"),
                    published=("81.9", "-"),
                ),
                Row(score="pope", label=Localized("POPE"), category=Localized("Presence"), published=("86.1", "83.3")),
            ),
        ),
        Table(
            id="groups",
            rows=(
                Row(score=Reference(task="mmmu", where={"subject": "Art"}), label=Localized("Art")),
                Row(score=Reference(task="pope", metric="f1"), label=Localized("F1")),
            ),
        ),
    ),
)


def write(folder: Path, run: RunRecord, *stats: Stat) -> Path:
    place = folder / run.model.name.replace("/", "_") / run.task.name
    place.mkdir(parents=True)
    (place / "run.json").write_bytes(msgspec.json.encode(run))
    (place / "stats.json").write_bytes(msgspec.json.encode(stats))
    return place


def report_text(
    card: CardSpec,
    results: Sequence[Run],
    format: str = "markdown",  # noqa: A002 - the command line's own word
    *,
    color: bool = False,
    width: int | None = None,
    **options: Any,
) -> str:
    """A report in a format; `options` are those of `card_report`."""
    return render(card_report(card, results, **options), format, color=color, width=width)


def partial(model: str, task: str) -> RunRecord:
    run = record(model, task, complete=False, limit=8)
    return changed(run, counts=msgspec.structs.replace(run.scoring.counts, answered=7, errors=1))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Model `a` with three tasks, one of them incomplete; model `b`, whose title is hostile, with one."""
    write(
        tmp_path,
        record("a", "mmmu"),
        proportion(4, 10).stat("accuracy", {}, 10),
        proportion(3, 4).stat("accuracy", {"subject": "Art"}, 4),
    )
    write(tmp_path, partial("a", "bench"), proportion(5, 10).stat("accuracy", {}, 10))
    write(
        tmp_path,
        record("a", "pope"),
        proportion(9, 10).stat("accuracy", {}, 10),
        proportion(8, 10).stat("f1", {}, 10),
    )
    write(tmp_path, record("b", "mmmu", title=HOSTILE), proportion(1, 3).stat("accuracy", {}, 3))
    return tmp_path


def test_cells_are_typed_and_traceable(results: Path) -> None:
    main, groups = card_tables(CARD, read_runs([results]))
    assert [(c.title, c.mark) for c in main.columns] == [
        ("Alpha", ""),
        ("Beta", ""),
        ("a", "ours"),
        (HOSTILE, "ours"),
    ]
    first = main.rows[0].cells
    assert first[:2] == (Published("43.0"), Published("44.22"))
    assert isinstance(first[2], Measured)
    assert (first[2].stat.value, first[2].stat.n, first[2].complete) == (0.4, 10, True)
    assert Path(first[2].folder) == results / "a" / "mmmu"
    assert main.rows[1].cells[2:] == (Absent(refused=True), Absent())
    assert main.category_spans == (2, 0, 1)
    art, f1 = (row.cells[0] for row in groups.rows)
    assert isinstance(art, Measured)
    assert isinstance(f1, Measured)
    assert (art.stat.value, f1.stat.value) == (0.75, 0.8)


def test_an_incomplete_run_is_refused_and_named(results: Path) -> None:
    tables = card_tables(CARD, read_runs([results]))
    assert "Not shown, incomplete: a / bench (7 of 10 samples answered, 1 failed, limit 8)" in "\n".join(
        table_notes(tables)
    )
    assert "50.0" not in report_text(CARD, read_runs([results]), format="csv")


def test_an_incomplete_run_is_marked_when_allowed(results: Path) -> None:
    runs = read_runs([results])
    for name in ("terminal", "csv"):
        assert "50.0*" in report_text(CARD, runs, format=name, allow_incomplete=True)
    text = report_text(CARD, runs, format="markdown", allow_incomplete=True)
    assert r"50.0\*" in text
    assert r"\* incomplete: a / bench (7 of 10 samples answered, 1 failed, limit 8)." in text
    shown = json.loads(report_text(CARD, runs, format="json", allow_incomplete=True))
    assert shown["tables"][0]["lines"][1]["cells"][2]["complete"] is False


def test_intervals_on_request(results: Path) -> None:
    runs = read_runs([results])
    assert "40.0 [16.8, 68.7]" in report_text(CARD, runs, format="terminal", intervals=True)
    assert "16.8" not in report_text(CARD, runs, format="terminal")


def test_csv_layout(results: Path) -> None:
    text = report_text(CARD, read_runs([results]), format="csv")
    first, second = text.split("\n\n")
    more = ["low", "high", "n", "unparsed %", "complete", "published", "vs published", "noise"]
    ours = [f"{title}{name}" for title in ("a (ours)", f"'{HOSTILE} (ours)") for name in ("", *(f" {m}" for m in more))]
    nothing = [""] * 9
    forty = ["40.0", "16.8", "68.7", "10", "0.0", "yes", "", "", ""]
    ninety = ["90.0", "59.6", "98.2", "10", "0.0", "yes", "", "", ""]
    third = ["33.3", "6.1", "79.2", "3", "0.0", "yes", "", "", ""]
    assert list(csv.reader(io.StringIO(first))) == [
        ["table", "category", "label", "Alpha", "Beta", *ours],
        ["main", "Popular", "MMMU", "43.0", "44.22", *forty, *third],
        ["main", "Popular", "Bench", "81.9", "-", *nothing, *nothing],
        ["main", "Presence", "POPE", "86.1", "83.3", *ninety, *nothing],
    ]
    assert list(csv.reader(io.StringIO(second)))[1][:4] == ["groups", "", "Art", "75.0"]


@pytest.mark.parametrize("first", ["=1", "+1", "-1", "@x", "  =1", "＝1", "\t=1"])
def test_csv_never_starts_a_text_like_a_formula(first: str, tmp_path: Path) -> None:
    write(tmp_path, record("m", "mmmu", title=first), proportion(1, 3).stat("accuracy", {}, 3))
    head = next(csv.reader(io.StringIO(report_text(CARD, read_runs([tmp_path]), format="csv"))))
    assert len(head) == 14
    assert all(name.startswith("'") for name in head[5:])


def test_markdown_renders_as_text(results: Path) -> None:
    markdown_it = pytest.importorskip("markdown_it", reason="rich brings a Markdown renderer")
    text = report_text(CARD, read_runs([results]), format="markdown")
    page = markdown_it.MarkdownIt("commonmark").enable("table").render(text)
    grid = Grid(page)
    assert grid.rows[0][0] == ["Category", "Benchmark", "Alpha", "Beta", "a (ours)", f"{HOSTILE} (ours)"]
    assert grid.rows[0][2] == ["", "Bench", "81.9", "-", "-", "-"]
    assert "<script" not in page
    assert "<a " not in page


class Grid(HTMLParser):
    """Cells of a page's tables as text, with the tags and attributes that occurred."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[list[str]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.rows.append([])
        elif tag == "tr":
            self.rows[-1].append([])
        elif tag in {"td", "th"}:
            self.rows[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1][-1] += data


def test_html_is_one_safe_page(results: Path) -> None:
    page = report_text(CARD, read_runs([results]), format="html", intervals=True)
    grid = Grid(page)
    tags = [tag for tag, _ in grid.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    assert not any(name.startswith("on") or name == "src" for _, attributes in grid.tags for name in attributes)
    assert [a["href"] for tag, a in grid.tags if tag == "a"] == ["https://example.org/card"]
    head, first, second = grid.rows[0][1:4]
    assert head[-1] == f"{HOSTILE} (ours)"
    assert first == ["Popular", "MMMU", "43.0", "44.22", "40.0 [16.8, 68.7]", "33.3 [6.1, 79.2]"]
    assert second[0] == "Bench", "the category's cell covers this line too"
    assert [a["rowspan"] for tag, a in grid.tags if "rowspan" in a] == ["2"]
    assert any("n=10 | [16.8, 68.7] | wilson" in (a.get("title") or "") for _, a in grid.tags)


def test_a_source_that_is_no_web_address_is_no_link() -> None:
    card = msgspec.structs.replace(CARD, source="javascript:alert(1)")
    assert "href" not in report_text(card, [], format="html")


def test_latex_escapes_what_it_would_run(results: Path) -> None:
    text = report_text(CARD, read_runs([results]), format="latex", intervals=True)
    assert r"=1+2\textbar{}\textless{}script\textgreater{}" in text
    assert r"\_\$a\$ {[}l](javascript:x) \& 50\%\textbackslash{}" in text
    assert r"Popular & MMMU & 43.0 & 44.22 & 40.0 {[}16.8, 68.7]" in text
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {5, 2}


def test_the_terminal_shows_hostile_text_as_it_is_and_colours_only_when_asked(results: Path) -> None:
    runs = read_runs([results])
    assert "\x1b" not in report_text(CARD, runs, format="terminal")
    assert "\x1b[" in report_text(CARD, runs, format="terminal", color=True)
    rich = runs[0].replaced(record=record("a", "mmmu", title="[red]x[/red]"))
    assert "[red]x[/red]" in report_text(CARD, [rich], format="terminal")


def test_a_terminal_table_in_full(results: Path) -> None:
    card = msgspec.structs.replace(CARD, tables=CARD.tables[:1])
    runs = [run for run in read_runs([results]) if run.record.model.name == "a"]
    assert report_text(card, runs, format="terminal", allow_incomplete=True).splitlines() == [
        "Main",
        "",
        " Category   Benchmark   Alpha    Beta   a (ours)",
        " ───────────────────────────────────────────────",
        " Popular    MMMU         43.0   44.22       40.0",
        "            Bench        81.9       -      50.0*",
        " Presence   POPE         86.1    83.3       90.0",
        "",
        "* incomplete: a / bench (7 of 10 samples answered, 1 failed, limit 8).",
    ]


@given(st.text())
def test_printable_text_has_no_control_characters(text: str) -> None:
    cleaned = printable(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", cleaned)


def test_escape_sequences_in_a_name_never_reach_the_terminal(tmp_path: Path) -> None:
    title = "ok\x1b]0;owned\x07\nsecond line\u202e"
    write(tmp_path, record("m", "mmmu", title=title), proportion(1, 2).stat("accuracy", {}, 2))
    for name in FORMATS:
        text = report_text(CARD, read_runs([tmp_path]), format=name)
        assert not set("\x1b\x07\u202e") & set(text), name
        assert "\\u001b" not in text
        assert "\\u202e" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_chinese(name: str, results: Path) -> None:
    text = report_text(CARD, read_runs([results]), format=name, language="zh")
    for word in ("MMMU 中", "主流", "Bench", "本次评测"):
        assert word in text
    if name != "csv":
        assert "未显示（运行不完整）：a / bench（10 个样本中 7 个有回答，1 个失败，限制 8）" in text.replace("\\", "")


@pytest.mark.parametrize("name", FORMATS)
def test_a_card_without_runs_is_the_published_card(name: str) -> None:
    text = report_text(CARD, [], format=name)
    assert "44.22" in text
    assert "ours" not in text.replace(".ours", "").replace("--ours", "")


def test_json_holds_full_precision(results: Path) -> None:
    report = json.loads(report_text(CARD, read_runs([results]), format="json"))
    cell = report["tables"][0]["lines"][0]["cells"][3]
    assert (cell["kind"], cell["stat"]["value"], cell["stat"]["method"]) == ("measured", 1 / 3, "wilson")


def test_an_error_in_units_is_not_a_percentage(tmp_path: Path) -> None:
    spec = {"metrics": {"accuracy": {"kind": "mean_absolute_error"}}}
    stat = mean([1.0, 2.5], high=float("inf")).stat("accuracy", {}, 2, "answer")
    write(tmp_path, record("m", "mmmu", task_spec=spec), stat)
    assert "1.75" in report_text(CARD, read_runs([tmp_path]), format="csv")


def test_a_run_without_the_metric_says_so(tmp_path: Path) -> None:
    write(tmp_path, record("m", "mmmu"), proportion(1, 2).stat("accuracy", {}, 2))
    write(tmp_path, record("m", "pope"), proportion(1, 2).stat("accuracy", {}, 2))
    found = table_notes(card_tables(CARD, read_runs([tmp_path])))
    assert found == ["m / mmmu has no accuracy, Art.", "m / pope has no f1."]


def test_a_group_that_a_limited_run_has_not_reached_needs_no_note_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, partial("m", "mmmu"), proportion(1, 2).stat("accuracy", {}, 2))
    _, groups = card_tables(CARD, read_runs([tmp_path]), allow_incomplete=True)
    assert groups.notes == ("* incomplete: m / mmmu (7 of 10 samples answered, 1 failed, limit 8).",)
    assert groups.rows[0].cells == (Absent(),)


def test_two_models_of_one_title_are_told_apart(tmp_path: Path) -> None:
    for model in ("first", "second"):
        write(tmp_path, record(model, "mmmu", title="Phi"), proportion(1, 2).stat("accuracy", {}, 2))
    (main, _) = card_tables(CARD, read_runs([tmp_path]))
    assert [column.title for column in main.columns[2:]] == ["Phi [first]", "Phi [second]"]


def test_a_column_that_mixes_models_says_so(tmp_path: Path) -> None:
    write(tmp_path, record("m", "mmmu", dtype="bfloat16", device="cuda"), proportion(1, 2).stat("accuracy", {}, 2))
    write(tmp_path, record("m", "pope", dtype="float32", device="cpu"), proportion(1, 2).stat("accuracy", {}, 2))
    found = table_notes(card_tables(CARD, read_runs([tmp_path])))
    assert any(
        "its runs differ in the model, its dtype or its device (mmmu: bfloat16 cuda; pope: float32 cpu)" in n
        for n in found
    )


def test_recorded_replies_are_one_model_and_are_told_no_settings_of_the_task(tmp_path: Path) -> None:
    asked = {"adapter": {"prompt": "{question}", "rule": {"kind": "letter"}}, "generation": {"max_new_tokens": 16}}
    for task in ("mmmu", "pope"):
        fields = {
            "origin": "recorded",
            "identity": {"file": task},
            "dtype": "none",
            "device": "none",
            "task_spec": asked,
        }
        write(
            tmp_path,
            record("m", task, rule="default", **fields),
            proportion(1, 2).stat("accuracy", {}, 2),
        )
    results = read_runs([tmp_path])
    assert not any("mixes them" in note for note in table_notes(card_tables(CARD, results)))
    assert [sentence(reported_settings(result), "en") for result in results] == [
        f"m / {task}: rule default (letter); recorded replies; unparsed 0 of 10 (0.0 %)." for task in ("mmmu", "pope")
    ]
    fields = {"identity": {"kind": "transformers"}, "dtype": "float32", "device": "cpu"}
    write(tmp_path / "own", record("m", "bench", **fields), proportion(1, 2).stat("accuracy", {}, 2))
    found = mixed_models_notes("m", read_runs([tmp_path]), "en")
    assert found == [
        "m: its runs differ in the model, its dtype or its device (mmmu: recorded replies; bench: float32 cpu); "
        "the column mixes them."
    ]


def test_several_folders_and_one_run_read_twice(results: Path) -> None:
    both = read_runs([results / "a", results / "b" / "mmmu", results])
    assert sorted((r.record.model.name, r.record.task.name) for r in both) == [
        ("a", "bench"),
        ("a", "mmmu"),
        ("a", "pope"),
        ("b", "mmmu"),
    ]


def test_two_runs_for_one_cell_are_refused(results: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", record("a", "mmmu"))
    with pytest.raises(EvalkitError, match=r"model 'a' has two runs of task 'mmmu', .*leave one of the folders out"):
        card_tables(CARD, read_runs([results]))


BROKEN = [
    ("run.json", b"{", "not a record of this program"),
    ("run.json", b'{"loss": 1.0}', "unknown field|missing required field"),
    ("stats.json", b'[{"metric": 3}]', "stats.json: damaged, or not of this program"),
    ("stats.json", b"\xff\xfe", "stats.json: damaged, or not of this program"),
    ("stats.json", None, r"stats\.json: cannot be read"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_a_foreign_file_is_named(results: Path, name: str, content: bytes | None, message: str) -> None:
    file = results / "a" / "mmmu" / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EvalkitError, match=message) as caught:
        [run.stats for run in read_runs([results])]
    assert str(file) in str(caught.value)


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match="there is no results folder"):
        read_runs([tmp_path / "absent"])
    with pytest.raises(EvalkitError, match=r"no run\.json below it"):
        read_runs([tmp_path])


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(EvalkitError, match="choose one of terminal, markdown, csv, latex, html, json"):
        report_text(CARD, [], format="excel")


def test_a_row_with_too_few_numbers_is_named() -> None:
    table = Table(id="t", columns=("A", "B"), rows=(Row(score="x", label=Localized("X"), published=("1",)),))
    with pytest.raises(EvalkitError, match=r"table 't', row 'X': 1 published numbers for 2 columns"):
        card_tables(CardSpec(name="c", tables=(table,)), [])
