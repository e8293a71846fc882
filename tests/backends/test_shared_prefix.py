"""Promise 3: questions on the same media share its prefill, and say what they say without sharing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from evalkit.backends import shared_prefix
from evalkit.backends.checkpoint_files import ASSETS
from evalkit.backends.engine import Prefix
from evalkit.backends.recent_media import RecentResults
from evalkit.backends.transformers import Transformers, TransformersEngine
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.media.open import open_image
from evalkit.registry.spec import Batch
from evalkit.run.batching import Stream
from evalkit.types import Generation, Image, Message, Part, Request, Response, Text
from tests import models
from tests.fakes import noting

pytestmark = pytest.mark.slow

PROVEN = [(family, decoder) for family, decoders in shared_prefix.PROVEN.items() for decoder in decoders]


def build(folder: Path, family: str, decoder: str, *, seed: int = 0, **changes: Any) -> Path:
    """A tiny checkpoint of a family with another decoder in it."""
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    made = models.FAMILIES[family](folder, seed=seed)
    if decoder != "llama" or changes:
        config = AutoConfig.from_pretrained(made)
        full = {"sliding_window": None} if decoder == "mistral" else {}
        config.text_config = AutoConfig.for_model(decoder, **models.text_settings(), **full, **changes)
        kind = type(AutoModelForImageTextToText.from_config(config))
        models._save(made, kind, config, AutoProcessor.from_pretrained(made), seed=seed)
    return made


def load(folder: Path, **settings: Any) -> TransformersEngine:
    engine = Transformers(model=str(folder), **{"dtype": "float32", **settings}).load(device="cpu")
    assert isinstance(engine, TransformersEngine)
    return engine


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], TransformersEngine]:
    root = tmp_path_factory.mktemp("models")
    return {(f, d): load(build(root / f"{f}-{d}", f, d)) for f, d in PROVEN}


@pytest.fixture(scope="module")
def llava(engines: dict[tuple[str, str], TransformersEngine]) -> TransformersEngine:
    return engines["llava", "llama"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    root, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    made = []
    for n, (width, height) in enumerate([(40, 30), (28, 28), (70, 31), (33, 64), (64, 64)]):
        path = root / f"{n}.png"
        Picture.fromarray(noise.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        made.append(Image(str(path), f"digest {n}"))
    return made


def ask(key: str, *parts: Part | str, **generation: Any) -> Request:
    said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    settings = Generation(**{"max_new_tokens": 10, **generation})
    return Request(key=key, sample_id=key, view=0, messages=(Message("user", said),), generation=settings)


def words(first: int, count: int) -> str:
    return " ".join(f"w{n}" for n in range(first, first + count))


def mixed(p: Sequence[Image], **generation: Any) -> list[Request]:
    """Heads of one, two and three pictures, each with suffixes of several lengths; lone rows and rows without any."""
    prompts: list[tuple[Part | str, ...]] = [
        (p[0], "w1"),
        (p[0], words(2, 30)),
        (p[0], "w1 w2 w3"),
        (p[0], "What is this ?"),
        ("w9 w8 w7",),
        (p[1], p[2], "w1"),
        (p[1], p[2], words(2, 7)),
        (p[2], p[1], "w1"),
        (p[3], "lone ?"),
        (p[4], p[4], p[1], "w1 w2"),
        (p[4], p[4], p[1], "w1 w2 w3 w4"),
        ("w5", p[0], "w6", p[1], "w7"),
        ("w5", p[0], "w6", p[1], words(20, 12)),
        ("w4", p[0], "w6", p[1], "w7"),
        ("A ?",),
    ]
    return [ask(str(n), *parts, **generation) for n, parts in enumerate(prompts)]


Facts = dict[str, tuple[object, ...]]


def facts(engine: TransformersEngine, requests: Sequence[Request], *, size: int, choice: str = "auto") -> Facts:
    """What is said, asked in batches of `size` with `share_prefix: choice`."""
    engine.share_prefixes(choice)  # type: ignore[arg-type]
    try:
        prompts = [engine.prepare(request) for request in requests]
    finally:
        engine.share_prefixes("auto")
    found = [r for n in range(0, len(prompts), size) for r in engine.generate(prompts[n : n + size])]
    return {r.key: (r.text, r.finish, r.tokens, r.usage) for r in found}


class Shared:
    """Counts what goes through the shared path and how many prefixes it reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[int] = []
        bare = shared_prefix.generate_with_prefixes

        def generate(model: Any, prompts: Any, prefixes: Any, **rest: Any) -> Any:
            self.rows.append(len(prompts))
            return bare(model, prompts, prefixes, **rest)

        monkeypatch.setattr(shared_prefix, "generate_with_prefixes", generate)


