"""Compare two runs on the same samples, or a run with published numbers, and judge the difference by a gate.

Runs that are not comparable are refused before any statistics.
"""

from __future__ import annotations

from evalkit.comparison.card import against_card
from evalkit.comparison.flips import with_flips
from evalkit.comparison.two_runs import compare_runs
from evalkit.comparison.values import (
    CORRECTIONS,
    EXIT,
    GATES,
    REASONS,
    Comparison,
    Flip,
    GateSettings,
    Line,
    Refusal,
    Side,
)

__all__ = [
    "CORRECTIONS",
    "EXIT",
    "GATES",
    "REASONS",
    "Comparison",
    "Flip",
    "GateSettings",
    "Line",
    "Refusal",
    "Side",
    "against_card",
    "compare_runs",
    "with_flips",
]
