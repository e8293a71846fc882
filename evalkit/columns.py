"""How a row of a data set becomes a Sample: named columns, declared in the task file and checked before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from evalkit.media import Library
from evalkit.types import Decoding, EvalkitError, Sample, Sampling, Value

Row: TypeAlias = Mapping[str, Any]


class CellError(EvalkitError):
    """A cell of one row is not what the column promises: it costs this sample, not the run."""

    code = 4


# --- references to columns


class Modulo(Value, frozen=True, tag_field="kind", tag="modulo"):
    """The remainder of a whole number, such as MMBench's question id: `index % 1000000`."""

    column: str
    by: int


class Lookup(Value, frozen=True, tag_field="kind", tag="lookup"):
    """What a table says for a cell's text, such as the discipline of an MMMU subject."""

    column: str
    table: Mapping[str, str]


Reference: TypeAlias = str | tuple[str, ...] | Modulo | Lookup
"""A column's name, names whose texts are joined by line breaks (empties dropped), a `{template}`, or a rule above."""


class Letter(Value, frozen=True, tag_field="kind", tag="letter"):
    """The gold is an option letter, written "A", "(A)" or "A."."""

    column: str


class Index(Value, frozen=True, tag_field="kind", tag="index"):
    """The gold is a 0-based option number, as a number or as text."""

    column: str


class Choice(Value, frozen=True, tag_field="kind", tag="choice"):
    """The gold is the text of an option; the cell itself where the row has no options (MathVista's free form)."""

    column: str


class Literals(Value, frozen=True, tag_field="kind", tag="literal"):
    """The gold is a text, or several written as a Python list literal (MMMU's open questions)."""

    column: str


Answer: TypeAlias = str | tuple[str, ...] | Modulo | Lookup | Letter | Index | Choice | Literals


class VideoFile(Value, frozen=True):
    """The row's video: the first of `path` (templates) that exists in the data root or a zip in it, and its `frames`."""

    path: tuple[str, ...]
    frames: Sampling


class SubtitleFile(Value, frozen=True):
    """The row's subtitle file (SRT), found as its video is; a video without one has no subtitles."""

    path: str


# --- which rows count


class Below(Value, frozen=True, tag_field="kind", tag="below"):
    """Rows whose number in `column` is less than `value` (MMBench's unrotated questions)."""

    column: str
    value: float


class Present(Value, frozen=True, tag_field="kind", tag="present"):
    """Rows whose cell in `column` is not empty (ScienceQA's questions with a picture)."""

    column: str


class Equal(Value, frozen=True, tag_field="kind", tag="equal"):
    """Rows whose cell in `column` reads as `value`."""

    column: str
    value: str | int | float | bool


Keep: TypeAlias = Below | Present | Equal


class Columns(Value, frozen=True, kw_only=True):
    """Where a row keeps the parts of a sample.

    images: one name means that every question has its picture (an empty cell is an error of that sample); a list of
    names may end early (text-only questions of a mixed set: a list of one), but has no gaps, since `<image n>` counts
    columns. missing: texts that stand for an empty cell in some mirrors ("nan"). A task whose gold is withheld leaves
    `answer` out.
    """

    id: Reference
    question: Reference
    answer: Answer | None = None
    choices: str | tuple[str, ...] | None = None
    images: str | tuple[str, ...] | None = None
    video: VideoFile | None = None
    subtitles: SubtitleFile | None = None
    groups: Mapping[str, Reference] = {}
    extra: Mapping[str, Reference] = {}
    decoding: Decoding = Decoding()
    missing: tuple[str, ...] = ()

    def sample(self, row: Row, *, root: Path, library: Library, media: bool = True) -> Sample:
        """The sample of a row; media are looked for under `root`, or left out.

        Raises CellError (or MediaError) for a row that cannot be asked.
        """
        raise NotImplementedError
