"""Questions as the harness words them: parts of text and picture numbers, one function per benchmark."""

from __future__ import annotations

from collections.abc import Sequence

LETTER = "Answer with the option's letter from the given choices directly."
SHORT = "Answer the question using a single word or phrase."
SELECT = "Select from the following choices."
SUBTITLES = "This video's subtitles are listed below:"
LETTERS = "ABCD"


def short(question: str) -> str:
    """POPE, TextVQA and open questions of MMMU."""
    return f"{question}\n{SHORT}"


def choice(question: str, *, options: Sequence[str], hint: str = "", instruction: str = LETTER) -> str:
    """MMBench, MMMU and Video-MME."""
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)]
    head = [hint] if hint else []
    return "\n".join([*head, question, *lines, instruction])


def bracketed(question: str, *, options: Sequence[str], instruction: str = LETTER) -> str:
    """BLINK."""
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join([question, SELECT, *lines, instruction])


def with_subtitles(text: str, *, lines: Sequence[str]) -> str:
    """Video-MME with subtitles."""
    return "\n".join([SUBTITLES, *lines, text])
