"""Open a picture or a video by its handle, the same way everywhere; only the frames asked for are held in memory."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from evalkit.errors import MediaError
from evalkit.media.archive import open_media_file
from evalkit.media.video_frames import VideoStream, read_stream, rgb_picture
from evalkit.types import Image, ImageDecoding, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MEGAPIXELS = 150
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
"""Formats that Pillow decodes by itself: an EPS would start an interpreter for a program inside a data set."""
DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error)
"""What Pillow's decoders raise on bytes that are not what their header says."""


def open_image(image: Image) -> Picture:
    """The picture in RGB, decoded as its `decoding` says; the first frame of an animation.

    Raises MediaError naming the path: missing, empty, truncated, not a picture, or larger than 150 megapixels, which
    its header tells before anything is decoded.
    """
    _require_digest(image, "picture")
    with open_media_file(image.path, "picture") as file:
        try:
            return _rgb(_header(file, image.path), image.decoding)
        except (*DECODER_ERRORS, zlib.error) as error:
            raise MediaError(f"picture {image.path} cannot be decoded ({error}); replace the file") from error


def read_text(path: str) -> str:
    """The text of a small file such as subtitles, in a zip or not; undecodable bytes are marked. Raises MediaError."""
    with open_media_file(path, "text", empty=True) as file:
        return file.read().decode("utf-8", errors="replace")


def _require_digest(media: Image | Video, noun: str) -> None:
    # A handle without a digest is one whose file was not there when the data set was read.
    if not media.digest:
        raise MediaError(f"{noun} {media.path} is missing; put the file there or point --data at a complete copy")


def _header(file: BinaryIO, path: str) -> Picture:
    import warnings

    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)  # our own limit applies instead
    try:
        picture = Pillow.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise MediaError(f"{path} is not a picture of a known format ({', '.join(FORMATS)}); replace it") from error
    except Pillow.DecompressionBombError as error:
        raise MediaError(f"picture {path} has more than {MEGAPIXELS} megapixels; make it smaller") from error
    if picture.width * picture.height > MEGAPIXELS * 1_000_000:
        raise MediaError(f"picture {path} has more than {MEGAPIXELS} megapixels; make it smaller")
    return picture


def _rgb(picture: Picture, decoding: ImageDecoding) -> Picture:
    from PIL import Image as Pillow
    from PIL import ImageOps

    picture.load()
    if decoding.exif == "apply":
        picture = ImageOps.exif_transpose(picture)
    if decoding.grey16 == "scale" and picture.mode.startswith("I"):
        picture = _grey8(picture)
    if decoding.alpha == "white" and ("A" in picture.mode or "transparency" in picture.info):
        picture = picture.convert("RGBA")
        return Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.info.pop("transparency", None)  # colours do not depend on it, and Pillow would warn
    return picture.convert("RGB")


def _grey8(picture: Picture) -> Picture:
    """A picture of 16 bits per pixel scaled to 8 bits: 65535 becomes 255, rounded to the nearest."""
    import numpy
    from PIL import Image as Pillow

    grey = numpy.asarray(picture).astype(numpy.uint32)
    return Pillow.fromarray(((grey * 255 + 32767) // 65535).astype(numpy.uint8))


# --- videos


class Frames(msgspec.Struct, frozen=True):
    """Frames of a video as RGB pictures, in the order of the rule that picked them.

    indices: the frame number of each. seconds: the presentation time of each, from the first frame of the video. fps:
    the video's average frame rate.
    """

    images: list[Picture]
    indices: tuple[int, ...]
    seconds: tuple[float, ...]
    fps: float


def sample_video(video: Video) -> Frames:
    """The frames that the video's rule picks, exact by number in presentation order, upright, in RGB.

    Only these frames are held; a frame that is picked twice is decoded once. Raises MediaError: missing, no video
    stream, no frames, truncated, or without the package `av`.
    """
    with _video_stream(video) as stream:
        indices = video.frames.indices(len(stream.times))
        pictures = {n: rgb_picture(frame) for n, frame in stream.frames(sorted(set(indices)))}
        if len(pictures) < len(set(indices)):
            raise MediaError(f"video {video.path} breaks off before frame {max(indices)}; replace the file")
        images = [pictures[n] for n in indices]
        return Frames(images, indices, tuple(stream.seconds(n) for n in indices), stream.fps)


def frame_seconds(video: Video) -> tuple[float, ...]:
    """`Frames.seconds` of the frames that `sample_video` would return, without decoding. Raises MediaError."""
    with _video_stream(video) as stream:
        return tuple(stream.seconds(n) for n in video.frames.indices(len(stream.times)))


@contextmanager
def _video_stream(video: Video) -> Iterator[VideoStream]:
    try:
        import av
    except ImportError as error:
        raise MediaError(f"video {video.path} needs the package av: pip install 'evalkit-vlm[video]'") from error
    _require_digest(video, "video")
    with open_media_file(video.path, "video") as file:
        try:
            with av.open(file) as container:
                stream = _require_frames(read_stream(container), video.path)
                if stream.timed:
                    yield stream
                    return
            file.seek(0)  # without times there is nothing to seek by, so decoding starts over
            with av.open(file) as container:
                yield stream.reopened(container)
        except av.FFmpegError as error:
            raise MediaError(f"video {video.path} cannot be read ({error.strerror}); replace the file") from error


def _require_frames(stream: VideoStream | None, path: str) -> VideoStream:
    if stream is None:
        raise MediaError(f"video {path} has no video stream; replace the file")
    if not stream.times:
        raise MediaError(f"video {path} has no frames; replace the file")
    if stream.truncated:
        count = f"{len(stream.times)} of {stream.declared} frames"
        raise MediaError(f"video {path} is truncated ({count}); replace the file")
    return stream
