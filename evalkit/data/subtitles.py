"""SubRip text to timed lines, never failing on odd text, and the lines on screen at given moments."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from evalkit.types import Value

CLOCK = r"(\d+):(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
TIMES = re.compile(rf"^\s*{CLOCK}\s*-->\s*{CLOCK}", re.ASCII)
TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")


class Caption(Value, frozen=True):
    """A text shown from `start` to `end`, in seconds, without its markup."""

    start: float
    end: float
    text: str


def parse(text: str) -> list[Caption]:
    """Captions in file order; what stands under no time line is skipped, a caption without text too."""
    found: list[tuple[float, float, list[str]]] = []
    lines = text.lstrip("\ufeff").splitlines()
    for number, line in enumerate(lines):
        times = TIMES.match(line)
        if times:
            found.append((_seconds(times.groups()[:4]), _seconds(times.groups()[4:]), []))
        elif found and not _counter(lines, number):
            found[-1][2].append(line)
    captions = [Caption(start, end, _plain(shown)) for start, end, shown in found]
    return [caption for caption in captions if caption.text]


def shown_lines(captions: Sequence[Caption], moments: Iterable[float]) -> str:
    """The captions on screen at any of the `moments` (seconds), in the order shown, each text once, one per line."""
    times = tuple(moments)
    shown = [c for c in captions if any(c.start <= time <= c.end for time in times)]
    return "\n".join(dict.fromkeys(c.text for c in sorted(shown, key=lambda c: c.start)))


def _counter(lines: Sequence[str], number: int) -> bool:
    """Whether a line is the number above the next time line rather than something said."""
    return lines[number].strip().isdigit() and number + 1 < len(lines) and bool(TIMES.match(lines[number + 1]))


def _seconds(clock: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = clock
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")


def _plain(lines: Iterable[str]) -> str:
    return " ".join(html.unescape(TAG.sub("", " ".join(lines))).split())
