"""Estimates, differences and their errors, deterministic to the last digit; nothing here knows a task or a file."""

from __future__ import annotations

from evalkit.statistics.clustered_mean import ClusteredMean, clustered_mean
from evalkit.statistics.estimate import Estimate, Z, macro, mean, proportion, quantile, stratified
from evalkit.statistics.multiple import benjamini_hochberg, holm
from evalkit.statistics.one_sample import NORMAL_FREEDOM, one_sample
from evalkit.statistics.paired import Difference, mean_difference, ratio_difference
from evalkit.statistics.power import POWER, detectable, needed
from evalkit.statistics.ratio import F1, PRECISION, RECALL, Confusion, Ratio, clustered_ratio, ratio
from evalkit.statistics.signflip import sign_flip

__all__ = [
    "F1",
    "NORMAL_FREEDOM",
    "POWER",
    "PRECISION",
    "RECALL",
    "ClusteredMean",
    "Confusion",
    "Difference",
    "Estimate",
    "Ratio",
    "Z",
    "benjamini_hochberg",
    "clustered_mean",
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
    "stratified",
]
