"""Circular evaluation: a question is correct only if every rotation of its options is answered correctly (MMBench)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from evalkit.metrics.grouping import clusters, per_group, split
from evalkit.statistics import Difference, Estimate, mean, mean_difference
from evalkit.types import Score, Stat, Value


class AllCorrect(Value, frozen=True, kw_only=True, tag_field="kind", tag="all_correct"):
    """The share of questions whose rows all have value 1; rows with the same value of `group` are one question.

    `n` counts questions. A question has as many rows as the data give it: MMBench has fewer rotations than options for
    some.
    """

    group: str
    by: tuple[str, ...] = ()

    better: ClassVar[int] = 1

    def needs(self) -> tuple[str, ...]:
        """`group`, and the names of `by`."""
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
        """One score for each question, with value 1 or 0: that of its worst row."""
        rows = split(scores, self.group).values()
        worst = [min(part, key=lambda score: 0.0 if score.error else score.value) for part in rows]
        return [msgspec.structs.replace(s, value=float(not s.error and s.value == 1.0)) for s in worst]


def _share(questions: Sequence[Score]) -> Estimate:
    return mean(_values(questions), clusters=clusters(questions))


def _values(questions: Sequence[Score]) -> list[float]:
    return [score.value for score in questions]
