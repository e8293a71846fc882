"""The prompt of one sample: the filled template as a user message, with the sample's media in it."""

from __future__ import annotations

from collections.abc import Mapping

from evalkit.adapters.template import fields, fill, interleave
from evalkit.errors import EvalkitError
from evalkit.rules.verdict import LETTERS
from evalkit.types import Message, Sample

LETTER_INSTRUCTION = "Answer with the option's letter from the given choices directly."
PHRASE_INSTRUCTION = "Answer the question using a single word or phrase."


def user_prompt(
    template: str, sample: Sample, *, options: str = "", blocks: Mapping[str, str] = {}
) -> tuple[Message, ...]:
    """Return one user message, media first unless the text holds their placeholders.

    The template's fields are `question`, `options`, the names of `blocks` and the fields of the sample's `extra`.
    Raises EvalkitError for a field that the sample lacks and for a placeholder of a picture that it does not have.
    """
    values = {**sample.extra, "question": sample.question, "options": options}
    try:
        values |= {name: _block(block, values) for name, block in blocks.items()}
        return (Message("user", interleave(fill(template, values), sample.media)),)
    except KeyError as error:
        raise EvalkitError(
            f"sample {sample.id}: the prompt wants {{{error.args[0]}}}, which columns.extra does not provide"
        ) from None
    except ValueError as error:
        raise EvalkitError(f"sample {sample.id}: {error}") from None


def option_lines(sample: Sample, option: str) -> str:
    """Return the options one a line, each as the template `option` with its `letter` and `text`.

    Raises EvalkitError for more than 26 options, and for a broken template.
    """
    if len(sample.choices) > len(LETTERS):
        raise EvalkitError(f"sample {sample.id}: {len(sample.choices)} options, but only {len(LETTERS)} letters")
    pairs = zip(LETTERS, sample.choices, strict=False)
    try:
        return "\n".join(fill(option, {"letter": letter, "text": text}) for letter, text in pairs)
    except KeyError as error:
        raise EvalkitError(f"adapter.option names {{{error.args[0]}}}; only {{letter}} and {{text}} exist") from None
    except ValueError as error:
        raise EvalkitError(f"adapter.option: {error}") from None


def _block(template: str, values: Mapping[str, object]) -> str:
    """Return the filled block, empty as a whole where all of its fields are."""
    return fill(template, values) if any(values[name] for name in fields(template)) else ""
