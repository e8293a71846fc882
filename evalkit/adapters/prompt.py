"""Put one sample's question before a model: fill the template, weave in the media."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.adapters.template import fields, fill, user_turn
from evalkit.errors import EvalkitError
from evalkit.rules import Verdict
from evalkit.rules.verdict import LETTERS
from evalkit.types import Message, Sample, Score

LETTER = "Answer with the option's letter from the given choices directly."
PHRASE = "Answer the question using a single word or phrase."
NOTHING = "¤"  # a reply that no gold answer equals, contains or is contained in


def ask(template: str, sample: Sample, *, options: str = "", blocks: Mapping[str, str] = {}) -> tuple[Message, ...]:
    """One user turn. The template's fields are `question`, `options` and whatever the columns put into `extra`.

    Raises EvalkitError for a field that the sample lacks and for a text that places a picture it does not have.
    """
    values = {**sample.extra, "question": sample.question, "options": options}
    try:
        values |= {name: _block(block, values) for name, block in blocks.items()}
        return user_turn(fill(template, values), sample.media)
    except KeyError as error:
        raise EvalkitError(
            f"sample {sample.id}: the prompt wants {{{error.args[0]}}}, which columns.extra does not provide"
        ) from None
    except ValueError as error:
        raise EvalkitError(f"sample {sample.id}: {error}") from None


def lettered(sample: Sample, option: str) -> str:
    """The options one a line, each as `option` with its `letter` and `text`. Raises EvalkitError beyond 26 options."""
    if len(sample.choices) > len(LETTERS):
        raise EvalkitError(f"sample {sample.id}: {len(sample.choices)} options are more than there are letters")
    pairs = zip(LETTERS, sample.choices, strict=False)
    return "\n".join(fill(option, {"letter": letter, "text": text}) for letter, text in pairs)


def _block(template: str, values: Mapping[str, object]) -> str:
    return fill(template, values) if any(values[name] for name in fields(template)) else ""


def opinion(sample: Sample, verdict: Verdict, *, target: str, options: int = 0) -> Score:
    """The Score that a verdict amounts to."""
    return Score(
        sample_id=sample.id,
        target=target,
        answer=verdict.answer,
        value=verdict.value,
        groups=sample.groups,
        options=options,
    )


def another(letter: str, count: int) -> list[str]:
    """A reply with a wrong letter, as a list of one; of none when there is no other option."""
    return next(([other] for other in LETTERS[:count] if other != letter), [])
