"""Promise 4: nothing is lost. The log survives torn lines, damaged lines and SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evalkit import text_files
from evalkit.errors import EvalkitError
from evalkit.run import response_log
from evalkit.types import Response


def test_latest_answer_wins_over_errors_and_over_older_answers(tmp_path: Path) -> None:
    with response_log.writer(tmp_path) as append:
        append([Response(key="a", error="broken", finish="error"), Response(key="b", text="old")])
        append([Response(key="a", text="fine"), Response(key="b", error="later error", finish="error")])
    log = response_log.read_responses(tmp_path)
    assert log.responses["a"].text == "fine"
    assert log.responses["b"].text == "old", "an error never hides an answer"
    assert log.answered("a")
    assert not log.answered("c")


def test_a_torn_last_line_is_ignored_and_cut_before_appending(tmp_path: Path) -> None:
    with response_log.writer(tmp_path) as append:
        append([Response(key="a", text="x")])
    file = tmp_path / "responses-0.jsonl"
    with file.open("ab") as stream:
        stream.write(b'{"key":"b","text":"half a li')
    assert set(response_log.read_responses(tmp_path).responses) == {"a"}
    with response_log.writer(tmp_path) as append:
        append([Response(key="c", text="y")])
    assert response_log.read_responses(tmp_path).damaged == ()
    assert file.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("content", [b"", b"no line end at all", b"x" * 200_000])
def test_cutting_reaches_the_start_of_a_file_without_line_ends(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "responses-0.jsonl"
    file.write_bytes(content)
    response_log.cut_torn_line(file)
    assert file.read_bytes() == b""


def test_a_damaged_line_inside_is_named_and_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "responses-0.jsonl").write_bytes(b'{"key":"a"}\nnot json\n{"key":"b"}\n')
    log = response_log.read_responses(tmp_path)
    assert set(log.responses) == {"a", "b"}
    assert log.damaged == (f"{tmp_path}/responses-0.jsonl:2",)


def test_logs_of_several_writers_are_read_together(tmp_path: Path) -> None:
    for name in ("0", "1"):
        with response_log.writer(tmp_path, name) as append:
            append([Response(key=name)])
    assert set(response_log.read_responses(tmp_path).responses) == {"0", "1"}


def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    with (
        response_log.writer(tmp_path),
        pytest.raises(EvalkitError, match="another run is writing here"),
        response_log.writer(tmp_path),
    ):
        pass


def test_text_that_json_cannot_hold_as_such_comes_back(tmp_path: Path) -> None:
    text = 'line\nbreak "quote" \\ 答案 \x00 \u2028'
    with response_log.writer(tmp_path) as append:
        append([Response(key="a", text=text)])
    assert response_log.read_responses(tmp_path).responses["a"].text == text


WRITER = """
import sys
from pathlib import Path
from evalkit.run import response_log
from evalkit.types import Response
folder = Path(sys.argv[1])
done = set(response_log.read_responses(folder).responses)
with response_log.writer(folder) as append:
    for start in range(0, 4000, 4):
        batch = [Response(key=str(k), text="x" * 300) for k in range(start, start + 4) if str(k) not in done]
        append(batch)
"""


@pytest.mark.slow
def test_sigkill_at_random_moments_loses_no_line_and_repeats_none(tmp_path: Path) -> None:
    moments = random.Random(0)
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)])
        time.sleep(0.05 + 0.1 * moments.random())
        before = len(response_log.read_responses(tmp_path).responses)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert len(response_log.read_responses(tmp_path).responses) >= before
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=True)
    lines = (tmp_path / "responses-0.jsonl").read_bytes().splitlines()
    assert len(lines) == 4000
    assert len(response_log.read_responses(tmp_path).responses) == 4000


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    text_files.write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    code = "import pathlib, evalkit.text_files as t; t.write_atomic(pathlib.Path('/dev/stdout'), b'said')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"said"
    assert not list(tmp_path.glob(".*"))
