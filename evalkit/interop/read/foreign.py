"""What every reader of another tool's file gives: numbered replies, with the cells that may tell whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from evalkit.errors import ForeignFileError


class ForeignReply(NamedTuple):
    """`number` as the file has it (doc_id, index), and every other cell that its row or line brings along."""

    number: str
    text: str
    cells: Mapping[str, Any]


class Foreign(NamedTuple):
    """The replies of a file in its order; `tool` and `numbering` tell the user what wrote it and what it counts by."""

    tool: str
    numbering: str
    replies: tuple[ForeignReply, ...]


def once(replies: Iterable[ForeignReply], path: object) -> tuple[ForeignReply, ...]:
    """One reply for each number. Raises ForeignFileError where two lines of a number disagree."""
    found: dict[str, ForeignReply] = {}
    for reply in replies:
        if found.setdefault(reply.number, reply).text != reply.text:
            raise ForeignFileError(f"{path}: number {reply.number} has two different replies; keep one line for each")
    return tuple(found.values())
