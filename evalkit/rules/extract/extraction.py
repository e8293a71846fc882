"""The results of reading a reply: the answer, and the step that decided it."""

from __future__ import annotations

from typing import NamedTuple


class Extraction(NamedTuple):
    """The answer that a reply gives (None: it gives none), and the step of the extractor that decided so.

    The step is a short phrase for readers, such as "announced answer". No code depends on its wording.
    """

    answer: str | None
    step: str


class OptionChoice(NamedTuple):
    """The index of the option that a reply chooses (0 is A; None: it chooses none), and the step that decided so."""

    option: int | None
    step: str
