"""A comparison as terminal text, Markdown or JSON; text of models and tasks is cut and escaped."""

from __future__ import annotations

import re

import msgspec

from evalkit.comparison.values import Comparison, Flip, Line, Side
from evalkit.safe_text import printable
from evalkit.statistics import POWER

COLUMNS = ("task", "metric", "base", "candidate", "difference", "{level:g} % interval", "p", "adjusted p")
LAST_COLUMNS = ("flips", "detects", "verdict")
LONG = 400
"""The most characters of a prompt or a reply that are printed."""


def to_terminal(comparison: Comparison) -> str:
    """Plain text: the table, the flips, the notes and the verdict."""
    from tabulate import tabulate

    parts = [title(comparison)]
    if comparison.lines:
        rows = [[_plain(cell) for cell in _cells(comparison, line)] for line in comparison.lines]
        align = ["left", "left", *["right"] * 8, "left"]
        parts.append(tabulate(rows, _header(comparison), tablefmt="simple", disable_numparse=True, colalign=align))
    parts += ["\n".join(f"{r.task}: {r.reason}: {printable(r.text)}" for r in comparison.refusals)]
    parts += [_flip(line, flip) for line in comparison.lines for flip in line.flips]
    parts += ["\n".join(printable(note) for note in comparison.notes), conclusion(comparison)]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_markdown(comparison: Comparison) -> str:
    """The same as Markdown; replies are fenced and in closed details."""
    parts = [f"## {_escaped(title(comparison))}", f"**{_escaped(conclusion(comparison))}**"]
    if comparison.lines:
        rows = [[_escaped(cell) for cell in _cells(comparison, line)] for line in comparison.lines]
        rule = ["---", "---", *["--:"] * 8, "---"]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in (_header(comparison), rule, *rows)))
    parts.append("\n".join(f"- {_escaped(f'{r.task}: {r.reason}: {r.text}')}" for r in comparison.refusals))
    parts += [_details(line) for line in comparison.lines if line.flips]
    parts.append("\n".join(f"- {_escaped(note)}" for note in comparison.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(comparison: Comparison) -> bytes:
    """One JSON object; values at full precision, fractions where a line says `percent`."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n"


def title(comparison: Comparison) -> str:
    """`candidate against base`, by their titles."""
    return printable(f"{comparison.candidate} against {comparison.base}")


def conclusion(comparison: Comparison) -> str:
    """The verdict as one sentence."""
    settings = comparison.settings
    if comparison.verdict == "not comparable":
        reasons = " ".join(dict.fromkeys(refusal.reason for refusal in comparison.refusals))
        return f"Not comparable for the reasons above; make the runs alike, or allow it with --allow {reasons}."
    labels = [line.label for line in comparison.lines if line.verdict == comparison.verdict]
    which = "" if comparison.verdict == "pass" else f": {printable(', '.join(labels))}"
    word = {"pass": "passed", "fail": "failed", "inconclusive": "is inconclusive"}[comparison.verdict]
    return f"The gate {settings.gate} {word}{which} (margin {settings.tolerated:g}, alpha {settings.alpha:g})."


def line_sentence(line: Line) -> str:
    """A line's numbers, its reason, and what it could have detected, as one sentence for a log."""
    low, high = line.difference.low, line.difference.high
    limits = "" if low is None or high is None else f" [{_signed(line, low)}, {_signed(line, high)}]"
    change = f"{_signed(line, line.difference.value)}{limits}"
    size = _detects(line)
    power = f"; a true change of {size} is detected with probability {POWER:g}" if size else ""
    # If the run already has that many samples, the hint would only confuse.
    too_few = line.needed is not None and line.needed > line.difference.n
    hint = f"; about {line.needed} samples would detect a change of the margin" if too_few else ""
    sides = f"{_side(line, line.base)} -> {_side(line, line.candidate)}"
    return printable(f"{line.label}: {sides}, {change}, {line.reason}{power}{hint}")


def _header(comparison: Comparison) -> list[str]:
    return [*(name.format(level=100 * (1 - comparison.settings.alpha)) for name in COLUMNS), *LAST_COLUMNS]


def _cells(comparison: Comparison, line: Line) -> list[str]:
    low, high = line.difference.low, line.difference.high
    flips = f"-{len(line.turned_wrong)} +{len(line.turned_right)}" if line.base.folder else ""
    return [
        line.label,
        line.metric,
        _side(line, line.base),
        _side(line, line.candidate),
        _signed(line, line.difference.value),
        "" if low is None or high is None else f"{_signed(line, low)} to {_signed(line, high)}",
        _p(line.difference.p),
        _p(line.p_adjusted) if len(comparison.lines) > 1 else _p(line.difference.p),
        flips,
        _detects(line),
        f"{line.verdict}: {line.reason}",
    ]


def _detects(line: Line) -> str:
    size = line.detects
    return "" if size is None else f"{100 * size:.1f}" if line.percent else f"{size:.3g}"


def _side(line: Line, side: Side) -> str:
    return f"{100 * side.value:.1f}" if line.percent else f"{side.value:.3g}"


def _signed(line: Line, value: float) -> str:
    return f"{100 * value:+.1f}" if line.percent else f"{value:+.3g}"


def _p(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _flip(line: Line, flip: Flip) -> str:
    facts = f"{line.task}: {flip.sample_id} turned {flip.turned}; gold {flip.target}"
    rows = [printable(facts)]
    if flip.prompt:
        rows.append(f"  prompt:    {_cut(flip.prompt)}")
    replies = (("base", flip.base_answer, flip.base_reply), ("candidate", flip.candidate_answer, flip.candidate_reply))
    for name, answer, reply in replies:
        rows.append(f"  {name + ':':10} {_cut(reply) or '(no reply recorded)'} => {_plain(str(answer))}")
    return "\n".join(rows)


def _details(line: Line) -> str:
    summary = f"{line.task}: {len(line.turned_wrong)} turned wrong, {len(line.turned_right)} turned right"
    body = "\n\n".join(_fenced(_flip(line, flip)) for flip in line.flips)
    return f"<details><summary>{_escaped(summary)}</summary>\n\n{body}\n\n</details>"


def _fenced(text: str) -> str:
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _cut(text: str) -> str:
    whole = _plain(text)
    return whole if len(whole) <= LONG else f"{whole[:LONG]}... ({len(whole)} characters)"


def _plain(text: str) -> str:
    return " ".join(printable(text).split())


def _escaped(text: str) -> str:
    # Inside a table cell and outside of one: nothing of a model's or a task's name may become markup.
    safe = _plain(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", safe)
