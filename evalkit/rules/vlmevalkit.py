"""VLMEvalKit's rules, up to where it asks a judge model; its exact matching is MMBench's official rule."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules import videomme
from evalkit.rules.normalize import vlmevalkit as normal
from evalkit.rules.normalize import vlmevalkit_punctuation as punctuation
from evalkit.rules.textvqa import agreement
from evalkit.rules.verdict import UNPARSED, Verdict, letters, matching
from evalkit.types import Sample, Value

_FAILED = "Failed to obtain answer via API"
_REFUSED = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_BLANKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_ANNOUNCED = re.compile(r"answer\s+is\s+\**([A-D])\**", re.IGNORECASE)


class VlmevalkitRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit"):
    """`can_infer` (open-compass/VLMEvalKit, vlmeval/utils/matching_util.py) with policy "exact matching".

    other: the text of option B that stands beside the gold answer, option A, for a question without options: so MMMU's
    open questions are turned into choices (`MMMU_preproc`, vlmeval/dataset/utils/multiple_choice.py). texts: whether an
    option's text counts (`can_infer_text`), or its letter alone.
    """

    other: str = ""
    texts: bool = True

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that would go to the judge model is unparsed; so is one to a question without options."""
        if sample.choices:
            read = infer(reply, letters(sample), sample.choices if self.texts else ())
            return matching(read, sample)
        if not self.other:
            return UNPARSED
        gold = sample.answers[0] if len(sample.answers) == 1 else str(list(sample.answers))
        name = infer(reply, "AB", (gold, self.other))
        return UNPARSED if name is None else Verdict(gold if name == "A" else name, float(name == "A"))


class VlmevalkitYesNoRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_yes_no"):
    """`YOrN_Extraction` (open-compass/VLMEvalKit, vlmeval/dataset/utils/yorn.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The only one of the two words, punctuation aside; both or neither is unparsed."""
        found = {"yes", "no"} & set(punctuation(reply.lower()).split())
        answer = found.pop() if len(found) == 1 else None
        return UNPARSED if answer is None else Verdict(answer, float(answer == sample.answers[0].strip().lower()))


class VlmevalkitTextvqaRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_textvqa"):
    """`process_line` with method `vqa_score` (open-compass/VLMEvalKit, vlmeval/dataset/utils/vqa_eval.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """As the official accuracy, after a slightly different normalisation."""
        answer = normal(reply)
        return Verdict(answer or None, agreement(answer, [normal(gold) for gold in sample.answers]))


class VlmevalkitVideommeRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_videomme"):
    """`extract_characters_regex`, then exact matching (open-compass/VLMEvalKit, vlmeval/dataset/videomme.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The official letter, with two phrases fewer deleted; without one, an option's text."""
        found = videomme.letter(reply, phrases=videomme.PHRASES[:8])
        return matching(found or infer(reply, letters(sample), sample.choices), sample)


class VlmevalkitMathvistaRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_mathvista"):
    """`post_check` (open-compass/VLMEvalKit, vlmeval/dataset/utils/mathvista.py), of a reply or of an extraction.

    `columns.extra` provides `answer_type`. Of a reply, only a choice or a right number counts as read: for all else the
    judge model is asked for an extraction.
    """

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A choice by exact matching; a number as Python reads it, equal to the gold; a list is never right."""
        if sample.choices:
            return matching(infer(reply, letters(sample), sample.choices), sample)
        read = {"integer": int, "float": float}.get(str(sample.extra.get("answer_type")))
        try:
            right = read is not None and read(reply) == read(sample.answers[0])
        except ValueError:
            right = False
        return Verdict(reply, 1.0) if right else UNPARSED


def infer(reply: str, names: str, texts: Sequence[str]) -> str | None:
    """The option letter in a reply, else the letter of the option whose text it contains; "Z" for a refusal."""
    return _by_letter(reply, names) or _by_text(reply, names, texts)


def _by_letter(reply: str, names: str) -> str | None:
    """The only option letter among the words, if its first place is among the last four; else an announced one.

    "Z" stands for a refusal. "A dog" is read as A: the article is not told apart.
    """
    if _FAILED in reply:
        return None
    if any(refusal in reply for refusal in _REFUSED):
        return "Z"
    words = reply.translate(_BLANKS).split()
    found = [name for name in names if name in words]
    if len(found) == 1 and words.index(found[0]) > len(words) - 5:
        return found[0]
    if not found and "Z" in words:
        return "Z"
    announced = _ANNOUNCED.search(reply)
    name = announced[1].upper() if announced else ""
    return name if name and name in names else None


def _by_text(reply: str, names: str, texts: Sequence[str]) -> str | None:
    """The only option whose text the reply contains, in a reply at most twice as long as all options together."""
    reply = reply.lower()
    if len(reply) > 2 * sum(map(len, texts)):
        return None
    found = [name for name, text in zip(names, texts, strict=False) if text.lower() in reply]
    return found[0] if len(found) == 1 else None
