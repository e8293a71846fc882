"""Read which option a free-form reply settles on; calibrated on published replies of ten models to BLINK."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.extract import phrases
from evalkit.rules.extract.annotated_text import AnnotatedText, Span
from evalkit.rules.extract.announcements import announced_choice, options_judged_right
from evalkit.rules.extract.extraction import Extraction, OptionChoice
from evalkit.rules.extract.markup import EDGE_PUNCTUATION, marked_answer, plain_text
from evalkit.rules.extract.mentions import rejects_after
from evalkit.rules.extract.options import Options, fold

_ONLY_LETTERS = re.compile(r"[\s(\[]*(?:[A-Za-z](?:[\s.,;:/&|()\[\]+-]+|$)){2,26}")
_ANNOUNCED_LETTER = re.compile(r"\b(?i:answer\s?(?:is\b|:)|it(?:'s| is)\b)\s{0,3}\(?([A-Z])\b")
_CORRECTION = re.compile(
    r"\b(?:wait|no|not|actually|but|however|sorry|rather|instead|final|finally|therefore|so|thus|correction|scratch)\b",
    re.IGNORECASE,
)
_LAST_LINE = re.compile(r"(:?)\s*\n\s*\(?([A-Z])\)?([.:]?\s[^\n]{1,80}|\.?)$")

_SHORT = 200
"""Length in characters up to which a reply may be read as one statement."""


def extract_letter(reply: str, choices: Sequence[str]) -> Extraction:
    """Return the letter of the option that a reply settles on, None when it settles on none.

    It takes time linear in the reply's length. The first of these that applies decides:

    - the content of a `\\boxed` or an `<answer>`;
    - the reply as a whole, if it is a letter or else an option's text;
    - the last announced, confirmed or concluded answer ("the answer is", "B is correct", "so (B)"); "A or B" is none;
    - the only option judged right ("A: no. B: yes.");
    - a question handed back to the user, which is none;
    - the last line, if it is one letter, or if a colon leads to it;
    - the option that opens the reply;
    - the only letter at the start of a line;
    - a conclusion that names an option by its text;
    - the option that the first sentence says compares best;
    - the only option named and not rejected.
    """
    if not choices:
        return Extraction(None, "no options")
    options = Options(choices)
    choice = _choice(plain_text(reply), options)
    return Extraction(None if choice.option is None else options.letters[choice.option], choice.step)


def _choice(text: str, options: Options) -> OptionChoice:
    marked = marked_answer(text)
    if marked is not None:
        option = _choice(marked, options).option
        if option is not None:
            return OptionChoice(option, "marked final answer")
    choice = options.equal_to(text)
    if choice is not None:
        return choice
    text = options.with_none_as_letter(text)
    if len(text) < _SHORT and _lists_letters(text, options):
        return OptionChoice(None, "reply is several option letters")
    # two announcements in a short text contradict each other, unless a word between them takes one back
    if len(text) < _SHORT and len(set(_ANNOUNCED_LETTER.findall(text))) > 1 and not _CORRECTION.search(text):
        return OptionChoice(None, "several options announced")
    return _choice_in(AnnotatedText(text, options.texts), options)


def _lists_letters(text: str, options: Options) -> bool:
    """True if a text is nothing but different option letters: "A B", "A. B. C. D."."""
    letters = {sign.upper() for sign in text if sign.isalpha()}
    return bool(_ONLY_LETTERS.fullmatch(text)) and len(letters) > 1 and letters <= set(options.letters)


def _choice_in(text: AnnotatedText, options: Options) -> OptionChoice:
    announced = announced_choice(text, options)
    if announced is not None:
        return announced
    right = options_judged_right(text, options)
    if right:
        return OptionChoice(right[0] if len(right) == 1 else None, "options judged one by one")
    if text.repeats_options() and phrases.QUESTION_BACK.search(text.text[-_SHORT:]):
        return OptionChoice(None, "question handed back")
    for find in (_on_last_line, _at_start, _at_line_start, _in_conclusion, _in_comparison, _only_one_named):
        choice = find(text, options)
        if choice is not None:
            return choice
    return OptionChoice(None, _reason_for_none(text))


def _reason_for_none(text: AnnotatedText) -> str:
    whole = 0, len(text.text)
    if text.declines(*whole):
        return "reply declines to answer"
    return "several options named" if len({m.option for m in text.accepted(*whole)}) > 1 else "no answer found"


# --- the places at which a reply puts its answer


def _on_last_line(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """The letter that is the last line, if no line is another letter; after a colon its option's text may follow it."""
    last = _LAST_LINE.search(text.text[-_SHORT:])
    if last is None or last[2] not in options.letters:
        return None
    choice = OptionChoice(options.letters.index(last[2]), "option letter on the last line")
    if last[1]:
        line = text.accepted(text.text.rfind("\n"), len(text.text))
        return choice if {m.option for m in line} == {choice.option} else None
    single_letters = {line.strip(EDGE_PUNCTUATION) for line in text.text.split("\n")} & set(options.letters)
    return choice if not last[3].strip(".") and len(single_letters) == 1 else None


