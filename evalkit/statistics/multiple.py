"""p values of several tests at once, adjusted so that the family keeps its error rate."""

from __future__ import annotations

from collections.abc import Sequence


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the chance of any false alarm (Holm 1979); valid whatever the dependence."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted, worst = [0.0] * len(values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = worst
    return adjusted


def benjamini_hochberg(values: Sequence[float]) -> list[float]:
    """Adjusted p values that bound the share of false alarms among all alarms (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(values)), key=lambda i: -values[i])
    adjusted, best = [0.0] * len(values), 1.0
    for rank, index in enumerate(order):
        best = min(best, values[index] * len(values) / (len(values) - rank))
        adjusted[index] = best
    return adjusted
