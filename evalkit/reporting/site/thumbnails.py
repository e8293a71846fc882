"""Small copies of pictures and of video frames beside the pages, named by content, without the original's metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit import digest, text_files
from evalkit.errors import MediaError
from evalkit.media.open import open_image, sample_video
from evalkit.reporting.site.translations import translate
from evalkit.types import Image, Media, Value, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PIXELS = 384
FRAMES = 8
"""Frames of a video, spread evenly over those that a model is sent."""


class Thumbnail(Value, frozen=True):
    """A small copy: `src` is its address seen from a page of samples (empty: none), `caption` says what it shows."""

    src: str
    caption: str


class Thumbnails:
    """Copies of at most `pixels` on either side, never enlarged, each written once; with 0 pixels captions only."""

    def __init__(self, folder: Path, *, pixels: int = PIXELS, language: str = "en") -> None:
        self.problems: list[str] = []
        self._folder, self._pixels, self._language = folder, pixels, language
        self._thumbnails: dict[Media, tuple[Thumbnail, ...]] = {}

    def of(self, media: Media) -> tuple[Thumbnail, ...]:
        """One copy of a picture, up to eight of a video; for what cannot be read a caption and a line in `problems`."""
        if media not in self._thumbnails:
            self._thumbnails[media] = self._copies(media)
        return self._thumbnails[media]

    def _copies(self, media: Media) -> tuple[Thumbnail, ...]:
        kind = "video" if isinstance(media, Video) else "picture"
        if not self._pixels or not media.digest:
            return self._caption(f"{kind} not shown" if media.digest else f"{kind} not found")
        try:
            return self._picture(media) if isinstance(media, Image) else self._frames(media)
        except MediaError as error:
            self.problems.append(str(error))
            return self._caption(f"{kind} cannot be read")

    def _caption(self, text: str) -> tuple[Thumbnail, ...]:
        return (Thumbnail("", translate(self._language, text)),)

    def _picture(self, image: Image) -> tuple[Thumbnail, ...]:
        name = self._name(image, "")
        if not (self._folder / name).is_file():
            self._write(name, open_image(image))
        return (Thumbnail(f"../media/{name}", ""),)

    def _frames(self, video: Video) -> tuple[Thumbnail, ...]:
        frames = sample_video(video)
        count = len(frames.images)
        numbers = range(count) if count <= FRAMES else [int((i + 0.5) * count / FRAMES) for i in range(FRAMES)]
        thumbnails = []
        for n in numbers:
            name = self._name(video, f"-{frames.indices[n]}")
            if not (self._folder / name).is_file():
                self._write(name, frames.images[n])
            place = {"index": frames.indices[n], "seconds": f"{frames.seconds[n]:.1f}"}
            caption = translate(self._language, "frame {index}, {seconds} s", **place)
            thumbnails.append(Thumbnail(f"../media/{name}", caption))
        return tuple(thumbnails)

    def _name(self, media: Media, suffix: str) -> str:
        decoding = media.decoding if isinstance(media, Image) else "frame"
        return f"{digest.of([media.digest, decoding, self._pixels])[:32]}{suffix}.webp"

    def _write(self, name: str, picture: Picture) -> None:
        small = picture.copy()
        small.thumbnail((self._pixels, self._pixels))
        small.info.clear()
        data = io.BytesIO()
        small.save(data, "WEBP", quality=82, method=4)
        text_files.write_atomic(self._folder / name, data.getvalue())
