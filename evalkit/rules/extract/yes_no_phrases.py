"""The words and sentences by which replies say yes or no, as tables with a row for each language and form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from evalkit.rules.extract.phrases import any_of

YesOrNo: TypeAlias = Literal["yes", "no"]

_YES_WORDS = {
    "English": any_of(
        "yes, yeah, yep, yup, absolutely, certainly, definitely, indeed, of course, sure, affirmative",
        "correct, true, right, you bet",
    ),
    "French": "oui",
    "German": "ja",
    # more European languages; Japanese, Korean, Arabic, Hebrew, Hindi; Turkish, Indonesian, Vietnamese, Thai
    "other": "sim|sì|да|так|tak|ano|ναι|kyllä|igen|はい|ええ|うん|네|예|نعم|כן|(?:जी )?हा[ँं]|evet|ya|có|ใช่",
    "Spanish": any_of("sí, si"),
    # no blank ends a Chinese word, so anything may follow
    "Chinese": "是的?|有的?|对|存在|正确|确实|可以|能",
}
_FIRMLY = any_of(
    "of course, absolutely, definitely, certainly, surely, clearly, obviously, probably, apparently, indeed"
)
_NO_WORDS = {
    "English": any_of(
        f"no, nope, nah, never, hardly, not really, negative, incorrect, false, wrong, {_FIRMLY} not",
    ),
    "French": "non",
    "German": "nein",
    "other": "não|нет|ні|nie|ne|nee|nej|nei|όχι|ei|nem|いいえ|いや|아니[요오]?|لا|לא|(?:जी )?नहीं"
    "|hayır|tidak|không|ไม่(?:ใช่)?",
    # not "cannot tell" and "not enough to go by", which open like a no
    "Chinese": "不是|没有(?!足够|办法)|没(?!有|法)|否|无(?!法|从)|错|并非|不存在"
    "|不(?!(?:太|能|可)?(?:确定|知道|清楚|好说|一定|判断|详))",
}


_WORD_END = r"(?![,、،]\s?(?:わか|分か|모르|не знаю|não sei|bilm|لا أعرف))(?=\s*(?:$|[.,!;،、。।\"」]))"


class Form(NamedTuple):
    """One form of an answer: patterns of the "no", of the "yes", and of what must stand before and after either.

    The patterns hold no capturing groups.
    """

    language: str
    example: str
    no: str
    yes: str
    before: str = ""
    after: str = ""


class Forms:
    """A table of forms as one pattern; where several match at a position, the first row counts."""

    def __init__(self, *forms: Form) -> None:
        self._answers: dict[str | None, YesOrNo] = {}
        patterns = []
        for number, form in enumerate(forms):
            self._answers |= {f"no_{number}": "no", f"yes_{number}": "yes"}
            patterns.append(f"{form.before}(?:(?P<no_{number}>{form.no})|(?P<yes_{number}>{form.yes})){form.after}")
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE)

    def at(self, text: str, start: int = 0) -> YesOrNo | None:
        """Return the answer of the form that stands at a position, None without one."""
        match = self._pattern.match(text, start)
        return self._answers[match.lastgroup] if match else None

    def all_in(self, text: str) -> Iterator[YesOrNo]:
        """Yield the answers of all forms in a text, in order."""
        return (self._answers[match.lastgroup] for match in self._pattern.finditer(text))


OPENING = Forms(
    Form(
        "English, French, German, Spanish",
        "No, ...",
        no=any_of(_NO_WORDS["English"], _NO_WORDS["French"], _NO_WORDS["German"])
        + r"(?! (?:idea|answer|clue|way to|comment|problem|worries|one\b|sé\b))",
        yes=any_of(_YES_WORDS["English"], _YES_WORDS["French"], _YES_WORDS["German"], _YES_WORDS["Spanish"]),
        after=r"(?![\w'-])",
    ),
    Form("other", "Нет, ...", no=_NO_WORDS["other"], yes=_YES_WORDS["other"], after=_WORD_END),
    Form("Chinese", "没有...", no=_NO_WORDS["Chinese"], yes=_YES_WORDS["Chinese"]),
)
"""The first words of a reply."""

ANNOUNCEMENT = Forms(
    Form(
        "English",
        "the answer is no",
        before=r"\banswer(?:\s(?:to|for)\b[^.:\n]{0,100}?)?(?:\s(?:is|would be|should be|must be)|\s?:)\s{0,3}"
        r"[\"'(\[]?",
        no="no",
        yes="yes",
        after=r"\b",
    ),
    Form("Chinese", "答案是没有", before=r"答案\s?(?:是|为|:)\s?[:\"]?", no="不是|没有|否|不", yes="是|有"),
    Form(
        "other",
        "Ответ: нет",
        before=r"(?:答えは|ответ|الإجابة|الجواب|resposta|risposta|cevap|yanıt|उत्तर|정답은?|답은?)\s?(?:é|è|هي|:)?\s?[\"「]?",
        no=_NO_WORDS["other"],
        yes=_YES_WORDS["other"],
        after=rf"(?:{_WORD_END}|(?=です|입니다))",
    ),
    Form("JSON", '"answer": false', before=r"[\"']answer[\"']\s?:\s?", no="false", yes="true", after=r"\b"),
    Form(
        "English",
        "therefore, no.",
        before=r"\b(?:so|therefore|thus|hence|conclude that)\b,?\s(?:the answer is\s)?",
        no="no",
        yes="yes",
        after=r"\b[^\w]",
    ),
    Form(
        "German, French, Spanish",
        "die Antwort ist nein",
        before=r"\b(?:antwort (?:ist|lautet)|réponse (?:est|:)|respuesta (?:es|:))\s",
        no="nein|non|no",
        yes="ja|oui|sí|si",
        after=r"\b",
    ),
    Form(
        "English",
        "wait, no",
        before=r"\b(?:wait|actually|I mean|correction|rather)\b[,:.]?\s(?:no,\s)?",
        no="no",
        yes="yes",
        after=r"\b(?! (?:doubt|idea))",
    ),
)
"""Announced and corrected answers."""

LONE_WORD = Forms(Form("English", "no", before=r"(?<![\w'-])", no="no|nope", yes="yes|yeah", after=r"(?![\w'-]| sé\b)"))
"""Either word anywhere in a reply."""

BOTH = re.compile(r"\byes\s?(?:/|or|and)\s?no\b|\bno\s?(?:/|or|and)\s?yes\b|是或否|是/否", re.IGNORECASE)
"""Names both answers and gives none."""

FIRM_OPENING = re.compile(rf"{_FIRMLY}\b,?\s(?=\w)", re.IGNORECASE)
"""Opens a firm statement: "Clearly, there is ..."."""

DOUBTLESS = re.compile(
    r"\b(?:no|without(?: an?| any)?|not? a) (?:\w+ )?doubt\b(?: about it| that)?|\bnot only\b|\bno problem[.!,]",
    re.IGNORECASE,
)
"""A "no" or "not" that denies nothing: "no doubt", "not only"."""

UNSEEN = re.compile(
    r"\bI (?:can't|cannot|can not|couldn't|could not|don't|do not) (?:see|find|spot|detect|make out|notice)\b"
    r"(?! (?:the|this|your|that|any|an?) (?:image|picture|photo|attachment)|\s(?:images|pictures|it)\b)",
    re.IGNORECASE,
)
"""Says that something is not in the picture, unlike "I cannot see the picture"."""

_CLAIM = r"(?:that|this|it|the (?:answer|caption|claim|description|sentence|statement))"
AGREEMENT = re.compile(
    r"(?:I (?:think|believe|guess|suppose)|it (?:appears|seems|looks)) so\b"
    rf"|{_CLAIM}(?:'s| is) (?:correct|right|true)\b",
    re.IGNORECASE,
)
"""Says yes without the word."""

DISAGREEMENT = re.compile(
    rf"{_CLAIM}(?:'s| is) (?:wrong|false|incorrect|not (?:correct|right|true))\b|zero\b", re.IGNORECASE
)
"""Says no without the word."""

NEGATED_WORD = re.compile(r"\bnot (?:an? )?\"?(?P<word>yes|no)\b(?! \w)", re.IGNORECASE)
"""Turns either word into the other: "not a yes"."""

ABSENCE = re.compile(
    r"\b(?:there(?:'s| is| are| was| were)\s(?:not\b|no\b|none\b|nothing\b)|there (?:is|are|was|were)n't\b"
    r"|(?:do|does|did|can|could|is|are|was|were|has|have)(?:n't|\snot)\b|cannot\b|can't\b|no\s\w+|none\b|nothing\b"
    r"|not\b|without\b|absent\b|missing\b|lacks?\b)"
    r"|没有|不存在|看不[到见]|(?:无法|不能)看|没看到|不是|并未|未见",
    re.IGNORECASE,
)
"""Says that the thing of the question is not there."""

PRESENCE = re.compile(
    r"\bthere(?:'s| is| are| was| were| (?:appears?|seems?) to be)\b"
    r"|\b(?:I|we|you) (?:can |do |could )?(?:see|spot|notice|observe)\b"
    r"|\bit is\b|\bit's\b|\bit does\b|\bthey are\b|\b(?:image|picture|photo) (?:does )?"
    r"(?:shows?|contains?|has|have|features?|depicts?|includes?)\b"
    r"|\b(?:is|are|can be) (?:visible|present|shown|seen|in the (?:image|picture|photo))\b|有|存在|看到",
    re.IGNORECASE,
)
"""Says that the thing of the question is there."""

DOUBT = re.compile(
    r"\b(?:unclear|uncertain|possibl[ey]|not (?:sure|certain|clear)|unsure|maybe|perhaps|hard to say|may or may not"
    r"|not necessarily|by all means|no sé|no (?:idea|clue|answer|comment)|why not"
    r"|can(?:'t|not) (?:confirm|verify|rule out))\b"
    r"|可能|也许",
    re.IGNORECASE,
)
"""Answers neither yes nor no."""
