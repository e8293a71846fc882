"""The frames of a video by exact number: packets are counted without decoding, then only the frames asked for are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

TAIL = 8
"""Frames at the end of a file that may be undecodable, at most; the last decodable one replaces them."""


class VideoStream(msgspec.Struct, frozen=True):
    """The packets of a video stream of PyAV.

    container, stream: PyAV's, open for decoding. times: presentation time of each frame, ascending, in units of `base`
    seconds (frame numbers where the file keeps no times: `timed` is false, and frames are then counted by decoding from
    the start). keys: presentation and decoding time of the packets at which decoding can start. fps: the average frame
    rate. declared: number of frames by the file's header, 0 if unknown.
    """

    container: Any
    stream: Any
    times: list[int]
    keys: list[tuple[int, int]]
    base: float
    fps: float
    declared: int
    timed: bool

    def reopened(self, container: Any) -> VideoStream:
        """The same stream in the same file opened anew as `container`."""
        return msgspec.structs.replace(self, container=container, stream=container.streams.video[0])

    @property
    def truncated(self) -> bool:
        """True if packets that the header promises are missing, beyond the few by which headers are often wrong."""
        return self.declared - len(self.times) > max(TAIL, self.declared // 20)

    def seconds(self, n: int) -> float:
        """Presentation time of frame n in seconds, counted from the first frame."""
        return (self.times[n] - self.times[0]) * self.base

    def frames(self, numbers: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """Each of the frame `numbers` (ascending) with its decoded frame; ends early where decoding does.

        Decoding goes forward from the last key packet before a frame, unless it is already past that packet.
        """
        now, frame = -1, None
        decoder: Iterator[tuple[int, Any]] = iter(())
        for n in numbers:
            time = self.times[n]
            key = max(bisect_right(self.keys, (time, 1 << 62)) - 1, 0)
            if frame is None or (self.timed and self.keys[key][0] > now):
                now, frame, decoder = self._seek(key, time)
            while now < time:
                following = next(decoder, None)
                if following is None:
                    break
                now, frame = following
            if frame is None or (now < time and n + TAIL < len(self.times)):
                return
            yield n, frame

    def _seek(self, key: int, time: int) -> tuple[int, Any, Iterator[tuple[int, Any]]]:
        """Time and content of the first frame decoded from a key packet, and the frames after it.

        Decoding starts at the first packet where the file's index leads past the frame at `time`.
        """
        now, frame, decoder = -1, None, self._decode()
        for start in (self.keys[key][1], min(dts for _, dts in self.keys)) if self.timed else ():
            self.container.seek(start, stream=self.stream, backward=True)
            decoder = self._decode()
            now, frame = next(decoder, (-1, None))
            if now <= time:
                break
        return now, frame, decoder

    def _decode(self) -> Iterator[tuple[int, Any]]:
        for number, frame in enumerate(self.container.decode(self.stream)):
            if not self.timed:
                yield number, frame
            elif frame.pts is not None:
                yield frame.pts, frame


def read_stream(container: Any) -> VideoStream | None:
    """Count the packets of the first video stream of a PyAV container; None where it has none."""
    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    times, keys, timed = [], [], True
    for packet in container.demux(stream):
        if not packet.size:  # the packet with which PyAV flushes the demuxer is no frame
            continue
        timed = timed and packet.pts is not None
        if packet.is_keyframe and packet.pts is not None:
            keys.append((packet.pts, min(packet.pts, packet.pts if packet.dts is None else packet.dts)))
        if not packet.is_discard:
            times.append(packet.pts)
    rate = float(stream.average_rate or stream.guessed_rate or 1)
    return VideoStream(
        container,
        stream,
        sorted(times) if timed else list(range(len(times))),
        sorted(keys),
        float(stream.time_base) if timed else 1 / rate,
        rate,
        stream.frames,
        timed and bool(keys),
    )


def rgb_picture(frame: Any) -> Picture:
    """A decoded frame in RGB, turned as the file's rotation says (quarter turns only; others leave it as it is)."""
    from PIL import Image as Pillow

    turns = {90: Pillow.Transpose.ROTATE_90, 180: Pillow.Transpose.ROTATE_180, 270: Pillow.Transpose.ROTATE_270}
    picture: Picture = frame.to_image()
    turn = turns.get(round(frame.rotation) % 360)
    return picture if turn is None else picture.transpose(turn)
