"""Remove from a reply what is not its words: reasoning, special tokens, Markdown, LaTeX, full-width characters."""

from __future__ import annotations

import re

_EDGE = 10_000
"""Characters of a reply that are read at each end, where answers stand, to bound the time."""

_REASONING = r"(?:seed:)?(?:think|thinking|thoughts?|reasoning|reflection)[>▷\]]"
_REASONING_END = re.compile(r"[<◁\[]/" + _REASONING, re.IGNORECASE)
_REASONING_START = re.compile(r"[<◁\[]" + _REASONING, re.IGNORECASE)
_SPECIAL_TOKEN = re.compile(r"<\|[a-zA-Z0-9_ ]{1,40}\|>|</?(?:s|pad|unk|eos|bos|end_of_turn|start_of_turn)>|\[/?INST\]")
_INLINE_MATHS = re.compile(r"\$([^$\n]{0,200})\$")
_TEXT_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf|mathit|bf|rm|mathbb)\s?\{([^{}]{0,200})\}"
)
_MARKDOWN = re.compile(r"\*\*|__|`|^[ \t]{0,3}#{1,6}[ \t]|^[ \t]{0,3}>[ \t]|\\(?=[()\[\]{}%$ ])|\\[,;!]", re.MULTILINE)
_EMPHASIS = re.compile(
    r"(?<![\w)*])\*(?=[\w(\[\"'])|(?<=[\w.)\]\"'!?:])\*(?![\w(*])|(?<!\w)_(?=[^\W_])|(?<=[^\W_])_(?!\w)"
)
_SINGLE_QUOTES = re.compile(r"(?<!\w)'([^'\n]{1,80})'(?!\w)")
_BRACED = r"((?:[^{}]|\{(?:[^{}]|\{[^{}]{0,100}\}){0,100}\}){0,200})"
_MARKED_ANSWER = re.compile(
    rf"\\boxed\s?\{{{_BRACED}\}}|\\fbox\s?\{{{_BRACED}\}}"
    r"|<answer>([^<]{0,2000})(?:</answer>|$)"
    r"|[{,]\s{0,9}[\"']?(?:final[_ ]?|correct[_ ]?)?(?:answer|choice|option)[\"']?\s{0,3}:\s{0,3}"
    r"(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})')"
    r"|\banswer\s?=\s?(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})')",
    re.IGNORECASE,
)

EDGE_PUNCTUATION = " \t\n.,;:!?\"'()[]{}*_。,、-"
"""Signs that may surround an answer without being part of it."""

PLAIN_CHARACTERS = {0xFF01 + i: chr(0x21 + i) for i in range(94)}
PLAIN_CHARACTERS |= {0x24B6 + i: chr(0x41 + i) for i in range(26)}
PLAIN_CHARACTERS |= {ord(a): b for a, b in zip("\u3000\u00a0’‘“”−【】〔〕「」", '  \'\'""-[][]""', strict=True)}
PLAIN_CHARACTERS[0x0D] = "\n"
"""Code points of full-width and circled characters, brackets and quotation marks, and the plain ones they stand for."""


def plain_text(reply: str) -> str:
    """Return the words of a reply, without markup and without the reasoning that a model marks as such."""
    text = _without_reasoning(reply)
    if len(text) > 2 * _EDGE:
        text = text[:_EDGE] + "\n\n" + text[-_EDGE:]
    text = _SPECIAL_TOKEN.sub(" ", text.translate(PLAIN_CHARACTERS))
    return without_formatting(text).strip()


def without_formatting(text: str) -> str:
    """Return a text without Markdown and LaTeX text commands, with one kind of quotation marks; `\\boxed` stays."""
    text = _INLINE_MATHS.sub(r"\1", _TEXT_COMMAND.sub(r"\1", text))
    return _SINGLE_QUOTES.sub(r'"\1"', _EMPHASIS.sub("", _MARKDOWN.sub("", text)))


def marked_answer(text: str) -> str | None:
    """Return the content of the last `\\boxed{}`, `<answer>` or answer field (`"answer": "B"`); None without one."""
    contents = [next(group for group in match.groups() if group is not None) for match in _MARKED_ANSWER.finditer(text)]
    return contents[-1].strip() if contents else None


def _without_reasoning(reply: str) -> str:
    """Return the text after the last closed reasoning block and before one that was never closed."""
    start = 0
    for end_mark in _REASONING_END.finditer(reply):
        start = end_mark.end()
    unclosed = _REASONING_START.search(reply, start)
    return reply[start : unclosed.start() if unclosed else len(reply)]
