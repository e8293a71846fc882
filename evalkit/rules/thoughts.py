"""The reply that rules read: stripped, and without the thought that a reasoning model wrote before it."""

from __future__ import annotations

import re
from typing import NamedTuple

TAGS = ("think", "thinking", "thought", "thoughts", "analysis", "reasoning", "reflection", "seed:think")
MARKS = (
    *((rf"<{tag}(?:\s[^<>]*)?>", rf"</{tag}\s*>") for tag in TAGS),
    (r"\[think\]", r"\[/think\]"),  # Magistral
    (r"◁think▷", r"◁/think▷"),  # Kimi-VL
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),  # OpenThinker
    (r"<\|start_thinking\|>", r"<\|end_thinking\|>"),  # Command A
    (r"<unused94>", r"<unused95>"),  # MedGemma
)
"""Opening and closing marks of thoughts, in upper or lower case."""
MARK = re.compile("|".join(f"(?P<o{n}>{a})|(?P<c{n}>{b})" for n, (a, b) in enumerate(MARKS)), re.IGNORECASE)
CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>", re.IGNORECASE)
"""The start of a message of gpt-oss (openai/harmony); all channels but `final` are thoughts."""
MESSAGE_END = re.compile(r"<\|(?:end|return|start|channel|call)\|>", re.IGNORECASE)
TURN_END = re.compile(r"<\|(?:endoftext|im_end|eot_id|eom_id|end|return)\|>|</s>|<eos>|<end_of_turn>", re.IGNORECASE)
"""The marks that end a reply. Engines stop there and print none, so that no official script sees what follows."""


class Reply(NamedTuple):
    """A reply as rules read it, and the thought before it.

    `cut_off`: the reply ended inside its thought; `text` is then only what was written before it, mostly nothing.
    """

    text: str
    thought: str = ""
    cut_off: bool = False


def split_thought(text: str) -> Reply:
    """Return a reply without the model's thought, blanks at its ends and what follows the end of its turn.

    A thought stands between marks, ends with a lone closing mark (some chat templates open it in the prompt), or is a
    message in a channel other than `final`. Official pipelines strip a reply before they judge it, and lmms-eval
    removes `<think>` and `<analysis>` by default (evaluator.py, strip_reasoning_tags). It takes linear time.
    """
    channels = list(CHANNEL.finditer(text))
    if channels:
        return _final_channel(text, channels)
    texts, thoughts, stack, end = [""], [""], list[int](), 0
    for match in MARK.finditer(text):
        (thoughts if stack else texts).append(text[end : match.start()])
        end = match.end()
        mark, number = (match.lastgroup or "")[0], int((match.lastgroup or "")[1:])
        if mark == "o":
            stack.append(number)
        elif number in stack:
            del stack[stack.index(number) :]
        elif not stack:  # a lone closing mark: all before it was the thought
            thoughts += texts
            texts.clear()
    (thoughts if stack else texts).append(text[end:])
    return Reply(_until_turn_end("".join(texts)), "".join(thoughts).strip(), bool(stack))


def _until_turn_end(text: str) -> str:
    """Return the stripped text before the first mark that ends a reply; marks at its start are skipped."""
    start = 0
    for mark in TURN_END.finditer(text):
        if text[start : mark.start()].strip():
            return text[start : mark.start()].strip()
        start = mark.end()
    return text[start:].strip()


def _final_channel(text: str, channels: list[re.Match[str]]) -> Reply:
    """The last message in the channel `final`; without one, the reply ended in its thought."""
    final: str | None = None
    thoughts = []
    for match in channels:
        end = MESSAGE_END.search(text, match.end())
        message = text[match.end() : end.start() if end else len(text)].strip()
        if match[1].lower() == "final":
            final = message
        else:
            thoughts.append(message)
    return Reply(final or "", "\n".join(thoughts), cut_off=final is None)
