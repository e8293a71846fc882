"""Tell linear from quadratic readers of text by processor time, which a busy machine leaves as it is."""

from __future__ import annotations

import time
from collections.abc import Callable

FACTOR = 8
ENOUGH = 0.001  # seconds; the clock tells microseconds
LONGEST = 100_000


def seconds(read: Callable[[str], object], text: str) -> float:
    """Processor time of this thread, which leaves out what other processes and threads do meanwhile."""
    start = time.thread_time()
    read(text)
    return time.thread_time() - start


def is_linear(read: Callable[[str], object], piece: str) -> bool:
    """True if a text of repeated pieces costs about eight times as much when it is eight times as long.

    Linear time makes the ratio 8, quadratic time 64; it has to stay below 22, which is about as far from both. The
    text is doubled until it costs a millisecond, so a quadratic reader is told while it is still fast. A reader that
    never costs that much is no quadratic one: 100,000 characters squared take a minute. A ratio that is too large is
    measured again, five times at most, since another process may have emptied the caches.
    """
    text = piece * (200 // len(piece))
    while (once := min(seconds(read, text) for _ in range(2))) < ENOUGH:
        if len(text) > LONGEST:
            return True
        text *= 2
    return any(seconds(read, FACTOR * text) < FACTOR**1.5 * once for _ in range(5))
