"""Captions of a SubRip text, however malformed, and the captions on screen at given times."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from evalkit.types import Value

CLOCK = r"(\d+):(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
TIMES = re.compile(rf"^\s*{CLOCK}\s*-->\s*{CLOCK}", re.ASCII)
TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{\\[^{}]*\}")


class Caption(Value, frozen=True):
    """A text without its markup, on screen from `start` to `end` (seconds)."""

    start: float
    end: float
    text: str


def parse_captions(text: str) -> list[Caption]:
    """Captions in file order. Lines before the first time line and captions without text are skipped."""
    blocks: list[tuple[float, float, list[str]]] = []
    lines = text.lstrip("\ufeff").splitlines()
    for number, line in enumerate(lines):
        times = TIMES.match(line)
        if times:
            blocks.append((_seconds(times.groups()[:4]), _seconds(times.groups()[4:]), []))
        elif blocks and not _is_counter(lines, number):
            blocks[-1][2].append(line)
    captions = [Caption(start, end, _without_markup(block)) for start, end, block in blocks]
    return [caption for caption in captions if caption.text]


def captions_at(captions: Sequence[Caption], times: Sequence[float]) -> str:
    """The captions on screen at any of the `times` (seconds), by start, each text once, one per line."""
    visible = [c for c in captions if any(c.start <= time <= c.end for time in times)]
    return "\n".join(dict.fromkeys(c.text for c in sorted(visible, key=lambda c: c.start)))


def _is_counter(lines: Sequence[str], number: int) -> bool:
    """True for the caption's number above the next time line, which is no speech."""
    return lines[number].strip().isdigit() and number + 1 < len(lines) and bool(TIMES.match(lines[number + 1]))


def _seconds(clock: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = clock
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}")


def _without_markup(lines: Iterable[str]) -> str:
    return " ".join(html.unescape(TAG.sub("", " ".join(lines))).split())
