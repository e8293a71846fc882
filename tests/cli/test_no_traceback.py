"""No input makes a traceback: every verb meets what is broken with sentences and a documented exit code."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from evalkit.cli import entry
from tests.cli.test_cli import TASK
from tests.run.test_runner import make_data

CODES = {0, 1, 2, 3, 4, 5, 75, 130}
"""All but 70: a defect is no answer to a broken input."""
SECONDS = 120

CARD = """\
name: board
title: {en: Board}
tables:
- title: {en: One}
  rows:
  - {label: {en: Yes}, task: mini_pope}
"""

JUNK: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n  \n",
    "binary": bytes(range(256)) * 8,
    "nul": b"\0" * 64,
    "gzip": b"\x1f\x8b\x08\0cut short",
    "zip": b"PK\x03\x04cut short",
    "list": b"[1, 2]\n",
    "scalar": b"1\n",
    "null": b"null\n",
    "object": b"{}\n",
    "nan": b'{"id": "q0", "prediction": NaN, "answer": 1e400}\n',
    "huge": b'{"id": "q0", "prediction": ' + b"9" * 5000 + b"}\n",
    "exponent": b'{"id": 1e400, "prediction": "yes"}\n',
    "bytes": b'{"id": "q\xff\xfe", "prediction": "\xe9"}\n',
    "half": b'{"id": "q0", "prediction": "\\ud83d"}\n',
    "nested": b'{"id": "q0", "prediction": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
    "unclosed": b"[" * 200_000,
    "wrong types": b'{"id": ["q0"], "prediction": {"a": 1}, "doc_id": {}, "resps": 5, "index": null}\n',
    "lmms": b'{"doc_id": 1, "resps": [["yes"]], "doc": 7, "target": {"a": [1]}}\n',
    "header": b"index\tprediction\n1\n",
    "table": b"index,prediction\n1,2,3\n",
    "quote": b'index,prediction\n"1,2\n',
    "crlf": b'{"id": "q0",\r\n "prediction": "yes"}\r\n',
    "utf-16": '{"id": "q0", "prediction": "yes"}\n'.encode("utf-16"),
}

YAML: dict[str, str] = {
    "deep list": "name: " + "[" * 5000 + "]" * 5000,
    "deep map": "name: " + "{a: " * 5000 + "}" * 5000,
    "deep block": "\n".join(" " * i + "a:" for i in range(3000)),
    "tab": "name:\n\t- x",
    "tag": "name: !!python/object/apply:os.system [ls]",
    "alias": "name: &a x\ntitle: *a",
    "merge": "<<: {name: x}",
    "two documents": "name: x\n---\nname: y",
    "key is a list": "[a, b]: 1",
    "key is null": "null: 1\n~: 2",
    "date": "name: 2024-01-01",
    "huge number": "samples: " + "9" * 5000,
    "hex": "samples: 0x",
    "infinite": TASK.replace("samples: 60", "samples: .inf"),
    "not a number": TASK.replace("samples: 60", "samples: .nan"),
    "beyond 64 bits": TASK.replace("samples: 60", "samples: 99999999999999999999"),
    "negative": TASK.replace("samples: 60", "samples: -1"),
    "nul in a path": TASK.replace("path: data.jsonl", 'path: "a\\0b"'),
    "surrogate": TASK.replace("path: data.jsonl", 'path: "a\\ud800b"'),
    "long path": TASK.replace("path: data.jsonl", f"path: {'a' * 5000}"),
    "empty path": TASK.replace("path: data.jsonl", 'path: ""'),
    "absolute path": TASK.replace("path: data.jsonl", "path: /etc"),
    "star": TASK.replace("path: data.jsonl", 'path: "**/[x"'),
    "no name": TASK.replace("name: yesno", 'name: ""'),
    "name with a slash": TASK.replace("name: yesno", "name: ../../etc"),
    "name of lines": TASK.replace("name: yesno", 'name: "a\\nb\\u202ec\\e[31m"'),
    "no tokens": TASK.replace("max_new_tokens: 8", "max_new_tokens: 0"),
    "negative tokens": TASK.replace("max_new_tokens: 8", "max_new_tokens: -5"),
    "infinite temperature": TASK.replace("max_new_tokens: 8", "max_new_tokens: 8, temperature: .inf"),
    "temperature is no number": TASK.replace("max_new_tokens: 8", "max_new_tokens: 8, temperature: .nan"),
    "brace in a template": TASK.replace("{kind: yes_no}", '{kind: yes_no, template: "{question"}'),
    "unknown field in a template": TASK.replace("{kind: yes_no}", '{kind: yes_no, template: "{qestion}"}'),
    "brace in an option": TASK.replace("{kind: yes_no}", '{kind: multiple_choice, option: "{letter"}'),
    "unknown field in an option": TASK.replace("{kind: yes_no}", '{kind: multiple_choice, option: "{lettre}"}').replace(
        "answer: answer", "answer: {kind: letter, column: answer}, choices: [question, answer]"
    ),
    "a judge's prompt with a brace": TASK + "judge: {prompt: '{reply', none: x}\n",
    "no answer column": TASK.replace("answer: answer, ", ""),
    "an answer that no row has": TASK.replace("answer: answer", "answer: nothing"),
    "unknown adapter": TASK.replace("yes_no", "yes_know"),
    "kind is a list": TASK.replace("kind: yes_no", "kind: [yes_no]"),
    "kind is a number": TASK.replace("kind: yes_no", "kind: 5"),
    "no adapter": TASK.replace("adapter: {kind: yes_no}\n", ""),
    "column of braces": TASK.replace("question: question", 'question: "{"'),
    "column is empty": TASK.replace("question: question", 'question: ""'),
    "columns is a list": TASK.replace("columns: {", "columns: [{").replace("half: half}}", "half: half}}]"),
    "macro without groups": TASK.replace("by: [half]", "average: macro"),
    "unknown group": TASK.replace("by: [half]", "by: [nothing]"),
    "no metrics": TASK.replace("metrics:\n  accuracy: {kind: accuracy, by: [half]}\n", "metrics: {}\n"),
    "source is a hub": TASK.replace("{kind: jsonl, path: data.jsonl}", "{kind: huggingface, path: ../x}"),
    "text only": "just a sentence",
    "list only": "- a\n- b",
    "nothing": "",
    "comment": "# nothing",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """A command that waits for ever, as on a pipe that nobody writes, fails."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"the command takes longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task of sixty questions, one run of it, every broken file, a pipe and a folder without anything."""
    root = tmp_path_factory.mktemp("inputs")
    make_data(root)
    (root / "yesno.yaml").write_text(TASK)
    (root / "board.yaml").write_text(CARD)
    (root / "file").write_text("no folder")
    (root / "folder").mkdir()
    (root / "folder.yaml").mkdir()
    os.mkfifo(root / "pipe")
    os.mkfifo(root / "pipe.yaml")
    (root / "loop").symlink_to("loop")
    for name, data in JUNK.items():
        (root / name).write_bytes(data)
        (root / f"{name}.xlsx").write_bytes(data)
    for number, text in enumerate(YAML.values()):
        (root / f"broken-{number}.yaml").write_text(text)
    for name, data in JUNK.items():
        (root / f"{name}.yaml").write_bytes(data)
    command = [
        "run",
        "--model",
        "always-yes",
        "--task",
        str(root / "yesno.yaml"),
        "--out",
        str(root / "good"),
        "--quiet",
    ]
    assert entry.main(command) == 0
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """`main` on words; fails on an exception, on a traceback, on a line of stderr that breaks off, on another code."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))

    def call(*words: object) -> int:
        try:
            code = entry.main([str(word) for word in words])
        except SystemExit as stop:  # argparse and --help
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err, err
        assert code in CODES, err
        assert not code or code == 1 or out or err.strip(), "a failure says why"
        for sentence in err.splitlines():
            assert sentence.isprintable(), sentence
        return code

    return call


