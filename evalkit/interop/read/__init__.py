"""Read prediction files of other tools, recognised by their content, and match them to the samples of a task."""

from __future__ import annotations

import zlib
from pathlib import Path

from evalkit.errors import ForeignFileError
from evalkit.interop.read import lmms_eval, vlmevalkit
from evalkit.interop.read.match import SampleMatch, match_samples, row_positions
from evalkit.interop.read.predictions import PredictionFile, PredictionRow
from evalkit.text_files import lines

__all__ = [
    "ForeignFileError",
    "PredictionFile",
    "PredictionRow",
    "SampleMatch",
    "match_samples",
    "read_predictions",
    "row_positions",
]


def read_predictions(path: Path, *, field: str = "prediction") -> PredictionFile | None:
    """The replies of a file that another tool wrote; None for a file of our own format, or of an unknown one.

    An lmms-eval or lm-eval log has `doc_id` and its replies on every line; a VLMEvalKit table, which may be a workbook,
    has the columns `index` and `field`. Raises ForeignFileError for such a log or table that cannot be read.
    """
    try:
        first_line = next(lines(path), b"")
    except (OSError, EOFError, zlib.error):
        first_line = b""  # the reader of our own format says why the file cannot be read
    if path.suffix == ".xlsx" or first_line.startswith(vlmevalkit.ARCHIVE):
        return vlmevalkit.read_workbook(path, field=field)
    if lmms_eval.is_log_line(first_line):
        return lmms_eval.read_log(path)
    return vlmevalkit.read_table(path, field=field) if vlmevalkit.is_table_header(first_line, field) else None
