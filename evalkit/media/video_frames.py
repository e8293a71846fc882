"""The frames of a video by exact number: packets are counted without decoding, then only what is wanted is decoded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

TAIL = 8
"""So many last frames of a file may turn out not to be decodable; the one before then stands for them."""


class Track(msgspec.Struct, frozen=True):
    """A video stream's packets.

    times: when each frame is shown, ascending, in units of `base` seconds (frame numbers where the file keeps no
    times: `timed` is false, and frames are then counted by decoding from the start). keys: (shown, decoded) times of
    the packets at which decoding can start. declared: frames by the file's header, 0 if unknown.
    """

    container: Any
    stream: Any
    times: list[int]
    keys: list[tuple[int, int]]
    base: float
    fps: float
    declared: int
    timed: bool

    def over(self, container: Any) -> Track:
        """The same track in a container opened anew."""
        return msgspec.structs.replace(self, container=container, stream=container.streams.video[0])

    @property
    def truncated(self) -> bool:
        """Whether packets that the header promises are missing, beyond the few by which headers are often wrong."""
        return self.declared - len(self.times) > max(TAIL, self.declared // 20)

    def seconds(self, n: int) -> float:
        """When frame n is shown, counted from the first."""
        return (self.times[n] - self.times[0]) * self.base

    def frames(self, wanted: Sequence[int]) -> Iterator[tuple[int, Any]]:
        """The `wanted` frame numbers (ascending) with their decoded frames; ends early where decoding does.

        Decoding goes forward from the nearest start before a frame, unless it already is between the two.
        """
        shown, frame = -1, None
        decoder: Iterator[tuple[int, Any]] = iter(())
        for n in wanted:
            time = self.times[n]
            key = max(bisect_right(self.keys, (time, 1 << 62)) - 1, 0)
            if frame is None or (self.timed and self.keys[key][0] > shown):
                shown, frame, decoder = self._from(key, time)
            while shown < time:
                found = next(decoder, None)
                if found is None:
                    break
                shown, frame = found
            if frame is None or (shown < time and n + TAIL < len(self.times)):
                return
            yield n, frame

    def _from(self, key: int, time: int) -> tuple[int, Any, Iterator[tuple[int, Any]]]:
        """Decode from a key packet, or from the start if the file's index sends us behind the frame at `time`."""
        shown, frame, decoder = -1, None, self._decoded()
        for start in (self.keys[key][1], min(dts for _, dts in self.keys)) if self.timed else ():
            self.container.seek(start, stream=self.stream, backward=True)
            decoder = self._decoded()
            shown, frame = next(decoder, (-1, None))
            if shown <= time:
                break
        return shown, frame, decoder

    def _decoded(self) -> Iterator[tuple[int, Any]]:
        for number, frame in enumerate(self.container.decode(self.stream)):
            if not self.timed:
                yield number, frame
            elif frame.pts is not None:
                yield frame.pts, frame


def read_track(container: Any) -> Track | None:
    """Count the packets of a container's first video stream; None where it has none."""
    if not container.streams.video:
        return None
    stream = container.streams.video[0]
    shown, keys, timed = [], [], True
    for packet in container.demux(stream):
        if not packet.size:  # the demuxer's last word, not a frame
            continue
        timed = timed and packet.pts is not None
        if packet.is_keyframe and packet.pts is not None:
            keys.append((packet.pts, min(packet.pts, packet.pts if packet.dts is None else packet.dts)))
        if not packet.is_discard:
            shown.append(packet.pts)
    rate = float(stream.average_rate or stream.guessed_rate or 1)
    return Track(
        container,
        stream,
        sorted(shown) if timed else list(range(len(shown))),
        sorted(keys),
        float(stream.time_base) if timed else 1 / rate,
        rate,
        stream.frames,
        timed and bool(keys),
    )


def upright(frame: Any) -> Picture:
    """A decoded frame in RGB, turned as the file's rotation says (whole quarter turns; others are left as they are)."""
    from PIL import Image as Pillow

    turns = {90: Pillow.Transpose.ROTATE_90, 180: Pillow.Transpose.ROTATE_180, 270: Pillow.Transpose.ROTATE_270}
    picture: Picture = frame.to_image()
    turn = turns.get(round(frame.rotation) % 360)
    return picture if turn is None else picture.transpose(turn)
