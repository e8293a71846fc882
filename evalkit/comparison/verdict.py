"""What a comparison says: typed values from settings to verdict, ready for any format."""

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
"""Why two runs may not be comparable; each can be allowed by name."""

EXIT = {"pass": 0, "fail": 1, "not comparable": 3, "inconclusive": 5}


class Settings(Value, frozen=True, kw_only=True):
    """How to judge. `margin`: percentage points, or the unit of the answers for mean absolute errors.

    Without a margin the regression and threshold gates forgive nothing, and non-inferiority forgives one point.
    """

    gate: Gate = "regression"
    margin: float | None = None
    alpha: float = 0.05
    correction: Correction = "holm"
    allow: tuple[str, ...] = ()

    @property
    def tolerated(self) -> float:
        """The margin in points."""
        if self.margin is not None:
            return self.margin
        return 1.0 if self.gate == "noninferiority" else 0.0


class Refusal(Value, frozen=True):
    """Why a task's runs are not comparable: one of REASONS, and a sentence on what differs."""

    task: str
    reason: str
    text: str


class Side(Value, frozen=True, kw_only=True):
    """One run's number as its own stats have it; `folder` is empty for a published number."""

    title: str
    folder: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None


class Flip(Value, frozen=True, kw_only=True):
    """A sample that turned wrong or right; prompt and replies are empty where the data or the log are not at hand."""

    sample_id: str
    turned: Literal["wrong", "right"]
    target: str
    base_answer: str | None
    candidate_answer: str | None
    prompt: str = ""
    base_reply: str = ""
    candidate_reply: str = ""


class Line(Value, frozen=True, kw_only=True):
    """One task: both numbers, their difference, the judgement and why. `percent`: values are fractions.

    `better` is 1 where more is better, -1 where less is. `p_adjusted` is corrected over all lines. `detects` is the
    true change that the gate would find with probability 0.8, corrected likewise; `needed` is the number of samples
    with which that would be the margin. `turned_wrong` and `turned_right` are sample ids; a
    question that counts once for several rows is named by its wrong one.
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
    """All lines and the verdict over them; with refusals there are no lines. `notes` are sentences for the reader."""

    base: str
    candidate: str
    settings: Settings
    verdict: Literal["pass", "fail", "inconclusive", "not comparable"]
    lines: tuple[Line, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
