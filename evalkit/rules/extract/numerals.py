"""Find the numbers in a plain text, in digits and in words; a numeral of several readings has no value."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from evalkit.rules.extract.number_words import (
    CARDINALS,
    CHINESE_DIGITS,
    PARTS,
    SCALES,
    cardinals,
    chinese_number,
    english_number,
)


class Numeral(NamedTuple):
    """A number in a text: its place, and its value in digits, None where it has none or several.

    label: names something ("3rd", "Figure 3") rather than counting it. percent: a percent sign follows.
    """

    start: int
    end: int
    value: str | None
    label: bool = False
    percent: bool = False


_NO_WORD = r"(?<![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])"  # Chinese and Japanese set no blank before a number
_SCALE = "hundred|thousand|million|billion|trillion|dozen|lakh|crore"
_POWER = r"\s?(?:\^|\*\*)\s?[{(]?\s?"
_DIGITS = re.compile(
    rf"(?:{_NO_WORD}(?<![.^])(?<!\d,))(?P<sign>[-+]\s?|(?i:(?:minus|negative)\s))?"
    r"(?P<currency>(?:[A-Z]{0,3}[$€£¥₹₩]|EUR|USD|GBP|CHF|INR|Rs\.?)\s?)?(?P<inner_sign>-)?"
    r"(?:(?P<odd>√\s?\{?\d{0,20}|\d{1,4}(?:[:/]\d{1,4}){2,9}|\d{1,6}(?:\s:\s|:)\d{1,6}|\d{4}-\d{2}-\d{2}|\d{1,3}°\s?\d{1,2})"
    r"|(?P<whole>\d{1,9})(?:\s{1,2}|-|\s(?:and|&)\s)(?P<over>\d{1,4})\s?/\s?(?P<under>\d{1,4})"
    r"|(?P<digits>\d{1,3}(?: \d{3}(?!\d)){1,6}(?:[.,]\d{1,30})?|\d{1,40}(?:[.,']\d{1,40}){0,60}|\.\d{1,30})"
    r"(?P<exponent>[eE][+-]?\d{1,3}(?!\w))?)"
    r"(?!\d|[.,']\d)"
    rf"(?:{_POWER}(?P<power>[-+]?\d{{1,3}})\s?[)}}]?)?"
    rf"(?:\s?[×x*]\s?10{_POWER}(?P<ten>[-+]?\d{{1,3}})\s?[)}}]?)?"
    r"(?:\s?/\s?(?P<divisor>\d{1,20}(?:\.\d{1,20})?)(?![\d/]|\.\d))?"
    r"(?:\sand\s(?:an?|one)[\s-](?P<part>half|third|quarter)\b)?"
    rf"(?:\s?(?P<scales>(?i:(?:{_SCALE})s?(?:\s(?:thousand|million|billion|trillion|crore))?|bn|mn)|[kKMB](?<=\S\S))\b"
    r"|(?P<money>\s?[kKmMbB])\b|(?P<chinese>[百千万亿]{1,2}))?"
)
_AFTER_MONEY = re.compile(r"\s?(?:[€£$¥₹₩%°]|EUR|USD|GBP|CHF|(?:euros?|dollars?|kg|km|cm|mm|g|m|l|ml|t|mg)\b)")
_UNREADABLE_AFTER = re.compile(r"\s?[√π±^]|\s?/\s?\d|[xyznab](?![\w])|\s?\\|\s?\(\s?\d")
_WORD_BEFORE = re.compile(r"[^\W\d_](?<!\bis)(?<!\bare)(?<!\bwas)(?<!\bof)(?<!\bto)\s$")
_ORDINAL_AFTER = re.compile(r"\s?(?:st|nd|rd|th)\b|[dD]\b")
_LABEL_BEFORE = re.compile(
    r"(?:\b(?:figure|fig\.|step|image|picture|table|question|page|chapter|equation|grade|class|room|panel|line)\s"
    r"|(?:^|\W)#\s?|第\s?|[A-Za-z]-)$",
    re.IGNORECASE,
)
_UNIT_WORDS = "|".join(cardinals(0, 9))
_CARDINAL = "|".join(sorted(CARDINALS, key=len, reverse=True))
_PART = r"hal(?:f|ves)|(?:" + "|".join(word for word in PARTS if not word.startswith("hal")) + ")s?"
_WORDS = re.compile(
    rf"\b(?P<sign>(?:minus|negative)\s)?(?P<half>half\s(?=an?\s))?(?P<article>an?\s(?=(?:{_SCALE})\b))?"
    rf"(?P<words>(?:{_CARDINAL}|(?:{_SCALE})(?!s))"
    rf"(?:(?:[ -]|(?:(?<=hundred)|(?<=thousand)|(?<=illion))\sand\s)(?:{_CARDINAL}|{_SCALE})){{0,12}})\b"
    rf"(?:\spoint(?P<decimals>(?:\s(?:{_UNIT_WORDS})\b){{1,9}}))?(?:[ -](?P<part>{_PART})\b)?"
    rf"(?:\sand\s(?P<more>an?|one|two|three)[ -](?P<more_part>{_PART})\b"
    rf"(?:\s(?P<more_scale>thousand|million|billion))?)?"
    rf"|\b(?P<lone>half(?!\san?\s(?:{_SCALE}))|an?\squarter(?=\s+of\b|\W*$)|an?\sthird(?=\sof\b|\W*$))\b",
    re.IGNORECASE,
)
_NO_COUNT_BEFORE = re.compile(r"\b(?:the|these|those)\s$", re.IGNORECASE)
_PRONOUN_BEFORE = re.compile(
    r"\b(?:which|this|each|no|any|another|every|other|first|last|right|left)\s$", re.IGNORECASE
)
_CHINESE_SIGNS = "".join(CHINESE_DIGITS) + "百千万亿"
_COUNTERS = "个個只隻条條张張人辆輛本位块件名头匹朵棵座间根颗瓶杯岁年月天元米次种台层支把双对枚盏扇幅,。、;!"
_CHINESE = re.compile(
    rf"(?<![第统同唯{_CHINESE_SIGNS}])(?P<sign>负)?(?P<percent>百分之)?(?P<signs>[{_CHINESE_SIGNS}]{{1,15}})"
    rf"(?![{_CHINESE_SIGNS}])(?:点(?P<decimals>[零〇一二三四五六七八九]{{1,9}})|分之(?P<over>[{_CHINESE_SIGNS}]{{1,9}}))?"
)
_SMALL = 10**15


def find_numerals(text: str) -> list[Numeral]:
    """Return every numeral of a text that `rewritten` made, in order."""
    numerals = [_from_digits(match, text) for match in _DIGITS.finditer(text)]
    numerals += [numeral for match in _WORDS.finditer(text) if (numeral := _from_words(match, text))]
    numerals += [numeral for match in _CHINESE.finditer(text) if (numeral := _from_chinese(match, text))]
    return sorted(numerals)


def plain(value: float) -> str | None:
    """Return a calculated value in digits, None for one that is not finite."""
    if not math.isfinite(value):
        return None
    return str(int(value)) if value == int(value) and abs(value) < _SMALL else f"{value:.12g}"


def _from_digits(match: re.Match[str], text: str) -> Numeral:
    before = text[max(0, match.start() - 20) : match.start()]
    sign = (match["sign"] or "").lower()
    after = match.end()
    label = bool(_LABEL_BEFORE.search(before) or _ORDINAL_AFTER.match(text, after))
    value = None if _UNREADABLE_AFTER.match(text, after) else _magnitude(match, text)
    negative = bool(match["inner_sign"]) or (sign[:1] in "-mn" and sign != "" and not _dash_before(sign, before))
    if value is not None and negative:
        value = value.removeprefix("-") if value.startswith("-") else "-" + value
    return Numeral(match.start(), after, value, label, bool(re.match(r"\s?%|\s?per\s?cent", text[after : after + 9])))


def _dash_before(sign: str, before: str) -> bool:
    """True if a sign is an operator or a dash between words: "12 - 5", "the answer - 5"."""
    if re.search(r"[\d)%]\s?$", before):
        return True
    return sign == "- " and bool(_WORD_BEFORE.search(before))


def _magnitude(match: re.Match[str], text: str) -> str | None:
    """Return the value of a match without the signs before it, None for one of several readings."""
    if match["odd"]:
        return None
    if match["whole"]:
        over, under = int(match["over"]), int(match["under"])
        digits, value = "", float(match["whole"]) + over / under if 0 < over < under else math.nan
    else:
        clue = bool(match["currency"] or _AFTER_MONEY.match(text, match.end()))
        ungrouped = _ungrouped(match["digits"], decimal_comma=clue)
        if ungrouped is None:
            return None
        digits = ungrouped + (match["exponent"] or "")
        value = float(digits)
    factor = _scale(match)
    power, ten, divisor = match["power"], int(match["ten"] or 0), float(match["divisor"] or 1)
    if not divisor or not math.isfinite(value):
        return None
    if factor == 1 and not power and not ten and divisor == 1 and not match["part"] and digits:
        return digits
    try:
        value = value ** int(power or 1) * 10.0**ten / divisor
    except (OverflowError, ZeroDivisionError):
        return None
    return plain((value + (1 / PARTS[match["part"]] if match["part"] else 0)) * factor)


def _scale(match: re.Match[str]) -> int:
    if match["chinese"]:
        return math.prod(SCALES[sign] for sign in match["chinese"])
    if match["money"] and not match["currency"]:
        return 1  # metres, kelvins, bytes
    words = (match["scales"] or match["money"] or "").lower().split()
    return math.prod(SCALES.get(word) or SCALES[word.removesuffix("s")] for word in words)


def _ungrouped(digits: str, *, decimal_comma: bool) -> str | None:
    """Return digits without grouping and with a decimal point; None where they are no number or have two readings.

    "1,234" is grouped and "1.234" is not; "4,5" is a number only where a currency or a unit says that it is one.
    """
    digits, spaced = digits.replace(" ", ""), " " in digits
    if re.fullmatch(r"\d*\.?\d+", digits):
        return digits
    for group, point in ((",", "."), (".", ","), ("'", "."), ("'", ",")):
        thousands = rf"[1-9]\d{{0,2}}(?:{re.escape(group)}\d{{3}})+"
        if group == ".":
            thousands = rf"(?:{thousands}(?={re.escape(point)})|[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}})"
        if group == ",":
            thousands += r"|[1-9]\d?(?:,\d{2})+,\d{3}"
        if re.fullmatch(rf"(?:{thousands})(?:{re.escape(point)}\d+)?", digits) and not spaced:
            return digits.replace(group, "").replace(point, ".")
    members = digits.split(",")
    if len(members) > 2 and members == [str(count) for count in range(1, len(members) + 1)]:
        return members[-1]  # counted aloud
    if re.fullmatch(r"\d+,\d+", digits) and (spaced or decimal_comma or digits.startswith("0,")):
        return digits.replace(",", ".")
    return None


def _from_words(match: re.Match[str], text: str) -> Numeral | None:
    before = text[max(0, match.start() - 12) : match.start()]
    if match["lone"]:
        return Numeral(*match.span(), plain(1 / PARTS[match["lone"].lower().split()[-1]]), label=True)
    words = [word for word in re.split(r"[\s-]+", match["words"].lower()) if word != "and"]
    scale_first = words[0] in SCALES and not match["article"]
    if _NO_COUNT_BEFORE.search(before) or (scale_first and not re.fullmatch(r"\W*", text[: match.start()])):
        return None
    if words == ["one"] and not match["part"] and _PRONOUN_BEFORE.search(before):
        return None
    whole = english_number(words)
    if whole is None:
        return Numeral(*match.span(), None)
    value = float(whole)
    if match["decimals"]:
        value = float(f"{whole}." + "".join(str(CARDINALS[word]) for word in match["decimals"].lower().split()))
    if match["part"]:
        value /= _parts(match["part"])
    if match["more"]:
        value += CARDINALS.get(match["more"].lower(), 1) / _parts(match["more_part"])
        value *= SCALES.get((match["more_scale"] or "").lower(), 1)
    value *= (0.5 if match["half"] else 1) * (-1 if match["sign"] else 1)
    percent = bool(re.match(r"\s?%|\s?per\s?cent", text[match.end() : match.end() + 9]))
    return Numeral(*match.span(), plain(value), percent=percent)


def _parts(word: str) -> int:
    word = word.lower()
    return PARTS["half"] if word == "halves" else PARTS.get(word) or PARTS[word.removesuffix("s")]


def _from_chinese(match: re.Match[str], text: str) -> Numeral | None:
    signs = match["signs"]
    counted = match.end() == len(text) or text[match.end()] in _COUNTERS + "\n ."
    certain = len(signs) > 1 or counted or match["decimals"] or match["over"] or match["percent"]
    if signs[0] in "百千万亿" or not certain:
        return None
    whole = chinese_number(signs)
    if whole is None:
        return None
    value = float(f"{whole}." + "".join(str(CHINESE_DIGITS[sign]) for sign in match["decimals"] or "零"))
    if match["over"]:
        over = chinese_number(match["over"])
        value = over / whole if over is not None and whole else math.nan
    return Numeral(*match.span(), plain(-value if match["sign"] else value), percent=bool(match["percent"]))
