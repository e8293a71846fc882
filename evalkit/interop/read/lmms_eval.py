"""Logs of lmms-eval and lm-eval (`samples_*.jsonl`): a line per document, and what the model said unfiltered."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalkit.errors import ForeignFileError
from evalkit.interop.read.foreign import Foreign, ForeignReply, once
from evalkit.text_files import json_object, lines

RAW, FILTERED = "resps", "filtered_resps"
Line = dict[str, Any]


def looks_like(start: bytes) -> bool:
    """Whether a file's first line is one of such a log."""
    try:
        line = json_object(start)
    except ValueError:
        return False
    return "doc_id" in line and (RAW in line or FILTERED in line)


def log(path: Path) -> Foreign:
    """The log's replies by `doc_id`, each with the fields of its document. Raises ForeignFileError naming the line."""
    found = once((_reply(line, f"{path}:{n}") for n, line in _lines(path)), path)
    return Foreign("an lmms-eval log", "doc_id", found)


def _reply(line: Line, where: str) -> ForeignReply:
    """lmms-eval leaves `resps` out where filters changed nothing (its `save_results_samples`)."""
    if "doc_id" not in line:
        raise ForeignFileError(f"{where}: there is no doc_id; take the line out or log the samples again")
    return ForeignReply(str(line["doc_id"]), _text(line.get(RAW, line.get(FILTERED)), where), _cells(line))


def _text(said: object, where: str) -> str:
    while isinstance(said, list) and len(said) == 1:
        said = said[0]
    if not isinstance(said, str):
        raise ForeignFileError(
            f"{where}: {RAW} holds {str(said)[:60]!r} where one text is expected; "
            "log a task that generates text, with one reply for each document"
        )
    return said


def _cells(line: Line) -> dict[str, Any]:
    """The document, where it was logged, and what the metrics noted about it (ids and groups among others)."""
    cells: dict[str, Any] = {}
    for name, value in line.items():
        if isinstance(value, Mapping) and name not in {"arguments", "input"}:
            cells = {**value, **cells} if name != "doc" else {**cells, **value}
    return {**cells, "target": line.get("target")}


def _lines(path: Path) -> Iterator[tuple[int, Line]]:
    n = 0
    try:
        for n, line in enumerate(lines(path), start=1):
            if line.strip():
                yield n, json_object(line)
    except ValueError as error:
        raise ForeignFileError(f"{path}:{n}: not a JSON object ({error}); copy the log again") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ForeignFileError(f"{path}: cannot be read after line {n} ({error}); copy the log again") from error
