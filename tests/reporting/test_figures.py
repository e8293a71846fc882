"""Figures of a card: what they show, in the same bytes from any process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from evalkit.cli.entry import main
from evalkit.errors import EvalkitError
from evalkit.registry.spec import CardSpec, Localized, Reference, Row
from evalkit.reporting import card_tables, read_runs
from evalkit.reporting.figures.chart import Chart, card_charts
from evalkit.reporting.figures.save import save_figures
from evalkit.statistics import proportion
from tests.records import record
from tests.reporting.test_report import write as write_run
from tests.results.test_published import CARD, run

TABLE = CARD.tables[0]
# The same three parts with an overall row, and enough spokes for a radar.
OVERALL = Row(score="t", label=Localized("Overall", "总体"), published=("48.4", "-"))
WIDE = msgspec.structs.replace(CARD, tables=(msgspec.structs.replace(TABLE, rows=(OVERALL, *TABLE.rows, *TABLE.rows)),))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run(tmp_path / "r", "phi", "phi 3.5 vision", (60, 80, 20))
    return tmp_path / "r"


def drawn(card: CardSpec, results: Path) -> Chart:
    runs = read_runs([results])
    (chart,) = card_charts(card, card_tables(card, runs), runs)
    return chart


def test_a_chart_holds_the_numbers_of_its_table(results: Path) -> None:
    chart = drawn(CARD, results)
    assert [(series.title, series.ours) for series in chart.series] == [
        ("phi 3.5 vision", True),
        ("Phi-3.5 Vision", False),
    ]
    ours, published = ([p and p.value for p in series.points] for series in chart.series)
    assert ours == [60.0, 80.0, 20.0]
    assert published == [55.0, 50.15, 40.0]
    assert chart.others == ((90.0,), (59.9,), (10.0,))
    point = chart.series[0].points[0]
    assert point is not None
    assert (point.low, point.high) == (pytest.approx(50.20, abs=0.005), pytest.approx(69.06, abs=0.005))
    assert [row.chance for row in chart.rows] == [25.0, 25.0, 25.0], "four options each"


def test_a_card_without_runs_is_drawn_by_its_own_model() -> None:
    (chart,) = card_charts(CARD, card_tables(CARD, []), [])
    assert [(series.title, series.ours) for series in chart.series] == [("Phi-3.5 Vision", False)]
    assert [row.chance for row in chart.rows] == [None] * 3


@pytest.mark.parametrize(
    ("metric", "options", "known"),
    [
        ({"kind": "accuracy", "by": ["part"]}, 4, True),
        ({"kind": "accuracy", "by": ["part"]}, 0, False),
        ({"kind": "all_correct", "group": "part", "by": ["part"]}, 4, False),
    ],
)
def test_chance_is_drawn_where_it_is_one_of_the_options(
    metric: dict[str, object], options: int, known: bool, results: Path
) -> None:
    (file,) = results.rglob("run.json")
    file.write_bytes(file.read_bytes().replace(b'{"kind":"accuracy","by":["part"]}', msgspec.json.encode(metric)))
    scores = file.with_name("scores.jsonl")
    scores.write_bytes(scores.read_bytes().replace(b'"options":4', b'"options":%d' % options))
    assert [row.chance for row in drawn(CARD, results).rows] == [25.0 if known else None] * 3


def texts(file: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(file).iter(f"{SVG}text")]


def test_rows_are_sorted_and_the_overall_stands_below(results: Path, tmp_path: Path) -> None:
    dots, radar = save_figures(WIDE, read_runs([results]), tmp_path / "figures")
    assert (dots.name, radar.name) == ("tiny-main-dots.svg", "tiny-main-radar.svg")
    labels = [text for text in texts(dots) if text in {"one", "two", "three", "Overall"}]
    assert labels == ["two", "two", "one", "one", "three", "three", "Overall"]
    assert {"phi 3.5 vision", "Phi-3.5 Vision (published)", "Other published models", "Chance"} <= set(texts(dots))
    assert "A radar shows no intervals; the dot plot does." in texts(radar)
    assert "Overall" not in texts(radar)


def test_few_groups_make_no_radar(results: Path, tmp_path: Path) -> None:
    assert [file.name for file in save_figures(CARD, read_runs([results]), tmp_path / "f")] == ["tiny-main-dots.svg"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_processes_draw_the_same_bytes(results: Path, tmp_path: Path, language: str) -> None:
    card = tmp_path / "card.yaml"
    card.write_bytes(msgspec.yaml.encode(WIDE))
    command = ["report", str(results), "--card", str(card), "--lang", language, "--figures"]
    folders = [tmp_path / name for name in ("first", "second")]
    for seed, folder in enumerate(folders):
        # Neither the seed of hashes nor a user's own settings may show.
        (tmp_path / f"{seed}").mkdir()
        (tmp_path / f"{seed}" / "matplotlibrc").write_text(f"axes.facecolor: {0.5 + seed / 4}\n")
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "MATPLOTLIBRC": str(tmp_path / f"{seed}")}
        png = ["--png"] if language == "en" else []  # Chinese needs a font in a PNG, which not every machine has
        run_one = [sys.executable, "-m", "evalkit", *command, str(folder), *png]
        subprocess.run(run_one, check=True, env=environment, capture_output=True)
    names = sorted(file.name for file in folders[0].iterdir())
    assert len(names) == (4 if language == "en" else 2)
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    text = (folders[0] / "tiny-main-dots.svg").read_text(encoding="utf-8")
    assert not re.search(r"<dc:date|matplotlib\.org|\d{4}-\d\d-\d\dT", text)


def test_labels_stay_text_also_in_chinese(results: Path, tmp_path: Path) -> None:
    dots, _ = save_figures(WIDE, read_runs([results]), tmp_path / "f", language="zh")
    assert {"主表", "总体", "随机猜测", "Phi-3.5 Vision（已发布）"} <= set(texts(dots))


def test_a_title_is_escaped_and_no_formula(tmp_path: Path) -> None:
    run(tmp_path / "r", "m", "<b>$x$ & y_2</b>", (60, 80, 20))
    (dots,) = save_figures(CARD, read_runs([tmp_path / "r"]), tmp_path / "f")
    assert "<b>$x$ & y_2</b>" in texts(dots)


def test_an_incomplete_run_is_drawn_only_when_allowed(tmp_path: Path) -> None:
    made = record("phi", "t", complete=False, title="phi")
    write_run(tmp_path / "r", made, proportion(60, 100).stat("accuracy", {"part": "one"}, 100))
    runs = read_runs([tmp_path / "r"])
    (chart,) = card_charts(CARD, card_tables(CARD, runs), runs)
    assert not any(series.ours and any(series.points) for series in chart.series)


def test_what_cannot_be_drawn_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = Row(score=Reference(task="t"), label=Localized("T"))
    bare = CardSpec(name="bare", tables=(msgspec.structs.replace(TABLE, columns=(), rows=(row,)),))
    with pytest.raises(EvalkitError, match="card bare has no numbers to draw"):
        save_figures(bare, [], tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(EvalkitError, match=r"cannot be written .*; choose another --figures"):
        save_figures(CARD, [], tmp_path / "file")
    assert main(["report", "--card", "mini", "--png"]) == 2
    assert "name their folder with --figures DIR" in capsys.readouterr().err


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from evalkit.cli import main\n"
        f"sys.exit(main(['report', '--card', 'phi-3.5-vision-instruct', '--figures', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "evalkit: figures need matplotlib: install it with `pip install 'evalkit-vlm[report]'`\n"
