"""Promises 1 to 3 as far as they are planning: what is in a key, equal requests once, shared media side by side."""

from __future__ import annotations

import msgspec
import pytest

from evalkit.adapters import Adapter
from evalkit.registry.spec import TaskSpec
from evalkit.run import plan
from evalkit.run.response_log import Log
from evalkit.types import (
    Generation,
    Image,
    ImageDecoding,
    Interior,
    Message,
    Midpoints,
    Part,
    Response,
    Sample,
    Text,
    Video,
)

IDENTITY = {"kind": "fake", "weights": "abc"}
GREEDY = Generation(max_new_tokens=8)
CAT = Image("/data/cat.png", "d1")
DOG = Image("/data/dog.png", "d2")
CLIP = Video("/data/clip.mp4", "v1", Midpoints(16))


def key(*parts: Part, identity: dict[str, str] = IDENTITY, generation: Generation = GREEDY) -> str:
    return plan.key(identity, (Message("user", parts),), generation)


BASE = key(CAT, Text("Is there a cat?"))


@pytest.mark.parametrize(
    "other",
    [
        key(DOG, Text("Is there a cat?")),
        key(CAT, Text("Is there a dog?")),
        key(Text("Is there a cat?"), CAT),
        key(Text("Is there a cat?")),
        key(CAT, CAT, Text("Is there a cat?")),
        key(Image("/data/cat.png", "d1", ImageDecoding(alpha="white")), Text("Is there a cat?")),
        key(CAT, Text("Is there a cat?"), identity={"kind": "fake", "weights": "new"}),
        key(CAT, Text("Is there a cat?"), generation=Generation(max_new_tokens=9)),
        key(CAT, Text("Is there a cat?"), generation=Generation(max_new_tokens=8, temperature=0.5)),
        plan.key(IDENTITY, (Message("system", (CAT, Text("Is there a cat?"))),), GREEDY),
    ],
)
def test_promise_1_the_key_holds_everything_that_can_change_the_reply(other: str) -> None:
    assert other != BASE


def test_promise_1_the_key_holds_nothing_else() -> None:
    assert key(Image("/elsewhere/cat.jpg", "d1"), Text("Is there a cat?")) == BASE
    assert key(Video("/a", "v1", Midpoints(16))) == key(CLIP)
    assert key(Video("/a", "v1", Interior(16))) != key(CLIP)


def test_recorded_replies_are_told_apart_by_sample_even_where_prompts_are_equal() -> None:
    recorded = {"kind": "replay", "by_sample": True}
    twice = samples(("cat?", (CAT,)), ("cat?", (CAT,)))
    assert len(plan.pending(plan.requests(task(None), recorded, twice), Log({}))) == 2  # type: ignore[arg-type]


def test_the_key_is_the_same_on_every_machine() -> None:
    """A changed digest of a fixed request would orphan every recorded log: it must be a decision, not an accident."""
    assert BASE == "f24514d2a5faca3251e7d8842eb251ac2e5638223a817a100609b4b6da6ab354"


def task(adapter: Adapter) -> TaskSpec:
    raw = {
        "name": "t",
        "title": {"en": "t"},
        "samples": 1,
        "source": {"kind": "jsonl", "path": "x"},
        "columns": {"id": "id", "question": "q"},
        "adapter": {"kind": "yes_no"},
        "generation": {"max_new_tokens": 8},
        "metrics": {"accuracy": {"kind": "accuracy"}},
        "headline": "accuracy",
    }
    return msgspec.convert(raw, TaskSpec)


def samples(*questions: tuple[str, tuple[Image, ...]]) -> list[Sample]:
    return [
        Sample(id=str(i), question=text, answers=("yes",), media=media) for i, (text, media) in enumerate(questions)
    ]


def planned(*questions: tuple[str, tuple[Image, ...]], blind: bool = False) -> plan.Plan:
    return plan.requests(task(None), IDENTITY, samples(*questions), blind=blind)  # type: ignore[arg-type]


def test_promise_2_equal_requests_run_once() -> None:
    found = planned(("cat?", (CAT,)), ("dog?", (CAT,)), ("cat?", (CAT,)))
    assert len(found.all) == 3
    assert [r.sample_id for r in plan.pending(found, Log({}))] == ["0", "1"]


def test_answered_requests_are_not_asked_again_but_errors_are() -> None:
    found = planned(("cat?", (CAT,)), ("dog?", (CAT,)))
    first, second = found.all
    log = Log({first.key: Response(key=first.key, text="yes"), second.key: Response(key=second.key, error="x")})
    assert [r.sample_id for r in plan.pending(found, log)] == ["1"]


def test_promise_3_questions_on_the_same_media_stand_side_by_side_costliest_first() -> None:
    found = planned(("a?", (CAT,)), ("b?", (CAT, DOG)), ("c?", (DOG,)), ("a longer one?", (CAT,)), ("d?", (CAT, DOG)))
    assert [r.sample_id for r in plan.pending(found, Log({}))] == ["1", "4", "3", "0", "2"]


def test_a_prompt_that_places_a_missing_picture_is_a_problem_not_a_text_question() -> None:
    found = planned(("what is in <image 2>?", (CAT,)), ("cat?", (CAT,)))
    assert found.problems == {"0": "sample 0: the text places <image 2>, but there are 1 pictures"}
    assert list(found.requests) == ["1"]


def test_blind_prompts_have_no_pictures_and_no_places() -> None:
    (request,) = planned(("what is in <image 1>?", (CAT,)), blind=True).all
    assert request.media == ()
    assert "<image" not in str(request.messages)
