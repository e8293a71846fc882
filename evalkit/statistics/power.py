"""The power of a comparison: the smallest difference that it detects, and the samples that a margin needs."""

from __future__ import annotations

from math import ceil

from evalkit.statistics.estimate import quantile

POWER = 0.8
"""The probability with which a detectable difference is detected."""


def detectable(stderr: float, *, freedom: float, alpha: float = 0.05, power: float = POWER) -> float:
    """The true difference that a two-sided test at `alpha` finds with probability `power`, from the error's size.

    It is also the margin at which two equally good models pass a non-inferiority test with that probability.
    """
    return (quantile(1 - alpha / 2, freedom) + quantile(power, freedom)) * stderr


def needed(n: int, *, detected: float, margin: float) -> int:
    """Samples of the same kind with which `margin` > 0 would be detected, where `n` of them detect `detected`."""
    return ceil(n * (detected / margin) ** 2)
