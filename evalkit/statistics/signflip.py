"""Permutation test of a paired difference: if two runs are equally good, each cluster may as well have swapped them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 19_999
MOST_STEPS = 20_000
"""Steps up to which the distribution is computed exactly, in less than a second; beyond it signs are drawn."""
TIE = 1e-9
"""Relative tolerance under which a permuted sum equals the observed one, whatever its last bits."""
CHUNK = 4_000_000
"""Signs that are drawn at once, to bound the memory."""


def sign_flip(totals: NDArray[Any], *, scale: float = 1.0, seed: int = 0) -> tuple[float, str]:
    """Two-sided p value of the sum of `totals` when each may have either sign, and the test's name.

    Totals that are multiples of 1/scale, or of a tenth of it (VQA accuracy), are summed exactly: with zeros and ones
    and clusters of one sample this is McNemar's exact test. Otherwise 19,999 seeded draws.
    """
    import numpy as np

    sizes = np.abs(totals[np.abs(totals) > 1e-15])
    if not len(sizes):
        return 1.0, "no differences"
    observed = abs(float(totals.sum()))
    for fineness in (1, 10):
        steps = sizes * scale * fineness
        whole = np.rint(steps)
        if np.abs(steps - whole).max() < 1e-6 and whole.sum() <= MOST_STEPS:
            p = _exact_p(whole.astype(int), round(observed * scale * fineness))
            return p, "mcnemar(exact)" if fineness == 1 and (whole == 1).all() else "sign-flip(exact)"
    sums = np.concatenate([signs @ sizes for signs in sign_matrices(len(sizes), seed)])
    extreme = int((np.abs(sums) >= observed * (1 - TIE)).sum())
    return (1 + extreme) / (1 + DRAWS), f"sign-flip(seed={seed},n={DRAWS})"


def _exact_p(steps: NDArray[Any], observed: int) -> float:
    """P(|sum of randomly signed steps| >= observed), by convolving a binomial for every distinct step."""
    import numpy as np
    from scipy.special import gammaln

    chances = np.ones(1)
    for step, count in zip(*np.unique(steps, return_counts=True), strict=True):
        spaced = np.zeros(count * step + 1)
        k = np.arange(count + 1)
        spaced[::step] = np.exp(gammaln(count + 1) - gammaln(k + 1) - gammaln(count - k + 1) - count * np.log(2))
        chances = np.convolve(chances, spaced)
    # Position k of `chances` is the sum 2 k - steps.sum().
    sums = 2 * np.arange(len(chances)) - int(steps.sum())
    return min(1.0, float(chances[np.abs(sums) >= observed].sum()))


def sign_matrices(count: int, seed: int) -> Iterator[NDArray[Any]]:
    """Random signs as (rows, count) matrices of 1 and -1; all matrices together have DRAWS rows."""
    import numpy as np

    generator = np.random.default_rng(seed)
    rows = max(1, CHUNK // count)
    for start in range(0, DRAWS, rows):
        yield 1.0 - 2.0 * generator.integers(0, 2, (min(rows, DRAWS - start), count), dtype=np.int8)
