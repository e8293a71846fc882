"""A comparison for build servers: JUnit XML, a job summary of bounded size, and workflow commands for errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

import msgspec

from evalkit.comparison.render import conclusion, line_sentence, title, to_markdown
from evalkit.comparison.values import Comparison, Line

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""
COMMAND = re.compile(r"(^[^\S\n]*:(?=:)|##(?=\[))", re.MULTILINE)
"""The two marks of a workflow command, as GitHub's runner reads them."""
SUMMARY_BYTES = 512 * 1024
"""The most bytes of one comparison in a job summary."""
STEP_BYTES = 1024 * 1024
"""The most bytes of a step's summary, all commands together; the server refuses a longer one as a whole."""
SPARE_BYTES = 200
"""Bytes that a shortened summary leaves free for the sentence that says so."""


def junit(comparison: Comparison, *, strict: bool = False) -> str:
    """One test case per line or refusal; an inconclusive one is skipped, or failed where `strict`."""
    cases = [_case(comparison, line, strict) for line in comparison.lines]
    cases += [
        f"{_open(comparison, f'{r.task} {r.reason}')}<error message={_attribute(r.text)}/></testcase>"
        for r in comparison.refusals
    ]
    count = {kind: sum(f"<{kind} " in case for case in cases) for kind in ("failure", "error", "skipped")}
    suite = (
        f'<testsuite name={_attribute(f"evalkit compare: {title(comparison)}")} tests="{len(cases)}" '
        f'failures="{count["failure"]}" errors="{count["error"]}" skipped="{count["skipped"]}">'
    )
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", suite, *cases, "</testsuite>", "</testsuites>", ""]
    )


def _case(comparison: Comparison, line: Line, strict: bool) -> str:
    text = line_sentence(line)
    out = f"<system-out>{escape(FORBIDDEN.sub('', text))}</system-out>"
    mark = ""
    if line.verdict == "fail" or (strict and line.verdict == "inconclusive"):
        mark = f"<failure message={_attribute(text)}/>"
    elif line.verdict == "inconclusive":
        mark = f"<skipped message={_attribute(text)}/>"
    return f"{_open(comparison, line.label)}{mark}{out}</testcase>"


def _open(comparison: Comparison, name: str) -> str:
    return f"<testcase classname={_attribute(f'compare.{comparison.settings.gate}')} name={_attribute(name)}>"


def _attribute(text: str) -> str:
    return quoteattr(FORBIDDEN.sub("", text))


def job_summary(comparison: Comparison, *, used: int = 0) -> str:
    """Markdown for a job's page; if that is too long, without the flips and cut at a line break.

    `used` is the length of the step's summary so far, in bytes; where too little is left, the result is empty.
    """
    data, limit = to_markdown(comparison).encode(), min(SUMMARY_BYTES, STEP_BYTES - used)
    if len(data) <= limit:
        return data.decode()
    bare = tuple(
        msgspec.structs.replace(line, flips=()) for line in comparison.lines
    )  # a code fence that is cut would never close
    data = to_markdown(msgspec.structs.replace(comparison, lines=bare)).encode()
    start = data[: max(0, limit - SPARE_BYTES)].rpartition(b"\n")[0].decode(errors="ignore")
    return "" if limit < SPARE_BYTES else f"{start}\n\nShortened; the whole report is in the file of --markdown.\n"


def workflow_commands(comparison: Comparison) -> Iterator[str]:
    """An error command per failed line or refusal, a warning per inconclusive line, as GitHub's runner reads them."""
    for refusal in comparison.refusals:
        yield _command("error", "not comparable", f"{refusal.task}: {refusal.reason}: {refusal.text}")
    for line in comparison.lines:
        if line.verdict != "pass":
            yield _command("error" if line.verdict == "fail" else "warning", line.label, line_sentence(line))
    if comparison.verdict == "fail":
        yield _command("error", "evalkit compare", conclusion(comparison))


def without_commands(text: str) -> str:
    """The text without workflow commands: the runner reads `::` at the beginning of a line, and `##[` anywhere."""
    return COMMAND.sub(r"\1 ", text)


def _command(kind: str, title: str, text: str) -> str:
    # Unescaped, a line break in a task's name would start a command of its own.
    name, body = (t.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A") for t in (title, text))
    return f"::{kind} title={name.replace(':', '%3A').replace(',', '%2C')}::{body}"
