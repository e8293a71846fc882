"""The values of a comparison, from its settings to its verdict, ready for any format."""

from __future__ import annotations

from typing import Literal, TypeAlias

from evalkit.statistics import Difference
from evalkit.types import Value

Gate: TypeAlias = Literal["regression", "noninferiority", "threshold"]
Correction: TypeAlias = Literal["holm", "bh"]
Verdict: TypeAlias = Literal["pass", "fail", "inconclusive"]

GATES: tuple[Gate, ...] = ("regression", "noninferiority", "threshold")
CORRECTIONS: tuple[Correction, ...] = ("holm", "bh")
REASONS = ("tasks", "data", "split", "prompt", "rule", "generation", "task", "blind", "samples", "partial")
"""The reasons why two runs may not be comparable; each can be allowed by name."""

EXIT = {"pass": 0, "fail": 1, "not comparable": 3, "inconclusive": 5}
"""The exit code of each verdict."""


class GateSettings(Value, frozen=True, kw_only=True):
    """The gate and its parameters. `margin`: percentage points, or the unit of the answers where a metric has that.

    Without a margin the regression and threshold gates tolerate no loss, and non-inferiority tolerates one point.
    `alpha` is the level of the tests, `correction` that over all lines; `allow` names REASONS to note only.
    """

    gate: Gate = "regression"
    margin: float | None = None
    alpha: float = 0.05
    correction: Correction = "holm"
    allow: tuple[str, ...] = ()

    @property
    def tolerated(self) -> float:
        """The margin, in the unit of `margin`."""
        if self.margin is not None:
            return self.margin
        return 1.0 if self.gate == "noninferiority" else 0.0


class Refusal(Value, frozen=True):
    """A reason why a task's runs are not comparable: one of REASONS, and a sentence on what differs."""

    task: str
    reason: str
    text: str


class Side(Value, frozen=True, kw_only=True):
    """One run's number and its 95 % limits; `folder` is empty for a published number."""

    title: str
    folder: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None


class Flip(Value, frozen=True, kw_only=True):
    """A sample that turned wrong or right; prompt and replies are empty where the data or the log are missing."""

    sample_id: str
    turned: Literal["wrong", "right"]
    target: str
    base_answer: str | None
    candidate_answer: str | None
    prompt: str = ""
    base_reply: str = ""
    candidate_reply: str = ""


class Line(Value, frozen=True, kw_only=True):
    """One task, or one row of a card: both numbers, their difference, the verdict and its reason.

    `percent`: values are fractions. `better` is 1 where more is better, -1 where less is. `same`: both runs have the
    same answer to every sample. `p_adjusted` is corrected over all lines. `detects` is the true change that the gate
    detects with probability 0.8, corrected likewise; `needed` is the number of samples that would detect the margin.
    `turned_wrong` and `turned_right` are sample ids; a question of several rows is named by its worst.
    """

    task: str
    metric: str
    label: str
    base: Side
    candidate: Side
    difference: Difference
    better: int
    percent: bool
    same: bool = False
    p_adjusted: float = 1.0
    verdict: Verdict = "pass"
    reason: str = ""
    detects: float | None = None
    needed: int | None = None
    turned_wrong: tuple[str, ...] = ()
    turned_right: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()


class Comparison(Value, frozen=True, kw_only=True):
    """All lines and the verdict over them; with refusals there are no lines. `notes` are sentences to print below."""

    base: str
    candidate: str
    settings: GateSettings
    verdict: Literal["pass", "fail", "inconclusive", "not comparable"]
    lines: tuple[Line, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def flips(self) -> tuple[Flip, ...]:
        """The samples to look at, of all lines."""
        return tuple(flip for line in self.lines for flip in line.flips)
