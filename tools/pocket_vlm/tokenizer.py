"""A tokenizer of whole words with bytes behind it.

Every word of the question templates is one token; anything else, drawn words above all, is spelled in bytes, one
token per letter, which is what a reader of pictures needs. There are no merges to train.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tools.pocket_vlm import clips, multi, prompts, single, world
from tools.pocket_vlm.exam import LEADS, SUBJECTS, topic
from tools.pocket_vlm.suite_single import HINTS

PAD, BOS, END, USER, ASSISTANT, IMAGE = "<|pad|>", "<|begin|>", "<|end|>", "<|user|>", "<|assistant|>", "<image>"
SPECIAL = (PAD, BOS, END, USER, ASSISTANT, IMAGE)
MARKERS = tuple(f"<image {number}>" for number in range(1, 17))
CHAT_TEMPLATE = (
    "{%- set places = namespace(count=0) -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}{{ '<|assistant|>' }}{%- else -%}{{ '<|user|>' }}{%- endif -%}"
    "{%- if message['content'] is string -%}{{ message['content'] }}{%- else -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}"
    "{%- set places.count = places.count + 1 -%}{{ '<image ' ~ places.count ~ '><image>' }}"
    "{%- elif part['type'] == 'text' -%}{{ part['text'] }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{{ '<|end|>' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}"
)


def _texts() -> Iterator[str]:
    for kind in (*single.KINDS, *multi.KINDS):
        yield from (re.sub(r"\{\d\}", " ", text) for text in (*kind.texts, *kind.short))
    for texts in clips.WORDING.values():
        yield from texts
    yield from (*clips.FILLERS, clips.SECRET.format(""), "Compare and")
    yield from (prompts.LETTER, prompts.SHORT, prompts.SELECT, prompts.SUBTITLES, *HINTS)
    yield from (lead.format(topic=topic(subject)) for lead in LEADS for subject in SUBJECTS)
    yield from (*world.SHAPES, *world.COLOR_NAMES, *world.PATTERNS, *world.CELLS, *world.DIRECTIONS, *world.NUMBERS)
    yield from (*multi.FOUR, *single.YES_NO, "Yes No None one darker tallest shortest gray an 0 7 8 9 10")


def vocabulary() -> list[str]:
    """Bytes first, then every word of the templates with and without a space in front, in a fixed order."""
    cutter = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces: set[str] = set()
    for text in _texts():
        for word in re.sub(r"[<|>]", " ", text).split():
            for form in (word, word.lower(), " " + word, " " + word.lower()):
                pieces.update(piece for piece, _ in cutter.pre_tokenize_str(form))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [*SPECIAL, *letters, *sorted(pieces - set(letters))]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """The ready tokenizer with its chat template, padding on the left."""
    words = {piece: number for number, piece in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in MARKERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=END,
        padding_side="left",
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
        extra_special_tokens={"image_token": IMAGE},
    )
