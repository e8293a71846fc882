"""A comparison for readers: a terminal's table, Markdown, and JSON; foreign text is cut and escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from evalkit.comparison.verdict import Comparison, Flip, Line, Side
from evalkit.safe_text import printable
from evalkit.statistics import POWER

HEAD = ("task", "metric", "base", "candidate", "difference", "{level:g} % interval", "p", "adjusted p")
TAIL = ("flips", "detects", "verdict")
LONG = 400


def terminal(comparison: Comparison) -> str:
    """Plain text: the table, the samples to look at, the notes and the verdict."""
    from tabulate import tabulate

    parts = [title(comparison)]
    if comparison.lines:
        rows = [[_plain(cell) for cell in _cells(comparison, line)] for line in comparison.lines]
        align = ["left", "left", *["right"] * 8, "left"]
        parts.append(tabulate(rows, _head(comparison), tablefmt="simple", disable_numparse=True, colalign=align))
    parts += ["\n".join(f"{r.task}: {r.reason}: {printable(r.text)}" for r in comparison.refusals)]
    parts += [_flip(line, flip) for line in comparison.lines for flip in line.flips]
    parts += ["\n".join(printable(note) for note in comparison.notes), conclusion(comparison)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown(comparison: Comparison) -> str:
    """The same as Markdown, replies folded away and fenced."""
    parts = [f"## {_escaped(title(comparison))}", f"**{_escaped(conclusion(comparison))}**"]
    if comparison.lines:
        rows = [[_escaped(cell) for cell in _cells(comparison, line)] for line in comparison.lines]
        rule = ["---", "---", *["--:"] * 8, "---"]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in (_head(comparison), rule, *rows)))
    parts.append("\n".join(f"- {_escaped(f'{r.task}: {r.reason}: {r.text}')}" for r in comparison.refusals))
    parts += [_details(line) for line in comparison.lines if line.flips]
    parts.append("\n".join(f"- {_escaped(note)}" for note in comparison.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def json(comparison: Comparison) -> bytes:
    """One JSON object; values at full precision, fractions where a line says `percent`."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n"


def title(comparison: Comparison) -> str:
    """What is compared with what."""
    return printable(f"{comparison.candidate} against {comparison.base}")


def conclusion(comparison: Comparison) -> str:
    """The verdict as one sentence."""
    settings = comparison.settings
    if comparison.verdict == "not comparable":
        reasons = " ".join(dict.fromkeys(refusal.reason for refusal in comparison.refusals))
        return f"Not comparable: see above, repair it, or allow it with --allow {reasons}."
    failed = [line.label for line in comparison.lines if line.verdict == comparison.verdict]
    of = "" if comparison.verdict == "pass" else f": {printable(', '.join(failed))}"
    word = {"pass": "passed", "fail": "failed", "inconclusive": "is inconclusive"}[comparison.verdict]
    return f"The gate {settings.gate} {word}{of} (margin {settings.tolerated:g}, alpha {settings.alpha:g})."


def sentence(line: Line) -> str:
    """A line's judgement with its numbers, for a log."""
    low, high = line.difference.low, line.difference.high
    limits = "" if low is None or high is None else f" [{_signed(line, low)}, {_signed(line, high)}]"
    change = f"{_signed(line, line.difference.value)}{limits}"
    hint = "" if line.needed is None else f"; about {line.needed} samples would tell the margin"
    small = _detects(line)
    seen = f"; a change of {small} would be seen with probability {POWER:g}" if small else ""
    text = (
        f"{line.label}: {_side(line, line.base)} -> {_side(line, line.candidate)}, {change}, {line.reason}{seen}{hint}"
    )
    return printable(text)


def _head(comparison: Comparison) -> list[str]:
    return [*(word.format(level=100 * (1 - comparison.settings.alpha)) for word in HEAD), *TAIL]


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
        _chance(line.difference.p),
        _chance(line.p_adjusted) if len(comparison.lines) > 1 else _chance(line.difference.p),
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


def _chance(p: float) -> str:
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _flip(line: Line, flip: Flip) -> str:
    facts = f"{line.task}: {flip.sample_id} turned {flip.turned}; gold {flip.target}"
    rows = [printable(facts)]
    if flip.prompt:
        rows.append(f"  prompt:    {_cut(flip.prompt)}")
    for name, answer, reply in _replies(flip):
        rows.append(f"  {name + ':':10} {_cut(reply) or '(reply not at hand)'} => {_plain(str(answer))}")
    return "\n".join(rows)


def _replies(flip: Flip) -> Iterator[tuple[str, str | None, str]]:
    yield "base", flip.base_answer, flip.base_reply
    yield "candidate", flip.candidate_answer, flip.candidate_reply


def _details(line: Line) -> str:
    head = f"{line.task}: {len(line.turned_wrong)} turned wrong, {len(line.turned_right)} turned right"
    body = "\n\n".join(_fenced(_flip(line, flip)) for flip in line.flips)
    return f"<details><summary>{_escaped(head)}</summary>\n\n{body}\n\n</details>"


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
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
