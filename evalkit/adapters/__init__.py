"""Adapters: an answer format is a prompt and a score in one class, since the prompt decides what a score can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from evalkit.adapters.mixed import Mixed
from evalkit.adapters.multiple_choice import MultipleChoice
from evalkit.adapters.number import Number
from evalkit.adapters.short_answer import ShortAnswer
from evalkit.adapters.yes_no import YesNo
from evalkit.rules import Rule
from evalkit.types import Message, Sample, Score


class AdapterProtocol(Protocol):
    """The interface of every member of `Adapter`, the union into which a task file's `adapter:` decodes.

    An answer format is a frozen value without state. A sample has as many prompts as replies; all formats of today have
    one, and a score of several replies raises ValueError.
    """

    @property
    def rule(self) -> Rule:
        """The rule that reads the replies."""
        ...

    def prompts(self, sample: Sample) -> list[tuple[Message, ...]]:
        """Return the prompts of a sample, each a conversation that a model continues.

        Raises EvalkitError, naming the sample, for a template field that it lacks, for a placeholder of a picture that
        it does not have, and for more options than there are letters.
        """
        ...

    def score(self, sample: Sample, replies: Sequence[str]) -> Score:
        """Return the score of a sample's replies, one per prompt in the order of `prompts`. No reply raises."""
        ...

    def gold(self, sample: Sample) -> list[str]:
        """Return the replies, one per prompt, that a perfect model gives; their value is the highest possible."""
        ...

    def wrong(self, sample: Sample) -> list[str]:
        """Return replies, one per prompt, whose value is 0; an empty list where every reply is right."""
        ...

    def with_rule(self, rule: Rule) -> Adapter:
        """Return the same prompts with another rule for their replies."""
        ...


Adapter: TypeAlias = MultipleChoice | YesNo | ShortAnswer | Mixed | Number

if TYPE_CHECKING:

    def _every_adapter(adapter: Adapter) -> AdapterProtocol:
        """Type checking fails here when a member of the union lacks a method or has another signature."""
        return adapter


__all__ = ["Adapter", "AdapterProtocol", "Mixed", "MultipleChoice", "Number", "Rule", "ShortAnswer", "YesNo"]
