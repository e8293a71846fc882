"""The smoke alarm: the bundled model really sees, so a pipeline that shows it other pictures must change its scores.

Bars are what the model reaches on drawings it was never trained on; controls take the pictures away or change them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean

import msgspec
import pytest
from PIL import Image as Pillow

from evalkit.data.sources import DataPlaces
from evalkit.media.cache import MediaCache
from evalkit.media.open import open_image
from evalkit.registry import load
from evalkit.registry.spec import Batch, TaskSpec
from evalkit.run import dataset, plan, scoring
from evalkit.run.batching import Stream
from evalkit.run.places import BUNDLED
from evalkit.run.response_log import Log
from evalkit.run.session import Session
from evalkit.types import Image, Response, Sample, Score

pytestmark = pytest.mark.slow  # all of them ask the bundled model hundreds of questions

Change = Callable[[Sequence[Sample]], Sequence[Sample]]
BENCHMARKS = ("mini_pope", "mini_textvqa", "mini_mmbench", "mini_mmmu", "mini_blink", "mini_videomme")


def recorded(mini: Path, task: str) -> dict[str, float]:
    """Value per sample of the run that a first user sees."""
    lines = (mini / "pocket-vlm" / task / "scores.jsonl").read_text().splitlines()
    return {row["sample_id"]: row["value"] for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> DataPlaces:
    return DataPlaces(media_cache=MediaCache(tmp_path_factory.mktemp("media")), bundled=BUNDLED)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(load.model("pocket-vlm"))


@pytest.fixture(scope="module")
def data(places: DataPlaces) -> Mapping[str, dataset.Dataset]:
    return {name: dataset.load(load.spec(TaskSpec, name), places) for name in BENCHMARKS}


def ask(session: Session, task: TaskSpec, samples: Sequence[Sample], *, blind: bool = False) -> list[Score]:
    """Scores of the samples as the harness makes them, kept in memory."""
    planned = plan.requests(task, session.identity, samples, blind=blind)
    found: list[Response] = []
    stream = Stream(session.engine(), batch=Batch(count=16), workers=2, sink=found.extend)
    stream.run(plan.pending(planned, Log({})))
    return scoring.scores(task.adapter, samples, plan=planned, log=Log({r.key: r for r in found}))


def value(scores: Sequence[Score]) -> float:
    assert not [s.error for s in scores if s.error]
    return mean(s.value for s in scores)


def chance(samples: Sequence[Sample]) -> float:
    """The expected score of a guess: among the options, between yes and no, zero for an open question."""
    return mean(1 / len(s.choices) if s.choices else 0.5 if set(s.answers) <= {"yes", "no"} else 0.0 for s in samples)


def kinds(task: str, column: str) -> dict[str, str]:
    """Sample id -> what a column of the suite's data says its kind is."""
    spec = load.spec(TaskSpec, task)
    columns = msgspec.structs.replace(spec.columns, groups={"kind": column})
    named = msgspec.structs.replace(spec, columns=columns, metrics={})
    places = DataPlaces(media_cache=MediaCache(Path("unused")), bundled=BUNDLED)
    found = dataset.load(named, places, media=False)
    return {s.id: s.groups["kind"].rsplit(": ", 1)[-1] for s in found.samples}


def subset(task: str, column: str, *wanted: str) -> set[str]:
    return {name for name, found in kinds(task, column).items() if found in wanted}


@pytest.mark.parametrize(
    ("task", "column", "wanted", "bar"),
    [
        ("mini_pope", "", (), 0.95),
        ("mini_textvqa", "", (), 0.85),
        ("mini_mmbench", "source", ("color", "shape"), 0.85),
        ("mini_mmmu", "", (), 0.75),
        ("mini_blink", "subset", ("Visual_Correspondence",), 0.75),
        ("mini_videomme", "task_type", ("Action Recognition",), 0.75),
        ("mini_blink", "subset", ("Counting",), 0.65),
    ],
    ids=["object presence", "drawn words", "colour and shape", "mmmu", "which has more", "video direction", "counting"],
)
def test_the_model_reaches_its_bars(mini: Path, task: str, column: str, wanted: tuple[str, ...], bar: float) -> None:
    values = recorded(mini, task)
    chosen = subset(task, column, *wanted) if column else set(values)
    assert len(chosen) >= 24
    assert mean(values[name] for name in chosen) >= bar


