"""Patterns of the words by which replies announce, confirm, conclude, refuse and reject; English and Chinese.

A few German, French and Spanish words stand among the English ones. The patterns ignore case unless they say otherwise.
"""

from __future__ import annotations

import re


def any_of(*phrases: str) -> str:
    """Return a group that matches any of the phrases; one string may hold several, separated by a comma and a blank."""
    return "(?:" + "|".join(", ".join(phrases).split(", ")) + ")"


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_LIKELY = any_of("therefore, thus, then, likely, most likely, probably, clearly, indeed, definitely, also, surely")
_MODAL = any_of("would, should, must, will, could, can, might, may")
_IS = rf"(?:\s?{_MODAL}\s(?:{_LIKELY}\s)?be|\s{any_of('is, was, seems to be, appears to be')}|\s?[:=]|\s?->|\s?→)"
_ANSWER = any_of("answers?, option, choice, response, selection, solution, conclusion")
_ASIDE = r"(?:,\s[^.:\n]{0,100}?,)?(?:\s(?:to|for|from|of|among|that|which|here|based|in)\b[^.:\n]{0,100}?)?"
_CHOOSE = any_of(
    "choose, select, pick, go(?:ing)? with, going for, go for, opt for, lean(?:ing)? towards?",
    "say, answer, vote for, guess, conclude",
)
_I_WOULD = (
    rf"\bI(?:'d|'ll|'m|\s{any_of('am, would, will, have to, shall, must, can')})?(?:\s(?:{_LIKELY}|have to|need to))?\s"
)

ANNOUNCEMENT = _pattern(
    rf"\b{_ANSWER}{_ASIDE}{_IS}(?:\s{_LIKELY})?\b",
    rf"(?<!each )(?<!every )(?<!these )(?<!this )(?<!the following )(?<!an )\b{_ANSWER}\s?[:=]",
    rf"{_I_WOULD}{_CHOOSE}\b",
    # a correction of oneself: "A... wait, B", "at first I thought A, but it's B"
    r"(?:^|[.!?…,;\n])\s{0,3}"
    r"(?:no,|(?:no,?\s)?(?:wait|actually|correction|on second thoughts?|scratch that|oops)[,:.!]{0,3})\s"
    r"(?:no,?\s)?(?:it(?:'s| is|\smust be)\s|make that\s)?(?=\(?(?-i:[A-Z])\)?(?:[.,;!]|\s*$))",
    r"\bbut (?:(?:really|actually|now|rather|instead|(?:more |most )?likely|probably|it(?:'s| is))\s){1,4}"
    r"(?=\(?(?-i:[A-Z])\)?(?:[.,;!]|\s*$))",
    r"\b(?:shows?|means?|suggests?|indicates?|tells?)\s(?:me\s|us\s)?(?:that\s)?(?:it|this)(?:'s|\sis|\smust be)\s"
    r"(?=\(?(?-i:[A-Z])\)?(?:[.,;!]|\s*$))",
    rf"\b{any_of('sondern, mais, sino')}\s(?=\(?(?-i:[A-Z])\)?(?:[.,;!]|\s*$))",
    rf"\b{any_of('should, would, will, to')} {any_of('choose, select, pick')}\b",
    rf"\b{any_of('choosing, selecting, picking, opting for, going with')}\b",
    r"(?:答案|回答)\s?(?:应该|应当|应)?\s?(?:是|为|选|:)",
    r"(?:故|应|应该|所以|因此|我)?\s?选(?:择|项)?(?:是|为|:)?",
    r"正确的?(?:选项|答案)?(?:是|为|:)",
)
"""Announces an answer, which the rest of the sentence holds."""

_CORRECT = any_of(
    "correct, right, best, true, answer, proper, most (?:likely|appropriate|suitable|plausible|accurate|similar)"
)
_QUALIFIER = rf"(?:{_LIKELY}\s)?(?:(?:the|my|our)\s)?(?:(?:final|single)\s)?"
_IS_THE = rf"\b(?:{_MODAL} be|is|seems to be|appears to be|as|being)\s{_QUALIFIER}"
CONFIRMATION = _pattern(
    rf"[)\]\"']?(?:[^.;:\n]{{0,60}}?)?{_IS_THE}{_CORRECT}\b",
    rf"[)\]\"']?[^.\n]{{0,120}}?\bmaking (?:it|this|that|option|point|the)\b[^.\n]{{0,40}}?\b(?:{_CORRECT}|choice)\b",
    r"[)\]\"']?\s(?:fits|matches|corresponds|works|is|seems|looks)\s(?:the\s)?(?:much\s)?(?:better|best)\b",
    r"[.):]?\s?[^.\n]{0,60}?(?:[-–—:]|[.):])\s{1,2}(?:correct\b|✓|✔|✅)",
    r"\)?(?:\s\w+){0,3}\s?[-–—:]\s[^\n]{0,200}?\b(?:this|that|it)(?:\s\w+)?\sis\sthe\s(?:correct|right)\b",
    r"[)\]\"']?\s?(?:选项)?(?:是)?(?:正确|对的|最佳)",
)
"""Follows an option and makes it the answer."""

