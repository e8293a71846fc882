"""Estimates, differences and their honest errors, all fractions, deterministic to the last digit."""

from __future__ import annotations

from evalkit.statistics.estimate import WILSON, Estimate, Z, macro, mean, proportion, quantile, stratified
from evalkit.statistics.multiple import benjamini_hochberg, holm
from evalkit.statistics.paired import Difference, mean_difference, ratio_difference
from evalkit.statistics.power import POWER, detectable, needed
from evalkit.statistics.published import LARGE, one_sample
from evalkit.statistics.ratio import F1, PRECISION, RECALL, Confusion, Ratio, clustered_ratio, ratio
from evalkit.statistics.signflip import sign_flip
from evalkit.statistics.spread import Spread, spread

__all__ = [
    "F1",
    "LARGE",
    "POWER",
    "PRECISION",
    "RECALL",
    "WILSON",
    "Confusion",
    "Difference",
    "Estimate",
    "Ratio",
    "Spread",
    "Z",
    "benjamini_hochberg",
    "clustered_ratio",
    "detectable",
    "holm",
    "macro",
    "mean",
    "mean_difference",
    "needed",
    "one_sample",
    "proportion",
    "quantile",
    "ratio",
    "ratio_difference",
    "sign_flip",
    "spread",
    "stratified",
]