def words(text: str, place: Path, out: Path) -> list[str]:
    return [word.format(p=place, out=out) for word in text.split()]


COMMANDS = """\

--version
nonsense
run --limit 1e-5 --model always-yes --task {p}/yesno.yaml --out {out}
run --limit nan
run --limit inf
run --limit -inf
run --limit 1e400
run --limit 1e-400
run --limit 0.5.5
run --limit ²
run --limit 1_0 --model always-yes --task {p}/yesno.yaml --out {out}
run --limit 99999999999999999999999 --model always-yes --task {p}/yesno.yaml --out {out}
run --batch ² --model always-yes
run --batch 99999999999999999999999 --model always-yes --task {p}/yesno.yaml --out {out}
run --batch 0
run --workers 1e3
run --model {p}/folder --task {p}/yesno.yaml --out {out}
run --model {p}/file --task {p}/yesno.yaml --out {out}
run --model {p}/pipe --task {p}/yesno.yaml --out {out}
run --model {p}/folder.yaml --task {p}/yesno.yaml --out {out}
run --model {p}/pipe.yaml --task {p}/yesno.yaml --out {out}
run --model {p}/loop --task {p}/yesno.yaml --out {out}
run --model / --task {p}/yesno.yaml --out {out}
run --model . --task {p}/yesno.yaml --out {out}
run --model ../.. --task {p}/yesno.yaml --out {out}
run --model ~ --task {p}/yesno.yaml --out {out}
run --model always-yes --task {p}/folder.yaml --out {out}
run --model always-yes --task {p}/pipe.yaml --out {out}
run --model always-yes --task {p}/folder --out {out}
run --model always-yes --task / --out {out}
run --model always-yes --task {p}/yesno.yaml --out {p}/file/x
run --model always-yes --task {p}/yesno.yaml --out {p}/file
run --model always-yes --task {p}/yesno.yaml --out /proc/x
run --model always-yes --task {p}/yesno.yaml --out /dev/full
run --model always-yes --task {p}/yesno.yaml --out /dev/null/x
run --model always-yes --task {p}/yesno.yaml --out {p}/loop
run --model always-yes --task {p}/yesno.yaml --out {p}/pipe
run --model always-yes --task {p}/yesno.yaml --annotations {p}/folder --out {out}
run --model always-yes --task {p}/yesno.yaml --annotations {p}/pipe --out {out}
run --model always-yes --task {p}/yesno.yaml --annotations {p}/missing --out {out}
run --model always-yes --task {p}/yesno.yaml --annotations {p}/loop --out {out}
run --model always-yes --task mini_pope --data {p}/file --limit 2 --out {out}
run --model always-yes --task mini_pope --data {p}/missing --limit 2 --out {out}
run --model always-yes --task mini_pope --data {p}/loop --limit 2 --out {out}
run --model always-yes --task mini_pope --data {p}/pipe --limit 2 --out {out}
run --model always-yes --card {p}/yesno.yaml --out {out}
run --model always-yes --card {p}/missing.yaml --out {out}
run --model always-yes --suite ../tasks --out {out}
run --model always-yes --device nonsense --task {p}/yesno.yaml --out {out}
run --model pocket-vlm --device nonsense --task {p}/yesno.yaml --out {out}
run --model pocket-vlm --device cuda:99999999999999999999 --task {p}/yesno.yaml --out {out}
run --model pocket-vlm --device cpu:7 --task {p}/yesno.yaml --limit 2 --out {out}
run --judge always-yes --model always-yes --task {p}/yesno.yaml --limit 2 --out {out}
run --judge {p}/folder --model always-yes --task {p}/yesno.yaml --out {out}
run --executor ray --model always-yes --device cuda:1
score {p}/file
score {p}/folder
score {p}/pipe
score {p}/loop
score {p}/missing
score --rule nonsense {p}/good
score --task {p}/yesno.yaml --predictions {p}/folder
score --task {p}/yesno.yaml --predictions {p}/pipe
score --task {p}/yesno.yaml --predictions {p}/loop
score --task {p}/yesno.yaml --predictions /dev/null
score --task {p}/yesno.yaml --predictions {p}/missing
score --task {p}/yesno.yaml --predictions /
score --task mini_pope --predictions {p}/empty --out {p}/file/x
score --task {p}/folder.yaml --predictions {p}/empty
score --task {p}/yesno.yaml --predictions {p}/object --field ..
score --task {p}/yesno.yaml --predictions {p}/object --field .
score --task {p}/yesno.yaml --predictions {p}/object --name ../../x --out {out}
explain
explain {p}/file
explain {p}/folder
explain {p}/good --examples -1
explain {p}/good --examples 999999999999999999999
explain --task {p}/yesno.yaml --predictions {p}/folder
explain --task {p}/yesno.yaml --predictions {p}/pipe
report --card {p}/folder.yaml
report --card {p}/yesno.yaml
report --card {p}/pipe.yaml
report --card {p}/board.yaml {p}/good
report --card {p}/board.yaml {p}/file
report --card {p}/board.yaml {p}/pipe
report --card {p}/board.yaml {p}/folder
report --card {p}/board.yaml {p}/good --output {p}/folder
report --card {p}/board.yaml {p}/good --output {p}/file/x
report --card {p}/board.yaml {p}/good --output /dev/full
report --card {p}/board.yaml {p}/good --output /proc/x
report --card {p}/board.yaml {p}/good --output /
report --card {p}/board.yaml {p}/good --output .
report --card {p}/board.yaml {p}/good --figures {p}/file
report --card {p}/board.yaml {p}/good --figures /dev/full
report --card {p}/board.yaml {p}/good --against nonsense
report --card mini --format csv --figures {p}/file/x
compare {p}/good {p}/missing
compare {p}/missing {p}/good
compare {p}/file {p}/good
compare {p}/good {p}/file
compare {p}/folder {p}/good
compare {p}/good {p}/good
compare {p}/good {p}/good --margin nan
compare {p}/good {p}/good --margin inf
compare {p}/good {p}/good --margin -1
compare {p}/good {p}/good --margin 1e400
compare {p}/good {p}/good --margin 1e308
compare {p}/good {p}/good --alpha nan
compare {p}/good {p}/good --alpha 1e-400
compare {p}/good {p}/good --alpha 1e-300
compare {p}/good {p}/good --flips 99999999999999999999
compare {p}/good {p}/good --flips -1
compare {p}/good {p}/good --allow nonsense
compare {p}/good {p}/good --save-baseline ../x
compare {p}/good {p}/good --json {p}/folder
compare {p}/good {p}/good --json /dev/full
compare {p}/good {p}/good --junit {p}/file/x
compare {p}/good {p}/good --markdown /proc/x
compare baseline:nothing {p}/good
compare baseline: {p}/good
compare baseline:../../etc {p}/good
compare card:mini/nothing {p}/good
compare card:mini {p}/good
compare card:nothing/x {p}/good
compare card: {p}/good
compare : {p}/good
compare {p}/good {p}/good --gate threshold
leaderboard {p}/good --out {p}/file
leaderboard {p}/good --out {p}/file/x
leaderboard {p}/good --out /proc/x
leaderboard {p}/good --out {p}/good
leaderboard {p}/missing --out {out}
leaderboard {p}/file --out {out}
leaderboard {p}/good --out {out} --card {p}/yesno.yaml
leaderboard {p}/good --out {out} --pixels 99999999999999999999
leaderboard {p}/good --out {out} --pixels 0
leaderboard {p}/good --out {out} --data {p}/file
export {p}/good --to nonsense --out {out}
export {p}/good --to lm-eval --out {p}/file
export {p}/good --to inspect --out /proc/x
export {p}/good --to vlmevalkit --out {p}/file/x
export {p}/good --to model-index --out {p}/pipe
export {p}/good --to every-eval-ever --out /dev/full
export {p}/good --to eval-results --out {out} --task-id nonsense
export {p}/good --to eval-results --out {out} --task-id =
export {p}/missing --to lm-eval --out {out}
export {p}/file --to lm-eval --out {out}
list nonsense
list
show task {p}/folder.yaml
show task {p}/missing.yaml
show task {p}/pipe.yaml
show task nonsense
show task {p}/yesno.yaml --sample nonsense
show task {p}/yesno.yaml --annotations {p}/folder
show task {p}/yesno.yaml --annotations {p}/binary
show run {p}/good
show run {p}/good --sample nonsense
show run {p}/file
show run {p}/folder
show run {p}/missing
show run {p}/pipe
check {p}/folder
check {p}/folder.yaml
check {p}/pipe
check {p}/missing
check {p}/loop
check /
check {p}/yesno.yaml --schema {p}/file
check {p}/yesno.yaml --schema /proc/x
check {p}/yesno.yaml --data {p}/file
doctor --run --nonsense
"""


