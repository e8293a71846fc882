"""VLMEvalKit's rules, up to where it asks a judge model; its exact matching is MMBench's official rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from evalkit.rules.extract import Extraction
from evalkit.rules.normalize import normalize_vqa_vlmevalkit, strip_punctuation_vlmevalkit
from evalkit.rules.textvqa import annotator_agreement
from evalkit.rules.verdict import Verdict, letter_verdict, option_letters, unparsed
from evalkit.rules.videomme import OFFICIAL_PHRASES, first_letter
from evalkit.types import Sample, Value

_FAILURE = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_SIGNS_TO_BLANKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_ANNOUNCEMENT = re.compile(r"answer\s+is\s+\**([A-D])\**", re.IGNORECASE)


class VlmevalkitRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit"):
    """`can_infer` (open-compass/VLMEvalKit, vlmeval/utils/matching_util.py) with policy "exact matching".

    other: for a question without options, the text of an option B beside the gold answer as option A, as VLMEvalKit
    makes choices of MMMU's open questions (`MMMU_preproc`, vlmeval/dataset/utils/multiple_choice.py). texts: if False,
    only an option's letter counts, not its text (`can_infer_text`).
    """

    other: str = ""
    texts: bool = True

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A reply that would go to the judge model is unparsed; so is one to a question without options."""
        if sample.choices:
            letter, step = infer_letter(reply, option_letters(sample), sample.choices if self.texts else ())
            return letter_verdict(letter, sample, step)
        if not self.other:
            return unparsed("no options")
        gold = sample.answers[0] if len(sample.answers) == 1 else str(list(sample.answers))
        letter, step = infer_letter(reply, "AB", (gold, self.other))
        if letter is None:
            return unparsed(step)
        return Verdict(gold if letter == "A" else letter, float(letter == "A"), step)


class VlmevalkitYesNoRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_yes_no"):
    """`YOrN_Extraction` (open-compass/VLMEvalKit, vlmeval/dataset/utils/yorn.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The only one of the two words, punctuation aside; both or neither is unparsed."""
        words = {"yes", "no"} & set(strip_punctuation_vlmevalkit(reply.lower()).split())
        if len(words) != 1:
            return unparsed("both yes and no" if words else "neither yes nor no")
        (answer,) = words
        return Verdict(answer, float(answer == sample.answers[0].strip().lower()), "only yes or no in the reply")


class VlmevalkitTextvqaRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_textvqa"):
    """`process_line` with method `vqa_score` (open-compass/VLMEvalKit, vlmeval/dataset/utils/vqa_eval.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """As the official accuracy, after a slightly different normalisation."""
        answer = normalize_vqa_vlmevalkit(reply)
        golds = [normalize_vqa_vlmevalkit(gold) for gold in sample.answers]
        return Verdict(answer or None, annotator_agreement(answer, golds), "normalised reply")


class VlmevalkitVideommeRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_videomme"):
    """`extract_characters_regex`, then exact matching (open-compass/VLMEvalKit, vlmeval/dataset/videomme.py)."""

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The official letter, with two phrases fewer deleted; without one, an option's text."""
        letter = first_letter(reply, phrases=OFFICIAL_PHRASES[:8])
        if letter is not None:
            return letter_verdict(letter, sample, "first letter from A to D")
        letter, step = infer_letter(reply, option_letters(sample), sample.choices)
        return letter_verdict(letter, sample, step)


class VlmevalkitMathvistaRule(Value, frozen=True, tag_field="kind", tag="vlmevalkit_mathvista"):
    """`post_check` (open-compass/VLMEvalKit, vlmeval/dataset/utils/mathvista.py).

    reading: `quick`: replies, of which only a choice or a right number is read. VLMEvalKit asks its judge model to
    extract anything else, and a right 0, which its script takes for no answer. `recorded`: such extractions.
    `columns.extra` provides `answer_type`.
    """

    reading: Literal["quick", "recorded"] = "quick"

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """A choice by exact matching; a number as Python reads it, equal to the gold; a list is never right."""
        if sample.choices:
            letter, step = infer_letter(reply, option_letters(sample), sample.choices)
            return letter_verdict(letter, sample, step)
        number_type = {"integer": int, "float": float}.get(str(sample.extra.get("answer_type")))
        try:
            number = number_type(reply) if number_type else None
            right = number is not None and number_type is not None and number == number_type(sample.answers[0])
        except ValueError:
            right = False
        if self.reading == "recorded":
            return Verdict(reply, float(right), "recorded extraction")
        return Verdict(reply, 1.0, "exact match") if right and number else unparsed("needs a language model")


def infer_letter(reply: str, letters: str, texts: Sequence[str]) -> Extraction:
    """Return the option letter in a reply, else the letter of the option whose text it contains; "Z" for a refusal."""
    extraction = _by_letter(reply, letters)
    return extraction if extraction.answer is not None else _by_text(reply, letters, texts)


def _by_letter(reply: str, letters: str) -> Extraction:
    """The only option letter among the words, if it first occurs in the last four of them; else an announced one.

    "Z" stands for a refusal. "A dog" is read as A: an article counts as a letter.
    """
    if _FAILURE in reply:
        return Extraction(None, "no answer found")
    if any(refusal in reply for refusal in _REFUSALS):
        return Extraction("Z", "refusal")
    words = reply.translate(_SIGNS_TO_BLANKS).split()
    options = [letter for letter in letters if letter in words]
    if len(options) == 1 and words.index(options[0]) > len(words) - 5:
        return Extraction(options[0], "only option letter in the reply")
    if not options and "Z" in words:
        return Extraction("Z", "refusal")
    match = _ANNOUNCEMENT.search(reply)
    announced = match[1].upper() if match else ""
    if announced and announced in letters:
        return Extraction(announced, "announced answer")
    return Extraction(None, "no answer found")


def _by_text(reply: str, letters: str, texts: Sequence[str]) -> Extraction:
    """The only option whose text the reply contains, in a reply at most twice as long as all options together."""
    reply = reply.lower()
    if len(reply) > 2 * sum(map(len, texts)):
        return Extraction(None, "no answer found")
    options = [letter for letter, text in zip(letters, texts, strict=False) if text.lower() in reply]
    if len(options) == 1:
        return Extraction(options[0], "only option text in the reply")
    return Extraction(None, "several options named" if options else "no answer found")
