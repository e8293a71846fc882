"""A kind of question: its wordings, its possible answers, and how a picture decides it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tools.pocket_vlm.world import Scene

Args = tuple[str, ...]
Pictures = Sequence[Scene]
NO_ANSWER_TRIES = 60


@dataclass(frozen=True)
class Kind:
    """A family of questions. `solve` returns None where the pictures do not decide the question."""

    name: str
    sample: Callable[[Random], list[Scene]]
    propose: Callable[[Random, Pictures | None], Args]
    solve: Callable[[Pictures, Args], str | None]
    pool: Callable[[Args], Sequence[str]]
    texts: tuple[str, ...]
    short: tuple[str, ...] = ()
    fixed_options: bool = False


@dataclass(frozen=True)
class Question:
    """One worded question with its right answer and all answers that may stand among the options."""

    kind: str
    args: Args
    text: str
    answer: str
    pool: tuple[str, ...]
    fixed_options: bool = False


def wording(template: str, *, args: Args) -> str:
    """A filled-in template with the right article."""
    return template.format(*args).replace(" a orange", " an orange")


def word_question(kind: Kind, *, args: Args, answer: str, rng: Random, short: bool = False) -> Question:
    """Put a decided question into words."""
    text = wording(rng.choice(kind.short if short else kind.texts), args=args)
    pool = tuple(kind.pool(args))
    return Question(kind=kind.name, args=args, text=text, answer=answer, pool=pool, fixed_options=kind.fixed_options)


def ask(kind: Kind, pictures: Pictures, *, rng: Random, short: bool = False) -> Question | None:
    """A random question of this kind about given pictures; yes/no answers come out even."""
    wanted = None
    for attempt in range(NO_ANSWER_TRIES):
        args = kind.propose(rng, pictures)
        answer = kind.solve(pictures, args)
        pool = kind.pool(args)
        if answer is None or answer not in pool:
            continue
        if len(pool) == 2 and kind.fixed_options:
            wanted = wanted or rng.choice(tuple(pool))
            if answer != wanted and attempt < NO_ANSWER_TRIES - 10:
                continue
        return word_question(kind, args=args, answer=answer, rng=rng, short=short)
    return None


def options_for(question: Question, *, count: int, rng: Random) -> list[str]:
    """The right answer among `count` options in random order, the others drawn evenly from the pool."""
    others = [text for text in question.pool if text != question.answer]
    if question.fixed_options and len(question.pool) <= count:
        return list(question.pool)
    chosen = [question.answer, *rng.sample(others, min(count - 1, len(others)))]
    rng.shuffle(chosen)
    return chosen


def pictures_for(kind: Kind, *, args: Args, answer: str, rng: Random, tries: int = 200_000) -> list[Scene]:
    """Fresh pictures on which the question has exactly the wanted answer (by rejection)."""
    for _ in range(tries):
        pictures = kind.sample(rng)
        if kind.solve(pictures, args) == answer:
            return pictures
    raise RuntimeError(f"no picture found for kind {kind.name}, args {args}, answer {answer!r}")