@pytest.mark.parametrize("text", COMMANDS.splitlines())
def test_a_wrong_command_line_is_a_sentence(text: str, place: Path, tmp_path: Path, run: Callable[..., int]) -> None:
    run(*words(text, place, tmp_path / "out"))


@pytest.mark.parametrize("name", [*JUNK, *(f"{name}.xlsx" for name in ("empty", "binary", "zip", "object"))])
@pytest.mark.parametrize(
    "text",
    [
        "score --task {p}/yesno.yaml --predictions",
        "score --task {p}/yesno.yaml --field answer --predictions",
        "explain --task {p}/yesno.yaml --predictions",
        "run --model always-yes --task {p}/yesno.yaml --out {out} --annotations",
        "show task {p}/yesno.yaml --annotations",
    ],
)
def test_a_broken_file_is_a_sentence(
    text: str, name: str, place: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    run(*words(text, place, tmp_path / "out"), place / name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "check",
        "run --model always-yes --out {out} --task",
        "run --task mini_pope --limit 2 --out {out} --model",
        "report --card",
    ],
)
@pytest.mark.parametrize("name", [*YAML, *JUNK])
def test_a_broken_registry_file_is_a_sentence(
    text: str, name: str, place: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    file = f"broken-{[*YAML].index(name)}.yaml" if name in YAML else f"{name}.yaml"
    run(*words(text, place, tmp_path / "out"), place / file)


CELLS = {
    "null": "null",
    "empty": '""',
    "list": "[1, [2]]",
    "object": '{"a": {"b": 1}}',
    "number": "7",
    "infinite": "1e400",
    "huge": "9" * 400,
    "true": "true",
    "half a pair": '"\\ud83d"',
    "nul": '"a\\u0000b"',
    "lines": '"a\\nb\\u202e\\u001b[31m"',
    "path": '"../../../etc/passwd"',
    "absolute": '"/etc/passwd"',
    "long": '"' + "x" * 5000 + '"',
    "braces": '"{question} {0} {"',
    "place of a picture": '"<image 7> <image 0> <image 999>"',
    "deep": "[" * 2000 + "]" * 2000,
}


@pytest.mark.slow
@pytest.mark.parametrize("column", ["id", "question", "answer", "image", "half"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("adapter", ["multiple_choice", "short_answer"])
def test_an_odd_cell_is_a_sentence(
    adapter: str, cell: str, column: str, place: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    row = {"id": '"q0"', "question": '"Is it?"', "answer": '"yes"', "image": '"pictures/0.png"', "half": '"a"'}
    if adapter == "multiple_choice":
        row["answer"] = '"A"'
    task = TASK.replace("samples: 60", "samples: 2").replace("yes_no", adapter)
    if adapter == "multiple_choice":
        task = task.replace("answer: answer", "answer: {kind: letter, column: answer}, choices: [question, half]")
    (tmp_path / "yesno.yaml").write_text(task)
    lines = [row, {**row, "id": '"q1"', column: CELLS[cell]}]
    (tmp_path / "data.jsonl").write_text(
        "".join("{" + ", ".join(f'"{name}": {text}' for name, text in line.items()) + "}\n" for line in lines)
    )
    for text in (
        "run --model always-yes --task {r}/yesno.yaml --out {r}/results",
        "check {r}/yesno.yaml",
        "show task {r}/yesno.yaml --sample q1",
        "leaderboard {r}/results --out {r}/site --allow-incomplete",
        "export {r}/results --to vlmevalkit --out {r}/vlmevalkit",
    ):
        run(*(word.format(r=tmp_path) for word in text.split()))


READERS = """\
score {r}
explain {r}
report --card {p}/board.yaml {r}
compare {r} {p}/good
compare {p}/good {r}
compare {r} {r} --save-baseline kept
leaderboard {r} --out {out}
export {r} --to inspect --out {out}
export {r} --to vlmevalkit --out {out}
show run {r}
run --model always-yes --task {p}/yesno.yaml --out {r} --quiet
""".splitlines()

FILES = ("run.json", "stats.json", "scores.jsonl", "responses-0.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("text", READERS)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", ["empty", "binary", "list", "object", "bytes", "unclosed", "missing", "folder"])
def test_a_damaged_run_is_a_sentence(
    damage: str, file: str, text: str, place: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(place / "good", results)
    path = results / "always-yes" / "yesno" / file
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(JUNK[damage])
    run(*(word.format(p=place, out=tmp_path / "out", r=results) for word in text.split()))


@pytest.mark.parametrize("text", READERS)
def test_a_record_nested_without_end_is_a_sentence(
    text: str, place: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(place / "good", results)
    file = results / "always-yes" / "yesno" / "run.json"
    record = json.loads(file.read_bytes())
    record["model"]["identity"]["deep"] = "DEEP"
    file.write_text(json.dumps(record).replace('"DEEP"', "[" * 50_000 + "]" * 50_000))
    run(*(word.format(p=place, out=tmp_path / "out", r=results) for word in text.split()))


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 75, "make room"),
        (OSError(errno.ENOSPC, "No space left on device", "/elsewhere/x"), 75, "/elsewhere/x: No space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "{out}/a"), 75, "make room in your quota"),
        (OSError(errno.EIO, "Input/output error", "/elsewhere/x"), 75, "check the disk"),
        (PermissionError(errno.EACCES, "Permission denied", "{out}/a"), 75, "check its permissions"),
        (OSError(errno.EROFS, "Read-only file system", "{out}/a"), 75, "can be written"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "{out}/a"), 75, "a file stands where a folder"),
        (PermissionError(errno.EACCES, "Permission denied", "{cache}/media"), 75, "cache/media"),
        (PermissionError(errno.EACCES, "Permission denied", "/home/me/mine.jsonl"), 2, "/home/me/mine.jsonl"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", b"/home/me"), 2, "/home/me: Is a directory"),
        (OSError(errno.EBADF, "Bad file descriptor", 7), 75, "Bad file descriptor"),
        (MemoryError(), 75, "memory ran out"),
        (RecursionError("maximum recursion depth exceeded"), 70, "RecursionError: maximum"),
        (TypeError("a\nb\u202ec"), 70, "internal error: TypeError: a b⟦U+202E⟧c (report it; EVALKIT_DEBUG=1 shows the"),
        (KeyError("name"), 70, "KeyError: 'name'"),
        (ZeroDivisionError(), 70, "internal error: ZeroDivisionError (report it"),
        (OSError("without a number"), 70, "OSError: without a number"),
        (ModuleNotFoundError("No module named 'x'", name="x"), 2, "x cannot be imported"),
        (ModuleNotFoundError("No module named 'evalkit.x'", name="evalkit.x"), 70, "report it"),
    ],
)  # fmt: skip
def test_what_nobody_foresaw_is_one_line(
    error: Exception,
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(_options: object) -> int:
        if isinstance(error, OSError) and isinstance(error.filename, str):
            error.filename = error.filename.format(out=tmp_path / "out", cache=tmp_path / "cache")
        raise error

    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("evalkit.cli.run.main", broken)
    assert entry.main(["run", "--out", str(tmp_path / "out")]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evalkit: ")
    assert words in err
    assert err.count("\n") == 1
    monkeypatch.setenv("EVALKIT_DEBUG", "1")
    assert entry.main(["run", "--out", str(tmp_path / "out")]) == code
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("list tasks > /dev/full", 75),
        ("list tasks > /dev/full 2> /dev/full", 75),
        ("list nothing 2> /dev/full", 2),
        ("list tasks | true", 0),
        ("list tasks | head -n 1", 0),
        ("list tasks >&-", 0),
        ("list tasks <&- >&- 2>&-", 0),
        ("show task nonsense <&- >&- 2>&-", 2),
        ("show task nonsense 2>&-", 2),
    ],
)
def test_streams_that_cannot_be_used_make_no_traceback(line: str, code: int, tmp_path: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -m evalkit {line}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_gets_escapes(encoding: str, tmp_path: Path) -> None:
    make_data(tmp_path)
    (tmp_path / "yesno.yaml").write_text(TASK.replace("{en: Yes or no}", '{en: "模型 😀"}'), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "evalkit", "show", "task", tmp_path / "yesno.yaml", "--sample", b"q\xff"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 2
    assert b"has no sample" in done.stderr
    assert b"Traceback" not in done.stderr