_GROUNDS = any_of("this, these, the above, my, the (?:\\w+\\s)?(?:analysis|observations?|comparison|criteria|images)")
CONCLUSION = _pattern(
    rf"\b{any_of('therefore, thus, hence, consequently, so, overall, finally, accordingly')}\b"
    r"(?!\s(?:is|are|was|were|does|do)\s\(?(?-i:[A-Z])\b)",  # "so is C" says of C what was said before
    r"\b(?:to conclude|as a result)\b",
    r"\bin (?:conclusion|summary)\b",
    rf"\bbased on (?:{_GROUNDS}|the (?:\w+\s)?(?:information|provided|given))\b",
    r"所以|因此|综上|故",
)
"""Opens a concluding sentence."""

_CANNOT = any_of(
    "cannot, can't, can not, could not, couldn't, unable to, not able to, (?:im|not )possible to, not comfortable",
    "difficult to, hard to, challenging to",
)
_KNOW = any_of(
    "determine, tell, say, answer, identify, provide, view, see\\b, assist, help, accurately",
    "definitively, decide, choose",
    "select, make, assess, analy[sz]e, discern, conclude, speculat\\w+, compar\\w+, pinpoint",
    "ascertain, infer, know, give",
)
REFUSAL = _pattern(
    rf"\b{_CANNOT}\s?(?:\w+\s){{0,3}}{_KNOW}",
    r"\bI(?:'m| am) (?:sorry|unable|not sure)|\bI apologi[sz]e",
    r"\b(?:do(?:n't| not) (?:know|have (?:enough|access|the ability)|feel comfortable)|have no (?:access|ability|way))",
    r"\b(?:insufficient|not enough) information|\bnone of the (?:above|options|choices|given|provided)",
    r"(?:无法|不能|难以|没法|没办法|无从)\w{0,2}?(?:确定|判断|回答|得知|辨认|看清)|不(?:太)?(?:知道|确定|清楚)|没有足够|抱歉",
)
"""Declines to answer."""

QUESTION_BACK = _pattern(
    r"\bplease (?:select|choose|pick|type|enter|provide|indicate|let me know your)\b[^.?!\n]{0,120}[.:!]?\s*$",
    r"\b(?:which|what)\b[^.?!\n]{0,80}\b(?:you|your)\b[^.?!\n]{0,80}\?\s*$",
    r"\byour (?:answer|selection|choice)\s?[:?]?\s*$",
)
"""Hands the question back to the user."""

CONDITION = _pattern(r"\bif (?!I\b|you\b|we\b|forced\b|pressed\b|anything\b|so\b|not\b)[^.!?\n]{1,80}$")
"""Opens a condition, which the rest of the sentence depends on, unlike "if I had to choose"."""

CONDITIONAL = _pattern(r"\bwould\b|'d\b")
"""Makes an announcement depend on a condition before it."""

CONDITION_AFTER = _pattern(r"[^.!?\n]{0,20}?\sif (?!I\b|you\b|we\b|forced\b|pressed\b)[^.!?\n]{1,80}\bbut\b")
"""Follows a conditional announcement and takes it back: "I'd say A if it barked, but"."""

NONE_OF_THEM = _pattern(
    r"\bnone of (?:these|them|those|the (?:above|others)"
    r"|the (?:given |other |listed )?(?:options|choices|answers)(?: above)?)\b"
    r"(?!\s\(?(?-i:[A-Z])\b)"
)
"""Chooses no option, or the option that says so."""

RECONSIDERATION = _pattern(r"\b(?:but|however|nevertheless|that said|if I (?:had|must|have|were))\b|但是?|不过")
"""Takes a refusal back."""

CONTRAST = _pattern(r",?\s(?:while|whereas|in contrast|compared (?:to|with)|unlike|more so than)\s")
"""Leads from the chosen option to another one."""

DIFFERENCE = _pattern(r"\b(?:differs?|different|less|least|unlike|dissimilar)\b")
"""Says that the options differ; a contrast after it does not mark the option before it as the choice."""

COMPARISON = _pattern(
    rf"\b{any_of('more, most, better, best, closer, closest, nearer, darker, lighter, matches, fits, corresponds?')}\b",
    rf"\b{any_of('corresponding, same, only, appears, likely, similar')}\b",
)
"""Claims that one option is ahead of the others."""