@pytest.fixture
def shared_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    return Shared(monkeypatch).rows


@pytest.mark.parametrize(
    ("family", "decoder"), [PROVEN[0], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in PROVEN[1:])]
)
def test_promise_3_shared_prefills_say_what_each_request_says_alone(
    family: str,
    decoder: str,
    engines: dict[tuple[str, str], TransformersEngine],
    pictures: list[Image],
    shared_rows: list[int],
) -> None:
    engine, requests = engines[family, decoder], mixed(pictures)
    assert engine.share_prefixes("auto") == "on"
    alone = facts(engine, requests, size=1, choice="off")
    assert not shared_rows
    assert facts(engine, requests, size=15) == alone
    assert shared_rows == [13], "all that show a picture go one way, the two that show none the other"
    for size in (2, 4, 7):
        assert facts(engine, requests, size=size) == alone
    assert facts(engine, requests[::-1], size=15) == alone
    assert facts(engine, requests[::3] + requests[1::3] + requests[2::3], size=15) == alone, "prefixes interleaved"
    assert len({text for text, *_ in alone.values()}) > 12, "the tiny model must tell its prompts apart"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_promise_3_for_other_weights_and_long_replies(seed: int, tmp_path: Path, pictures: list[Image]) -> None:
    engine = load(build(tmp_path / "m", "llava", "llama", seed=seed), attention="eager" if seed == 3 else "sdpa")
    requests = mixed(pictures, max_new_tokens=60)
    assert facts(engine, requests, size=15) == facts(engine, requests, size=1, choice="off")


