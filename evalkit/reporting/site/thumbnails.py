"""Small copies of pictures and of video frames beside the pages, named by content, without the original's metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit import digest, text_files
from evalkit.errors import MediaError
from evalkit.media.open import open_image, sample_video
from evalkit.reporting.site.words import say
from evalkit.types import Image, Media, Value, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PIXELS = 384
FRAMES = 8
"""Frames shown of a video, spread evenly over those that the model is shown."""


class Thumbnail(Value, frozen=True):
    """`src` is the way from a page of samples to the file (empty: none), `caption` what it shows."""

    src: str
    caption: str


class Thumbnails:
    """Copies at most `pixels` long on either side, never enlarged, each written once; 0 pixels: captions only."""

    def __init__(self, folder: Path, *, pixels: int = PIXELS, language: str = "en") -> None:
        self.problems: list[str] = []
        self._folder, self._pixels, self._language = folder, pixels, language
        self._made: dict[Media, tuple[Thumbnail, ...]] = {}

    def of(self, media: Media) -> tuple[Thumbnail, ...]:
        """One for a picture, up to eight for a video; one that cannot be read is told in its caption and `problems`."""
        if media not in self._made:
            self._made[media] = self._shown(media)
        return self._made[media]

    def _shown(self, media: Media) -> tuple[Thumbnail, ...]:
        kind = "video" if isinstance(media, Video) else "picture"
        if not self._pixels or not media.digest:
            return self._none(f"{kind} not shown" if media.digest else f"{kind} not found")
        try:
            return self._picture(media) if isinstance(media, Image) else self._frames(media)
        except MediaError as error:
            self.problems.append(str(error))
            return self._none(f"{kind} cannot be read")

    def _none(self, why: str) -> tuple[Thumbnail, ...]:
        return (Thumbnail("", say(self._language, why)),)

    def _picture(self, image: Image) -> tuple[Thumbnail, ...]:
        name = self._name(image, "")
        if not (self._folder / name).is_file():
            self._write(name, open_image(image))
        return (Thumbnail(f"../media/{name}", ""),)

    def _frames(self, video: Video) -> tuple[Thumbnail, ...]:
        frames = sample_video(video)
        count = len(frames.images)
        kept = range(count) if count <= FRAMES else [int((i + 0.5) * count / FRAMES) for i in range(FRAMES)]
        found = []
        for n in kept:
            name = self._name(video, f"-{frames.indices[n]}")
            if not (self._folder / name).is_file():
                self._write(name, frames.images[n])
            shown = {"index": frames.indices[n], "seconds": f"{frames.seconds[n]:.1f}"}
            found.append(Thumbnail(f"../media/{name}", say(self._language, "frame {index}, {seconds} s", **shown)))
        return tuple(found)

    def _name(self, media: Media, suffix: str) -> str:
        rule = media.decoding if isinstance(media, Image) else "frame"
        return f"{digest.of([media.digest, rule, self._pixels])[:32]}{suffix}.webp"

    def _write(self, name: str, picture: Picture) -> None:
        small = picture.copy()
        small.thumbnail((self._pixels, self._pixels))
        small.info.clear()
        data = io.BytesIO()
        small.save(data, "WEBP", quality=82, method=4)
        text_files.write_atomic(self._folder / name, data.getvalue())
