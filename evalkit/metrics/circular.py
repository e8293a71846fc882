"""CircularEval: a question counts only when every rotation of its options is answered right (MMBench)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from evalkit.metrics.grouping import clusters, per_group, split
from evalkit.statistics import Difference, Estimate, mean, mean_difference
from evalkit.types import Score, Stat, Value


class AllCorrect(Value, frozen=True, kw_only=True, tag_field="kind", tag="all_correct"):
    """Share of the groups named `group` whose rows all have value 1; `n` counts groups, not rows.

    The number of rows of a group is whatever the data hold: MMBench has questions with fewer rotations than options.
    """

    group: str
    by: tuple[str, ...] = ()

    better: ClassVar[int] = 1

    def needs(self) -> tuple[str, ...]:
        """Group names that every score must have."""
        return (self.group, *self.by)

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per value of each group in `by`; none without scores."""
        if not scores:
            return []
        questions = self.questions(scores)
        return [_share(questions).stat(name, {}, len(questions)), *per_group(name, questions, self.by, _share)]

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order; the pairs are questions."""
        before, after = self.questions(base), self.questions(candidate)
        return mean_difference(_values(before), _values(after), clusters=clusters(before), alpha=alpha)

    def questions(self, scores: Sequence[Score]) -> list[Score]:
        """One score for every question, 1 or 0: its worst row, whose other groups are those of all its rows."""
        rows = split(scores, self.group).values()
        worst = [min(part, key=lambda score: 0.0 if score.error else score.value) for part in rows]
        return [msgspec.structs.replace(s, value=float(not s.error and s.value == 1.0)) for s in worst]


def _share(questions: Sequence[Score]) -> Estimate:
    return mean(_values(questions), clusters=clusters(questions))


def _values(questions: Sequence[Score]) -> list[float]:
    return [score.value for score in questions]
