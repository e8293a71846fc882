"""The mean score per label, where a sample may have several labels, such as the skills that a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from evalkit.metrics.accuracy import Accuracy
from evalkit.metrics.grouping import split
from evalkit.statistics import Difference
from evalkit.types import Score, Stat, Value

SEPARATOR = ", "
"""The text between a sample's labels, as a list column is read into a group."""


class PerLabel(Value, frozen=True, kw_only=True, tag_field="kind", tag="per_label"):
    """The overall mean, then a Stat for each label in group `group`; a sample counts under each of its labels.

    The labels overlap, so their counts add up to more than the samples. Unparsable replies are wrong.
    """

    group: str

    better: ClassVar[int] = 1

    def needs(self) -> tuple[str, ...]:
        """`group` alone."""
        return (self.group,)

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per label in the order of first appearance; none without scores."""
        overall = Accuracy().stats(name, scores)
        return overall + [
            msgspec.structs.replace(stat, where={self.group: label})
            for label, part in self._parts(scores).items()
            for stat in Accuracy().stats(name, part)
        ]

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        return Accuracy().difference(base, candidate, alpha=alpha)

    def _parts(self, scores: Sequence[Score]) -> dict[str, list[Score]]:
        parts: dict[str, list[Score]] = {}
        for labels, part in split(scores, self.group).items():
            for label in filter(None, labels.split(SEPARATOR)):
                parts.setdefault(label, []).extend(part)
        return parts
