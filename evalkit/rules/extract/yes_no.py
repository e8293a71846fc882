"""Read whether a free-form reply says yes or no."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evalkit.rules.extract import yes_no_phrases as phrases
from evalkit.rules.extract.extraction import Extraction
from evalkit.rules.extract.markup import EDGE_PUNCTUATION, marked_answer, plain_text
from evalkit.rules.extract.phrases import REFUSAL
from evalkit.rules.extract.yes_no_phrases import YesOrNo

_LETTER = re.compile("[ny]", re.IGNORECASE)
_ONLY_BOTH_WORDS = re.compile(r"(?:(?:yes|no)[\W_]+){1,9}(?:yes|no)", re.IGNORECASE)
_SENTENCE_BREAK = re.compile(r"(?<=[.!?。!?])\s+|\n+|(?<=[。!?])")


def extract_yes_no(reply: str) -> Extraction:
    """Return "yes" or "no" as a reply says it, None where it says neither or both.

    The first of these that applies decides:

    - the content of a `\\boxed` or an `<answer>`;
    - the last announced answer ("the answer is no");
    - a firm statement in other words ("I think so", "That is wrong");
    - the first word ("Yes, ...", "没有");
    - a refusal or doubt, which is none;
    - the only one of the two words;
    - what the first or the last sentence says about presence ("There is a dog", "I don't see any").
    """
    text = plain_text(reply)
    marked = marked_answer(text)
    if marked:
        answer = _opening_word(marked)
        return Extraction(answer, "marked final answer" if answer else "marked answer is neither yes nor no")
    bare = text.strip(EDGE_PUNCTUATION)
    if _LETTER.fullmatch(bare):
        return Extraction("no" if bare in "nN" else "yes", "reply is one letter")
    if _ONLY_BOTH_WORDS.fullmatch(bare) and len({word.lower() for word in re.findall(r"\w+", bare)}) > 1:
        return Extraction(None, "both yes and no")
    return next(_readings(text))


def _readings(text: str) -> Iterator[Extraction]:
    """Yield the answers of the steps that find one, in their order, and at last the reason why there is none."""
    steps = (
        (_announced_answer, "announced answer"),
        (_firm_statement, "yes or no in other words"),
        (_opening_word, "first word"),
        (_only_word, "only yes or no in the reply"),
        (_presence, "sentence about presence"),
    )
    for read, step in steps:
        if (answer := read(text)) is not None:
            yield Extraction(answer, step)
    if phrases.BOTH.search(text):
        yield Extraction(None, "both yes and no")
    yield Extraction(None, "doubt or refusal" if _doubtful(text) else "no answer found")


def _announced_answer(text: str) -> YesOrNo | None:
    answers = list(phrases.ANNOUNCEMENT.all_in(text))
    return answers[-1] if answers and not phrases.BOTH.search(text) else None


def _firm_statement(text: str) -> YesOrNo | None:
    """Return the answer of a first sentence without either word: "I think so", "That is wrong", "No doubt about it"."""
    if phrases.AGREEMENT.match(text):
        return "yes"
    if phrases.DISAGREEMENT.match(text):
        return "no"
    firm = phrases.FIRM_OPENING.match(text)
    if firm and phrases.OPENING.at(text, firm.end()) is None and not _doubtful(text):
        return _presence(text[firm.end() :])
    doubtless = phrases.DOUBTLESS.match(text)
    if doubtless is None:
        return None
    rest = text[doubtless.end() :]
    return _opening_word(rest) or _presence(rest) or "yes"


def _opening_word(text: str) -> YesOrNo | None:
    text = text.lstrip(EDGE_PUNCTUATION + "#>")
    return None if phrases.BOTH.match(text) else phrases.OPENING.at(text)


def _only_word(text: str) -> YesOrNo | None:
    """Return the only one of the two words; "no" before a noun counts, too."""
    if phrases.BOTH.search(text) or _doubtful(text):
        return None
    text = phrases.DOUBTLESS.sub(" ", text)
    text = phrases.NEGATED_WORD.sub(lambda match: "yes" if match["word"].lower() == "no" else "no", text)
    answers = set(phrases.LONE_WORD.all_in(text))
    return answers.pop() if len(answers) == 1 else None


def _presence(text: str) -> YesOrNo | None:
    """Return the answer that the first sentence gives about presence, else the one of the last sentence."""
    if phrases.BOTH.search(text) or _doubtful(text):
        return None
    text = phrases.UNSEEN.sub("there is no", phrases.DOUBTLESS.sub(" ", text))
    sentences = [sentence for sentence in _SENTENCE_BREAK.split(text) if sentence.strip()]
    for sentence in sentences[:1] + sentences[-1:]:
        if phrases.ABSENCE.search(sentence):
            return "no"
        if phrases.PRESENCE.search(sentence):
            return "yes"
    return None


def _doubtful(text: str) -> bool:
    text = phrases.UNSEEN.sub("there is no", text)
    return bool(REFUSAL.search(text) or phrases.DOUBT.search(text))
