"""Read which option a free-form reply settles on; calibrated on published replies of ten models to BLINK."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evalkit.extract.mentions import Mention, joined, mentions, rejects_after, rejects_before
from evalkit.extract.plain import final, plain, unmarked

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# What announces an answer. The text after it, to the end of the sentence, holds the answer.
_NOUN = r"(?:answers?|option|choice|response|selection|solution|conclusion)"
_IS = r"(?:\s?(?:would|should|must|will|could|can)\s(?:therefore\s|then\s|likely\s|probably\s)?be|\s(?:is|was|seems to be|appears to be)|\s?[:=]|\s?->|\s?→)"
_ANNOUNCED = re.compile(
    rf"\b{_NOUN}(?:,\s[^.:\n]{{0,100}}?,)?(?:\s(?:to|for|from|of|among|that|which|here|based|in)\b[^.:\n]{{0,100}}?)?{_IS}"
    r"(?:\s(?:therefore|thus|then|likely|most likely|probably|clearly|indeed|definitely))?"
    r"|\b(?:I(?:'d|'ll|'m| am| would| will| have to| shall| must| can)?(?:\s(?:therefore|thus|then|probably|definitely|have to|need to))?\s"
    r"(?:choose|select|pick|go(?:ing)? with|going for|go for|opt for|say|answer|vote for|guess|conclude)|(?:should|would|will|to) (?:choose|select|pick)"
    r"|(?:choosing|selecting|picking|opting for|going with))\b"
    r"|答案\s?(?:应该|应当|应)?(?:是|为|选|:|:)|(?:故|应|应该|所以|因此|我)?\s?选(?:择|项)?(?:是|为|:|:)?|正确的?(?:选项|答案)?(?:是|为|:|:)",
    re.IGNORECASE,
)
# What makes an option the answer after it was named.
_CONFIRMED = re.compile(
    r"[)\]\"']?(?:[^.;:\n]{0,60}?)?\b(?:is|would be|must be|should be|seems to be|appears to be|as|being)\s(?:clearly\s|therefore\s|indeed\s|likely\s|also\s)?"
    r"(?:the\s|my\s|our\s)?(?:final\s|single\s)?(?:correct|right|best|true|most (?:likely|appropriate|suitable|plausible|accurate)|answer|proper)\b"
    r"|[)\]\"']?[^.\n]{0,120}?\bmaking (?:it|this|that|option|point|the)\b[^.\n]{0,40}?\b(?:correct|right|best|most|answer|choice)\b"
    r"|[)\]\"']?\s?(?:选项)?(?:是)?(?:正确|对的|最佳)",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    r"\b(?:therefore|thus|hence|consequently|so|in conclusion|in summary|overall|finally|accordingly|to conclude|as a result|based on (?:this|these|the above|my|the (?:\w+\s)?(?:analysis|observations?|comparison|criteria|images|information|provided|given)))\b|所以|因此|综上|故",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:(?:cannot|can't|can not|could not|couldn't|unable to|not able to|(?:im|not )possible to|not comfortable|difficult to|hard to|challenging to)\s?"
    r"(?:\w+\s){0,3}(?:determine|tell|say|answer|identify|provide|view|see|assist|help|accurately|definitively|decide|choose|select|make|assess|analy[sz]e"
    r"|discern|conclude|speculat\w+|compar\w+|pinpoint|ascertain|infer|know|give)"
    r"|I(?:'m| am) (?:sorry|unable|not sure)|I apologi[sz]e|do(?:n't| not) (?:know|have (?:enough|access|the ability)|feel comfortable)|insufficient information|not enough information"
    r"|none of the (?:above|options|choices|given|provided)|无法(?:确定|判断|回答)|不知道|不确定|抱歉)",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?。!?](?=\s|$|[^\x00-\x7f])|\n")
_LINE = re.compile(r"(?:^|\n)[ \t\-•>\"']{0,4}$")
_COMPARED = re.compile(
    r"\b(?:more|most|better|best|closer|closest|nearer|darker|lighter|matches|fits|corresponds?|corresponding|same|only|appears|likely|similar)\b",
    re.IGNORECASE,
)
_BLANK = re.compile(r"[\s:*\"'>\-–—=→]*")
_TRIM = " \t\n.,;:!?\"'()[]{}*。,、-"
_ARTICLES = re.compile(r"^(?:the|an?)\s+", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def letter(reply: str, choices: Sequence[str]) -> str | None:
    """The letter of the option that a reply settles on, None when it settles on none; linear in the reply's length.

    The reply as a whole may be a letter or an option's text (the letter wins). Otherwise, in this order: what a `\\boxed`
    or an `<answer>` holds, the last announced answer ("the answer is", "I'd go with", "B is correct"), a letter or an
    option's text that the reply opens with, the last conclusion ("so", "therefore"), the only option not rejected.
    """
    if not choices:
        return None
    text = plain(reply)
    option = _Reader(text, choices).option()
    return None if option is None else LETTERS[option]


class _Reader:
    """One reply to one list of options."""

    def __init__(self, text: str, choices: Sequence[str]) -> None:
        self.text = text
        self.count = min(len(choices), len(LETTERS))
        self.texts = [_folded(unmarked(choice)) for choice in choices[: self.count]]

    def option(self) -> int | None:
        whole = self._whole(self.text)
        if whole is not None:
            return whole
        held = final(self.text)
        if held is not None and held != self.text:
            inner = _Reader(held, ()).within(held, self)
            if inner is not None:
                return inner
        return self._said()

    def within(self, text: str, outer: _Reader) -> int | None:
        """As `option`, for a part of the reply."""
        self.count, self.texts = outer.count, outer.texts
        whole = self._whole(text)
        return whole if whole is not None else self._said()

    def _said(self) -> int | None:
        self.named = mentions(self.text, self.count)
        for step in (self._announced, self._opening, self._standing, self._concluded, self._claimed, self._only):
            option = step()
            if option is not None:
                return option
        return None

    def _whole(self, text: str) -> int | None:
        """The option whose letter, or else whose text, the text is."""
        bare = text.strip(_TRIM)
        if len(bare) == 1 and bare.upper() in LETTERS[: self.count]:
            return LETTERS.index(bare.upper())
        return _unique(self.texts, _folded(text))

    def _announced(self) -> int | None:
        """The option of the last announcement that names one, whether it comes before or after the letter."""
        best = max(self._announcements(), default=None)
        return None if best is None else best[1]

    def _announcements(self) -> Iterator[tuple[int, int]]:
        for cue in _ANNOUNCED.finditer(self.text):
            if not rejects_before(self.text, cue.start()):
                option = self._after(cue.end())
                if option is not None:
                    yield cue.end(), option
        for mention in self.named:
            if not mention.rejected and _CONFIRMED.match(self.text, mention.end, mention.end + 240):
                yield mention.start, mention.option
        for start, end in self._conclusions():
            kept = {m.option for m in self.named if start <= m.start < end and m.strong and not m.rejected}
            if len(kept) == 1:
                yield start, kept.pop()

    def _conclusions(self) -> Iterator[tuple[int, int]]:
        """Where sentences that open a conclusion lie, from the cue to their end."""
        for cue in _CONCLUDED.finditer(self.text):
            stop = _STOP.search(self.text, cue.end())
            end = stop.start() if stop else len(self.text)
            if not _REFUSAL.search(self.text, cue.start(), end):
                yield cue.end(), end

    def _after(self, start: int) -> int | None:
        """The option named between an announcement and the end of its sentence, by letter or by text."""
        start = _BLANK.match(self.text, start).end()  # type: ignore[union-attr]  # it matches the empty string
        small = re.compile(r"\(?([a-z])\)?(?=[.):,;\]]|\s*$|\s*\n)").match(self.text, start)
        if small and small[1].upper() in LETTERS[: self.count]:
            return LETTERS.index(small[1].upper())
        stop = _STOP.search(self.text, start + 2)
        end = min(stop.start() if stop else len(self.text), start + 300)
        return self._one([m for m in self.named if start <= m.start < end], first=True, text=self.text[start:end])

    def _one(self, named: list[Mention], *, first: bool, text: str) -> int | None:
        """The option that a stretch of text settles on; with `first`, later ones may be mentioned along with it."""
        kept = [m for m in named if not m.rejected]
        if kept and (first or len({m.option for m in kept}) == 1):
            rest = [m for m in kept if m.option != kept[0].option]
            return (
                None
                if rest
                and any(joined(self.text, a, b) for a, b in zip(kept, kept[1:], strict=False) if a.option != b.option)
                else kept[0].option
            )
        return None if kept else self._by_text(text)

    def _opening(self) -> int | None:
        """The option that the reply opens with, unless it only lists them all."""
        opening = next((m for m in self.named if not m.rejected), None)
        if opening and opening.strong and not self.text[: opening.start].strip(" \t\n*\"'([-"):
            return None if self._echo() else opening.option
        return self._leading_text(self.text.split("\n", 1)[0])

    def _leading_text(self, line: str) -> int | None:
        """The option whose text the first line starts with; the longest where one contains another."""
        folded = _folded(line)
        fits = [
            (len(t), i)
            for i, t in enumerate(self.texts)
            if t and folded.startswith(t) and not folded[len(t) : len(t) + 1].isalnum()
        ]
        if not fits or rejects_after(folded, max(fits)[0]):
            return None
        return _unique(self.texts, self.texts[max(fits)[1]])

    def _echo(self) -> bool:
        """Whether the reply lists options line after line, or all of three or more in order."""
        order = list(dict.fromkeys(m.option for m in self.named if m.strong and not m.rejected))
        return len(self._starts()) > 1 or (len(order) > 2 and order == list(range(self.count)))

    def _starts(self) -> dict[int, Mention]:
        """The options whose letter starts a line, each with its last such mention."""
        return {m.option: m for m in self.named if m.strong and _LINE.search(self.text[max(0, m.start - 8) : m.start])}

    def _standing(self) -> int | None:
        """The only option whose letter starts a line."""
        kept = [m.option for m in self._starts().values() if not m.rejected]
        return kept[0] if len(self._starts()) == 1 and kept else None

    def _concluded(self) -> int | None:
        """The option of the last concluding sentence that names exactly one."""
        for start, end in reversed(list(self._conclusions())):
            named = [m for m in self.named if start <= m.start < end]
            option = self._one(named, first=False, text=self.text[start:end])
            if option is not None:
                return option
        return None

    def _claimed(self) -> int | None:
        """The option of which the first sentence says that it compares best."""
        start, end = self._sentences()[1]
        if not _COMPARED.search(self.text, start, end) or _REFUSAL.search(self.text, start, end):
            return None
        kept = {m.option for m in self.named if start <= m.start < end and not m.rejected}
        return kept.pop() if len(kept) == 1 else self._by_text(self.text[start:end])

    def _only(self) -> int | None:
        """The only option that the reply names and does not reject: in the last sentence, the first, or anywhere."""
        if _REFUSAL.search(self.text):
            return None
        listed = set(self._starts().values()) if self._echo() else set()
        named = [m for m in self.named if not m.rejected and m not in listed]
        last, first, tail = self._sentences()
        for start, end in (last, first, tail, (0, len(self.text))):
            kept = {m.option for m in named if start <= m.start < end}
            if len(kept) == 1:
                return kept.pop()
        for start, end in (first, tail, (0, len(self.text))):
            option = self._by_text(self.text[start:end])
            if option is not None:
                return option
        return None

    def _sentences(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Where the last sentence, the first sentence and the last paragraph lie."""
        stops = [stop.end() for stop in _STOP.finditer(self.text.rstrip(_TRIM))]
        last, first = (stops[-1], stops[0]) if stops else (0, len(self.text))
        return (last, len(self.text)), (0, first), (self.text.rfind("\n\n") + 1, len(self.text))

    def _by_text(self, text: str) -> int | None:
        """The only option whose text the stretch contains; a text inside a longer one of another option is not counted."""
        folded = _folded(text)
        found: dict[int, list[tuple[int, int]]] = {}
        taken: list[tuple[int, int]] = []
        for index in sorted(range(len(self.texts)), key=lambda i: -len(self.texts[i])):
            if not self.texts[index]:
                continue
            for match in re.finditer(rf"(?<!\w){re.escape(self.texts[index])}(?!\w)", folded):
                inside = any(a <= match.start() and match.end() <= b for a, b in taken)
                if not inside and not rejects_before(folded, match.start()) and not rejects_after(folded, match.end()):
                    found.setdefault(index, []).append(match.span())
            taken += found.get(index, [])
        return next(iter(found)) if len(found) == 1 else None


def _folded(text: str) -> str:
    """Lower case, one space between words, without an article in front and punctuation at the ends."""
    return _ARTICLES.sub("", _SPACES.sub(" ", text).strip(_TRIM)).casefold()


def _unique(texts: Sequence[str], text: str) -> int | None:
    """The index of the only entry equal to `text`, which may not be empty."""
    return texts.index(text) if text and texts.count(text) == 1 else None
