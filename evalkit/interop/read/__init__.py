"""Prediction files of other tools, recognised by what they hold and matched to the samples of a task."""

from __future__ import annotations

import zlib
from pathlib import Path

from evalkit.errors import ForeignFileError
from evalkit.interop.read import lmms_eval, vlmevalkit
from evalkit.interop.read.foreign import Foreign, ForeignReply
from evalkit.interop.read.match import Matched, match, positions
from evalkit.text_files import lines

__all__ = ["Foreign", "ForeignFileError", "ForeignReply", "Matched", "match", "positions", "recognised"]


def recognised(path: Path, *, field: str = "prediction") -> Foreign | None:
    """The replies of a file that another tool wrote; None for a file of our own format, or of none that is known.

    An lmms-eval or lm-eval log has `doc_id` and its replies on every line; a VLMEvalKit table has the columns `index`
    and `field`, as a workbook too. Raises ForeignFileError for a file that is one of them and cannot be read.
    """
    start = _start(path)
    if path.suffix == ".xlsx" or start.startswith(vlmevalkit.ARCHIVE):
        return vlmevalkit.workbook(path, field=field)
    if lmms_eval.looks_like(start):
        return lmms_eval.log(path)
    return vlmevalkit.table(path, field=field) if vlmevalkit.looks_like(start, field) else None


def _start(path: Path) -> bytes:
    """The first line; a file that cannot be read is left to the reader of our own format, which says why."""
    try:
        return next(lines(path), b"")
    except (OSError, EOFError, zlib.error):
        return b""
