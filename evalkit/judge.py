"""A language model reads the answer from replies that no rule can read; it is asked once and its readings are kept."""

from __future__ import annotations

from evalkit.types import Value


class JudgePrompt(Value, frozen=True, kw_only=True):
    """What a judge is asked about a reply. `prompt` has the fields question, options, reply and the sample's extra.

    A judge that says `none` found no answer. `max_new_tokens` bounds its reply.
    """

    prompt: str
    none: str = "NONE"
    max_new_tokens: int = 32
