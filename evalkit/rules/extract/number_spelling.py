"""One spelling for all numbers of a text: LaTeX, full-width and raised digits, fractions in one sign, foreign signs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SIGNS = str.maketrans(
    {"⁄": "/", "٬": ",", "٫": ".", "–": "-", "‒": "-", "﹣": "-", "⋅": "×", "·": "×", "∗": "*", "∶": ":", "٪": "%"}
    | dict.fromkeys("\u2009\u202f\u2007", " ")
    | {sign: " " + unicodedata.normalize("NFKC", sign).replace("⁄", "/") for sign in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
)
_INT = r"\s?([-+]?\d{1,20}(?:\.\d{1,20})?)\s?"
_BRACED = r"\{(?:[^{}]|\{[^{}]{0,60}\}){0,60}\}"
_REWRITINGS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]{1,6}"), lambda match: "^" + match[0].translate(_SUPERSCRIPTS)),
    (re.compile(r"(?![0-9])\d"), lambda match: str(unicodedata.digit(match[0], 0))),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\(?:times|cdot|ast)(?![a-z])"), "×"),
    (re.compile(r"\\(?:left|right|displaystyle|mathopen|mathclose|big|Big)(?![a-z])|\\[:>]"), ""),
    (re.compile(r"\\(?:quad|qquad)(?![a-z])|(?<=\d)~"), " "),
    (re.compile(r"\^\s?\{?\s?\\circ\s?\}?"), "°"),
    (re.compile(r"\\approx|\\simeq"), "≈"),
    (re.compile(r"\\pi(?![a-z])"), "π"),
    (re.compile(r"\\[dtc]?frac\s?(\d)\s?(\d)"), r" \1/\2"),
    (re.compile(rf"\\[dtc]?frac\s?\{{{_INT}\}}\s?\{{{_INT}\}}"), r" \1/\2"),
    (re.compile(rf"\\[dtc]?frac\s?{_BRACED}\s?{_BRACED}"), " √ "),
    (re.compile(r"\\sqrt"), "√"),
    # the power or the index of a letter, a unit or a bracket is no number
    (re.compile(r"(?<=[A-Za-z)\]°])(?:\s?\^\s?|_)(?:\{[^{}]{0,20}\}|\(?-?\w{1,3}\)?)"), ""),
)


def respelled(text: str) -> str:
    """Return a plain text with LaTeX and Unicode forms of numbers in ASCII: "\\frac{3}{4}" and "¾" are "3/4"."""
    text = text.translate(_SIGNS)
    for pattern, form in _REWRITINGS:
        text = pattern.sub(form, text)
    return text
