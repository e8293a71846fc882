"""Read whether a free-form reply says yes or no."""

from __future__ import annotations

import re

from evalkit.rules.extract.phrases import REFUSED, any_of
from evalkit.rules.extract.plain import TRIM, final, plain

_YES = any_of(
    "yes, yeah, yep, yup, oui, ja, sí, si, absolutely, certainly, definitely, indeed, of course, sure, affirmative",
    "correct, true, right, you bet",
)
_FIRMLY = any_of(
    "of course, absolutely, definitely, certainly, surely, clearly, obviously, probably, apparently, indeed"
)
_NO = any_of(f"no, nope, nah, nein, non, never, hardly, not really, negative, incorrect, false, wrong, {_FIRMLY} not")
# "cannot tell" and "not enough to go by" open like a no
_CHINESE_NO = "不是|没有(?!足够|办法)|没(?!有|法)|否|无(?!法|从)|错|并非|不存在"
_CHINESE_NO += "|不(?!(?:太|能|可)?(?:确定|知道|清楚|好说|一定|判断|详))"
_CHINESE_YES = "是的?|有的?|对|存在|正确|确实|可以|能"

_LEADING = re.compile(
    rf"(?:(?P<no>{_NO})(?! (?:idea|answer|clue|way to|comment|problem|worries|one\b))|(?P<yes>{_YES}))(?![\w'-])"
    rf"|(?P<nein>{_CHINESE_NO})|(?P<ja>{_CHINESE_YES})",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"\banswer(?:\s(?:to|for)\b[^.:\n]{0,100}?)?(?:\s(?:is|would be|should be|must be)|\s?:)\s{0,3}"
    r"[\"'(\[]?(?:(?P<no>no)|(?P<yes>yes))\b"
    r"|答案\s?(?:是|为|:)\s?[:\"]?(?:(?P<nein>不是|没有|否|不)|(?P<ja>是|有))"
    r"|\b(?:so|therefore|thus|hence|conclude that)\b,?\s(?:the answer is\s)?(?:(?P<no2>no)|(?P<yes2>yes))\b[^\w]"
    r"|\b(?:antwort (?:ist|lautet)|réponse (?:est|:)|respuesta (?:es|:))\s"
    r"(?:(?P<no3>nein|non|no)|(?P<yes3>ja|oui|sí|si))\b"
    r"|\b(?:wait|actually|I mean|correction|rather)\b[,:.]?\s(?:no,\s)?"
    r"(?:(?P<no4>no)|(?P<yes4>yes))\b(?! (?:doubt|idea))",
    re.IGNORECASE,
)
_FIRST = re.compile(rf"{_FIRMLY}\b,?\s(?=\w)", re.IGNORECASE)
_LETTER = re.compile("[ny]", re.IGNORECASE)
_BARE = re.compile(r"(?:(?:yes|no)[\W_]+){1,9}(?:yes|no)", re.IGNORECASE)
_CERTAIN = re.compile(
    r"\b(?:no|without(?: an?| any)?|not? a) (?:\w+ )?doubt\b(?: about it| that)?|\bnot only\b|\bno problem[.!,]",
    re.IGNORECASE,
)
_UNSEEN = re.compile(
    r"\bI (?:can't|cannot|can not|couldn't|could not|don't|do not) (?:see|find|spot|detect|make out|notice)\b"
    r"(?! (?:the|this|your|that|any|an?) (?:image|picture|photo|attachment)|\s(?:images|pictures|it)\b)",
    re.IGNORECASE,
)
_IT = r"(?:that|this|it|the (?:answer|caption|claim|description|sentence|statement))"
_SAID = re.compile(
    r"(?:I (?:think|believe|guess|suppose)|it (?:appears|seems|looks)) so\b"
    rf"|{_IT}(?:'s| is) (?:correct|right|true)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(rf"{_IT}(?:'s| is) (?:wrong|false|incorrect|not (?:correct|right|true))\b|zero\b", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w'-])(?:(?P<no>no|nope)|(?P<yes>yes|yeah))(?![\w'-])", re.IGNORECASE)
_DENIAL = re.compile(r"\bnot (?:an? )?\"?(?P<word>yes|no)\b(?! \w)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?。!?])\s+|\n+|(?<=[。!?])")
_ABSENT = re.compile(
    r"\b(?:there(?:'s| is| are| was| were)\s(?:not\b|no\b|none\b|nothing\b)|there (?:is|are|was|were)n't\b"
    r"|(?:do|does|did|can|could|is|are|was|were|has|have)(?:n't|\snot)\b|cannot\b|can't\b|no\s\w+|none\b|nothing\b|not\b|without\b|absent\b|missing\b|lacks?\b)"
    r"|没有|不存在|看不[到见]|(?:无法|不能)看|没看到|不是|并未|未见",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"\bthere(?:'s| is| are| was| were| (?:appears?|seems?) to be)\b"
    r"|\b(?:I|we|you) (?:can |do |could )?(?:see|spot|notice|observe)\b"
    r"|\bit is\b|\bit's\b|\bit does\b|\bthey are\b|\b(?:image|picture|photo) (?:does )?"
    r"(?:shows?|contains?|has|have|features?|depicts?|includes?)\b"
    r"|\b(?:is|are|can be) (?:visible|present|shown|seen|in the (?:image|picture|photo))\b|有|存在|看到",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\byes\s?(?:/|or|and)\s?no\b|\bno\s?(?:/|or|and)\s?yes\b|是或否|是/否", re.IGNORECASE)
_UNSURE = re.compile(
    r"\b(?:unclear|uncertain|possibl[ey]|not (?:sure|certain|clear)|unsure|maybe|perhaps|hard to say|may or may not"
    r"|not necessarily|by all means|no (?:idea|clue|answer|comment)|why not"
    r"|can(?:'t|not) (?:confirm|verify|rule out))\b"
    r"|可能|也许",
    re.IGNORECASE,
)


def yes_no(reply: str) -> str | None:
    """ "yes" or "no" as a reply says it, None where it says neither or both.

    In this order: what a `\\boxed` or an `<answer>` holds, the last announced answer ("the answer is no"), the first
    word ("Yes, ...", "没有"), nothing for a refusal or doubt, the only one of the two words, what the first sentence
    says about presence ("There is a dog", "I don't see any").
    """
    text = plain(reply)
    held = final(text)
    if held:
        return _leading(held)
    bare = text.strip(TRIM)
    if _LETTER.fullmatch(bare):
        return "no" if bare in "nN" else "yes"
    if _BARE.fullmatch(bare) and len({word.lower() for word in re.findall(r"\w+", bare)}) > 1:
        return None
    steps = (_announced, _certain, _leading, _alone, _stated)
    return next((answer for step in steps if (answer := step(text)) is not None), None)


def _announced(text: str) -> str | None:
    found = [_side(match) for match in _ANNOUNCED.finditer(text)]
    return found[-1] if found and not _BOTH.search(text) else None


def _certain(text: str) -> str | None:
    """What a whole first sentence says without either word: "I think so", "That is wrong", "No doubt about it"."""
    if _SAID.match(text):
        return "yes"
    if _DENIED.match(text):
        return "no"
    firm = _FIRST.match(text)
    if firm and not _LEADING.match(text, firm.end()) and not _doubtful(text):
        return _stated(text[firm.end() :])
    doubtless = _CERTAIN.match(text)
    if doubtless is None:
        return None
    return _leading(text[doubtless.end() :]) or _stated(text[doubtless.end() :]) or "yes"


def _leading(text: str) -> str | None:
    text = text.lstrip(TRIM + "#>")
    match = _LEADING.match(text)
    return _side(match) if match and not _BOTH.match(text) else None


def _alone(text: str) -> str | None:
    """The only one of the two words; "no" before a noun is one too."""
    if _BOTH.search(text) or _doubtful(text):
        return None
    text = _DENIAL.sub(lambda match: "yes" if match["word"].lower() == "no" else "no", _CERTAIN.sub(" ", text))
    sides = {_side(match) for match in _WORD.finditer(text)}
    return sides.pop() if len(sides) == 1 else None


def _stated(text: str) -> str | None:
    """What the first sentence says about presence, else the last one."""
    if _BOTH.search(text) or _doubtful(text):
        return None
    text = _UNSEEN.sub("there is no", _CERTAIN.sub(" ", text))
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]
    for sentence in sentences[:1] + sentences[-1:]:
        if _ABSENT.search(sentence):
            return "no"
        if _PRESENT.search(sentence):
            return "yes"
    return None


def _doubtful(text: str) -> bool:
    text = _UNSEEN.sub("there is no", text)
    return bool(REFUSED.search(text) or _UNSURE.search(text))


def _side(match: re.Match[str]) -> str:
    return "no" if (match.lastgroup or "").startswith("n") else "yes"
