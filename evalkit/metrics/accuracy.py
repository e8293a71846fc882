"""The mean score, with a named policy for unparsable replies."""

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
    """The mean of `Score.value`, with a Stat for each group of `by`; a macro mean is over the groups of its first name.

    unparsed: the value of an unparsable reply to a choice question. `wrong`: 0; `chance`: 1/options; `official`: that
    of a guess drawn with seed 42 in the order of the samples (MMMU-Benchmark/MMMU, utils/eval_utils.py); `dropped`:
    the sample leaves the denominator (thanku-all/parse_answer, eval_your_results.py). A failed sample has the value 0
    under every policy. A difference of two runs counts dropped replies as wrong, so that the samples stay the same.
    """

    by: tuple[str, ...] = ()
    average: Average = "micro"
    unparsed: Policy = "wrong"

    better: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_average(self.average, self.by)

    def needs(self) -> tuple[str, ...]:
        """The names of `by`."""
        return self.by

    def stats(self, name: str, scores: Sequence[Score]) -> list[Stat]:
        """The overall Stat, then one per group; none without scores."""
        resolved = self.resolve(scores)
        if not resolved:
            return []
        overall = _mean(resolved)
        if self.average == "macro":
            stratum = strata(resolved, self.average, self.by) or []
            overall = stratified(_values(resolved), stratum, clusters=clusters(resolved))
        return [overall.stat(name, {}, len(resolved)), *per_group(name, resolved, self.by, _mean)]

    def difference(self, base: Sequence[Score], candidate: Sequence[Score], *, alpha: float = 0.05) -> Difference:
        """Candidate minus base on the same samples in the same order."""
        stratum = strata(base, self.average, self.by)
        if self.unparsed != "dropped":
            base, candidate = self.resolve(base), self.resolve(candidate)
        before, after = _values(base), _values(candidate)
        return mean_difference(before, after, clusters=clusters(base), strata=stratum, alpha=alpha)

    def resolve(self, scores: Sequence[Score]) -> Sequence[Score]:
        """The scores after the policy for unparsable replies; `fallback` marks those that it changed."""
        if self.unparsed == "wrong":
            return scores
        if self.unparsed == "dropped":
            return [score for score in scores if not _unparsed(score)]
        generator = random.Random(42)  # noqa: S311 - the seed and the generator are the official script's
        return [self._guess(score, generator) if _unparsed(score) else score for score in scores]

    def _guess(self, score: Score, generator: random.Random) -> Score:
        if self.unparsed == "chance":
            return msgspec.structs.replace(score, value=1 / score.options, fallback=True)
        letter = generator.choice(ascii_uppercase[: score.options])
        return msgspec.structs.replace(score, answer=letter, value=float(letter == score.target), fallback=True)


def _unparsed(score: Score) -> bool:
    return score.answer is None and score.error is None and score.options > 0


def _mean(scores: Sequence[Score]) -> Estimate:
    return mean(_values(scores), clusters=clusters(scores))


def _values(scores: Sequence[Score]) -> list[float]:
    return [0.0 if score.error else score.value for score in scores]
