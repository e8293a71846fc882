"""Rows of a data set as samples: a task file names the columns, and they are checked before any row is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from evalkit.data.image_values import image_values, to_image
from evalkit.data.references import (
    AnswerReference,
    ColumnReference,
    Row,
    SameMedia,
    column_value,
    gold_answers,
    is_empty,
    option_texts,
    referenced_columns,
    resolve_text,
)
from evalkit.data.subtitles import captions_at, parse_captions
from evalkit.errors import CellError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.media.open import frame_seconds, read_text
from evalkit.types import FrameRule, ImageDecoding, Media, Sample, Value, Video

T = TypeVar("T")


class VideoFile(Value, frozen=True):
    """The row's video: the first file of `path` (templates) in the data root or a zip there; `frames` picks frames."""

    path: tuple[str, ...]
    frames: FrameRule


class SubtitleFile(Value, frozen=True):
    """The row's subtitle file (SRT), looked for where its video is; a video without one has no subtitles."""

    path: str


class Columns(Value, frozen=True, kw_only=True, dict=True):  # dict: cached_property needs one
    """The columns of a row that hold the parts of a sample.

    images: with one name every row must have a picture, and an empty cell fails its sample. With a list of names a row
    may fill the first few only, or none, as text-only questions do; a gap is an error, since `<image n>` counts
    columns. cluster: what several questions share (a video, a picture), so that intervals treat them as one draw;
    `{kind: media}`, for data without such a column, gives none where replies are scored without pictures. missing:
    texts that mean "no value" in some mirrors ("nan"). A task whose gold is withheld leaves `answer` out.
    """

    id: ColumnReference
    question: ColumnReference
    answer: AnswerReference | None = None
    choices: str | tuple[str, ...] | None = None
    images: str | tuple[str, ...] | None = None
    video: VideoFile | None = None
    subtitles: SubtitleFile | None = None
    groups: Mapping[str, ColumnReference] = {}
    cluster: ColumnReference | SameMedia | None = None
    extra: Mapping[str, ColumnReference] = {}
    decoding: ImageDecoding = ImageDecoding()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.cluster, SameMedia) and not self.images and not self.video:
            raise ValueError("cluster: kind media needs columns.images or columns.video")
        self.column_names()  # raises ValueError for a malformed template

    def column_names(self, *, media: bool = True) -> dict[str, tuple[str, ...]]:
        """The columns that each field reads, by the field's path in the task file; fields of media only if asked."""
        references = {"id": self.id, "question": self.question, "answer": self.answer, "choices": self.choices}
        references["cluster"] = None if isinstance(self.cluster, SameMedia) else self.cluster
        if media:
            references["images"] = self.images
            references["video.path"] = tuple(self.video.path) if self.video else None
            references["subtitles.path"] = self.subtitles.path if self.subtitles else None
        for field, mapping in (("groups", self.groups), ("extra", self.extra)):
            references.update({f"{field}.{name}": reference for name, reference in mapping.items()})
        return {field: referenced_columns(ref) for field, ref in references.items() if ref is not None}

    @cached_property
    def _all_names(self) -> frozenset[str]:
        return frozenset(name for names in self.column_names().values() for name in names)

    def sample_id(self, row: Row) -> str:
        """The id of the row's sample. Raises CellError where it is empty."""
        return self._id(self._prepare(row))

    def sample(self, row: Row, *, root: Path, media_cache: MediaCache, media: bool = True) -> Sample:
        """The sample of a row; media are looked for under `root` (or in `media_cache`), or left out.

        Media without a file have an empty digest. Raises CellError or MediaError for a row that cannot be asked.
        """
        row = self._prepare(row)
        question = resolve_text(self.question, row)
        if media and not question:
            raise CellError("columns.question: the question is empty")
        choices = option_texts(self.choices, row)
        handles = tuple(self._media(row, root, media_cache)) if media else ()
        return Sample(
            id=self._id(row),
            question=question,
            answers=gold_answers(self.answer, row, choices),
            choices=choices,
            media=handles,
            groups={name: resolve_text(reference, row) for name, reference in self.groups.items()},
            cluster=self._cluster(row, handles),
            extra=self._extra(row, handles, root, media_cache),
        )

    def partial_sample(self, row: Row) -> Sample:
        """The sample of a row that `sample` refuses: its id, and every part that can be read by itself."""
        row = self._prepare(row)
        empty: tuple[str, ...] = ()
        choices = _or_default(lambda: option_texts(self.choices, row), empty)
        return Sample(
            id=self._id(row),
            question=_or_default(lambda: resolve_text(self.question, row), ""),
            answers=_or_default(lambda: gold_answers(self.answer, row, choices), empty),
            choices=choices,
            groups=_or_default(lambda: {name: resolve_text(ref, row) for name, ref in self.groups.items()}, {}),
            cluster=_or_default(lambda: self._cluster(row, ()), ""),
        )

    def _prepare(self, row: Row) -> dict[str, Any]:
        """The row with None for empty values, and with nested fields as columns (MathVista's `metadata.task`)."""
        nested = {name: column_value(row, name) for name in self._all_names - row.keys()}
        return {name: None if is_empty(value, self.missing) else value for name, value in {**row, **nested}.items()}

    def _id(self, row: Row) -> str:
        text = resolve_text(self.id, row)
        if not text:
            raise CellError(f"columns.id: row {row.get('row', '?')} has no id; every sample needs one")
        return text

    def _cluster(self, row: Row, media: Sequence[Media]) -> str:
        """The cluster; for `{kind: media}` only 64 bits of each digest, since every line of scores.jsonl repeats it."""
        if isinstance(self.cluster, SameMedia):
            return " ".join(part.digest[:16] for part in media) if all(part.digest for part in media) else ""
        return "" if self.cluster is None else resolve_text(self.cluster, row)

    def _media(self, row: Row, root: Path, media_cache: MediaCache) -> Iterator[Media]:
        for value, name in image_values(self.images, row):
            yield to_image(value, name, self.decoding, root=root, media_cache=media_cache)
        if self.video:
            names = [resolve_text(template, row) for template in self.video.path]
            path, digest = media_cache.find(root, names) or (str(root / names[0]), "")
            yield Video(path, digest, self.video.frames)

    def _extra(self, row: Row, media: Sequence[Media], root: Path, media_cache: MediaCache) -> dict[str, Any]:
        """A plain column keeps its value (None: empty); every other reference gives text."""
        extra = {
            name: row[ref] if isinstance(ref, str) and "{" not in ref else resolve_text(ref, row)
            for name, ref in self.extra.items()
        }
        if self.subtitles:
            videos = [part for part in media if isinstance(part, Video) and part.digest]
            file = media_cache.find(root, [resolve_text(self.subtitles.path, row)]) if videos else None
            extra["subtitles"] = (
                captions_at(parse_captions(read_text(file[0])), frame_seconds(videos[0])) if file else ""
            )
        return extra


def require_column(name: str, names: Collection[str], *, field: str) -> None:
    """Raise IncompleteError where neither column `name` nor, for `outer.inner`, column `outer` is among `names`."""
    if name in names or ("." in name and name.partition(".")[0] in names):
        return
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {close[0]!r}?" if close else "name one of them"
    raise IncompleteError(f"{field}: no column {name!r} among {', '.join(sorted(names))}; {hint}")


def _or_default(read: Callable[[], T], default: T) -> T:
    try:
        return read()
    except CellError:
        return default  # `sample` raised it too, so its reason is reported already
