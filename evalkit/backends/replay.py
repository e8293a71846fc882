"""Recorded replies in place of a model: any file of predictions can be scored as if its model ran here."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from evalkit import digest
from evalkit.backends.weights import ModelError
from evalkit.types import Request, Response, Value

if TYPE_CHECKING:
    from evalkit.backends import Loaded


class Replay(Value, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """Replies from `path`, JSON lines (`.gz` too) with an `id` and a `field` each, given by sample id.

    A task that asks several prompts per sample gets the same reply to each. A line whose `field` is null or not there
    records that its sample has no reply: such a sample is unanswered, not answered with nothing. A number is taken as
    it is written. `source` is what errors call the file, where it was made from another one.
    """

    path: str
    field: str = "prediction"
    id: str = "id"
    source: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The sha256 of the file, and which fields are read; where the file lies does not count."""
        content = digest.of_file(self._file())
        return {"kind": "replay", "file": content, "field": self.field, "id": self.id, "by_sample": True}

    def check(self) -> None:
        """Raises ModelError where there is no such file."""
        self._file()

    def load(self, *, device: str = "") -> Loaded:
        """An engine over `replies()`; `device` does not matter."""
        return ReplayEngine(self.source or str(self._file()), self.replies())

    def replies(self) -> Mapping[str, str]:
        """Every reply by its id. Raises ModelError naming file and line, also where no line at all has a reply."""
        path = self._file()
        replies: dict[str, str | None] = {}
        for n, line in _lines(path):
            name, text = self._row(f"{path}:{n}", line)
            if name in replies:
                raise ModelError(f"{path}:{n}: the id {name!r} is there twice; keep one reply for each sample")
            replies[name] = text
        found = {name: text for name, text in replies.items() if text is not None}
        if replies and not found:
            raise self._silent(*next(_lines(path)))
        return found

    def _file(self) -> Path:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise ModelError(f"backend.path: there is no file {path}; name a file of JSON lines")
        return path

    def _silent(self, n: int, line: bytes) -> ModelError:
        """What is wrong with a file of which no line has a reply; line `n` is its first."""
        where = f"{self._file()}:{n}"
        if self.field in msgspec.json.decode(line, type=dict[str, object]):
            return ModelError(
                f"{where}: {self.id} must be a text and {self.field} too, on one line at least; name another"
            )
        return ModelError(f"{where}: there is no field {self.field!r}, here or on any line; name it in backend.field")

    def _row(self, where: str, line: bytes) -> tuple[str, str | None]:
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise ModelError(f"{where}: not a JSON object ({error}); write one object on each line") from error
        if self.id not in row:
            raise ModelError(f"{where}: there is no field {self.id!r}; name it in backend.id")
        found, text = row[self.id], row.get(self.field)
        if isinstance(text, int | float) and not isinstance(text, bool):
            text = str(bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])[self.field]), "ascii")
        if not isinstance(found, str | int) or isinstance(found, bool) or not isinstance(text, str | None):
            raise ModelError(f"{where}: {self.id} must be a text or a whole number and {self.field} a text")
        return str(found), text


class Recorded(NamedTuple):
    """A request as it is; nothing is held in any device's memory."""

    request: Request
    tokens: int = 0


class ReplayEngine:
    """Looks replies up; a sample without one is an error that says so, never an empty answer."""

    def __init__(self, path: str, replies: Mapping[str, str]) -> None:
        self.path, self.replies = path, replies

    def describe(self) -> Mapping[str, str]:
        """No device and no dtype."""
        return {"device": "none", "dtype": "none"}

    def prepare(self, request: Request) -> Recorded:
        """The request itself."""
        return Recorded(request)

    def generate(self, batch: Sequence[Recorded]) -> Sequence[Response]:
        """Recorded replies in the order of `batch`."""
        return [self._response(recorded.request) for recorded in batch]

    def _response(self, request: Request) -> Response:
        text = self.replies.get(request.sample_id)
        if text is None:
            reason = f"sample {request.sample_id!r} has no reply in {self.path}; add it, or limit the run"
            return Response(key=request.key, finish="error", error=reason)
        return Response(key=request.key, text=text)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for n, line in enumerate(file, start=1):
                if line.strip():
                    yield n, line
    except (OSError, EOFError) as error:
        raise ModelError(f"{path}: cannot be read to its end ({error}); copy it again") from error
