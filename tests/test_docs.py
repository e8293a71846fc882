"""Commands, files and tables in the documentation work as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image as Pillow

from evalkit.cli.entry import main

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"`([\w.-]+)`[^\n]*:\n\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """The files of the page on adding a benchmark, with photos."""
    for name, text in BLOCK.findall((DOCS / "add-a-benchmark.md").read_text(encoding="utf-8")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "photos").mkdir()
    for name, colour in (("a1", "red"), ("a2", "blue"), ("b1", "green"), ("b2", "white")):
        Pillow.new("RGB", (32, 32), colour).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "prices.yaml"


def test_a_new_benchmark_is_one_yaml_file(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(prices)]) == 0
    assert "4 gold replies score 1, 4 wrong ones 0" in capsys.readouterr().out
    assert main(["show", "task", str(prices), "--sample", "B-1"]) == 0
    shown = capsys.readouterr().out
    assert "What does the green lamp in the picture cost, in euros?" in shown
    assert "b1.png]" in shown


def test_a_variant_says_only_what_differs(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terse = prices.parent / "prices_terse.yaml"
    assert main(["check", str(terse)]) == 0
    assert "4 gold replies score 1, 4 wrong ones 0" in capsys.readouterr().out
    assert main(["show", "task", str(terse)]) == 0
    printed = capsys.readouterr().out
    for line in ("headline: near  # from prices", "  zh: 商品价格  # from prices", "Answer with one number."):
        assert f"{line}\n" in printed
    assert "error:" not in printed


def test_its_replies_are_scored_by_error_and_by_tolerance(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replies = {"A-1": "4.50", "A-2": "About 9 euros.", "B-1": "It costs €26.", "B-2": "I cannot tell."}
    file = prices.parent / "guesses.jsonl"
    file.write_text("".join(json.dumps({"id": k, "prediction": v}) + "\n" for k, v in replies.items()))
    assert main(["score", "--task", str(prices), "--predictions", str(file), "--json"]) == 0
    found = {(s["metric"], *s["where"].values()): s["value"] for s in json.loads(capsys.readouterr().out)["stats"]}
    assert found["error",] == pytest.approx((0 + 3 + 1 + 10) / 4)
    assert found["error", "north"] == pytest.approx(1.5)
    assert found["near",] == pytest.approx(2 / 4)
    assert found["near", "south"] == pytest.approx(1 / 2)


def test_the_table_of_the_readme_is_the_one_that_a_report_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bundled model's column holds the scores that `doctor --run` reproduces; guessing is done again here."""
    tasks = ("mini_mmmu", "mini_mmbench", "mini_mmbench_circular", "mini_textvqa", "mini_pope")
    chosen = [word for task in tasks for word in ("--task", task)]
    assert main(["run", "--model", "random-option", *chosen, "--out", str(tmp_path), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["report", "--card", "mini", str(tmp_path), "--format", "markdown", "--intervals"]) == 0
    head, _, *printed = table(capsys.readouterr().out.split("## Mini single-image")[1])
    ours, _, *rows = table((DOCS.parent / "README.md").read_text(encoding="utf-8").split("## Two commands")[1])
    assert ours == [*head[:2], "**Pocket VLM (ours)**", head[2]]
    assert [[*row[:2], row[3]] for row in rows] == printed
    shipped = json.loads((DOCS.parent / "evalkit" / "assets" / "pocket-vlm-scores.json").read_text())
    assert [row[2].split()[0] for row in rows[:5]] == [f"{100 * shipped[task]:.1f}" for task in tasks]


def table(text: str) -> list[list[str]]:
    """The cells of the first table in Markdown."""
    lines = text[text.index("| ") :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
