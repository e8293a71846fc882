"""A real, tiny model of three families: batches equal single requests, and a broken checkpoint never answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from evalkit.backends.checkpoint_files import ASSETS
from evalkit.backends.transformers import Transformers, TransformersEngine
from evalkit.errors import ModelError, OutOfMemoryError
from evalkit.types import Generation, Image, Message, Midpoints, Part, Request, Response, Text, Video
from tests import models

pytestmark = pytest.mark.slow

SIZES = [(40, 30), (28, 28), (70, 31), (33, 64), (64, 64)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {name: build(root / name) for name, build in models.FAMILIES.items()}


@pytest.fixture(scope="module")
def engines(folders: dict[str, Path]) -> dict[str, TransformersEngine]:
    return {name: _load(folder) for name, folder in folders.items()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    root, noise = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    made = []
    for n, (width, height) in enumerate(SIZES):
        path = root / f"{n}.png"
        Picture.fromarray(noise.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        made.append(Image(str(path), f"digest {n}"))
    return made


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    av = pytest.importorskip("av")
    path, noise = tmp_path_factory.mktemp("videos") / "v.mp4", np.random.default_rng(1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(8):
            pixels = np.kron(noise.integers(0, 256, (4, 4, 3), dtype=np.uint8), np.ones((8, 8, 1), dtype=np.uint8))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
    return Video(str(path), "video", Midpoints(2))


def _load(folder: Path, **settings: Any) -> TransformersEngine:
    loaded = Transformers(model=str(folder), dtype="float32", **settings).load(device="cpu")
    assert isinstance(loaded, TransformersEngine)
    return loaded


def _request(key: str, *parts: Part | str, system: str = "", **generation: Any) -> Request:
    said = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    turns: tuple[Message, ...] = (Message("user", said),)
    if system:
        turns = (Message("system", (Text(system),)), *turns)
    settings = Generation(**{"max_new_tokens": 10, **generation})
    return Request(key=key, sample_id=key, view=0, messages=turns, generation=settings)


def _mixed(pictures: Sequence[Image], video: Video, **generation: Any) -> list[Request]:
    """Eight prompts of every make: 0, 1 and 3 pictures, a video, pictures inside the text, a system turn."""
    p = pictures
    return [
        _request("one", p[0], "What is this ?", **generation),
        _request("none", "w1 w2 w3", **generation),
        _request("three", p[1], p[2], p[3], "w4 ?", **generation),
        _request("long", p[4], " ".join(f"w{n}" for n in range(40)), **generation),
        _request("video", video, "w5 w6", **generation),
        _request("woven", "A : ", p[2], " B : ", p[1], " ?", **generation),
        _request("system", p[3], "w7", system="w8 w9", **generation),
        _request("blind again", "no ?", **generation),
    ]


def _replies(engine: TransformersEngine, requests: Sequence[Request], size: int) -> dict[str, Response]:
    prompts = [engine.prepare(request) for request in requests]
    batches = [prompts[first : first + size] for first in range(0, len(prompts), size)]
    return {response.key: response for batch in batches for response in engine.generate(batch)}


def _facts(responses: dict[str, Response]) -> dict[str, tuple[object, ...]]:
    return {key: (r.text, r.finish, r.tokens, r.usage, r.frames) for key, r in responses.items()}


@pytest.mark.parametrize("family", models.FAMILIES)
@pytest.mark.parametrize("size", [2, 3, 8])
def test_a_batch_says_what_single_requests_say(
    family: str, size: int, engines: dict[str, TransformersEngine], pictures: list[Image], video: Video
) -> None:
    requests = _mixed(pictures, video)
    alone = _facts(_replies(engines[family], requests, 1))
    assert _facts(_replies(engines[family], requests, size)) == alone
    assert _facts(_replies(engines[family], requests[::-1], size)) == alone
    assert len({text for text, *_ in alone.values()}) == len(requests), "the tiny model must tell its prompts apart"
    assert alone["video"][-1] == ((2, 6),)


@pytest.mark.parametrize("family", models.FAMILIES)
def test_a_reply_is_what_processor_and_generate_say(
    family: str, folders: dict[str, Path], engines: dict[str, TransformersEngine], pictures: list[Image]
) -> None:
    """The loop of a model card's README, with another way to the same tensors: media inside the conversation."""
    from transformers import AutoModelForImageTextToText

    model, processor = AutoModelForImageTextToText.from_pretrained(folders[family]), engines[family].processor
    content = [{"type": "image", "image": Picture.open(p.path)} for p in pictures[:2]]
    chat = [{"role": "user", "content": [*content, {"type": "text", "text": "What is this ?"}]}]
    inputs = processor.apply_chat_template(
        chat, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    out = model.generate(**inputs, max_new_tokens=10, do_sample=False)
    expected = processor.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    request = _request("r", pictures[0], pictures[1], "What is this ?")
    assert _replies(engines[family], [request], 1)["r"].text == expected


@pytest.mark.parametrize("family", models.FAMILIES)
def test_a_picture_reaches_its_own_prompt(
    family: str, engines: dict[str, TransformersEngine], pictures: list[Image]
) -> None:
    def say(first: Image, second: Image) -> list[str]:
        requests = [
            _request("a", first, "What is this ?"),
            _request("b", pictures[4], "What is this ?"),
            _request("c", second, "What is this ?"),
            _request("d", "What is this ?"),
        ]
        return [response.text for response in _replies(engines[family], requests, 4).values()]

    before, after = say(pictures[0], pictures[2]), say(pictures[2], pictures[0])
    assert after == [before[2], before[1], before[0], before[3]]
    assert before[0] != before[2]


@pytest.mark.parametrize("family", models.FAMILIES)
def test_the_order_of_pictures_in_a_prompt_counts(
    family: str, engines: dict[str, TransformersEngine], pictures: list[Image]
) -> None:
    requests = [_request("ab", *pictures[:2], "w1 ?"), _request("ba", *pictures[1::-1], "w1 ?")]
    said = _replies(engines[family], requests, 2)
    assert said["ab"].text != said["ba"].text


def test_families_with_other_tensors_run_one_by_one(
    engines: dict[str, TransformersEngine], pictures: list[Image]
) -> None:
    engine, sizes = engines["llava"], []
    prompts = [engine.prepare(_request(str(n), pictures[n], f"w{n}")) for n in range(3)]
    expected = [response.text for response in engine.generate(prompts)]
    more: dict[str, Any] = {"position_of_tiles": None}
    other = [prompt._replace(inputs={**prompt.inputs, **more}) for prompt in prompts]
    bare = engine.model.prepare_inputs_for_generation

    def watch(input_ids: torch.Tensor, *args: Any, position_of_tiles: None = None, **kwargs: Any) -> Any:
        sizes.append(len(input_ids))
        return bare(input_ids, *args, **kwargs)

    engine.model.prepare_inputs_for_generation = watch
    try:
        assert [response.text for response in engine.generate(other)] == expected
    finally:
        del engine.model.prepare_inputs_for_generation
    assert set(sizes) == {1}


def test_the_shipped_model_loads_and_batches(pictures: list[Image], video: Video) -> None:
    if not (ASSETS / "pocket-vlm" / "config.json").is_file():
        pytest.skip("evalkit/assets/pocket-vlm is not in this checkout")
    spec = Transformers(model="evalkit:pocket-vlm", dtype="float32")
    spec.check()
    engine = spec.load(device="cpu")
    assert isinstance(engine, TransformersEngine)
    requests = _mixed(pictures, video)
    assert _facts(_replies(engine, requests, 8)) == _facts(_replies(engine, requests, 1))


def test_two_loads_say_the_same(folders: dict[str, Path], pictures: list[Image], video: Video) -> None:
    requests = _mixed(pictures, video)
    first, second = (_facts(_replies(_load(folders["llava"]), requests, 8)) for _ in range(2))
    assert first == second


def test_many_threads_prepare_the_same_tensors(engines: dict[str, TransformersEngine], pictures: list[Image]) -> None:
    requests = [_request(str(n), pictures[n % 5], f"w{n} <image> <eos>" if n % 3 else f"w{n}") for n in range(48)]
    for name in ("llava", "qwen2_vl"):
        with ThreadPoolExecutor(8) as pool:
            threaded = list(pool.map(engines[name].prepare, requests))
        for request, prompt in zip(requests, threaded, strict=True):
            expected = engines[name].prepare(request).inputs
            assert expected.keys() == prompt.inputs.keys()
            assert all(torch.equal(tensor, prompt.inputs[name]) for name, tensor in expected.items())


@pytest.mark.parametrize("family", ["llava", "qwen2_vl"])
def test_a_question_cannot_write_placeholders_or_end_its_turn(
    family: str, engines: dict[str, TransformersEngine], pictures: list[Image]
) -> None:
    engine = engines[family]
    spelled = engine.prepare(_request("r", pictures[0], "w1 <image> <|image_pad|> <eos> w2"))
    plain = engine.prepare(_request("r", pictures[0], "w1 w2"))
    special = torch.tensor([models.ID["<image>"], models.ID["<|image_pad|>"], models.ID["<eos>"]])
    counts = [int(torch.isin(prompt.inputs["input_ids"], special).sum()) for prompt in (spelled, plain)]
    assert counts[0] == counts[1] > 0
    assert _replies(engine, [_request("blind", "w1 <image> ?")], 1)["blind"].error is None


# --- how replies end


def _edited(folder: Path, tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    content = json.loads((copy / name).read_text())
    change(content)
    (copy / name).write_text(json.dumps(content))
    return copy


def test_replies_end_at_the_checkpoints_end_token(folders: dict[str, Path], tmp_path: Path) -> None:
    request = _request("r", "w1 w2 w3")
    free = _replies(_load(folders["llava"]), [request], 1)["r"].text.split()
    last = next(n for n, word in enumerate(free) if n >= 2 and word not in free[:n])

    def end(config: dict[str, Any]) -> None:
        config["eos_token_id"] = [models.ID["<eos>"], models.ID[free[last]]]

    ended = _replies(_load(_edited(folders["llava"], tmp_path, "generation_config.json", end)), [request], 1)["r"]
    assert (ended.finish, ended.text.split()) == ("stop", free[: last + 1])
    assert ended.tokens == last + 1


def test_promise_8_sampling_settings_of_a_checkpoint_do_not_count(folders: dict[str, Path], tmp_path: Path) -> None:
    def sample(config: dict[str, Any]) -> None:
        config |= {"do_sample": True, "temperature": 5.0, "top_k": 3, "repetition_penalty": 9.0, "num_beams": 2}
        config |= {"min_new_tokens": 9, "max_length": 12, "no_repeat_ngram_size": 1}

    requests = [_request(str(n), f"w{n} w2 ?") for n in range(4)]
    plain = _facts(_replies(_load(folders["qwen2_vl"]), requests, 4))
    edited = _load(_edited(folders["qwen2_vl"], tmp_path, "generation_config.json", sample))
    assert _facts(_replies(edited, requests, 4)) == plain


def test_a_reply_that_reaches_the_limit_says_so(engines: dict[str, TransformersEngine]) -> None:
    said = _replies(engines["llava"], [_request("r", "w1 w2 w3", max_new_tokens=3)], 1)["r"]
    assert (said.finish, said.tokens, len(said.text.split())) == ("length", 3, 3)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_stop_string_cuts_the_reply_and_ends_it(engines: dict[str, TransformersEngine], size: int) -> None:
    prompts = [f"w{n} w2 w3" for n in range(4)]
    free = _replies(engines["llava"], [_request(p, p) for p in prompts], 1)
    words = free[prompts[0]].text.split()
    stop = (f"{words[2]} {words[3]}",)
    said = _replies(engines["llava"], [_request(p, p, stop=stop) for p in prompts], size)
    assert said[prompts[0]].text.split() == words[:2]
    assert (said[prompts[0]].finish, said[prompts[0]].tokens) == ("stop", 4)
    assert [said[p].text for p in prompts[1:]] == [free[p].text.split(stop[0])[0] for p in prompts[1:]]


def test_drawn_replies_depend_on_seed_and_key_alone(
    engines: dict[str, TransformersEngine], pictures: list[Image], video: Video
) -> None:
    requests = _mixed(pictures, video, temperature=1.0)
    alone = _facts(_replies(engines["llava"], requests, 1))
    assert _facts(_replies(engines["llava"], requests, 8)) == alone
    assert _facts(_replies(engines["llava"], requests[::-1], 3)) == alone
    assert _facts(_replies(engines["llava"], _mixed(pictures, video, temperature=1.0, seed=1), 8)) != alone
    assert _facts(_replies(engines["llava"], _mixed(pictures, video), 8)) != alone
    twice = _replies(engines["llava"], [_request(key, "w1", temperature=1.0) for key in "ab"], 2)
    assert twice["a"].text != twice["b"].text


def test_settings_are_not_mixed_in_a_batch(engines: dict[str, TransformersEngine]) -> None:
    prompts = [engines["llava"].prepare(_request("r", "w1", max_new_tokens=n)) for n in (1, 2)]
    with pytest.raises(ValueError, match="different generation settings"):
        engines["llava"].generate(prompts)


def test_memory_that_runs_out_is_told_apart(
    engines: dict[str, TransformersEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engines["llava"]
    prompt = engine.prepare(_request("r", "w1"))
    monkeypatch.setattr(engine.model, "generate", lambda **_: torch.empty(1 << 55))
    with pytest.raises(OutOfMemoryError):
        engine.generate([prompt])
    monkeypatch.setattr(engine.model, "generate", lambda **_: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        engine.generate([prompt])


# --- settings


def test_a_system_turn_is_put_first_unless_there_is_one(folders: dict[str, Path]) -> None:
    engine, bare = _load(folders["llava"], system="w8 w9"), _load(folders["llava"])
    with_system = bare.prepare(_request("r", "w1", system="w8 w9")).inputs["input_ids"]
    assert torch.equal(engine.prepare(_request("r", "w1")).inputs["input_ids"], with_system)
    own = engine.prepare(_request("r", "w1", system="w3")).inputs["input_ids"]
    assert torch.equal(own, bare.prepare(_request("r", "w1", system="w3")).inputs["input_ids"])


def test_a_chat_template_can_be_replaced(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "t.jinja").write_text("<bos> {{ messages[0]['content'][0]['text'] }}")
    engine = _load(folders["llava"], chat_template=str(tmp_path / "t.jinja"))
    ids = engine.prepare(_request("r", "w1 w2")).inputs["input_ids"][0].tolist()
    assert ids == [models.ID["<bos>"], models.ID["w1"], models.ID["w2"]]
    spec = Transformers(model=str(folders["llava"]), chat_template=str(tmp_path / "t.jinja"))
    assert spec.identity() != Transformers(model=str(folders["llava"])).identity()


def test_loading_talks_to_nobody(folders: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    engine = _load(folders["qwen2_vl"])
    _replies(engine, [_request("r", "w1")], 1)
    assert capfd.readouterr() == ("", "")
    assert engine.describe() == {"device": "cpu", "dtype": "float32", "image_processor": "Qwen2VLImageProcessorPil"}


def test_dtype_is_what_was_asked_for(folders: dict[str, Path], pictures: list[Image]) -> None:
    engine = Transformers(model=str(folders["llava"]), dtype="bfloat16").load(device="cpu")
    assert engine.describe()["dtype"] == "bfloat16"
    (said,) = engine.generate([engine.prepare(_request("r", pictures[0], "w1"))])
    assert said.tokens > 0


def test_a_device_that_is_not_there_is_named(folders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match=r"--device npu:7 cannot be used here .*use one of: cpu"):
        Transformers(model=str(folders["llava"])).load(device="npu:7")


def test_a_downloaded_model_loads_by_its_hub_name(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--owner--tiny" / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for path in folders["qwen2_vl"].iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    engine = Transformers(model="owner/tiny", revision=commit).load(device="cpu")
    (said,) = engine.generate([engine.prepare(_request("r", "w1"))])
    assert said.text


# --- broken checkpoints


def _weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _drop(tensors: dict[str, torch.Tensor]) -> object:
    return tensors.pop(next(name for name in sorted(tensors) if "down_proj" in name))


def _reshape(tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in sorted(tensors) if "down_proj" in name)
    tensors[name] = torch.zeros(3, 5)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing weight": (lambda f: _weights(f, _drop), r"weights are missing \(.*down_proj"),
    "extra weight": (
        lambda f: _weights(f, lambda t: t.update({"model.language_model.layers.7.mlp.up_proj.weight": torch.ones(2)})),
        r"weights are left over \(.*layers\.7",
    ),
    "other shape": (lambda f: _weights(f, _reshape), r"weights have another shape \(.*down_proj"),
    "torn weights": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:5000]),
        "model cannot be read .*copy or download",
    ),
    "noise for weights": (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 999), "model cannot be read"),
    "pickle only": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        r"pytorch_model\.bin is a pickle.*convert the weights to safetensors",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "there are no weights"),
    "no config": (lambda f: (f / "config.json").unlink(), r"no config\.json"),
    "no processor": (lambda f: (f / "processor_config.json").unlink(), r"no processor_config\.json"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), r"no tokenizer\.json"),
    "no template": (lambda f: (f / "chat_template.jinja").unlink(), "no chat template.*backend.chat_template"),
    "config of no model": (lambda f: (f / "config.json").write_text("{}"), "cannot be read"),
    "config of a text model": (
        lambda f: (f / "config.json").write_text('{"model_type": "gpt2"}'),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_checkpoint_is_refused(case: str, folders: dict[str, Path], tmp_path: Path) -> None:
    folder = _edited(folders["llava"], tmp_path, "config.json", lambda _: None)
    breaking, expected = BROKEN[case]
    breaking(folder)
    with pytest.raises(ModelError, match=expected) as caught:
        Transformers(model=str(folder)).load(device="cpu")
    assert "\n" not in str(caught.value)


def test_a_small_model_runs_on_one_thread_and_a_large_one_on_the_default() -> None:
    from evalkit.backends import device

    default = device._default_threads()
    found = []
    for parameters in (1_000, 10**9, 1_000):
        device.settle_threads(parameters, torch.device("cpu"))
        found.append(torch.get_num_threads())
    assert found == [1, default, 1]
