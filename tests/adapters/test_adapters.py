"""Adapters: the prompts a model reads, gold and wrong replies, and every task file of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evalkit.adapters import Adapter, Mixed, MultipleChoice, Number, ShortAnswer, YesNo
from evalkit.errors import EvalkitError
from evalkit.registry import load, yaml12
from evalkit.registry.spec import TaskSpec
from evalkit.rules.blink import BlinkRule
from evalkit.rules.mmmu import MmmuRule
from evalkit.types import Image, Message, Midpoints, Sample, Text, Video
from tests import TESTS

HERE = TESTS
TASKS = sorted((HERE.parent / "tasks").rglob("*.yaml"))
SAMPLES: dict[str, Any] = yaml12.read_document(HERE / "golden" / "samples.yaml").data
PICTURES = tuple(Image(f"{number}.png", "0" * 64) for number in range(1, 8))


def task(path: Path) -> TaskSpec:
    return load.file(TaskSpec, path)


def made(fields: dict[str, Any]) -> Sample:
    media: tuple[Any, ...] = PICTURES[: fields.get("images", 0)]
    if fields.get("video"):
        media = (Video("film.mp4", "0" * 64, Midpoints(16)),)
    plain = {name: value for name, value in fields.items() if name not in ("images", "video")}
    return msgspec.convert({**plain, "media": msgspec.to_builtins(media)}, Sample)


def shown(messages: tuple[Message, ...]) -> str:
    """A prompt as text: pictures by number, the film with its frames."""
    return "".join(f"--- {message.role}\n{''.join(map(part_shown, message.parts))}\n" for message in messages)


def part_shown(part: Text | Image | Video) -> str:
    if isinstance(part, Text):
        return part.text
    return f"[picture {part.path[:-4]}]" if isinstance(part, Image) else f"[film, {part.frames.count} frames]"


# --- prompts


@pytest.mark.parametrize("name", SAMPLES)
def test_prompts_are_the_golden_ones(name: str) -> None:
    adapter = task(HERE.parent / "tasks" / f"{name}.yaml").adapter
    samples = [made(fields) for fields in SAMPLES[name]]
    text = "".join(f"=== {sample.id}\n{shown(messages)}" for sample in samples for messages in adapter.prompts(sample))
    assert text == (HERE / "golden" / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("mini", sorted((HERE.parent / "tasks" / "mini").glob("*.yaml")), ids=lambda path: path.stem)
def test_mini_tasks_are_asked_as_the_real_ones(mini: Path) -> None:
    name = mini.stem.removeprefix("mini_")
    real = {"mmmu": "mmmu_val", "blink": "blink_val", "textvqa": "textvqa_val", "mmbench": "mmbench_dev_en_tsv"}
    real["mmbench_circular"] = "mmbench_dev_en_circular_tsv"
    small, large = task(mini), task(HERE.parent / "tasks" / f"{real.get(name, name)}.yaml")
    assert small.adapter.with_rule(large.adapter.rule) == large.adapter
    assert small.metrics == large.metrics
    assert small.headline == large.headline
    assert small.row_filter == large.row_filter
    assert msgspec.structs.replace(small.columns, video=None) == msgspec.structs.replace(large.columns, video=None)


def test_a_field_that_no_column_provides_is_named() -> None:
    sample = Sample(id="s7", question="?", answers=("A",), choices=("x", "y"))
    with pytest.raises(
        EvalkitError, match=r"sample s7: the prompt wants \{hint\}, which columns.extra does not provide"
    ):
        MultipleChoice(prompt="{hint}\n{question}").prompts(sample)


def test_a_picture_that_does_not_exist_is_named() -> None:
    with pytest.raises(EvalkitError, match="sample s7: the text places <image 2>, but there are 1 pictures"):
        YesNo().prompts(Sample(id="s7", question="<image 2>?", answers=("yes",), media=PICTURES[:1]))


def test_more_options_than_letters_are_refused() -> None:
    sample = Sample(id="s7", question="?", answers=("A",), choices=tuple(str(n) for n in range(27)))
    with pytest.raises(EvalkitError, match="sample s7: 27 options, but only 26 letters"):
        MultipleChoice().prompts(sample)


def test_braces_in_the_data_stay() -> None:
    sample = Sample(id="s", question="Is {x} in {question}?", answers=("yes",))
    assert shown(YesNo(prompt="{question}").prompts(sample)[0]) == "--- user\nIs {x} in {question}?\n"


# --- scores

CHOICE = Sample(id="c", question="?", answers=("B",), choices=("dog", "cat", "fish"), groups={"kind": "pets"})
YES = Sample(id="y", question="?", answers=("Yes",))
NO = Sample(id="n", question="?", answers=("no",))
WORD = Sample(id="w", question="?", answers=("dog", "cat", "cat"))
FIVE = Sample(id="5", question="?", answers=("5",))
ADAPTERS: list[tuple[Adapter, Sample]] = [
    (MultipleChoice(), CHOICE),
    (YesNo(), YES),
    (YesNo(), NO),
    (ShortAnswer(), WORD),
    (Mixed(), CHOICE),
    (Mixed(), WORD),
    (Mixed(rule=MmmuRule()), CHOICE),
    (Mixed(rule=MmmuRule()), FIVE),
    (Number(), FIVE),
]


@pytest.mark.parametrize(("adapter", "sample"), ADAPTERS)
def test_gold_is_right_and_wrong_is_wrong(adapter: Adapter, sample: Sample) -> None:
    assert adapter.score(sample, adapter.gold(sample)).value == 1.0
    assert adapter.score(sample, adapter.wrong(sample)).value == 0.0


@pytest.mark.parametrize(
    ("adapter", "sample", "reply", "target", "answer", "value", "options"),
    [
        (MultipleChoice(), CHOICE, "It is a cat.", "B", "B", 1.0, 3),
        (MultipleChoice(), CHOICE, "A", "B", "A", 0.0, 3),
        (MultipleChoice(), CHOICE, "I cannot tell.", "B", None, 0.0, 3),
        (YesNo(), YES, "Yes, there is.", "yes", "yes", 1.0, 2),
        (YesNo(), NO, "perhaps", "no", None, 0.0, 2),
        (ShortAnswer(), WORD, "The cat.", "cat", "cat", 1.0, 0),
        (ShortAnswer(), WORD, "", "cat", None, 0.0, 0),
        (Mixed(), CHOICE, "(B)", "B", "B", 1.0, 3),
        (Mixed(), WORD, "dog", "cat", "dog", 1.0, 0),
        (Number(), FIVE, "There are 7.", "5", "7", 0.0, 0),
    ],
)
def test_score(
    adapter: Adapter, sample: Sample, reply: str, target: str, answer: str | None, value: float, options: int
) -> None:
    score = adapter.score(sample, [reply])
    assert (score.sample_id, score.groups) == (sample.id, sample.groups)
    assert (score.target, score.answer, score.value, score.options) == (target, answer, value, options)


def test_another_rule_scores_the_same_replies() -> None:
    adapter = MultipleChoice()
    strict = adapter.with_rule(BlinkRule())
    assert adapter.score(CHOICE, ["It is a cat."]).value == 1.0
    assert strict.score(CHOICE, ["It is a cat."]).answer is None
    assert strict.prompts(CHOICE) == adapter.prompts(CHOICE)


def test_an_only_option_has_no_wrong_reply() -> None:
    assert MultipleChoice().wrong(Sample(id="s", question="?", answers=("A",), choices=("x",))) == []


def test_options_that_a_group_shares() -> None:
    adapter = MultipleChoice(shared={"kind": {"pets": ("dog", "cat")}})
    bare = msgspec.structs.replace(CHOICE, choices=())
    assert adapter.score(bare, ["cat"]).answer == "B"
    assert adapter.score(bare, ["cat"]).options == 2
    assert adapter.score(CHOICE, ["fish"]).answer == "C"


# --- the registry

COUNTS = {"mmmu_val": 900, "mmbench_dev_en": 1164, "mmbench_dev_en_circular": 4329, "blink_val": 1901}
COUNTS |= {"videomme": 2700, "videomme_subtitles": 2700, "textvqa_val": 5000, "pope": 9000, "mathvista_testmini": 1000}
COUNTS |= {"scienceqa_img_test": 2017, "intergps_test": 601, "intergps_test_zip": 601, "chartqa_test": 2500}
COUNTS |= {"ai2d_test": 3088, "ai2d_test_no_mask": 3088}


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_task_file(path: Path) -> None:
    spec = task(path)
    assert spec.name == path.stem
    assert spec.title.zh
    assert spec.headline in spec.metrics
    assert {group for metric in spec.metrics.values() for group in metric.needs()} <= set(spec.columns.groups)
    assert COUNTS.get(spec.name.removesuffix("_tsv"), spec.samples) == spec.samples


def test_the_registry_has_the_benchmarks_of_the_card_and_their_variants() -> None:
    assert {path.stem for path in TASKS} >= {*COUNTS, "mmbench_dev_en_tsv", "mmbench_dev_en_circular_tsv"}


def kinds(union: Any) -> Iterator[str]:
    for member in union.__args__:
        yield member.__struct_config__.tag


def test_kinds_are_known_by_their_names() -> None:
    assert set(kinds(Adapter)) == {"multiple_choice", "yes_no", "short_answer", "mixed", "number"}
