"""`show run`, and what a model says: shown with its control characters as signs, wherever it is printed."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.cli.entry import main
from evalkit.safe_text import one_line, visible
from tests import boards

pytestmark = pytest.mark.slow

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return boards.graded(tmp_path)


def test_show_run_tells_prompt_reply_readings_gold_and_key(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["show", "run", str(results / "near/yesno"), "--sample", "q19"]) == 0
    out = capsys.readouterr().out
    for expected in (
        "Is <i>19</i> odd?",
        "--- reply\ncannot say",
        "--- gold\nyes",
        "default (yes_no)         nothing              0  (doubt or refusal)\n",
        "--- score\n0 ",
    ):
        assert expected in out
    assert re.search(r"key [0-9a-f]{64}", out)


def test_a_reply_of_a_megabyte_is_cut_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = boards.make_task(tmp_path, ["long"])
    folder = boards.score(task, "talker", {"long": "Well. " * 200_000 + "yes"}, tmp_path / "results")
    capsys.readouterr()
    assert main(["show", "run", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "... (1200003 characters)" in out
    assert len(out) < 25_000


def test_show_run_names_its_mistakes(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "run", str(results / "near/yesno"), "--sample", "q91"]) == 2
    assert "no sample 'q91', did you mean" in capsys.readouterr().err
    assert main(["show", "run", str(results)]) == 2
    assert "holds 3 runs" in capsys.readouterr().err


def test_replies_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = boards.hostile(tmp_path) / "harmful/yesno"
    for name in boards.HOSTILE:
        capsys.readouterr()
        assert main(["show", "run", str(folder), "--sample", name]) == 0
        out = capsys.readouterr().out
        assert not STEERING.search(out)


def test_replies_and_names_steer_no_other_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["\x1b[31mred\u202e", "=1+1", "| a | `b` </script>"]
    task = boards.make_task(tmp_path, [*boards.HOSTILE, *names])
    replies = dict.fromkeys([*boards.HOSTILE, *names], "yes")
    boards.score(task, "tame", replies, tmp_path / "results")
    boards.score(task, "harmful", replies | boards.HOSTILE, tmp_path / "results")
    runs = (tmp_path / "results/tame", tmp_path / "results/harmful")
    capsys.readouterr()
    main(["compare", *map(str, runs), "--markdown", str(tmp_path / "gate.md"), "--junit", str(tmp_path / "gate.xml")])
    main(["explain", "--task", str(task), "--predictions", str(tmp_path / "harmful.jsonl")])
    main(["leaderboard", str(tmp_path / "results"), "--out", str(tmp_path / "site")])
    written = [file.read_text() for file in tmp_path.rglob("*") if file.suffix in {".md", ".xml", ".html"}]
    assert len(written) == 6  # the gate twice, the tables, two runs, one task
    for text in ("".join(capsys.readouterr()), *written):
        assert not STEERING.search(text)
    assert ElementTree.parse(tmp_path / "gate.xml").getroot().tag.startswith("testsuite")


def test_a_models_name_and_the_ids_of_missing_samples_steer_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = boards.make_task(tmp_path, ["q1", "\x1b[31mred\u202e"])
    file = tmp_path / "replies.jsonl"
    file.write_text('{"id": "q1", "prediction": "yes"}\n')
    command = ["score", "--task", str(task), "--predictions", str(file), "--name", "a\n\x1b[31mb"]
    assert main([*command, "--out", str(tmp_path / "results")]) == 4
    assert not STEERING.search("".join(capsys.readouterr()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ✓ 中文 👩‍💻", "plain ✓ 中文 👩‍💻"),
        ("two\n\tlines", "two\n\tlines"),
        ("\x1b[31m", "␛[31m"),
        ("a\rb\x00\x7f", "a␍b␀␡"),
        ("\u202eabc", "⟦U+202E⟧abc"),
        ("\x9b\ud800", "⟦U+009B⟧⟦U+D800⟧"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_visible_is_stable_and_on_one_line_if_asked(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert len(one_line(text)) <= 123
    assert "\n" not in one_line(text)
