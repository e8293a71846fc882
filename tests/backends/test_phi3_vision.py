"""Phi-3.5-vision by parts: geometry, pixels, ids, weights and outputs against hand counts and the reference's own."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from evalkit.backends.engine import SharePrefix
from evalkit.backends.phi3_vision.checkpoint import EMBEDDING_ALIAS, read_phi3_vision
from evalkit.backends.phi3_vision.decoding import LongRopeSteps, MultimodalDecoder, TokenInputs, generate, rope_batches
from evalkit.backends.phi3_vision.engine import Phi3VisionEngine
from evalkit.backends.phi3_vision.geometry import CROP_SIZE, CropGrid, NumCrops, hd_layout
from evalkit.backends.phi3_vision.network import build_model, image_features, merge_patches, patch_features
from evalkit.backends.phi3_vision.pixels import ImageCrops, crop_image, hd_transform
from evalkit.backends.phi3_vision.spec import Phi3Vision
from evalkit.backends.phi3_vision.tokens import ControlToken, ImagePlaceholder, Phi3Tokenizer, PromptPart, chat_layout
from evalkit.backends.sampling import reply_length
from evalkit.errors import ModelError
from evalkit.registry import load
from evalkit.types import Generation, Image, Message, Request, Text
from tests import ROOT

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    folder = shared / "packs" / "phi3v"
    if not folder.is_dir():
        pytest.skip(f"no outputs of the reference at {folder}")
    return folder


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


@functools.cache
def _made(width: int, height: int, k: int = 1) -> Pillow.Image:
    """The pictures of the reference's outputs, by the formula that their README states."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    block = ((x * 8) // width + (y * 8) // height * 3 + k) % 5
    bands = [(x * (3 + k) + y * (5 + 2 * k) + (x * y) // (7 + k) + 53 * c + 31 * k) % 256 for c in range(3)]
    pixels = [(band // 2 + block * (20 + 5 * c)) % 256 for c, band in enumerate(bands)]
    return Pillow.fromarray(np.stack(pixels, -1).astype(np.uint8))


def _sha256(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().astype("<f4").tobytes()).hexdigest()


# --- geometry: every number below is counted by hand

# fmt: off
LAYOUTS = [  # width, height, crops -> resized, white above and below, grid of crops, tokens
    (336, 336, 4, (672, 672), (0, 0), (2, 2), 757, "a square is enlarged to 2 x 2"),
    (640, 480, 4, (672, 504), (84, 84), (2, 2), 757, "4:3: 504 rows become 672"),
    (640, 480, 16, (1344, 1008), (0, 0), (3, 4), 13 * 144 + 1 + 4 * 12, "4:3 fills 3 x 4 of 16"),
    (480, 640, 16, (1344, 1008), (0, 0), (4, 3), 13 * 144 + 1 + 5 * 12, "standing: more rows, so more separators"),
    (1200, 300, 4, (1344, 336), (0, 0), (1, 4), 745, "a banner"),
    (300, 1200, 4, (1344, 336), (0, 0), (4, 1), 781, "a tower"),
    (1000, 999, 1, (336, 335), (0, 1), (1, 1), 313, "the odd white row goes below"),
    (10000, 10, 16, (5376, 5), (165, 166), (1, 16), 17 * 144 + 1 + 2 * 12, "the thinnest that is left"),
    (10000, 1, 16, (5376, 0), (0, 0), (0, 16), 144 + 1 + 12, "nothing is left of the short side"),
]
# fmt: on


@pytest.mark.parametrize(("width", "height", "crops", "resized", "white", "grid", "tokens", "why"), LAYOUTS)
def test_the_layout_of_a_picture(
    width: int, height: int, crops: int, resized: Any, white: Any, grid: Any, tokens: int, why: str
) -> None:
    found = hd_layout(width, height, crops)
    assert (found.resized, (found.above, found.below), found.grid) == (resized, white, grid), why
    assert found.grid.tokens == tokens, why


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 20))
def test_crops_never_exceed_their_bound(width: int, height: int, crops: int) -> None:
    grid = hd_layout(width, height, crops).grid
    assert grid.rows * grid.columns <= crops
    turned = hd_layout(height, width, crops).grid
    assert (turned.columns, turned.rows) == grid or width == height


def test_geometry_of_the_reference(golden: Path) -> None:
    for row in _read(golden / "hd_transform.json")["rows"]:
        found = hd_layout(row["width"], row["height"], row["num_crops"])
        assert found.resized == (row["resized_long"], row["resized_short"])
        assert found.transposed == row["transposed"]
        assert [found.above, found.below] == [row["pad_before"], row["pad_after"]]
        assert [*found.grid] == row["crop_grid_hw"]
        assert [side * CROP_SIZE for side in found.grid] == row["image_size_hw"]
        assert found.grid.tokens == row["num_img_tokens"]


def test_token_counts_of_the_reference(golden: Path) -> None:
    table = _read(golden / "token_counts_bulk.json")
    bounds = [int(column.removeprefix("n@")) for column in table["columns"][2:]]
    for width, height, *counts in table["rows"]:
        assert [hd_layout(width, height, bound).grid.tokens for bound in bounds] == counts, (width, height)


def test_one_picture_may_have_more_crops_than_each_of_several() -> None:
    assert [NumCrops().of(n) for n in (0, 1, 2, 8)] == [4, 16, 4, 4]


# --- pixels


def test_white_is_added_and_nothing_else() -> None:
    found = np.asarray(hd_transform(Pillow.new("RGB", (640, 480), (10, 20, 30)), 4))
    assert found.shape == (672, 672, 3)
    assert (found[:84] == 255).all()
    assert (found[-84:] == 255).all()
    assert (found[84:-84] == [10, 20, 30]).all()


def test_crops_go_row_by_row_behind_the_whole_picture() -> None:
    quarters = Pillow.new("RGB", (672, 672))
    for n, place in enumerate([(0, 0), (336, 0), (0, 336), (336, 336)]):
        quarters.paste((n * 50,) * 3, (*place, place[0] + 336, place[1] + 336))
    found = crop_image(quarters, 4)
    assert found.grid == CropGrid(2, 2)
    red = [(n * 50 / 255 - 0.48145466) / 0.26862954 for n in range(4)]
    assert found.crops[1:, 0].mean((1, 2)).tolist() == pytest.approx(red, abs=1e-5)
    assert found.crops[0, 0, 10, 10].item() == pytest.approx(red[0], abs=1e-5)
    assert found.crops[0, 0, -10, -10].item() == pytest.approx(red[3], abs=1e-5)


def test_a_picture_too_thin_to_be_shown_is_told() -> None:
    with pytest.raises(ModelError, match=r"3297 x 1 pixels is too thin for 4 crops"):
        crop_image(Pillow.new("RGB", (3297, 1)), 4)


def test_pixels_of_the_reference(golden: Path) -> None:
    table = _read(golden / "hd_transform.json")
    if table["pillow"] != PIL.__version__:
        pytest.skip(f"Pillow {PIL.__version__} may resize otherwise than the reference's {table['pillow']}")
    for row in table["rows"]:
        found = hd_transform(_made(row["width"], row["height"]), row["num_crops"])
        assert hashlib.sha256(np.asarray(found).tobytes()).hexdigest() == row["hd_uint8_sha256"]
    for row in _read(golden / "pixel_stats.json")["images"]:
        crops = crop_image(_made(row["width"], row["height"], row["k"]), row["num_crops"]).crops
        # The reference fills up to its bound with empty crops, which nothing reads.
        filled = torch.zeros(row["shape"][1:])
        filled[: len(crops)] = crops
        assert _sha256(filled) == row["sha256_f32le"]


# --- ids


def _laid(prompt: str) -> list[PromptPart]:
    """A prompt as the reference writes it, split at its marks and pictures."""
    laid: list[PromptPart] = []
    for piece in re.split(r"(<\|\w+\|>)", prompt):
        number = re.fullmatch(r"<\|image_(\d+)\|>", piece)
        if piece:
            laid.append(
                ImagePlaceholder(int(number[1])) if number else ControlToken(piece) if piece.startswith("<|") else piece
            )
    return laid


def _written(laid: list[PromptPart]) -> str:
    return "".join(
        f"<|image_{p.number}|>" if isinstance(p, ImagePlaceholder) else p.text if isinstance(p, ControlToken) else p
        for p in laid
    )


def _turn(role: str, *parts: str | None) -> dict[str, Any]:
    """A turn as `Conversation` has it; None is a picture."""
    return {"role": role, "content": [{"type": "image"} if p is None else {"type": "text", "text": p} for p in parts]}


CHATS = [
    ([_turn("user", "Hi")], "<|user|>\nHi<|end|>\n<|assistant|>\n"),
    ([_turn("user", None, "What?")], "<|user|>\n<|image_1|>\nWhat?<|end|>\n<|assistant|>\n"),
    ([_turn("user", None, None, "A?")], "<|user|>\n<|image_1|>\n<|image_2|>\nA?<|end|>\n<|assistant|>\n"),
    ([_turn("user", "A ", None, " B")], "<|user|>\nA <|image_1|> B<|end|>\n<|assistant|>\n"),
    ([_turn("user", None, "A ", None)], "<|user|>\n<|image_1|>\nA <|image_2|><|end|>\n<|assistant|>\n"),
    ([_turn("user", None, "\nA")], "<|user|>\n<|image_1|>\nA<|end|>\n<|assistant|>\n"),
    (
        [_turn("system", "Be kind."), _turn("user", None, "Hi"), _turn("assistant", "Yes."), _turn("user", None)],
        "<|system|>\nBe kind.<|end|>\n<|user|>\n<|image_1|>\nHi<|end|>\n<|assistant|>\nYes.<|end|>\n"
        "<|user|>\n<|image_2|>\n<|end|>\n<|assistant|>\n",
    ),
]


@pytest.mark.parametrize(("turns", "written"), CHATS)
def test_the_chat_layout(turns: list[dict[str, Any]], written: str) -> None:
    assert _written(chat_layout(turns)) == written


def test_ids_of_the_reference(golden: Path) -> None:
    """For the small tokenizer that comes with them; the official one is not there."""
    tokenizer = Phi3Tokenizer(golden / "tiny" / "tokenizer.json")
    rows = [row for row in _read(golden / "token_layouts.json") if row["tokenizer"].startswith("pack stand-in")]
    assert len(rows) == 8
    for row in rows:
        lengths = [hd_layout(width, height, row["num_crops"]).grid.tokens for width, height in row["image_sizes_wh"]]
        expected: list[int] = []
        for kind, *rest in row["layout"]:
            expected += rest[0] if kind == "ids" else [-rest[0]] * rest[1]
        assert tokenizer.encode(_laid(row["prompt"]), lengths) == expected
        assert len(expected) == row["total_len"]


def test_the_official_layout_with_the_official_ids(golden: Path) -> None:
    """The marks, separators and pictures of the official tokenizer's rows; its words need its vocabulary."""
    special = _read(golden / "special_tokens.json")["official"]
    for row in _read(golden / "token_layouts.json"):
        if row["tokenizer"].startswith("pack stand-in"):
            continue
        marks = [
            special[p.text] if isinstance(p, ControlToken) else -p.number
            for p in _laid(row["prompt"])
            if p and not isinstance(p, str)
        ]
        found: list[int] = []
        for kind, *rest in row["layout"]:
            found += [i for i in rest[0] if i >= 32000] if kind == "ids" else [-rest[0]]
        assert found == marks
        counts = [rest[1] for kind, *rest in row["layout"] if kind == "image"]
        assert counts == [
            hd_layout(width, height, row["num_crops"]).grid.tokens for width, height in row["image_sizes_wh"]
        ]


def test_replies_end_at_what_the_chat_implies(golden: Path) -> None:
    tokenizer = Phi3Tokenizer(golden / "tiny" / "tokenizer.json")
    assert tokenizer.ends(2) == {2, 480, 481, 487}
    assert tokenizer.ends(None) == {480, 481, 487}


# --- weights


def test_official_names_and_shapes(golden: Path) -> None:
    """The full-size model without storage: every parameter is in the official files, with this shape."""
    small = _read(golden / "tiny" / "config.json")
    factors = [1.0] * 48
    official = {
        **small,
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 131072,
        "original_max_position_embeddings": 4096,
        "pad_token_id": 32000,
        "vocab_size": 32064,
        "sliding_window": 262144,
        "img_processor": {"image_dim_out": 1024, "name": "clip_vision_model", "num_img_tokens": 144},
        "rope_scaling": {"type": "su", "short_factor": factors, "long_factor": factors},
    }
    model = build_model(official)
    found = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    expected = _read(golden / "official_weight_names.json")["tensors"]
    del expected[EMBEDDING_ALIAS]
    assert found == expected
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert {buffer.device.type for buffer in model.buffers()} == {"cpu"}
    # sqrt(1 + ln 32 / ln 4096)
    assert model.model.rotary_emb.attention_scaling == pytest.approx(1.1902380714)


# --- outputs


@pytest.fixture(scope="session")
def outputs(golden: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(golden / "reference_outputs.safetensors")


@pytest.fixture(scope="session")
def models(golden: Path) -> dict[str, Any]:
    return {
        attention: read_phi3_vision(golden / "tiny", dtype="float32", attention=attention, device=CPU)
        for attention in ("sdpa", "eager")
    }


def _illustrated(model: Any, pictures: list[ImageCrops]) -> MultimodalDecoder:
    """The decoder with a prompt's pictures."""
    return MultimodalDecoder(model, torch.cat(image_features(model, pictures)) if pictures else torch.zeros(0, 64))


def _inputs(ids: list[int]) -> TokenInputs:
    """A prompt whose places of pictures, negative in the reference's ids, point at them in order."""
    pointed = torch.tensor(ids)
    pointed[pointed < 0] = -1 - torch.arange(int((pointed < 0).sum()))
    return {"input_ids": pointed[None], "attention_mask": torch.ones_like(pointed)[None]}


CASES = [
    ("one_image_crops4", "sdpa"),
    ("one_image_crops4", "eager"),
    ("one_image_crops16_long", "sdpa"),
    ("three_images_crops4_long", "sdpa"),
    ("interleaved_two_images", "sdpa"),
    ("text_only", "sdpa"),
    ("rope_crossing_generate", "sdpa"),
    ("rope_crossing_generate", "eager"),
]


@pytest.mark.parametrize(("name", "attention"), CASES)
@torch.inference_mode()
def test_logits_and_replies_of_the_reference(
    name: str, attention: str, golden: Path, outputs: dict[str, torch.Tensor], models: dict[str, Any]
) -> None:
    model = models[attention]
    case = _read(golden / "cases.json")[name]
    pictures = [crop_image(_made(*made), case["num_crops"]) for made in case["images"]]
    ids = Phi3Tokenizer(golden / "tiny" / "tokenizer.json").encode(
        _laid(case["prompt"]), [shown.grid.tokens for shown in pictures]
    )
    assert ids == outputs[f"{name}.input_ids"].tolist()
    decoder, prompt = _illustrated(model, pictures), _inputs(ids)
    logits = decoder(input_ids=prompt["input_ids"], position_ids=torch.arange(len(ids))[None]).logits[0]
    torch.testing.assert_close(logits[-16:], outputs[f"{name}.logits_last16"], atol=1e-4, rtol=0)
    torch.testing.assert_close(logits.logsumexp(-1), outputs[f"{name}.logits_logsumexp"], atol=1e-4, rtol=0)
    assert torch.equal(logits.argmax(-1), outputs[f"{name}.logits_argmax"].long())
    greedy = outputs[f"{name}.greedy"].tolist()
    assert generate(decoder, [prompt], max_new_tokens=len(greedy), ends={2}, pad=480) == [greedy]


def test_every_case_of_the_reference_is_run(golden: Path) -> None:
    assert {name for name, _ in CASES} | {"left_padded_batch"} == _read(golden / "cases.json").keys()


@pytest.fixture(scope="session")
def engines(golden: Path) -> dict[str, Phi3VisionEngine]:
    """The pack's model as a model file gives it, in several dtypes."""
    dtypes: list[Literal["float32", "bfloat16", "float16"]] = ["float32", "bfloat16", "float16"]
    folder, crops = str(golden / "tiny"), NumCrops(single=4)
    made = {dtype: Phi3Vision(model=folder, dtype=dtype, num_crops=crops).load(device="cpu") for dtype in dtypes}
    return {dtype: engine for dtype, engine in made.items() if isinstance(engine, Phi3VisionEngine)}


def _request(name: str, prompt: str, made: list[list[int]], folder: Path, **generation: Any) -> Request:
    """A prompt of the reference as a request: its pictures, and the words between its marks."""
    media = []
    for n, size in enumerate(made):
        path = folder / f"{name} {n}.png"
        _made(*size).save(path)
        media.append(Image(str(path), f"{size}"))
    words = prompt.removeprefix("<|user|>\n").removesuffix("<|end|>\n<|assistant|>\n")
    # Pictures in front of the words stand on lines of their own.
    said = re.split(r"<\|image_(\d+)\|>", re.sub(r"\A(<\|image_\d+\|>\n)+", lambda m: m[0].replace("\n", ""), words))
    parts = [media[int(part) - 1] if n % 2 else Text(part) for n, part in enumerate(said) if part]
    return Request(
        key=name,
        sample_id=name,
        view=0,
        messages=(Message("user", tuple(parts)),),
        generation=Generation(**{"max_new_tokens": 40, **generation}),
    )


@pytest.mark.parametrize("share", ["off", "on"])
def test_requests_get_the_ids_and_replies_of_the_reference(
    share: SharePrefix,
    golden: Path,
    outputs: dict[str, torch.Tensor],
    engines: dict[str, Phi3VisionEngine],
    tmp_path: Path,
) -> None:
    """Through the engine, all in one batch: each case twice, so that there is something to share."""
    engine, cases = engines["float32"], _read(golden / "cases.json")
    names = [name for name in cases if cases[name].get("num_crops") == 4 and "prompt" in cases[name]]
    engine.share_prefixes(share)
    requests = [_request(name, cases[name]["prompt"], cases[name]["images"], tmp_path) for name in names]
    prompts = [engine.prepare(request) for request in requests]
    for name, prompt in zip(names, prompts, strict=True):
        assert prompt.ids.tolist() == outputs[f"{name}.input_ids"].tolist()
    engine.share_prefixes("auto")
    with torch.inference_mode():
        said = engine._replies([*prompts, *prompts])
    for n, name in enumerate([*names, *names]):
        greedy = outputs[f"{name}.greedy"].tolist()
        # Behind the end of its turn the reference goes on, since it stops at token 2 alone.
        length, _ = reply_length(greedy, engine.ends, None)
        assert said[n][0][:length] == greedy[:length], name


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-4), ("bfloat16", 0.25), ("float16", 0.03)])
@torch.inference_mode()
def test_half_precision_strays_no_further_when_prefills_are_shared(
    dtype: str, close: float, engines: dict[str, Phi3VisionEngine], tmp_path: Path
) -> None:
    """Scores of a standard deviation of 1.2; in bfloat16 those of a batch and of a lone prompt differ by 0.04, too."""
    shown: Any = [[640, 480, 1]], [[300, 1200, 2]], [[1, 1, 1]], []
    asked = [("What is it?", shown[n // 2]) for n in range(8)]
    requests = [
        _request(f"{n}", "<|image_1|>\n" * len(made) + words + " why" * n, made, tmp_path)
        for n, (words, made) in enumerate(asked)
    ]
    exact, engine = engines["float32"], engines[dtype]
    nothing = torch.zeros(len(requests), 0, dtype=torch.long)
    prompts = [exact.prepare(request) for request in requests]
    model, inputs = exact.embed_images(prompts)
    expected = LongRopeSteps(model, inputs, pad=480).logits(nothing)
    model, inputs = engine.embed_images(prompts)
    assert {parameter.dtype for parameter in engine.model.parameters()} == {model.features.dtype}
    prefixes = [prompt.prefix for prompt in prompts]
    assert sum(prefix is not None for prefix in prefixes) == 6
    for found in (LongRopeSteps(model, inputs, prefixes, pad=480), LongRopeSteps(model, inputs, pad=480)):
        torch.testing.assert_close(found.logits(nothing), expected, atol=close, rtol=0)


@torch.inference_mode()
def test_features_of_the_reference(golden: Path, outputs: dict[str, torch.Tensor], models: dict[str, Any]) -> None:
    model = models["sdpa"]
    shown = crop_image(_made(640, 480), 4)
    exact = copy.deepcopy(model).double()
    double = shown._replace(crops=shown.crops.double())
    found = [*patch_features(model.model.vision_embed_tokens, shown.crops[:2]), image_features(model, [shown])[0]]
    truth = [*patch_features(exact.model.vision_embed_tokens, double.crops[:2]), image_features(exact, [double])[0]]
    names = ("clip_features_global", "clip_features_crop1", "image_features_proj")
    for ours, exactly, name in zip(found, truth, names, strict=True):
        expected = outputs[f"one_image_crops4.{name}"]
        # How far float32 rounds differs between processors; twice as far each way is another computation.
        rounding = float((ours - exactly).abs().max())
        assert rounding < 1e-3 * float(exactly.abs().max())
        assert float((expected - exactly).abs().max()) < 4 * max(rounding, 1e-5)


@torch.inference_mode()
def test_a_left_padded_batch_of_the_reference(
    golden: Path, outputs: dict[str, torch.Tensor], models: dict[str, Any]
) -> None:
    model = models["sdpa"]
    case = _read(golden / "cases.json")["left_padded_batch"]
    pictures = [crop_image(_made(*made), case["num_crops"]) for made in case["images"]]
    ids, mask = outputs["left_padded_batch.input_ids"].long(), outputs["left_padded_batch.attention_mask"].bool()
    # The third row shows the second picture, whose places come behind all of the first.
    pointed = torch.where(ids < 0, -(ids < 0).flatten().cumsum(0).reshape(ids.shape), ids)
    prompts: list[TokenInputs] = [
        {"input_ids": row[seen][None], "attention_mask": torch.ones_like(row[seen])[None]}
        for row, seen in zip(pointed, mask, strict=True)
    ]
    decoder = _illustrated(model, pictures)
    scores = LongRopeSteps(decoder, prompts, pad=480).logits(torch.zeros(3, 0, dtype=torch.long))
    torch.testing.assert_close(scores, outputs["left_padded_batch.logits_last"], atol=1e-4, rtol=0)
    expected = outputs["left_padded_batch.greedy"].tolist()
    assert generate(decoder, prompts, max_new_tokens=12, ends={2}, pad=480) == expected
    assert expected == case["greedy_single"]


def test_patches_are_merged_row_by_row() -> None:
    """Patch (row, column) holds its own place: a merged token must hold four neighbours in reading order."""
    places = torch.tensor([[row, column] for row in range(24) for column in range(24)])[None]
    assert merge_patches(places)[0, 5, 7].tolist() == [10, 14, 10, 15, 11, 14, 11, 15]


# --- batches

BUCKETS = [  # lengths, new tokens, limit -> groups
    ([5, 6, 7], 3, 10, [[0, 1, 2]], "all end at the limit or before it"),
    ([12, 20], 3, 10, [[0, 1]], "all begin beyond it"),
    ([8, 10, 12], 3, 10, [[2], [0], [1]], "those that cross it run alone"),
    ([12, 11, 20], 3, 10, [[0, 2], [1]], "also with the last token of the prompt"),
    ([12, 3, 9, 4, 30], 3, 10, [[1, 3], [0, 4], [2]], "mixed"),
    ([], 3, 10, [], "nothing"),
]


@pytest.mark.parametrize(("lengths", "new", "limit", "groups", "why"), BUCKETS)
def test_no_batch_holds_both_sides_of_the_limit(
    lengths: list[int], new: int, limit: int, groups: list[list[int]], why: str
) -> None:
    assert rope_batches(lengths, new=new, limit=limit) == groups, why


def test_no_code_of_a_checkpoint_can_run() -> None:
    for path in sorted((ROOT / "evalkit").rglob("*.py")):
        assert set(re.findall(r"trust_remote_code.{8}", path.read_text())) <= {"trust_remote_code=False, "}, path.name
        assert "phi3_vision" not in path.parts or "trust_remote_code" not in path.read_text(), path.name


def test_the_shipped_model_file() -> None:
    model = load.model("phi-3.5-vision-instruct")
    name = "microsoft/Phi-3.5-vision-instruct"
    assert model.backend == Phi3Vision(
        model=name, revision="main", dtype="bfloat16", num_crops=NumCrops(single=16, multi=4)
    )
    assert model.backend.attention == "sdpa"
    # Keys and values of 32 layers, two bytes a number: 0.375 MiB a token, and 12 GiB as the file says.
    assert model.batch.tokens * 2 * 32 * 3072 * 2 == 12 * 2**30
