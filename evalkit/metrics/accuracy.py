"""Mean score, with a named policy for replies that held no answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from string import ascii_uppercase
from typing import ClassVar, Literal, TypeAlias

import msgspec

from evalkit.metrics.grouping import Average, check_average, clusters, per_group, strata
from evalkit.statistics import Difference, Estimate, mean, mean_difference, stratified
from evalkit.types import Score, Stat, Value

Policy: TypeAlias = Literal["wrong", "chance", "official", "dropped"]


class Accuracy(Value, frozen=True, kw_only=True, tag_field="kind", tag="accuracy"):
    """Mean of `Score.value`; `by` names groups that get a Stat each, macro averages over the groups of the first one.

    unparsed: what a choice question without an answer is worth. `wrong`: nothing; `chance`: 1/options; `official`: a
    guess drawn with seed 42 in the order of the samples (MMMU-Benchmark/MMMU, utils/eval_utils.py); `dropped`: it
    leaves the denominator (thanku-all/parse_answer, eval_your_results.py). A sample that failed is worth nothing
    under every policy, and two runs are compared with dropped ones as wrong, so that the samples stay the same.
    """

    by: tuple[str, ...] = ()
    average: Average = "micro"
    unparsed: Policy = "wrong"

    better: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_average(self.average, self.by)

    def needs(self) -> tuple[str, ...]:
        """Group names that every score must have."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none without scores."""
        resolved = self.resolve(scores)
        if not resolved:
            return []
        overall = _mean(resolved)
        if self.average == "macro":
            homes = strata(resolved, self.average, self.by) or []
            overall = stratified(_values(resolved), homes, clusters=clusters(resolved))
        return [overall.stat(name, {}, len(resolved)), *per_group(name, resolved, self.by, _mean)]

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        homes = strata(base, self.average, self.by)
        if self.unparsed != "dropped":
            base, candidate = self.resolve(base), self.resolve(candidate)
        before, after = _values(base), _values(candidate)
        return mean_difference(before, after, clusters=clusters(base), strata=homes, alpha=alpha)

    def resolve(self, scores: Sequence[Score]) -> Sequence[Score]:
        """The scores after the guessing policy; `fallback` marks those that it touched."""
        if self.unparsed == "wrong":
            return scores
        if self.unparsed == "dropped":
            return [score for score in scores if not _unanswered(score)]
        generator = random.Random(42)  # noqa: S311 - the seed and the generator are the official script's
        return [self._guess(score, generator) if _unanswered(score) else score for score in scores]

    def _guess(self, score: Score, generator: random.Random) -> Score:
        if self.unparsed == "chance":
            return msgspec.structs.replace(score, value=1 / score.options, fallback=True)
        letter = generator.choice(ascii_uppercase[: score.options])
        return msgspec.structs.replace(score, answer=letter, value=float(letter == score.target), fallback=True)


def _unanswered(score: Score) -> bool:
    return score.answer is None and score.error is None and score.options > 0


def _mean(scores: Sequence[Score]) -> Estimate:
    return mean(_values(scores), clusters=clusters(scores))


def _values(scores: Sequence[Score]) -> list[float]:
    return [0.0 if score.error else score.value for score in scores]
