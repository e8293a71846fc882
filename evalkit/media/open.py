"""Media by content: find a picture or video once, open it the same way everywhere, hold no more than was asked for."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from evalkit.errors import MediaError
from evalkit.media.archive import opened
from evalkit.media.cache import Library
from evalkit.media.video_frames import Track, read_track, upright
from evalkit.types import Decoding, Image, Value, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MEGAPIXELS = 150
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
"""Formats that Pillow decodes by itself: an EPS would start an interpreter for a program inside a data set."""
DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error)
"""What Pillow's decoders raise on bytes that are not what their header says."""
__all__ = [
    "Frames",
    "Library",
    "MediaError",
    "Timing",
    "frame_seconds",
    "open_image",
    "read_text",
    "sample_video",
    "video_timing",
]


def open_image(image: Image) -> Picture:
    """The picture in RGB as its `decoding` says, first frame of an animation.

    Raises MediaError naming the path: missing, empty, truncated, not a picture, or larger than 150 megapixels, which
    its header tells before anything is decoded.
    """
    with opened(image.path, image.digest, "picture") as file:
        try:
            return _rgb(_header(file, image.path), image.decoding)
        except (*DECODER_ERRORS, zlib.error) as error:
            raise MediaError(f"picture {image.path} cannot be decoded ({error}); replace the file") from error


def read_text(path: str) -> str:
    """A small text file such as subtitles, in a zip or not; undecodable bytes are marked. Raises MediaError."""
    with opened(path, "not asked", "text", empty=True) as file:
        return file.read().decode("utf-8", errors="replace")


def _header(file: BinaryIO, path: str) -> Picture:
    import warnings

    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)  # our limit speaks instead
    try:
        picture = Pillow.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise MediaError(f"{path} is not a picture of a known format ({', '.join(FORMATS)}); replace it") from error
    except Pillow.DecompressionBombError as error:
        raise MediaError(f"picture {path} has more than {MEGAPIXELS} megapixels; make it smaller") from error
    if picture.width * picture.height > MEGAPIXELS * 1_000_000:
        raise MediaError(f"picture {path} has more than {MEGAPIXELS} megapixels; make it smaller")
    return picture


def _rgb(picture: Picture, decoding: Decoding) -> Picture:
    from PIL import Image as Pillow
    from PIL import ImageOps

    picture.load()
    if decoding.exif == "apply":
        picture = ImageOps.exif_transpose(picture)
    if decoding.grey16 == "scale" and picture.mode.startswith("I"):
        picture = _scaled(picture)
    if decoding.alpha == "white" and ("A" in picture.mode or "transparency" in picture.info):
        picture = picture.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.info.pop("transparency", None)  # colours do not depend on it, and Pillow would warn
    return picture.convert("RGB")


def _scaled(picture: Picture) -> Picture:
    import numpy
    from PIL import Image as Pillow

    grey = numpy.asarray(picture).astype(numpy.uint32)
    return Pillow.fromarray(((grey * 255 + 32767) // 65535).astype(numpy.uint8))


# --- videos


class Timing(Value, frozen=True):
    """Length of a video: frames counted, frames per second on average, seconds from first frame to end of last."""

    frames: int
    fps: float
    duration: float


class Frames(msgspec.Struct, frozen=True):
    """Pictures of a video in the order asked for, their frame numbers, and when each is shown, in seconds."""

    images: list[Picture]
    indices: tuple[int, ...]
    seconds: tuple[float, ...]
    fps: float


def sample_video(video: Video) -> Frames:
    """The frames that the video's rule picks, exact by number in presentation order, upright, in RGB.

    Only these frames are held; one asked for twice is decoded once. Raises MediaError: missing, no video stream, no
    frames, truncated, or without the package `av`.
    """
    with _track(video.path, video.digest) as track:
        indices = video.frames.indices(len(track.times))
        pictures = {n: upright(frame) for n, frame in track.frames(sorted(set(indices)))}
        if len(pictures) < len(set(indices)):
            raise MediaError(f"video {video.path} breaks off before frame {max(indices)}; replace the file")
        images = [pictures[n] for n in indices]
        return Frames(images, indices, tuple(track.seconds(n) for n in indices), track.fps)


def video_timing(path: str) -> Timing:
    """Frames and seconds of a video, its packets counted without decoding them. Raises MediaError."""
    with _track(path, "not asked") as track:
        count = len(track.times)
        return Timing(count, track.fps, track.seconds(count - 1) + 1 / track.fps)


def frame_seconds(video: Video) -> tuple[float, ...]:
    """When each frame that `sample_video` would give is shown, in seconds, without decoding. Raises MediaError."""
    with _track(video.path, video.digest) as track:
        return tuple(track.seconds(n) for n in video.frames.indices(len(track.times)))


@contextmanager
def _track(path: str, found: str) -> Iterator[Track]:
    try:
        import av
    except ImportError as error:
        raise MediaError(f"video {path} needs the package av: pip install 'evalkit-vlm[video]'") from error
    with opened(path, found, "video") as file:
        try:
            with av.open(file) as container:
                track = _usable(read_track(container), path)
                if track.timed:
                    yield track
                    return
            file.seek(0)  # without times there is nothing to seek by, so decoding starts over
            with av.open(file) as container:
                yield track.over(container)
        except av.FFmpegError as error:
            raise MediaError(f"video {path} cannot be read ({error.strerror}); replace the file") from error


def _usable(track: Track | None, path: str) -> Track:
    if track is None:
        raise MediaError(f"video {path} has no video stream; replace the file")
    if not track.times:
        raise MediaError(f"video {path} has no frames; replace the file")
    if track.truncated:
        counted = f"{len(track.times)} of {track.declared} frames"
        raise MediaError(f"video {path} is truncated ({counted}); replace the file")
    return track
