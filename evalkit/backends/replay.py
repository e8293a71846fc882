"""Recorded replies in place of a model: any file of predictions can be scored as if its model ran here."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from evalkit import digest
from evalkit.backends.checkpoint_files import path_beside
from evalkit.backends.engine import Engine, SharePrefix, UnpreparedRequest
from evalkit.data.references import column_value
from evalkit.errors import ModelError
from evalkit.text_files import lines
from evalkit.types import Request, Response, Value


class Replay(Value, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """Replies by sample id from the JSON lines of `path` (also gzip), each with the fields `id` and `field`.

    `outer.inner` names a field of an object. A task with several prompts per sample gets the same reply to each. A line
    without `field`, or with null or NaN in it, is an empty reply, as official scripts take it; a sample without a line
    is unanswered. A number is taken as it is written. `source` is the name of the file in errors, where `path` was made
    from another file.
    """

    recorded: ClassVar[bool] = True
    generates: ClassVar[bool] = False

    path: str
    field: str = "prediction"
    id: str = "id"
    source: str = ""

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The sha256 of the file and the fields that are read; the path does not count."""
        content = digest.of_file(self._file())
        return {"kind": "replay", "file": content, "field": self.field, "id": self.id, "by_sample": True}

    def check(self) -> None:
        """Raise ModelError where there is no such file."""
        self._file()

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Replay:
        """As in `BackendProtocol`; the field `path` is a path."""
        return msgspec.structs.replace(self, path=path_beside(self.path, folder_of("path")))

    def load(self, *, device: str = "") -> Engine[UnpreparedRequest]:
        """An engine over `replies()`; `device` does not matter."""
        return ReplayEngine(self.source or str(self._file()), self.replies())

    def replies(self) -> Mapping[str, str]:
        """Every reply by its id. Raises ModelError as `rows` does."""
        return {name: text or "" for name, text in self.rows().items()}

    def rows(self) -> Mapping[str, str | None]:
        """Every reply by its id, None for a line without one.

        Raises ModelError naming file and line, also where no line at all has a reply or two of an id disagree.
        """
        path = self._file()
        replies: dict[str, str | None] = {}
        for n, line in _lines(path):
            name, text = self._row(f"{path}:{n}", line)
            if replies.setdefault(name, text) != text:
                raise ModelError(f"{path}:{n}: the id {name!r} is there twice; keep one reply for each sample")
        if replies and all(text is None for text in replies.values()):
            raise self._no_reply(*next(_lines(path)))
        return replies

    def _file(self) -> Path:
        path = Path(self.path).expanduser()
        if not path.is_file():
            raise ModelError(f"backend.path: there is no file {path}; name a file of JSON lines")
        return path

    def _no_reply(self, n: int, line: bytes) -> ModelError:
        """The error for a file of which no line has a reply; line `n` is its first."""
        where = f"{self._file()}:{n}"
        name = "by --field" if self.source else "in backend.field"
        if self.field in _decoded(line):
            return ModelError(f"{where}: {self.field} is empty, here and on every line; name another {name}")
        return ModelError(f"{where}: there is no field {self.field!r}, here or on any line; name it {name}")

    def _row(self, where: str, line: bytes) -> tuple[str, str | None]:
        try:
            row = _decoded(line)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{where}: not a JSON object ({error}); write one object on each line") from error
        if self.id not in row:
            raise ModelError(f"{where}: there is no field {self.id!r}; give every line the id of its sample")
        name, text = row[self.id], column_value(row, self.field)
        if not isinstance(name, str) or not isinstance(text, str | None):
            raise ModelError(f"{where}: {self.id} must be a text or a whole number and {self.field} a text")
        if isinstance(name, _Number) and name.endswith(".0"):
            name = name[:-2]  # as tables write whole numbers in a column with gaps
        return _encodable(name), text if text is None else _encodable(text)


class ReplayEngine:
    """Looks replies up; a sample without one gets an error that says so, never an empty reply."""

    opens_media = False

    def __init__(self, path: str, replies: Mapping[str, str]) -> None:
        self.path, self.replies = path, replies

    def describe(self) -> Mapping[str, str]:
        """No device and no dtype."""
        return {"device": "none", "dtype": "none"}

    def share_prefixes(self, choice: SharePrefix) -> str:
        """Empty: there is no prefill to share."""
        return ""

    def prepare(self, request: Request) -> UnpreparedRequest:
        """The request itself."""
        return UnpreparedRequest(request)

    def generate(self, batch: Sequence[UnpreparedRequest]) -> Sequence[Response]:
        """The recorded reply to each request, or an error."""
        return [self._response(item.request) for item in batch]

    def _response(self, request: Request) -> Response:
        text = self.replies.get(request.sample_id)
        if text is None:
            reason = f"sample {request.sample_id!r} has no reply in {self.path}; add it, or limit the run"
            return Response(key=request.key, finish="error", error=reason)
        return Response(key=request.key, text=text)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        for n, line in enumerate(lines(path), start=1):
            if line.strip():
                yield n, line
    except (OSError, EOFError, zlib.error) as error:
        raise ModelError(f"{path}: cannot be read to its end ({error}); copy it again") from error


class _Number(str):
    """A number with a period or an exponent, as it is written."""

    __slots__ = ()


def _decoded(line: bytes) -> dict[str, Any]:
    """The line's object, with numbers as they are written and what is no JSON, NaN and Infinity, as null."""
    row = json.loads(line, parse_int=str, parse_float=_Number, parse_constant=lambda _: None)
    if not isinstance(row, dict):
        raise ValueError(f"it is {str(row)[:40]!r}")
    return row


def _encodable(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD; a file that was cut off may end in one."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
