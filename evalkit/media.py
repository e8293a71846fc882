"""Media by content: find a picture or video once, open it the same way everywhere, hold no more than was asked for."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from evalkit import digest
from evalkit.files import MediaError, opened, reading
from evalkit.track import Track, read_track, upright
from evalkit.types import Decoding, Image, Value, Video

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MEGAPIXELS = 150
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
"""Formats that Pillow decodes by itself: an EPS would start an interpreter for a program inside a data set."""
DECODER_ERRORS = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error)
"""What Pillow's decoders raise on bytes that are not what their header says."""
LARGE = 1 << 24
"""Bytes from which a file's digest is kept on disk: hashing a folder of videos takes minutes."""

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


class Library(msgspec.Struct, frozen=True, eq=False):
    """A cache folder of media named by their sha256; any number of processes may fill it at once.

    Files that lie on disk already stay where they are. A member of a zip is read in place where it is stored, and
    extracted into the folder where it is compressed, since videos are read at random.
    """

    folder: Path
    digests: dict[tuple[str, int, int], str] = msgspec.field(default_factory=dict)
    members: dict[Path, dict[str, Path]] = msgspec.field(default_factory=dict)

    def put(self, data: bytes) -> tuple[str, str]:
        """Path and digest of these very bytes, written if they are new; never re-encoded."""
        name = digest.of_bytes(data)
        path = self._path(name)
        if not (path.is_file() and path.stat().st_size == len(data)):
            self._write(path, (data,))
        return str(path), name

    def digest(self, path: Path) -> str:
        """The sha256 of a file, read once per (path, size, time of change); large files are remembered on disk."""
        facts = path.stat()
        return self._known(str(path.absolute()), facts, facts.st_size, lambda: digest.of_file(path))

    def find(self, root: Path, names: Sequence[str]) -> tuple[str, str] | None:
        """Path and digest of the first of `names` that exists under `root`, else in a zip that lies in `root`.

        Raises MediaError for a name that leaves `root`.
        """
        for name in names:
            if ".." in PurePosixPath(name).parts:
                raise MediaError(f"the path {name[:200]!r} leaves the data folder {root}; write it without '..'")
            if "\0" not in name and len(name) < 1024 and (root / name).is_file():
                return str(root / name), self.digest(root / name)
        members = self._members(root)
        found = next((name for name in names if name in members), None)
        return None if found is None else self._member(members[found], found)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _write(self, path: Path, pieces: Iterable[bytes]) -> str:
        """Write atomically; `path` may be a folder, then the file is named by its content. Returns the digest."""
        found = hashlib.sha256()
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.folder, prefix="writing-", delete=False) as file:
            for piece in pieces:
                found.update(piece)
                file.write(piece)
        name = found.hexdigest()
        target = self._path(name) if path == self.folder else path
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(target)
        return name

    def _known(self, place: str, facts: os.stat_result, size: int, read: Callable[[], str]) -> str:
        key = (place, facts.st_size, facts.st_mtime_ns)
        if key not in self.digests:
            note = self.folder / "known" / digest.of(key)
            if size >= LARGE and note.is_file():
                self.digests[key] = note.read_text()
            else:
                self.digests[key] = read()
                if size >= LARGE:
                    self._write(note, (self.digests[key].encode(),))
        return self.digests[key]

    def _members(self, root: Path) -> dict[str, Path]:
        """Which zip in `root` holds which member; every zip's index is read once."""
        if root not in self.members:
            index: dict[str, Path] = {}
            for path in sorted(root.glob("*.zip")):
                with reading(str(path), "archive"), zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        index.setdefault(name, path)
            self.members[root] = index
        return self.members[root]

    def _member(self, path: Path, name: str) -> tuple[str, str]:
        place = f"{path}!/{name}"
        with reading(place, "archive"), zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            stored = info.compress_type == zipfile.ZIP_STORED

            def read() -> str:
                with archive.open(info) as file:
                    pieces = iter(lambda: file.read(1 << 20), b"")
                    return _sha256(pieces) if stored else self._write(self.folder, pieces)

            found = self._known(place, path.stat(), info.file_size, read)
            if not stored and not self._path(found).is_file():
                found = read()
        return (place if stored else str(self._path(found))), found


def _sha256(pieces: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


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
        raise MediaError(f"video {path} needs the package av: pip install evalkit[video]") from error
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