def test_pictures_are_encoded_and_prefixes_read_once(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    bare = llava.model.model.get_image_features

    def count(pixel_values: torch.Tensor, **rest: Any) -> Any:
        seen.append(len(pixel_values))
        return bare(pixel_values=pixel_values, **rest)

    monkeypatch.setattr(llava.model.model, "get_image_features", count)
    requests = [ask(f"{n} {m}", pictures[n], words(m, m + 1)) for n in range(2) for m in range(9)]
    facts(llava, requests, size=18)
    assert seen == [2]


def test_a_picture_that_is_no_beginning_is_encoded_once_too(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch, shared_rows: list[int]
) -> None:
    p = pictures
    requests = [
        ask("a", "w1", p[0], "w2"),
        ask("b", p[1], p[0], "w2"),
        ask("c", p[0], p[2], p[0], "w2 ?"),
        ask("d", "w3 ?"),
    ]
    prefixes = [*requests, ask("e", p[1], p[0], "w4 w5")]
    alone = facts(llava, prefixes, size=1, choice="off")
    seen: list[int] = []
    bare = llava.model.model.vision_tower.forward
    monkeypatch.setattr(llava.model.model.vision_tower, "forward", noting(seen, len, bare))
    assert facts(llava, requests, size=4) == {key: alone[key] for key in "abcd"}
    assert (seen, shared_rows) == ([3], []), "six pictures, three of them distinct, in plain batches"
    assert facts(llava, prefixes, size=5) == alone
    assert (seen, shared_rows) == ([3, 3], [4]), "and in the prefixes of shared ones"


def test_replies_that_end_early_end_alike(llava: TransformersEngine, pictures: list[Image]) -> None:
    requests = mixed(pictures)
    free = facts(llava, requests, size=1, choice="off")
    said = [str(text).split() for text, *_ in free.values()]
    ends = {models.ID[row[n]] for n, row in enumerate(said[:6]) if n < len(row) and row[n] in models.ID}
    before = llava.ends, llava.model.generation_config.eos_token_id
    llava.ends, llava.model.generation_config.eos_token_id = frozenset(ends), sorted(ends)
    try:
        alone = facts(llava, requests, size=1, choice="off")
        assert facts(llava, requests, size=15) == alone
    finally:
        llava.ends, llava.model.generation_config.eos_token_id = before
    assert {tokens for _, finish, tokens, _ in alone.values() if finish == "stop"} >= {1, 2}, "some end in the middle"
    assert any(finish == "length" for _, finish, *_ in alone.values()), "others reach the limit"


def test_the_batch_stops_with_its_last_row(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [ask(str(n), pictures[0], words(n, 3), max_new_tokens=500) for n in range(4)]
    ends = frozenset(range(len(models.ID)))
    monkeypatch.setattr(llava, "ends", ends)
    calls: list[int] = []
    bare = shared_prefix.CachedModel.forward
    monkeypatch.setattr(shared_prefix.CachedModel, "forward", noting(calls, lambda *_: 1, bare))
    assert [tokens for _, _, tokens, _ in facts(llava, requests, size=4).values()] == [1] * 4
    assert len(calls) == 2, "the prefix, then the questions"


@pytest.mark.slow
def test_stop_strings_and_drawn_replies_are_shared_too(llava: TransformersEngine, pictures: list[Image]) -> None:
    free = facts(llava, mixed(pictures), size=1, choice="off")
    stop = (str(free["1"][0]).split()[2],)
    for settings in ({"stop": stop}, {"temperature": 1.0}, {"temperature": 1.0, "stop": stop}):
        requests = mixed(pictures, **settings)
        assert facts(llava, requests, size=15) == facts(llava, requests, size=1, choice="off")


def test_what_nobody_shares_runs_plainly(
    llava: TransformersEngine, pictures: list[Image], shared_rows: list[int]
) -> None:
    facts(llava, [ask(str(n), p, "w1 ?") for n, p in enumerate(pictures)], size=5)
    facts(llava, [ask("a", "w1"), ask("b", "w1 w2")], size=2)
    assert not shared_rows


def test_equal_pictures_of_other_digest_or_decoding_are_not_shared(
    llava: TransformersEngine, pictures: list[Image]
) -> None:
    from evalkit.types import ImageDecoding

    path = pictures[0].path
    shown = [
        Image(path, "a"),
        Image(path, "b"),
        Image(path, "a", ImageDecoding(exif="apply")),
        Image("elsewhere", "a"),
    ]
    ids = llava.prepare(ask("r", shown[0], "w1")).inputs
    names = [shared_prefix.image_prefix(ask("r", image, "w1"), ids, models.ID["<image>"]) for image in shown]
    assert [names.index(name) for name in names] == [0, 1, 2, 0]


PREFIXES = [
    ("all of the shorter prompt but its last token", [[7, 8, 1, 2], [7, 8, 1]], 2, [2, 2]),
    ("as far as they agree", [[7, 8, 1, 2, 3], [7, 8, 1, 2, 4]], 2, [4, 4]),
    ("equal prompts", [[7, 8, 1, 2], [7, 8, 1, 2]], 2, [3, 3]),
    ("a lone prompt", [[7, 8, 1, 2]], 2, [3]),
]


@pytest.mark.parametrize(("reason", "rows", "length", "expected"), PREFIXES, ids=[case[0] for case in PREFIXES])
def test_prefixes_grow_to_what_their_prompts_have_in_common(
    reason: str, rows: list[list[int]], length: int, expected: list[int]
) -> None:
    prompts = [{"input_ids": torch.tensor([row])} for row in rows]
    assert [h.length for h in shared_prefix.grow_prefixes(prompts, [Prefix("a", length)] * len(rows))] == expected


# --- who shares


def test_families_of_other_positions_do_not_share(tmp_path: Path, pictures: list[Image]) -> None:
    for family in ("qwen2_vl", "qwen3_vl"):
        engine = load(models.FAMILIES[family](tmp_path / family))
        assert engine.share_prefixes("auto") == f"off ({family} gives pictures positions of several dimensions)"
        with pytest.raises(ModelError, match=r"^share_prefix: on: replies would change, since \w+ gives pictures"):
            engine.share_prefixes("on")
        assert engine.prepare(ask("r", pictures[0], "w1")).prefix is None


def test_sliding_windows_do_not_share(tmp_path: Path) -> None:
    engine = load(_windowed(tmp_path))
    assert engine.share_prefixes("auto") == "off (layers of mistral see only a part of the prompt)"


def _windowed(folder: Path) -> Path:
    import json

    made = build(folder / "w", "llava", "mistral")
    config = json.loads((made / "config.json").read_text())
    config["text_config"]["sliding_window"] = 8
    (made / "config.json").write_text(json.dumps(config))
    return made


def test_an_untested_decoder_shares_only_when_told(tmp_path: Path, pictures: list[Image]) -> None:
    engine = load(build(tmp_path / "m", "llava", "qwen3", head_dim=8))
    assert engine.share_prefixes("auto") == "off (not proven for llava with qwen3)"
    assert engine.share_prefixes("on") == "on"
    assert facts(engine, mixed(pictures), size=15, choice="on") == facts(engine, mixed(pictures), size=1, choice="off")


def test_off_is_off(llava: TransformersEngine, pictures: list[Image], shared_rows: list[int]) -> None:
    assert llava.share_prefixes("off") == "off (switched off)"
    llava.share_prefixes("auto")
    facts(llava, mixed(pictures), size=15, choice="off")
    assert not shared_rows


# --- what is opened, and how batches are cut


def test_a_picture_is_decoded_and_preprocessed_once_for_its_questions(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evalkit.backends import recent_media

    opened: list[str] = []
    bare = open_image
    monkeypatch.setattr(recent_media, "open_image", noting(opened, lambda image: image.digest, bare))
    fresh = [Image(image.path, f"once {n}") for n, image in enumerate(pictures[:3])]
    requests = [ask(f"{n} {m}", image, f"w{m}") for n, image in enumerate(fresh) for m in range(6)]
    with ThreadPoolExecutor(4) as pool:
        prompts = list(pool.map(llava.prepare, requests))
    assert sorted(opened) == ["once 0", "once 1", "once 2"]
    pixels = [prompt.inputs["pixel_values"].data_ptr() for prompt in prompts]
    assert len(set(pixels)) == 3
    for n, prompt in enumerate(prompts):
        expected = llava.processor.image_processor(Picture.open(pictures[n // 6].path), return_tensors="pt")
        assert torch.equal(prompt.inputs["pixel_values"], expected["pixel_values"])


def test_recent_makes_once_keeps_few_and_keeps_no_failures() -> None:
    made: list[int] = []
    recent: RecentResults[int] = RecentResults(size=2)
    together = threading.Barrier(4)

    def slow(n: int) -> int:
        made.append(n)
        return n * n

    def get(_: int) -> int:
        together.wait()
        return recent.get(3, lambda: slow(3))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(get, range(4))) == [9] * 4
    assert made == [3]
    for n in (4, 5, 3):
        recent.get(n, partial(slow, n))
    assert made == [3, 4, 5, 3], "two are kept"
    with pytest.raises(ZeroDivisionError):
        recent.get("bad", lambda: 1 // 0)
    assert recent.get("bad", lambda: 7) == 7


def stream(engine: Any, requests: Sequence[Request], batch: Batch) -> dict[str, Response]:
    found: list[Response] = []
    Stream(engine, batch=batch, workers=2, sink=found.extend).run(requests)
    return {r.key: r for r in found}


def test_groups_stay_together_and_their_rows_count_in_part(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    bare = TransformersEngine.generate
    monkeypatch.setattr(TransformersEngine, "generate", noting(sizes, lambda _, b: len(b), bare))
    # Six words of template and picture before, and one word and three of template behind: prompts of ten or so tokens.
    same = [ask(str(n), pictures[0], f"w{n}") for n in range(24)]
    part = 1 - llava.prepare(same[0]).prefix.length / llava.prepare(same[0]).tokens  # type: ignore[union-attr]
    rows = int((4 - 1) / part) + 1
    stream(llava, same, Batch(count=4))
    assert sizes[0] == min(rows, 16)
    sizes.clear()
    stream(llava, [ask(str(n), f"w{n}") for n in range(8)], Batch(count=4))
    assert sizes == [4, 4]
    sizes.clear()
    tokens = llava.prepare(same[0]).tokens
    stream(llava, same[:9], Batch(count=4, tokens=3 * (tokens + 10)))
    assert sizes == [3, 3, 3], "the token bound is one on memory, and every row has a cache of its own"


def test_out_of_memory_halves_a_shared_batch(
    llava: TransformersEngine, pictures: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [ask(f"{n} {m}", pictures[n], words(m, m + 1)) for n in range(2) for m in range(6)]
    expected = facts(llava, requests, size=1, choice="off")
    bare, sizes = shared_prefix.CachedModel.prefill, []

    def scarce(self: Any, prompts: Any, prefixes: Any, **rest: Any) -> Any:
        sizes.append(len(prompts))
        if len(prompts) > 3:
            raise MemoryError("no room")
        return bare(self, prompts, prefixes, **rest)

    monkeypatch.setattr(shared_prefix.CachedModel, "prefill", scarce)
    with pytest.raises(OutOfMemoryError):
        llava.generate([llava.prepare(request) for request in requests])
    found = stream(llava, requests, Batch(count=12))
    assert {key: r.text for key, r in found.items()} == {key: text for key, (text, *_) in expected.items()}
    assert max(sizes) == 12
    assert 3 in sizes


def test_the_shipped_model_shares(pictures: list[Image]) -> None:
    if not (ASSETS / "pocket-vlm" / "config.json").is_file():
        pytest.skip("evalkit/assets/pocket-vlm is not in this checkout")
    engine = Transformers(model="evalkit:pocket-vlm", dtype="float32").load(device="cpu")
    assert isinstance(engine, TransformersEngine)
    assert engine.share_prefixes("auto") == "on"
    requests = [
        ask(f"{n} {word}", picture, f"Is there a {word} in the image?")
        for n, picture in enumerate(pictures)
        for word in ("circle", "red square", "dog")
    ]
    assert facts(engine, requests, size=15) == facts(engine, requests, size=1, choice="off")
