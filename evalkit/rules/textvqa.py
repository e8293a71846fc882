"""TextVQA's official accuracy: EvalAI normalisation, then the mean agreement with every nine of ten annotators."""

from __future__ import annotations

from evalkit.rules.extract import extract_text, other_forms
from evalkit.rules.normalize import normalize_vqa
from evalkit.rules.verdict import Verdict
from evalkit.types import Sample, Value


class TextvqaRule(Value, frozen=True, tag_field="kind", tag="textvqa"):
    """`TextVQAAccuracyEvaluator` (facebookresearch/mmf and haotian-liu/LLaVA, m4c_evaluator.py).

    extract: read the short answer out of a sentence first, which the official evaluator does not.
    """

    extract: bool = False

    def judge(self, reply: str, sample: Sample) -> Verdict:
        """The answer is the normalised reply; its value is 0, 0.3, 0.6, 0.9 or 1 for ten gold answers."""
        text, step = extract_text(reply) if self.extract else (reply, "normalised reply")
        answer = normalize_vqa(text or "")
        golds = [normalize_vqa(gold) for gold in sample.answers]
        forms = map(normalize_vqa, other_forms(text or "")) if self.extract else ()
        return Verdict(answer or None, max(annotator_agreement(form, golds) for form in (answer, *forms)), step)


def annotator_agreement(answer: str, golds: list[str]) -> float:
    """Return the mean over the annotators of min(1, matches among the others / 3), exact for any number of them."""
    if not golds:
        return 0.0
    matches, count = golds.count(answer), len(golds)
    return (matches * min(3, matches - 1) + (count - matches) * min(3, matches)) / (3 * count)
