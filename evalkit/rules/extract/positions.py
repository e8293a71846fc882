"""Find an option by its position in the list: "the second option", "the last one", "option 2"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.rules.extract.markup import EDGE_PUNCTUATION
from evalkit.rules.extract.number_words import CHINESE_DIGITS, ORDINALS, SHORT_ORDINALS, cardinals

_LAST = -1
_POSITIONS = {word: n for words in (ORDINALS, SHORT_ORDINALS) for n, word in enumerate(words)}
_POSITIONS |= {"last": _LAST, "final": _LAST}
_NUMBERS = {word: n for n, word in enumerate(cardinals(1, 10))} | {str(n + 1): n for n in range(10)}

_POSITION = "|".join(sorted(_POSITIONS, key=len, reverse=True))
_NUMBER = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_OPTION = r"(?:option|choice|answer|alternative)s?"
_MENTION = re.compile(
    rf"\b(?P<position>{_POSITION})\s(?:listed\s|given\s)?{_OPTION}\b(?!\s(?:and|or|nor)\b)"
    rf"|\b(?:option|choice|alternative)\s(?:number\s|no\.?\s|#\s?)?(?P<number>{_NUMBER})\b(?![.,]?\d|%|\s(?:and|or|nor)\b)",
    re.IGNORECASE,
)
_WHOLE_REPLY = re.compile(
    rf"(?:(?:i(?:'d| would| will|'ll)? (?:choose|pick|select|go with|say)|it(?:'s| is)|the answer is|answer:)\s)?"
    rf"(?:the\s)?(?P<position>{_POSITION})(?:\sone)?",
    re.IGNORECASE,
)
_WHOLE_REPLY_CHINESE = re.compile(r"(?:第(?P<digit>[一二三四五六七八九十1-9])|(?P<last>最后一))个?(?:选项|答案)?")
_CHINESE_LEAD = re.compile(r"^(?:我?选(?:择)?|是|答案是)")
_LAST_THING = re.compile(r"(?:(?:it is|it's|the answer is|answer:)\s)?(?:the\s)?last\s(?P<noun>[a-z]+)", re.IGNORECASE)
_OPTION_TEXT = re.compile(rf"(?:the\s)?(?P<position>{_POSITION})\s(?P<noun>[a-z]+)", re.IGNORECASE)
_LIST_BEFORE = re.compile(rf"\b(?:{_POSITION})\s(?:or|and|nor)\s(?:the\s)?$", re.IGNORECASE)


def option_at_position(text: str, option_texts: Sequence[str]) -> int | None:
    """Return the option that a short text as a whole names by its position; None if an option's text is that position.

    Of the options "the second image" and "the third image", "the last image" is the third; "the second one" may be
    either.
    """
    text = text.strip(EDGE_PUNCTUATION)
    own_positions = [_OPTION_TEXT.fullmatch(option_text.strip(EDGE_PUNCTUATION)) for option_text in option_texts]
    last = _LAST_THING.fullmatch(text)
    if last and own_positions and all(own and own["noun"].lower() == last["noun"].lower() for own in own_positions):
        positions = [_POSITIONS[own["position"].lower()] for own in own_positions if own]
        return positions.index(max(positions))
    chinese = _WHOLE_REPLY_CHINESE.fullmatch(_CHINESE_LEAD.sub("", text))
    if chinese:
        return _chinese_option(chinese, len(option_texts))
    match = _WHOLE_REPLY.fullmatch(text)
    if match is None:
        return None
    option = _option(_POSITIONS[match["position"].lower()], len(option_texts))
    position = match["position"].lower()
    with_text = [n for n, own in enumerate(own_positions) if own and own["position"].lower() == position]
    return None if with_text and with_text != [option] else option


def position_mentions(text: str, count: int) -> list[tuple[int, int, int]]:
    """Return start, end and number of every option that a text calls "the second option" or "option 2"."""
    mentions = []
    for match in _MENTION.finditer(text):
        position = match["position"]
        option = _option(_POSITIONS[position.lower()] if position else _NUMBERS[match["number"].lower()], count)
        if option is not None and not _LIST_BEFORE.search(text[max(0, match.start() - 30) : match.start()]):
            mentions.append((match.start(), match.end(), option))
    return mentions


def _chinese_option(match: re.Match[str], count: int) -> int | None:
    if match["last"]:
        return _option(_LAST, count)
    digit = match["digit"]
    return _option((CHINESE_DIGITS[digit] if digit in CHINESE_DIGITS else int(digit)) - 1, count)


def _option(position: int, count: int) -> int | None:
    """Return the option at a position counted from 0, None beyond the last one."""
    if position == _LAST:
        return count - 1
    return position if position < count else None
