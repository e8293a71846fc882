"""A comparison for build servers: JUnit XML, a job summary of bounded size, and error lines of workflow commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

import msgspec

from evalkit.comparison.render import conclusion, markdown, sentence, title
from evalkit.comparison.verdict import Comparison, Line

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not know, not even escaped."""
COMMAND = re.compile(r"(^[^\S\n]*:(?=:)|##(?=\[))", re.MULTILINE)
SUMMARY = 512 * 1024
"""Bytes of one comparison in a job summary."""
STEP = 1024 * 1024
"""Bytes of a step's summary, all commands together; the server refuses a longer one as a whole."""
SPARE = 200
"""Bytes that a summary keeps free for the sentence that it is shortened."""


def junit(comparison: Comparison, *, strict: bool = False) -> str:
    """One test case per line or refusal; an inconclusive one is skipped, or failed where `strict`."""
    cases = [_case(comparison, line, strict) for line in comparison.lines]
    cases += [
        f"{_open(comparison, f'{r.task} {r.reason}')}<error message={_attribute(r.text)}/></testcase>"
        for r in comparison.refusals
    ]
    kinds = {word: sum(f"<{word} " in case for case in cases) for word in ("failure", "error", "skipped")}
    head = (
        f'<testsuite name={_attribute(f"evalkit compare: {title(comparison)}")} tests="{len(cases)}" '
        f'failures="{kinds["failure"]}" errors="{kinds["error"]}" skipped="{kinds["skipped"]}">'
    )
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", head, *cases, "</testsuite>", "</testsuites>", ""]
    )


def _case(comparison: Comparison, line: Line, strict: bool) -> str:
    said = sentence(line)
    out = f"<system-out>{escape(FORBIDDEN.sub('', said))}</system-out>"
    mark = ""
    if line.verdict == "fail" or (strict and line.verdict == "inconclusive"):
        mark = f"<failure message={_attribute(said)}/>"
    elif line.verdict == "inconclusive":
        mark = f"<skipped message={_attribute(said)}/>"
    return f"{_open(comparison, line.label)}{mark}{out}</testcase>"


def _open(comparison: Comparison, name: str) -> str:
    return f"<testcase classname={_attribute(f'compare.{comparison.settings.gate}')} name={_attribute(name)}>"


def _attribute(text: str) -> str:
    return quoteattr(FORBIDDEN.sub("", text))


def summary(comparison: Comparison, *, used: int = 0) -> str:
    """Markdown for a job's page; where that is too long, without the samples, and cut at a line.

    `used` is what the step's summary already holds, in bytes; where that leaves no room, nothing is added.
    """
    data, room = markdown(comparison).encode(), min(SUMMARY, STEP - used)
    if len(data) <= room:
        return data.decode()
    bare = tuple(msgspec.structs.replace(line, flips=()) for line in comparison.lines)  # a cut fence would never close
    data = markdown(msgspec.structs.replace(comparison, lines=bare)).encode()
    kept = data[: max(0, room - SPARE)].rpartition(b"\n")[0].decode(errors="ignore")
    return "" if room < SPARE else f"{kept}\n\nShortened; the whole report is in the file of --markdown.\n"


def commands(comparison: Comparison) -> Iterator[str]:
    """An error line per failed task or refusal, a warning line per inconclusive one, as GitHub's runner reads them."""
    for refusal in comparison.refusals:
        yield _command("error", "not comparable", f"{refusal.task}: {refusal.reason}: {refusal.text}")
    for line in comparison.lines:
        if line.verdict != "pass":
            yield _command("error" if line.verdict == "fail" else "warning", line.label, sentence(line))
    if comparison.verdict == "fail":
        yield _command("error", "evalkit compare", conclusion(comparison))


def inert(text: str) -> str:
    """Text in which the runner finds no command: it reads `::` at the beginning of a line, and `##[` anywhere."""
    return COMMAND.sub(r"\1 ", text)


def _command(kind: str, head: str, text: str) -> str:
    # Unescaped, a line break in a task's name would start a command of its own.
    safe, name = (t.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A") for t in (text, head))
    return f"::{kind} title={name.replace(':', '%3A').replace(',', '%2C')}::{safe}"
