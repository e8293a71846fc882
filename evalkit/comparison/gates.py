"""From differences to verdicts: each gate is one rule, corrected over all lines of the comparison."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from evalkit.comparison.values import Comparison, GateSettings, Line, Refusal, Verdict
from evalkit.errors import EvalkitError
from evalkit.statistics import NORMAL_FREEDOM, benjamini_hochberg, detectable, holm, needed

ROUNDING = 1e-12
"""Tolerance that makes a loss of exactly the margin count as such: in binary 7 of 1,000 are not quite 0.7 points."""


def apply_gate(lines: Sequence[Line], settings: GateSettings) -> tuple[Line, ...]:
    """The lines with adjusted p values, verdicts, reasons, and the samples that the margin needs.

    Raises EvalkitError for a metric of which neither more nor less is better.
    """
    adjust = holm if settings.correction == "holm" else benjamini_hochberg
    adjusted = adjust([line.difference.p for line in lines])
    # Holm's first step, the hardest one, tests each of m lines at alpha / m; the other gates judge lines one by one.
    corrected = settings.gate == "regression" and settings.correction == "holm"
    level = settings.alpha / (max(1, len(lines)) if corrected else 1)
    return tuple(_with_verdict(line, p, settings, level) for line, p in zip(lines, adjusted, strict=True))


def conclude(
    base: str,
    candidate: str,
    settings: GateSettings,
    *,
    lines: Sequence[Line],
    refusals: Sequence[Refusal],
    notes: Sequence[str],
) -> Comparison:
    """The comparison of `base` and `candidate`, by their titles, with the verdict of the gate or of the refusals."""
    judged = apply_gate(lines, settings)
    return Comparison(
        base=base,
        candidate=candidate,
        settings=settings,
        verdict="not comparable" if refusals else worst_verdict(judged),
        lines=judged,
        refusals=tuple(refusals),
        notes=tuple(dict.fromkeys(notes)),
    )


def worst_verdict(lines: Sequence[Line]) -> Verdict:
    """`fail` if a line fails, else `inconclusive` if one is, else `pass`."""
    verdicts = {line.verdict for line in lines}
    return "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"


def _with_verdict(line: Line, p: float, settings: GateSettings, level: float) -> Line:
    if not line.better:
        raise EvalkitError(
            f"task {line.task}: neither more nor less of its headline {line.metric} is better; name another headline"
        )
    margin = settings.tolerated / 100 if line.percent else settings.tolerated
    line = msgspec.structs.replace(line, p_adjusted=p)
    verdict, reason = _verdict(line, margin, settings)
    detects = _detects(line, settings.alpha, level)
    size = needed(line.difference.n, detected=detects, margin=margin) if detects and margin > 0 else None
    return msgspec.structs.replace(line, verdict=verdict, reason=reason, detects=detects, needed=size)


def _detects(line: Line, alpha: float, level: float) -> float | None:
    """The detectable difference at `level`, from the one at `alpha`."""
    if line.difference.detectable is None or level == alpha:
        return line.difference.detectable
    whole, single = (detectable(1.0, freedom=NORMAL_FREEDOM, alpha=a) for a in (level, alpha))
    return line.difference.detectable * whole / single


def _verdict(line: Line, margin: float, settings: GateSettings) -> tuple[Verdict, str]:
    """The verdict and its reason, in words that hold for metrics of either direction."""
    if line.same:
        return "pass", "every answer is the same"
    if settings.gate == "threshold":
        return _threshold(line, margin)
    if line.difference.low is None or line.difference.high is None:
        return "inconclusive", "the data give no standard error"
    if settings.gate == "regression":
        return _regression(line, margin, settings.alpha)
    return _noninferiority(line, margin)


def _threshold(line: Line, margin: float) -> tuple[Verdict, str]:
    """Fail a measured loss of more than the margin."""
    if line.better * line.difference.value < -margin - ROUNDING:
        return "fail", "worse by more than the margin; not a statistical statement"
    return "pass", "not worse by more than the margin; not a statistical statement"


def _regression(line: Line, margin: float, alpha: float) -> tuple[Verdict, str]:
    """Fail a line that is worse significantly (after correction) and by at least the margin."""
    gain = line.better * line.difference.value
    significant = line.p_adjusted <= alpha
    if significant and gain < 0 and -gain >= margin - ROUNDING:
        return "fail", "worse beyond chance"
    if margin > 0 and _gain_limits(line)[0] < -margin:
        return "inconclusive", "a loss of the margin is not ruled out"
    if significant and gain:
        return "pass", "better beyond chance" if gain > 0 else "worse beyond chance, but by less than the margin"
    return "pass", "no difference beyond chance" if line.base.folder else _consistency(line)


def _consistency(line: Line) -> str:
    """The reason why a run that does not differ significantly from a published number passes."""
    low, high = line.difference.low or 0.0, line.difference.high or 0.0
    if low <= 0 <= high:
        return "consistent with the published number"
    return "the published number is outside the interval, but the adjusted p is not significant"


def _noninferiority(line: Line, margin: float) -> tuple[Verdict, str]:
    """Passes what is not worse by the margin; needs no correction, since all lines must pass (Berger 1982)."""
    low, high = _gain_limits(line)
    if low > 0:
        return "pass", "better: the whole interval is a gain"
    if low > -margin:
        return "pass", "worse, but by less than the margin" if high < 0 else "not worse by the margin"
    if high < -margin:
        return "fail", "worse by more than the margin"
    return "inconclusive", "a loss of the margin is not ruled out"


def _gain_limits(line: Line) -> tuple[float, float]:
    """The limits of the gain: of minus the difference where less is better."""
    low, high = line.difference.low or 0.0, line.difference.high or 0.0
    return (low, high) if line.better > 0 else (-high, -low)
