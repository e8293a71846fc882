"""The nouns every other module speaks of: frozen values that know no file, no model and no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An immutable record; an unknown field is an error, so a typing slip in a file never passes for a default."""


# --- which frames of a video


class Midpoints(Value, frozen=True, tag_field="kind", tag="midpoints"):
    """`count` frames, each in the middle of one of `count` equally long segments of the video."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """Frame numbers in [0, total), ascending; a video shorter than `count` repeats frames."""
        return tuple(min(total - 1, int((i + 0.5) * total / self.count)) for i in range(self.count))


class Linspace(Value, frozen=True, tag_field="kind", tag="linspace"):
    """`count` frames from the first to the last inclusive, truncated to integers (lmms-eval, `load_video`)."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """Frame numbers in [0, total), ascending; a video shorter than `count` repeats frames."""
        if self.count == 1:
            return (0,)
        return tuple(int(i * (total - 1) / (self.count - 1)) for i in range(self.count))


class Interior(Value, frozen=True, tag_field="kind", tag="interior"):
    """`count` frames at i/(count+1) of the length, never the first or the last one (VLMEvalKit, `VideoMME`)."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """Frame numbers in [0, total), ascending; a video shorter than `count` repeats frames."""
        return tuple(min(total - 1, int(i * total / (self.count + 1))) for i in range(1, self.count + 1))


Sampling: TypeAlias = Midpoints | Linspace | Interior

# --- parts of a turn


class Text(Value, frozen=True, tag_field="kind", tag="text"):
    """A stretch of text inside a message."""

    text: str


class Decoding(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How the bytes of a picture become RGB; the defaults are what official loaders do, `Image.open(f).convert("RGB")`.

    alpha: `drop` keeps the colours under transparency, `white` composes on white. exif: `ignore` or `apply` the
    orientation tag. grey16: `clip` as Pillow does, or `scale` 65535 to 255.
    """

    alpha: Literal["drop", "white"] = "drop"
    exif: Literal["ignore", "apply"] = "ignore"
    grey16: Literal["clip", "scale"] = "clip"


class Image(Value, frozen=True, tag_field="kind", tag="image", omit_defaults=True):
    """A picture by handle: where its bytes lie and their sha256. An empty digest means that they could not be found."""

    path: str
    digest: str
    decoding: Decoding = Decoding()


class Video(Value, frozen=True, tag_field="kind", tag="video"):
    """A video by handle, and the rule that picks its frames. An empty digest means that it could not be found."""

    path: str
    digest: str
    frames: Sampling


Media: TypeAlias = Image | Video
Part: TypeAlias = Text | Image | Video


class Message(Value, frozen=True):
    """One turn; interleaving is the order of `parts`."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


# --- the five stations of an evaluation


class Sample(Value, frozen=True, kw_only=True):
    """One question of a benchmark; knows no prompt and no model.

    `choices` are option texts in letter order (empty for open questions). `answers` holds the gold: an option letter
    for multiple choice, every accepted text otherwise. `groups` names what the sample is counted under
    (`{"subtask": ...}`). `extra` carries what only its adapter reads (a hint, the subtitle lines). Samples of one
    `cluster` share a context (a video, a picture), so that their errors are not independent; empty: it stands alone.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    groups: Mapping[str, str] = {}
    extra: Mapping[str, Any] = {}
    cluster: str = ""


class Generation(Value, frozen=True, kw_only=True):
    """How a reply is decoded. `max_new_tokens` in tokens; temperature 0 is greedy; `seed` counts only when sampling."""

    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


class Request(Value, frozen=True, kw_only=True):
    """One prompt to one model; `view` numbers the prompts of a sample, `key` is all that a reply depends on."""

    key: str
    sample_id: str
    view: int
    messages: tuple[Message, ...]
    generation: Generation

    @property
    def media(self) -> tuple[Media, ...]:
        """Pictures and videos in the order in which the prompt shows them."""
        return tuple(p for m in self.messages for p in m.parts if not isinstance(p, Text))


class Response(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What a model said: a fact, one line of the log.

    `tokens` counts generated tokens, `seconds` the request's share of its batch, `frames` the frame numbers shown of
    each video in prompt order. `error` is None for an answer; otherwise the reason, and `text` is empty.
    """

    key: str
    text: str = ""
    finish: Literal["stop", "length", "error"] = "stop"
    tokens: int = 0
    seconds: float = 0.0
    error: str | None = None
    usage: Mapping[str, int] = {}
    frames: tuple[tuple[int, ...], ...] = ()


class Score(Value, frozen=True, kw_only=True, omit_defaults=True):
    """An opinion about one sample: `value` in [0, 1], the extracted `answer` (None: unparsable) and the `target`.

    `step` is a short phrase for readers: the step of the rule that decided. No code depends on its wording. `options`
    is the number of choices (0: open question) from which a metric's guessing policy draws. `fallback` tells that the
    value is owed to such a policy. `error` names why the sample has no reply at all; its value is then 0. `cluster` is
    the sample's.
    """

    sample_id: str
    target: str
    answer: str | None
    value: float
    groups: Mapping[str, str] = {}
    options: int = 0
    fallback: bool = False
    error: str | None = None
    cluster: str = ""
    step: str = ""


Unit: TypeAlias = Literal["fraction", "answer"]
Interval: TypeAlias = Literal["wilson", "t", "normal", "stratified-wilson", "bootstrap"]


class Stat(Value, frozen=True, kw_only=True):
    """One number of a result and its 95 % interval. `where` selects a group (`{}`: all samples).

    `unit` holds for `value`, `stderr`, `low` and `high`: `fraction`, or `answer`, the unit of the answers themselves
    (a mean absolute error). Of `n` samples `clusters` are independent draws; None: not known. `interval` is the kind
    of the interval; None for a difference of two runs. `method` says the same in words, for people; nothing parses it.
    """

    metric: str
    where: Mapping[str, str]
    value: float
    n: int
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    unit: Unit = "fraction"
    clusters: int | None = None
    interval: Interval | None = None
    method: str = ""

    @property
    def percent(self) -> bool:
        """True if the value is a fraction, which tables print as percent."""
        return self.unit == "fraction"
