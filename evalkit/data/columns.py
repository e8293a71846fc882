"""How a row of a data set becomes a Sample: named columns, declared in the task file and checked before any is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from evalkit.data import picture_cells
from evalkit.data.references import (
    Answer,
    Reference,
    SameMedia,
    absent,
    answers_of,
    choices_of,
    names_of,
    nested,
    text_of,
)
from evalkit.data.subtitles import parse, shown_lines
from evalkit.errors import CellError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.media.open import frame_seconds, read_text
from evalkit.types import Decoding, Media, Sample, Sampling, Value, Video

Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")


class VideoFile(Value, frozen=True):
    """The row's video: the first of `path` (templates) that exists in the data root or a zip in it, and `frames`."""

    path: tuple[str, ...]
    frames: Sampling


class SubtitleFile(Value, frozen=True):
    """The row's subtitle file (SRT), found as its video is; a video without one has no subtitles."""

    path: str


class Columns(Value, frozen=True, kw_only=True, dict=True):  # dict: room for what is worked out once
    """Where a row keeps the parts of a sample.

    images: one name means that every question has its picture (an empty cell is an error of that sample); a list of
    names may end early (text-only questions of a mixed set: a list of one), but has no gaps, since `<image n>` counts
    columns. cluster: what several questions share (a video, a picture), so that intervals treat them as one draw;
    `{kind: media}`, where no column tells it, falls away where replies are scored without pictures. missing: texts
    that stand for an empty cell in some mirrors ("nan"). A task whose gold is withheld leaves `answer` out.
    """

    id: Reference
    question: Reference
    answer: Answer | None = None
    choices: str | tuple[str, ...] | None = None
    images: str | tuple[str, ...] | None = None
    video: VideoFile | None = None
    subtitles: SubtitleFile | None = None
    groups: Mapping[str, Reference] = {}
    cluster: Reference | SameMedia | None = None
    extra: Mapping[str, Reference] = {}
    decoding: Decoding = Decoding()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.cluster, SameMedia) and not self.images and not self.video:
            raise ValueError("cluster: kind media needs columns.images or columns.video")

    def names(self, *, media: bool = True) -> dict[str, tuple[str, ...]]:
        """The columns that each field reads, by the field's path in the task file; fields of media only if asked."""
        used = {"id": self.id, "question": self.question, "answer": self.answer, "choices": self.choices}
        used["cluster"] = None if isinstance(self.cluster, SameMedia) else self.cluster
        if media:
            used["images"] = self.images
            used["video.path"] = tuple(self.video.path) if self.video else None
            used["subtitles.path"] = self.subtitles.path if self.subtitles else None
        for field, references in (("groups", self.groups), ("extra", self.extra)):
            used.update({f"{field}.{name}": reference for name, reference in references.items()})
        return {field: names_of(reference) for field, reference in used.items() if reference is not None}

    @cached_property
    def _named(self) -> frozenset[str]:
        return frozenset(name for names in self.names().values() for name in names)

    def identity(self, row: Row) -> str:
        """The sample's id alone. Raises CellError when it is empty."""
        return self._identity(self.cells(row))

    def _identity(self, cells: Row) -> str:
        text = text_of(self.id, cells)
        if not text:
            raise CellError(f"columns.id: row {cells.get('row', '?')} has no id; every sample needs one")
        return text

    def cells(self, row: Row) -> dict[str, Any]:
        """The row's cells, empty ones as None; a field of a nested cell reads `outer.inner` (MathVista's metadata)."""
        cells = {name: None if absent(value, self.missing) else value for name, value in row.items()}
        for name in self._named - cells.keys():
            value = nested(row, name)
            cells[name] = None if absent(value, self.missing) else value
        return cells

    def sample(self, row: Row, *, root: Path, media_cache: MediaCache, media: bool = True) -> Sample:
        """The sample of a row; media are looked for under `root` (or in `media_cache`), or left out.

        Media that cannot be found have an empty digest. Raises CellError or MediaError for a row that cannot be asked.
        """
        cells = self.cells(row)
        question = text_of(self.question, cells)
        if media and not question:
            raise CellError("columns.question: the question is empty")
        choices = choices_of(self.choices, cells)
        shown = tuple(self._media(cells, root, media_cache)) if media else ()
        return Sample(
            id=self._identity(cells),
            question=question,
            answers=answers_of(self.answer, cells, choices),
            choices=choices,
            media=shown,
            groups={name: text_of(reference, cells) for name, reference in self.groups.items()},
            cluster=self._shared(cells, shown),
            extra=self._extra(cells, shown, root, media_cache),
        )

    def known(self, row: Row) -> Sample:
        """What a row that `sample` refuses still tells: its id, and every part that reads well alone."""
        cells = self.cells(row)
        none: tuple[str, ...] = ()
        choices = _attempt(lambda: choices_of(self.choices, cells), none)
        return Sample(
            id=self._identity(cells),
            question=_attempt(lambda: text_of(self.question, cells), ""),
            answers=_attempt(lambda: answers_of(self.answer, cells, choices), none),
            choices=choices,
            groups=_attempt(lambda: {name: text_of(ref, cells) for name, ref in self.groups.items()}, {}),
            cluster=_attempt(lambda: self._shared(cells, ()), ""),
        )

    def _shared(self, cells: Row, shown: Sequence[Media]) -> str:
        """The cluster; of media 64 bits of each digest, since every line of scores carries it."""
        if isinstance(self.cluster, SameMedia):
            return " ".join(part.digest[:16] for part in shown) if all(part.digest for part in shown) else ""
        return "" if self.cluster is None else text_of(self.cluster, cells)

    def _media(self, cells: Row, root: Path, media_cache: MediaCache) -> Iterator[Media]:
        for cell, name in picture_cells.shown(self.images, cells):
            yield picture_cells.handle(cell, name, self.decoding, root=root, media_cache=media_cache)
        if self.video:
            names = [text_of(template, cells) for template in self.video.path]
            path, found = media_cache.find(root, names) or (str(root / names[0]), "")
            yield Video(path, found, self.video.frames)

    def _extra(self, cells: Row, shown: Sequence[Media], root: Path, media_cache: MediaCache) -> dict[str, Any]:
        """A plain column keeps its value (None: empty); every other reference gives text."""
        extra = {
            name: cells[reference] if isinstance(reference, str) and "{" not in reference else text_of(reference, cells)
            for name, reference in self.extra.items()
        }
        if self.subtitles:
            videos = [part for part in shown if isinstance(part, Video) and part.digest]
            found = media_cache.find(root, [text_of(self.subtitles.path, cells)]) if videos else None
            extra["subtitles"] = shown_lines(parse(read_text(found[0])), frame_seconds(videos[0])) if found else ""
        return extra


def require(name: str, found: Collection[str], *, field: str) -> None:
    """Raises IncompleteError where neither column `name` nor, for `outer.inner`, column `outer` is `found`."""
    if name in found or ("." in name and name.partition(".")[0] in found):
        return
    close = difflib.get_close_matches(name, found, 1)
    hint = f"did you mean {close[0]!r}?" if close else "name one of them"
    raise IncompleteError(f"{field}: no column {name!r} among {', '.join(sorted(found))}; {hint}")


def _attempt(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except CellError:
        return otherwise  # the reason is already told: `sample` raised it
