"""The response log: one append-only JSONL file per writer that survives being killed at any moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from evalkit.errors import EvalkitError
from evalkit.text_files import unwritable
from evalkit.types import Response

SYNC_SECONDS = 5.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Response).decode


class Log(msgspec.Struct, frozen=True):
    """The content of a folder's log files: the latest answer per key, else the latest error, and damaged lines."""

    responses: dict[str, Response]
    damaged: tuple[str, ...] = ()

    def answered(self, key: str) -> bool:
        """True if the log has an answer to the key that is not an error."""
        response = self.responses.get(key)
        return response is not None and response.error is None


def read_responses(folder: Path, kind: str = "responses") -> Log:
    """All responses in `folder` (`<kind>-*.jsonl`), in file order. An unfinished last line does not count.

    A broken line inside a file is reported in `damaged` as file:line and is never fatal: its request is asked again.
    Raises EvalkitError when a file cannot be read at all.
    """
    responses: dict[str, Response] = {}
    damaged: list[str] = []
    for file in sorted(folder.glob(f"{kind}-*.jsonl")):
        for number, line in enumerate(_lines(file), start=1):
            try:
                response = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                damaged.append(f"{file}:{number}")
                continue
            old = responses.get(response.key)
            if old is None or response.error is None or old.error is not None:
                responses[response.key] = response
    return Log(responses, tuple(damaged))


def _lines(file: Path) -> Iterable[bytes]:
    try:
        with file.open("rb") as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    yield line
    except OSError as error:
        raise EvalkitError(
            f"{file}: the response log cannot be read ({error.strerror}); check its permissions"
        ) from error


@contextmanager
def writer(
    folder: Path, name: str = "0", *, kind: str = "responses", clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Iterable[Response]], None]]:
    """Open `<kind>-<name>.jsonl` for appending and yield the function that appends.

    Every call flushes, so that a killed process loses no reply it has appended; the file is fsynced every few seconds
    and at the end. A torn last line is cut first. Raises EvalkitError when another process writes under the same name.
    `clock` gives seconds.
    """
    file = folder / f"{kind}-{name}.jsonl"
    lock = FileLock(folder / f".{name}.lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        cut_torn_line(file)
        stream = file.open("ab")
    except Timeout:
        raise EvalkitError(f"{folder}: another run is writing here; wait for it or choose another --out") from None
    except OSError as error:
        raise unwritable(file, error, "choose another --out") from error
    synced = clock()

    def append(responses: Iterable[Response]) -> None:
        nonlocal synced
        stream.write(b"".join(_encode(r) + b"\n" for r in responses))
        stream.flush()
        if clock() - synced >= SYNC_SECONDS:
            os.fsync(stream.fileno())
            synced = clock()

    try:
        yield append
    finally:
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()
        lock.release()


def cut_torn_line(file: Path) -> None:
    """Remove the bytes after the last line end, which a kill in the middle of a write leaves behind."""
    if not file.exists() or not file.stat().st_size:
        return
    with file.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            stream.seek(start)
            position = stream.read(end - start).rfind(b"\n")
            if position >= 0:
                stream.truncate(start + position + 1)
                return
            end = start
        stream.truncate(0)
