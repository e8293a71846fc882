"""Reports the progress of a run: a bar or lines on stderr, calls of a function, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from evalkit.errors import EvalkitError
from evalkit.safe_text import LONGEST, one_line
from evalkit.types import Response, Value

LINE_SECONDS = 10.0


class BatchCallback(Protocol):
    """A function that is called after every batch."""

    def __call__(self, responses: Sequence[Response], others: int = 0) -> None:
        """Count the responses of a batch, and the number that other processes have had since the last call."""


class Progress(Protocol):
    """Takes the reports of a run, one task at a time."""

    def say(self, text: str) -> None:
        """Report a sentence."""

    def label(self, text: str) -> None:
        """Set the name of the next task, as `model / task`."""

    def task(self, total: int) -> AbstractContextManager[BatchCallback]:
        """Yield the function to call with the responses of every batch of a task that has `total` requests to ask."""

    def failed(self, name: str, error: EvalkitError) -> None:
        """Report a task that ended with an error; the tasks after it still run."""


class ProgressEvent(Value, frozen=True, kw_only=True):
    """One report of a run: a `message`, or how many requests of the task `label` are `done` of `total`.

    `errors` counts failed requests among them.
    """

    label: str = ""
    message: str = ""
    done: int = 0
    total: int = 0
    errors: int = 0


class SilentProgress:
    """Reports nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def label(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def task(self, total: int) -> Iterator[BatchCallback]:
        """Yield a function that does nothing."""
        yield lambda responses, others=0: None

    def failed(self, name: str, error: EvalkitError) -> None:
        """Nothing; the caller gets the error."""


class CallbackProgress:
    """Calls a function with every report, in the thread that runs the evaluation."""

    def __init__(self, callback: Callable[[ProgressEvent], None]) -> None:
        self._callback, self._label = callback, ""

    def say(self, text: str) -> None:
        """Report an event with a message."""
        self._callback(ProgressEvent(label=self._label, message=text))

    def label(self, text: str) -> None:
        """Set the label of the events to come."""
        self._label = text

    @contextmanager
    def task(self, total: int) -> Iterator[BatchCallback]:
        """Report an event at the start and after every batch."""
        done = errors = 0
        self._callback(ProgressEvent(label=self._label, total=total))

        def advance(responses: Sequence[Response], others: int = 0) -> None:
            nonlocal done, errors
            done += len(responses) + others
            errors += sum(response.error is not None for response in responses)
            self._callback(ProgressEvent(label=self._label, done=done, total=total, errors=errors))

        yield advance

    def failed(self, name: str, error: EvalkitError) -> None:
        """Report an event with the error's sentence."""
        self._callback(ProgressEvent(label=name, message=str(error)))


class TerminalProgress:
    """A bar on a terminal, plain lines otherwise, on stderr. `quiet`: errors only.

    `colour` is decided by the command line.
    """

    def __init__(self, *, quiet: bool = False, colour: bool = True, stream: TextIO | None = None) -> None:
        self._quiet, self._colour = quiet, colour
        self._stream = stream or sys.stderr
        self._label = ""

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            print(one_line(text, LONGEST), file=self._stream, flush=True)

    def label(self, text: str) -> None:
        """Set the label of the next task's bar."""
        self._label = one_line(text)

    @contextmanager
    def task(self, total: int) -> Iterator[BatchCallback]:
        """Yield the function to call with the responses of every batch."""
        if self._quiet:
            yield lambda responses, others=0: None
        elif self._stream.isatty():
            with self._bar(total) as advance:
                yield advance
        else:
            yield self._lines(total)

    def failed(self, name: str, error: EvalkitError) -> None:
        """Print the error's sentence, also when quiet."""
        print(f"evalkit: {one_line(f'{name}: {error}', LONGEST)}", file=self._stream, flush=True)

    @contextmanager
    def _bar(self, total: int) -> Iterator[BatchCallback]:
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

    def _lines(self, total: int) -> BatchCallback:
        done = errors = 0
        printed_at = time.monotonic()

        def advance(responses: Sequence[Response], others: int = 0) -> None:
            nonlocal done, errors, printed_at
            done += len(responses) + others
            errors += sum(r.error is not None for r in responses)
            if done == total or time.monotonic() - printed_at >= LINE_SECONDS:
                printed_at = time.monotonic()
                self.say(f"{self._label}: {done}/{total}" + (f", {errors} errors" if errors else ""))

        return advance
