"""Media by content: find a picture or video once, open it the same way everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evalkit.types import EvalkitError, Image, Value, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class MediaError(EvalkitError):
    """A picture or video cannot be read; the text names its path."""

    code = 4


class Library(msgspec.Struct, frozen=True, eq=False):
    """A cache folder of media named by their sha256; any number of processes may fill it at once."""

    folder: Path

    def put(self, data: bytes) -> tuple[str, str]:
        """Path and digest of these very bytes, written if they are new; never re-encoded."""
        raise NotImplementedError


class Timing(Value, frozen=True):
    """Length of a video: frames counted, frames per second on average, seconds."""

    frames: int
    fps: float
    duration: float


class Frames(msgspec.Struct, frozen=True):
    """Pictures of a video in the order asked for, their frame numbers, and when each is shown, in seconds."""

    images: list[Picture]
    indices: tuple[int, ...]
    seconds: tuple[float, ...]
    fps: float


def open_image(image: Image) -> Picture:
    """The picture in RGB. Raises MediaError naming the path."""
    raise NotImplementedError


def sample_video(video: Video) -> Frames:
    """The frames that the video's rule picks, exact by number in presentation order. Raises MediaError."""
    raise NotImplementedError


def video_timing(path: str) -> Timing:
    """Frames and seconds of a video, counted without decoding. Raises MediaError."""
    raise NotImplementedError
