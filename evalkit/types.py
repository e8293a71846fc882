"""The nouns of the project, from sample to stat: frozen values that open no file, load no model and read no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every record: immutable, and an unknown field is an error, so that a misspelt one never passes."""


# --- which frames of a video


class Midpoints(Value, frozen=True, tag_field="kind", tag="midpoints"):
    """The rule that takes `count` frames, each in the middle of one of `count` equally long segments of the video."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """The `count` frame numbers in [0, total), ascending; a video of fewer than `count` frames repeats some."""
        return tuple(min(total - 1, int((i + 0.5) * total / self.count)) for i in range(self.count))


class Linspace(Value, frozen=True, tag_field="kind", tag="linspace"):
    """The rule that takes `count` equally spaced frames, the first and the last included (lmms-eval, `load_video`)."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """The `count` frame numbers in [0, total), ascending; a video of fewer than `count` frames repeats some."""
        if self.count == 1:
            return (0,)
        step = (total - 1) / (self.count - 1)  # as numpy.linspace: i * (total - 1) / (count - 1) gives others at times
        return (*(int(i * step) for i in range(self.count - 1)), total - 1)


class Interior(Value, frozen=True, tag_field="kind", tag="interior"):
    """The rule that takes `count` frames at i/(count+1) of the length, for i from 1 (VLMEvalKit, `VideoMME`)."""

    count: int

    def indices(self, total: int) -> tuple[int, ...]:
        """The `count` frame numbers in [0, total), ascending; a video of fewer than `count` frames repeats some."""
        step = total / (self.count + 1)  # as there: i * total / (count + 1) gives others at times
        return tuple(min(total - 1, int(i * step)) for i in range(1, self.count + 1))


FrameRule: TypeAlias = Midpoints | Linspace | Interior
"""How the frames of a video are chosen, by number."""

# --- parts of a turn


class Text(Value, frozen=True, tag_field="kind", tag="text"):
    """A stretch of text inside a message."""

    text: str


class ImageDecoding(Value, frozen=True, kw_only=True, omit_defaults=True):
    """How the bytes of a picture become RGB; the defaults are what official loaders do, `Image.open(f).convert("RGB")`.

    alpha: `drop` keeps the colours under transparent pixels, `white` composes on white. exif: `ignore` or `apply` the
    orientation tag. grey16: pictures of 16 bits, either clipped at 255 as Pillow does or scaled from 65535 to 255.
    """

    alpha: Literal["drop", "white"] = "drop"
    exif: Literal["ignore", "apply"] = "ignore"
    grey16: Literal["clip", "scale"] = "clip"


class Image(Value, frozen=True, tag_field="kind", tag="image", omit_defaults=True):
    """A handle on a picture: never pixels.

    path: a file, or `archive.zip!/member`. digest: the sha256 of its bytes, 64 hex digits; empty where there is no
    such file, so that the sample fails.
    """

    path: str
    digest: str
    decoding: ImageDecoding = ImageDecoding()


class Video(Value, frozen=True, tag_field="kind", tag="video"):
    """A handle on a video, and the rule that picks its frames; `path` and `digest` are as those of an `Image`."""

    path: str
    digest: str
    frames: FrameRule


Media: TypeAlias = Image | Video
Part: TypeAlias = Text | Image | Video


class Message(Value, frozen=True):
    """One turn of a prompt; text and media interleave in the order of `parts`."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


# --- from sample to stat


class Sample(Value, frozen=True, kw_only=True):
    """One question of a benchmark, before any prompt and any model.

    id: unique within its task. answers: the gold; an option letter for multiple choice, otherwise every accepted text.
    choices: option texts in letter order; empty for an open question. media: in the order of the data set; the question
    may place them as `<image 1>`. groups: what the sample is counted under, such as `{"subtask": "Counting"}`. extra:
    what only its adapter reads, such as a hint. cluster: samples of one cluster share a picture or a video, so that
    their errors are not independent; empty where the sample shares nothing.
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
    """The settings that shape a reply beside its prompt.

    max_new_tokens: the most tokens of a reply, its end token included. temperature: 0 is greedy decoding. seed: of the
    draws at a temperature above 0. stop: texts at which a reply ends; they are no part of it.
    """

    max_new_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()


class Request(Value, frozen=True, kw_only=True):
    """One prompt to one model.

    key: sha256 over the model's identity, messages with the digests of their media, and generation: equal keys, equal
    replies. view: the number of the prompt among those of its sample, from 0; CircularEval asks several.
    """

    key: str
    sample_id: str
    view: int
    messages: tuple[Message, ...]
    generation: Generation

    @property
    def media(self) -> tuple[Media, ...]:
        """The pictures and videos in the order of the prompt; one that is placed twice stands here twice."""
        return tuple(p for m in self.messages for p in m.parts if not isinstance(p, Text))


class Response(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The reply to the request of the same key, or the reason why there is none: a fact, one line of the log.

    finish: `stop` where the model or a stop text ended the reply, `length` where max_new_tokens cut it off. tokens:
    generated tokens. seconds: the request's share of its batch's time. error: None for a reply; otherwise the reason,
    and `text` is empty. usage: the engine's own counts, such as `prompt_tokens`. frames: frame numbers of each video,
    videos in the order of the prompt.
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
    is the number of choices (0: open question) from which a metric's guessing policy draws. `fallback` is true if
    the value comes from such a policy. `error` is the reason why the sample has no reply; its value is then 0.
    `cluster` is the sample's.
    """

    sample_id: str
    target: str
    answer: str | None
    value: Annotated[float, msgspec.Meta(ge=0, le=1)]
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

    `unit` is that of `value`, `stderr`, `low` and `high`: `fraction`, or `answer`, the unit of the answers themselves
    (a mean absolute error). `clusters` is the number of independent draws among the `n` samples; None: not known.
    `interval` is the kind of the interval; None for a difference of two runs. `method` describes the interval in words,
    for people; nothing parses it.
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