_REJECTING_WORD = any_of(
    "not, never, neither, nor, cannot, without, except, unlike, incorrect, wrong, rather than, instead of, none of",
    "everything but, anything but, all but, all except, everything except",
    "no longer, other than, than, compared (?:to|with), as opposed to, in contrast (?:to|with), over",
    "rul(?:e|es|ed|ing) out, eliminat(?:e|es|ed|ing), exclud(?:e|es|ed|ing), reject(?:s|ed|ing)?, discard(?:s|ed|ing)?",
    "dismiss(?:es|ed|ing)?, nicht, keinesfalls, pas",
)
_FILLER = any_of(
    "be, been, is, the, a, an, option, options, choice, choices, answer, letter, either, of, image",
    "point, box, picture",
    "just, only, in, to, it, both, contain, contains, show, shows, depict, include, feature, 选项, 答案",
)
REJECTION_BEFORE = _pattern(
    r"\bno\s$",
    rf"(?:\b{_REJECTING_WORD}|n't|不是|不选|不能选|排除|并非|不可能是|而非)"
    rf"(?:[\s:\"'(]{{0,3}}\b{_FILLER}\b){{0,5}}[\s:\"'(]{{0,3}}$",
)
"""Rejects the option right after it."""

NOT_ONLY = _pattern(r"\bnot (?:only|just)\b[^.]{0,20}$")
"""A "not" that rejects nothing: "not only A"."""

_AUXILIARY = any_of(
    "is, are, was, were, does, do, did, can, could, would, should, will, seems?, looks?, appears?",
    "has, have, must, to, be",
    "also, both, clearly, definitely, therefore, thus, probably, likely, all, obviously, simply, so",
)
_DENIAL = any_of(
    "(?:is|does|do|was|are|would|could|can|should|has|wo|ca)n't\\b, not\\b(?! only| just), cannot\\b, never\\b",
    "incorrect\\b, wrong\\b, false\\b, out\\b, impossible\\b",
    "(?:be )?(?:eliminated|excluded|ruled out|discarded|rejected)\\b, lacks\\b",
    "fails\\b, 不对, 错, 不正确, 不是, 排除",
)
REJECTION_AFTER = _pattern(
    rf"[)\]\"']?\s{{0,2}}(?:\([^()\n]{{1,40}}\)\s?)?(?:option|choice|answer)?\s?(?:{_AUXILIARY}\s){{0,4}}?{_DENIAL}"
)
"""Rejects the option right before it."""

REJECTION_END = _pattern(
    r"[.!?;。!?;]\s|\n|(?<!everything )(?<!anything )(?<!all )\bbut\b"
    r"|\bso\b|而是|\b(?:sondern|mais|sino)\b|,?\s(?:it|that)(?:'s| is)\s(?!not)"
)
"""Ends the reach of a rejection."""

OPTION_LABEL = _pattern(r"(?:\b(?:option|choice|answer|letter)s?|选项|答案)\s{0,2}[:\"']?\s{0,2}$")
"""Stands before a lone letter that can be nothing but an option's."""

_LABELLED_THING = any_of(
    "point, box, image, picture, figure, fig\\., panel, label, labell?ed, marked, marker, circle, dot, pattern, shape",
    "diagram, graph, plot, object, region, area, statement, photo, candidate, item, row, column, line",
)
_LINKING_WORD = any_of("select, choose, pick, as, between, and, or, nor, than, of, with, not, both, either, neither")
BEFORE_LETTER = _pattern(rf"\b(?:{_LABELLED_THING}|{_LINKING_WORD})\s{{1,2}}[\"']?$")
"""Stands before a capital that is no article and no pronoun."""

_NEXT_WORD = any_of(
    "is, was, are, has, have, had, would, because, since, as, and, or, but, nor, appears?, seems?",
    "looks?, match(?:es)?",
    "fits?, does, do, should, must, can, cannot, could, also, than, more, best, correctly, accurately, represents?",
    "shows?, contains?, corresponds?, follows?, aligns?, being, to, in, on, at, for, with, from, due, which, lies",
    "remains, will, may, might, if, rather, instead, over, only, alone",
)
AFTER_ARTICLE = re.compile(rf"[\"']?\s{{1,2}}(?!{_NEXT_WORD}\b)[A-Za-z0-9]")
"""Follows the article "A" and the pronoun "I", but not an option's letter; case counts."""

LIST_SEPARATOR = _pattern(
    r"\s?(?:,|/|、|或|和|,?\s?(?:or|nor|and|&))\s?(?:(?:option|choice|point|box|image|the|an?|also|even)\s){0,2}"
)
"""Stands between two members of a list."""