def grey(folder: Path) -> Change:
    """Every picture and frame becomes one grey picture of the same size."""

    def change(samples: Sequence[Sample]) -> Sequence[Sample]:
        return [
            msgspec.structs.replace(s, media=tuple(painted(m, folder, plain) for m in s.media))  # type: ignore[arg-type]
            for s in samples
        ]

    return change


def plain(picture: Pillow.Image) -> Pillow.Image:
    return Pillow.new("RGB", picture.size, (128, 128, 128))


def painted(image: Image, folder: Path, paint: Callable[[Pillow.Image], Pillow.Image]) -> Image:
    """The picture with its pixels changed, as a file of its own."""
    file = folder / f"{paint.__name__}-{image.digest}.png"
    if not file.exists():
        paint(open_image(image)).save(file)
    return Image(str(file), f"{paint.__name__}-{image.digest}")


def exchanged(picture: Pillow.Image) -> Pillow.Image:
    red, green, blue = picture.split()
    return Pillow.merge("RGB", (blue, green, red))


def swapped(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Every sample gets the media of another one with as many of them, about half the data set away."""
    groups: dict[int, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(len(sample.media), []).append(sample)
    other = {
        a.id: b.media
        for group in groups.values()
        for a, b in zip(group, group[len(group) // 2 :] + group[: len(group) // 2], strict=True)
    }
    return [msgspec.structs.replace(sample, media=other[sample.id]) for sample in samples]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_pictures_of_another_sample_are_worth_no_more_than_chance(
    session: Session, data: Mapping[str, dataset.Dataset], name: str
) -> None:
    samples = data[name].samples
    found = value(ask(session, load.spec(TaskSpec, name), swapped(samples)))
    # Below chance is honest: the model names what the wrong picture shows, which often is none of the options.
    assert -0.13 <= found - chance(samples) <= 0.07


@pytest.mark.parametrize("name", [n for n in BENCHMARKS if n != "mini_videomme"])
def test_grey_pictures_are_worth_no_more_than_chance(
    session: Session, data: Mapping[str, dataset.Dataset], name: str, tmp_path: Path
) -> None:
    samples = data[name].samples
    found = value(ask(session, load.spec(TaskSpec, name), grey(tmp_path)(samples)))
    assert abs(found - chance(samples)) <= 0.07


def test_questions_on_videos_without_their_frames_are_worth_no_more_than_chance(
    session: Session, data: Mapping[str, dataset.Dataset]
) -> None:
    samples = data["mini_videomme"].samples
    found = value(ask(session, load.spec(TaskSpec, "mini_videomme"), samples, blind=True))
    assert abs(found - chance(samples)) <= 0.07


def test_reversing_the_pictures_costs_order_dependent_questions(
    session: Session, data: Mapping[str, dataset.Dataset]
) -> None:
    wanted = subset("mini_blink", "subset", "Visual_Correspondence")
    samples = [s for s in data["mini_blink"].samples if s.id in wanted]
    turned = [msgspec.structs.replace(s, media=s.media[::-1]) for s in samples]
    task = load.spec(TaskSpec, "mini_blink")
    assert value(ask(session, task, samples)) - value(ask(session, task, turned)) >= 0.25


def test_wrong_colour_channels_cost_colour_questions(
    session: Session, data: Mapping[str, dataset.Dataset], tmp_path: Path
) -> None:
    wanted = subset("mini_mmbench", "source", "color")
    samples = [s for s in data["mini_mmbench"].samples if s.id in wanted]
    wrong = [
        msgspec.structs.replace(s, media=tuple(painted(m, tmp_path, exchanged) for m in s.media))  # type: ignore[arg-type]
        for s in samples
    ]
    task = load.spec(TaskSpec, "mini_mmbench")
    assert value(ask(session, task, samples)) - value(ask(session, task, wrong)) >= 0.25
