"""Logs of lmms-eval and lm-eval (`samples_*.jsonl`): a line per document, with the reply before any filter."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evalkit.errors import ForeignFileError
from evalkit.interop.read.predictions import PredictionFile, PredictionRow, unique_rows
from evalkit.text_files import json_object, lines

RAW, FILTERED = "resps", "filtered_resps"
Line = dict[str, Any]


def is_log_line(first_line: bytes) -> bool:
    """True if a file with this first line is a log of lmms-eval or lm-eval."""
    try:
        line = json_object(first_line)
    except ValueError:
        return False
    return "doc_id" in line and (RAW in line or FILTERED in line)


def read_log(path: Path) -> PredictionFile:
    """The replies by `doc_id`, each with the fields of its document. Raises ForeignFileError, which names the line."""
    rows = unique_rows((_row(line, f"{path}:{n}") for n, line in _numbered_lines(path)), path)
    return PredictionFile("an lmms-eval log", "doc_id", rows)


def _row(line: Line, where: str) -> PredictionRow:
    if "doc_id" not in line:
        raise ForeignFileError(f"{where}: there is no doc_id; remove the line or log the samples again")
    # lmms-eval leaves `resps` out where filters changed nothing (its `save_results_samples`)
    return PredictionRow(str(line["doc_id"]), _reply(line.get(RAW, line.get(FILTERED)), where), _values(line))


def _reply(value: object, where: str) -> str:
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise ForeignFileError(
            f"{where}: {RAW} holds {str(value)[:60]!r} where one text is expected; "
            "log a task that generates text, with one reply for each document"
        )
    return value


def _values(line: Line) -> dict[str, Any]:
    """The fields of the document, if it was logged, and those of the metrics' records, which hold ids and groups."""
    values: dict[str, Any] = {}
    for name, value in line.items():
        if isinstance(value, Mapping) and name not in {"arguments", "input"}:
            values = {**value, **values} if name != "doc" else {**values, **value}
    return {**values, "target": line.get("target")}


def _numbered_lines(path: Path) -> Iterator[tuple[int, Line]]:
    n = 0
    try:
        for n, line in enumerate(lines(path), start=1):
            if line.strip():
                yield n, json_object(line)
    except ValueError as error:
        raise ForeignFileError(f"{path}:{n}: not a JSON object ({error}); copy the log again") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ForeignFileError(f"{path}: cannot be read after line {n} ({error}); copy the log again") from error
