"""Show that long work moves: a bar on a terminal, plain lines otherwise, always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO

from evalkit.safe_text import LONGEST, one_line
from evalkit.types import Response

LINE_SECONDS = 10.0


class Advance(Protocol):
    """Moves a bar on."""

    def __call__(self, responses: Sequence[Response], others: int = 0) -> None:
        """By the responses of a batch, and by the number of those that other processes have had meanwhile."""


class Progress:
    """Talks about one task at a time; `quiet` says nothing but errors. `colour` is decided by the command line."""

    def __init__(self, *, quiet: bool = False, colour: bool = True, stream: TextIO | None = None) -> None:
        self._quiet, self._colour = quiet, colour
        self._stream = stream or sys.stderr
        self._label = ""

    def say(self, text: str) -> None:
        """One line for the user, now."""
        if not self._quiet:
            print(one_line(text, LONGEST), file=self._stream, flush=True)

    def label(self, text: str) -> None:
        """Name the next task's bar."""
        self._label = one_line(text)

    @contextmanager
    def task(self, total: int) -> Iterator[Advance]:
        """Yields the function to call with the responses of every batch."""
        if self._quiet:
            yield lambda responses, others=0: None
        elif self._stream.isatty():
            with self._bar(total) as advance:
                yield advance
        else:
            yield self._lines(total)

    @contextmanager
    def _bar(self, total: int) -> Iterator[Advance]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(file=self._stream, no_color=not self._colour, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[errors]}"),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=console) as bar:
            task = bar.add_task(self._label, total=total, errors="")
            errors = 0

            def advance(responses: Sequence[Response], others: int = 0) -> None:
                nonlocal errors
                errors += sum(r.error is not None for r in responses)
                bar.update(task, advance=len(responses) + others, errors=f"{errors} errors" if errors else "")

            yield advance

    def _lines(self, total: int) -> Advance:
        done = errors = 0
        spoken = time.monotonic()

        def advance(responses: Sequence[Response], others: int = 0) -> None:
            nonlocal done, errors, spoken
            done += len(responses) + others
            errors += sum(r.error is not None for r in responses)
            if done == total or time.monotonic() - spoken >= LINE_SECONDS:
                spoken = time.monotonic()
                self.say(f"{self._label}: {done}/{total}" + (f", {errors} errors" if errors else ""))

        return advance
