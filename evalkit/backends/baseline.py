"""Replies that need no model: the score of blind guessing, or of one answer to everything, on a task."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, TypeAlias

import msgspec

from evalkit.backends.engine import Engine, SharePrefix, UnpreparedRequest
from evalkit.types import Request, Response, Text, Value

# A line that opens with one capital: "A. text", "A) text", "(A) text", "A: text".
LETTERED = re.compile(r"^\s*(?:\(([A-Z])\)|([A-Z])[.):])\s*\S", re.MULTILINE)
YES, NO, UNKNOWN = "yes", "no", "unknown"


class FirstOption(Value, frozen=True, tag_field="kind", tag="first"):
    """The first option of the prompt, else "unknown"."""

    def reply(self, request: Request) -> str:
        """A letter, "yes" or "unknown"."""
        return next(iter(options(request)), UNKNOWN)


class RandomOption(Value, frozen=True, tag_field="kind", tag="random"):
    """One of the options of the prompt, else "unknown".

    Drawn by `seed`, sample and view, so that no order of requests, and no other model file, changes it.
    """

    seed: int = 0

    def reply(self, request: Request) -> str:
        """A letter, "yes", "no" or "unknown"."""
        choices = options(request) or (UNKNOWN,)
        noise = hashlib.sha256(f"{self.seed}:{request.view}:{request.sample_id}".encode()).digest()
        # 64 bits over a handful of options: the bias is below 1e-17.
        return choices[int.from_bytes(noise[:8], "big") % len(choices)]


class AlwaysYes(Value, frozen=True, tag_field="kind", tag="yes"):
    """The word "yes" to every prompt."""

    def reply(self, request: Request) -> str:
        """Always "yes"."""
        return YES


class Majority(Value, frozen=True, tag_field="kind", tag="majority"):
    """The `answer` that is right most often, as the author of the model file counts it: requests hold no gold."""

    answer: str

    def reply(self, request: Request) -> str:
        """The configured text."""
        return self.answer


Strategy: TypeAlias = FirstOption | RandomOption | AlwaysYes | Majority


class Baseline(Value, frozen=True, kw_only=True, tag_field="kind", tag="baseline"):
    """A strategy in place of a model."""

    recorded: ClassVar[bool] = False
    generates: ClassVar[bool] = False

    strategy: Strategy

    def identity(self, *, cache: Path | None = None) -> Mapping[str, object]:
        """The strategy, and `by_sample`: true for the one that draws by sample and not by prompt."""
        settings: dict[str, object] = msgspec.to_builtins(self)
        return {**settings, "by_sample": isinstance(self.strategy, RandomOption)}

    def check(self) -> None:
        """Nothing can be missing."""

    def with_absolute_paths(self, folder_of: Callable[[str], Path]) -> Baseline:
        """The same, since it has no paths."""
        return self

    def load(self, *, device: str = "") -> Engine[UnpreparedRequest]:
        """An engine without weights; `device` does not matter."""
        return BaselineEngine(self.strategy)


class BaselineEngine:
    """Answers from the words of the prompt alone; media are never opened."""

    opens_media = False

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy

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
        """The strategy's reply to each request."""
        return [Response(key=item.request.key, text=self.strategy.reply(item.request)) for item in batch]


def options(request: Request) -> tuple[str, ...]:
    """Options of the last user turn: the letters of its lettered lines, else yes and no if it asks for them, else none.

    Letters count from A without a gap, since a line such as "E. coli grows" is no option. An engine sees only prompts,
    so a task that writes its options in another way has none here, and guessing is worth nothing on it.
    """
    turns = [message for message in request.messages if message.role == "user"]
    text = "\n".join(part.text for part in turns[-1].parts if isinstance(part, Text)) if turns else ""
    letters: list[str] = []
    for match in LETTERED.finditer(text):
        if (match[1] or match[2]) == chr(ord("A") + len(letters)):
            letters.append(match[1] or match[2])
    if len(letters) > 1:
        return tuple(letters)
    words = set(re.findall(r"[a-z]+", text.lower()))
    return (YES, NO) if {"yes", "no"} <= words or IS_QUESTION.search(text) else ()


# "Is there a dog in the image?" asks for yes or no without saying so, as POPE's official prompts do.
IS_QUESTION = re.compile(
    r"^\s*(?:is|are|was|were|do|does|did|has|have|can|could)\b[^\n]*\?", re.IGNORECASE | re.MULTILINE
)
