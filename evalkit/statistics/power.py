"""The power of a comparison: the smallest difference that it detects, and the samples that a margin needs."""

from __future__ import annotations

from math import ceil

from evalkit.statistics.estimate import quantile

POWER = 0.8
"""The probability with which a detectable difference is detected."""


def detectable(stderr: float, *, freedom: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The true difference that a two-sided test at `alpha` finds with probability `power`, from the standard error.

    It is also the margin at which two equally good models pass a non-inferiority test with that probability.
    """
    return (quantile(1 - alpha / 2, freedom) + quantile(power, freedom)) * stderr


def needed(n: int, *, detected: float, margin: float) -> int:
    """The number of samples that would detect `margin` > 0, if `n` of the same kind detect `detected`."""
    return ceil(n * (detected / margin) ** 2)
