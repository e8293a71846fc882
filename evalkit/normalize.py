"""Normal forms of answers, exactly as the official evaluators make them."""

from __future__ import annotations


def vqa(text: str) -> str:
    """The normal form of VQA (`EvalAIAnswerProcessor`, m4c_evaluator.py)."""
    return text.strip().lower()