def _at_start(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """The option that opens the reply, unless the reply goes on to list them all."""
    first = next((m for m in text.mentions if not m.rejected), None)
    if first and first.certain and not text.text[: first.start].strip(" \t\n*\"'([-"):
        listed = text.repeats_options() or text.opens_with_alternatives(text.accepted(0, len(text.text)))
        return None if listed else OptionChoice(first.option, "option letter at the start")
    line = text.text.split("\n", 1)[0]
    option = options.at_start(line)
    if option is None or rejects_after(fold(line), len(options.texts[option])):
        return None
    return OptionChoice(option, "option text at the start")


def _at_line_start(text: AnnotatedText, _: Options) -> OptionChoice | None:
    """The only option whose letter starts a line."""
    starts = text.line_starts
    if len({m.option for m in starts}) != 1 or starts[-1].rejected or text.repeats_options():
        return None
    listed = text.opens_with_alternatives(text.accepted(starts[0].start, len(text.text)))
    return None if listed else OptionChoice(starts[0].option, "only option letter at the start of a line")


def _in_conclusion(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """The option of the last concluding sentence that names exactly one."""
    for span in reversed(list(text.conclusions())):
        option = _common_option(text, options, span)
        if option is not None:
            return OptionChoice(option, "option in a concluding sentence")
    return None


def _in_comparison(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """The option that compares best according to the first sentence."""
    span = 0, text.sentence_end(0)
    if not phrases.COMPARISON.search(text.text, *span) or text.declines(*span):
        return None
    mentions = text.accepted(*span)
    option = text.common_option(mentions)
    if option is None:
        option = options.only_one_in(text.text[slice(*span)])
    return None if option is None else OptionChoice(option, "comparison in the first sentence")


def _only_one_named(text: AnnotatedText, options: Options) -> OptionChoice | None:
    """The only option that a part of the reply names and does not reject, by letter, or else by text.

    The parts, in this order: last sentence (for letters only), first sentence, last paragraph, all. Letters in a reply
    that was cut off count in its first sentence only.
    """
    size = len(text.text)
    if text.declines(0, size):
        return None
    repeats = text.repeats_options()
    listing_lines = {text.line_of(m) for m in text.mentions if text.in_list_of_options(m)} if repeats else set()
    words_end = len(text.text.rstrip(EDGE_PUNCTUATION))
    last_sentence = ([0] + [end for end in text.sentence_ends() if end < words_end])[-1], size
    first_sentence, last_paragraph, whole = (0, text.sentence_end(0)), (text.text.rfind("\n\n") + 1, size), (0, size)
    by_letter = (first_sentence,) if text.cut_off() else (last_sentence, first_sentence, last_paragraph, whole)
    for span in by_letter:
        option = text.common_option([m for m in text.accepted(*span) if text.line_of(m) not in listing_lines])
        if option is not None:
            return OptionChoice(option, "only option letter named")
    for span in () if listing_lines else (first_sentence, last_paragraph, whole):
        option = options.only_one_in(text.text[slice(*span)])
        if option is not None:
            return OptionChoice(option, "only option text named")
    return None


def _common_option(text: AnnotatedText, options: Options, span: Span) -> int | None:
    """Return the one option that a stretch names, by letter or else by its text."""
    mentions = text.accepted(*span)
    return text.common_option(mentions) if mentions else options.only_one_in(text.text[slice(*span)])
