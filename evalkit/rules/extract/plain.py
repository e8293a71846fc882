"""Take off a reply what is not its words: thoughts, special tokens, Markdown, LaTeX, full-width forms."""

from __future__ import annotations

import re

# An answer stands at either end of a reply; what lies between is not read, so that every extractor is bounded.
END = 10_000

_THOUGHT = r"(?:seed:)?(?:think|thinking|thoughts?|reasoning|reflection)[>▷\]]"
THOUGHT_END = re.compile(r"[<◁\[]/" + _THOUGHT, re.IGNORECASE)
THOUGHT = re.compile(r"[<◁\[]" + _THOUGHT, re.IGNORECASE)
TOKEN = re.compile(r"<\|[a-zA-Z0-9_ ]{1,40}\|>|</?(?:s|pad|unk|eos|bos|end_of_turn|start_of_turn)>|\[/?INST\]")
MATHS = re.compile(r"\$([^$\n]{0,200})\$")
STYLE = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|bf|rm|mathbb)\s?\{([^{}]{0,200})\}")
MARKUP = re.compile(r"\*\*|__|`|^[ \t]{0,3}#{1,6}[ \t]|^[ \t]{0,3}>[ \t]|\\(?=[()\[\]{}%$ ])|\\[,;!]", re.MULTILINE)
EMPHASIS = re.compile(
    r"(?<![\w)*])\*(?=[\w(\[\"'])|(?<=[\w.)\]\"'!?:])\*(?![\w(*])|(?<!\w)_(?=[^\W_])|(?<=[^\W_])_(?!\w)"
)
QUOTED = re.compile(r"(?<!\w)'([^'\n]{1,80})'(?!\w)")
FINAL = re.compile(
    r"\\boxed\s?\{([^{}]{0,200})\}|\\fbox\s?\{([^{}]{0,200})\}|<answer>([^<]{0,2000})(?:</answer>|$)"
    r"|[{,]\s{0,9}[\"']?(?:final[_ ]?|correct[_ ]?)?(?:answer|choice|option)[\"']?\s{0,3}:\s{0,3}"
    r"(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})')"
    r"|\banswer\s?=\s?(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})')",
    re.IGNORECASE,
)

TRIM = " \t\n.,;:!?\"'()[]{}*_。,、-"

FORMS = {0xFF01 + i: chr(0x21 + i) for i in range(94)}
FORMS |= {0x24B6 + i: chr(0x41 + i) for i in range(26)}
FORMS |= {ord(a): b for a, b in zip("\u3000\u00a0’‘“”−【】〔〕「」", '  \'\'""-[][]""', strict=True)}
FORMS[0x0D] = "\n"


def plain(reply: str) -> str:
    """The words of a reply; what a thinking model thinks is not said."""
    text = _said(reply)
    if len(text) > 2 * END:
        text = text[:END] + "\n\n" + text[-END:]
    text = TOKEN.sub(" ", text.translate(FORMS))
    return unmarked(text).strip()


def unmarked(text: str) -> str:
    """Without Markdown emphasis and LaTeX text commands, and with one kind of quotation marks; `\\boxed` stays."""
    text = MATHS.sub(r"\1", STYLE.sub(r"\1", text))
    return QUOTED.sub(r'"\1"', EMPHASIS.sub("", MARKUP.sub("", text)))


def final(text: str) -> str | None:
    """What the last `\\boxed{}` or `<answer>` of a plain text holds."""
    held = [next(group for group in match.groups() if group is not None) for match in FINAL.finditer(text)]
    return held[-1].strip() if held else None


def _said(reply: str) -> str:
    """The text after the last closed thought and before one that was never closed."""
    start = 0
    for closed in THOUGHT_END.finditer(reply):
        start = closed.end()
    opened = THOUGHT.search(reply, start)
    return reply[start : opened.start() if opened else len(reply)]
