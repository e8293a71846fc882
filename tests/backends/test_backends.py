"""Backends without a model, and the parts of the one with: every expectation is worked out by hand."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evalkit.backends import Backend, checkpoint_files
from evalkit.backends.baseline import AlwaysYes, Baseline, FirstOption, Majority, RandomOption, Strategy, options
from evalkit.backends.checkpoint_files import checkpoint_digest
from evalkit.backends.collate import can_collate, collate
from evalkit.backends.device import is_out_of_memory
from evalkit.backends.replay import Replay
from evalkit.backends.sampling import GumbelMaxSampler, cut_at_stop, reply_length
from evalkit.backends.transformers import Transformers
from evalkit.errors import ModelError
from evalkit.registry.spec import ModelSpec
from evalkit.types import Generation, Message, Request, Text
from tests import ROOT


def _request(text: str, *, sample: str = "s", view: int = 0, key: str = "k") -> Request:
    turns = (Message("user", (Text(text),)),)
    return Request(key=key, sample_id=sample, view=view, messages=turns, generation=Generation(max_new_tokens=8))


# --- the files


@pytest.mark.parametrize("name", ["pocket-vlm", "first-option", "random-option", "always-yes", "majority"])
def test_shipped_models_decode(name: str) -> None:
    import yaml

    spec = msgspec.convert(yaml.safe_load((ROOT / "models" / f"{name}.yaml").read_text()), ModelSpec)
    assert spec.name == name


def test_importing_backends_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'accelerate', 'PIL', 'numpy', 'huggingface_hub', 'safetensors'}"
    code = f"import sys, evalkit.backends; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


KINDS: list[tuple[dict[str, object], bool, bool]] = [  # as run.json holds it, recorded, generates
    ({"kind": "replay", "path": "replies.jsonl", "field": "answer", "id": "id", "source": ""}, True, False),
    ({"kind": "baseline", "strategy": {"kind": "yes"}}, False, False),
    ({"kind": "transformers", "model": "owner/name", "dtype": "float32"}, False, True),
    ({"kind": "phi3_vision", "model": "m", "num_crops": {"single": 16, "multi": 4}}, False, True),
]


@pytest.mark.parametrize(("spec", "recorded", "generates"), KINDS, ids=[str(case[0]["kind"]) for case in KINDS])
def test_a_recorded_backend_says_where_its_replies_came_from(
    spec: dict[str, object], recorded: bool, generates: bool
) -> None:
    backend: Backend = msgspec.convert(spec, Backend)
    assert (backend.recorded, backend.generates) == (recorded, generates)
    assert "recorded" not in msgspec.to_builtins(backend), "a fact of the class, no part of the file or the key"


# --- baselines

POINTS = "What is it?\nA. a cat\nB. a dog\nC. a cow\nAnswer with the option's letter."
BRACKETS = "Which one?\nSelect from the following choices.\n(A) left\n(B) right"

OFFERS = [
    (POINTS, ("A", "B", "C"), "letter and point"),
    (BRACKETS, ("A", "B"), "letter in brackets"),
    ("Q?\nA) x\nB) y", ("A", "B"), "letter and bracket"),
    ("Q?\nA: x\nB: y", ("A", "B"), "letter and colon"),
    ("E. coli grows in A. agar\nA. yes\nB. no", ("A", "B"), "a line that opens like an option, out of order"),
    ("Q?\nA. only one", (), "a single letter is no choice"),
    ("Is there a dog in the image?", ("yes", "no"), "POPE's wording"),
    ("Is there a dog?\nAnswer the question using a single word or phrase.", ("yes", "no"), "question before a hint"),
    ("Look: a dog. Answer yes or no.", ("yes", "no"), "both words are there"),
    ("What does the sign say?", (), "an open question"),
    ("Name the island.", (), "`is` inside a word"),
    ("Is it red?\nA. yes\nB. no", ("A", "B"), "letters before words"),
    ("", (), "nothing"),
]


@pytest.mark.parametrize(("text", "expected", "why"), OFFERS)
def test_options_are_read_from_the_prompt(text: str, expected: tuple[str, ...], why: str) -> None:
    assert options(_request(text)) == expected, why


@pytest.mark.parametrize("count", range(2, 11))
@pytest.mark.parametrize("form", ["({}) x", "{}. x", "{}) x"])
def test_any_number_of_options(count: int, form: str) -> None:
    letters = "ABCDEFGHIJ"[:count]
    assert options(_request("Q?\n" + "\n".join(form.format(letter) for letter in letters))) == tuple(letters)


@given(st.text())
def test_any_text_offers_consecutive_letters_or_yes_and_no(text: str) -> None:
    found = options(_request(text))
    assert found in {(), ("yes", "no")} or "".join(found) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(found)]


REPLIES: list[tuple[Strategy, str, str]] = [
    (FirstOption(), POINTS, "A"),
    (FirstOption(), "Is there a dog?", "yes"),
    (FirstOption(), "What is it?", "unknown"),
    (AlwaysYes(), POINTS, "yes"),
    (Majority("B"), POINTS, "B"),
    (Majority("two"), "How many?", "two"),
    (RandomOption(), "What is it?", "unknown"),
]


@pytest.mark.parametrize(("strategy", "text", "expected"), REPLIES)
def test_baselines_reply(strategy: Strategy, text: str, expected: str) -> None:
    engine = Baseline(strategy=strategy).load()
    (response,) = engine.generate([engine.prepare(_request(text))])
    assert (response.key, response.text, response.error) == ("k", expected, None)


def test_random_options_are_even_and_belong_to_the_sample() -> None:
    engine = Baseline(strategy=RandomOption(seed=3)).load()
    requests = [_request(POINTS, sample=str(n), key=f"key {n}") for n in range(3000)]
    said = [r.text for r in engine.generate([engine.prepare(r) for r in requests])]
    # 1000 expected of each, standard deviation 25.8: five of them either way.
    assert all(870 < said.count(letter) < 1130 for letter in "ABC")
    again = [r.text for r in engine.generate([engine.prepare(r) for r in requests[::-1]])]
    assert again == said[::-1]
    other = Baseline(strategy=RandomOption(seed=4)).load()
    assert [r.text for r in other.generate([other.prepare(r) for r in requests])] != said


def test_identities_tell_strategies_apart() -> None:
    specs = [Baseline(strategy=s) for s in (FirstOption(), RandomOption(), RandomOption(1), AlwaysYes(), Majority("A"))]
    found = [json.dumps(spec.identity(), sort_keys=True) for spec in specs]
    assert len(set(found)) == len(specs)


@pytest.mark.parametrize(
    "raw", [{"kind": "baseline", "strategy": {"kind": "best"}}, {"kind": "oracle"}, {"kind": "transformers"}]
)
def test_unknown_kinds_and_missing_models_are_refused(raw: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Backend)


# --- recorded replies


def _record(path: Path, rows: list[object]) -> Path:
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_replies_are_given_by_sample_id(tmp_path: Path, name: str) -> None:
    path = _record(tmp_path / name, [{"id": "a", "prediction": "ja "}, {"id": 7, "prediction": "", "more": 1}])
    engine = Replay(path=str(path)).load()
    asked = [engine.prepare(_request("?", sample=s, key=s)) for s in ("7", "a", "b")]
    first, second, third = engine.generate(asked)
    assert (first.text, first.error, second.text, second.error) == ("", None, "ja ", None)
    assert third.finish == "error"
    assert third.error == f"sample 'b' has no reply in {path}; add it, or limit the run"


RECORDS = [
    ([{"id": "a"}], r"r\.jsonl:1: there is no field 'prediction'"),
    ([{"prediction": "a"}], r"r\.jsonl:1: there is no field 'id'"),
    ([{"id": "a", "prediction": "x"}, {"id": "a", "prediction": "y"}], r"r\.jsonl:2: the id 'a' is there twice"),
    ([{"id": "a", "prediction": None}], r"r\.jsonl:1: prediction is empty, here and on every line"),
    ([{"id": "a", "prediction": ["x"]}], r"r\.jsonl:1: id must be a text"),
    ([{"id": True, "prediction": "x"}], r"r\.jsonl:1: id must be a text"),
    (["text"], r"r\.jsonl:1: not a JSON object"),
]


@pytest.mark.parametrize(("rows", "expected"), RECORDS)
def test_a_broken_record_is_named_by_line(tmp_path: Path, rows: list[object], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        Replay(path=str(_record(tmp_path / "r.jsonl", rows))).load()


LINES = [
    (b'{"id": 7, "prediction": "yes"}', "yes", "plain"),
    (
        b'\xef\xbb\xbf{"id": 7, "prediction": "yes"}\r\n\r\n',
        "yes",
        "a byte order mark, line ends of Windows, a blank line",
    ),
    (b'{"id": 7, "prediction": "yes"}\n{"id": "7", "prediction": "yes"}', "yes", "the same line twice"),
    (b'{"id": 7, "prediction": "yes", "score": NaN}', "yes", "another field that is no JSON"),
    (b'{"id": 7, "prediction": NaN}\n{"id": 8, "prediction": "x"}', None, "no reply, as pandas writes it"),
    (b'{"id": 7, "prediction": null}\n{"id": 8, "prediction": "x"}', None, "no reply"),
    (b'{"id": 7}\n{"id": 8, "prediction": "x"}', None, "no field"),
    (b'{"id": 7, "prediction": ""}', "", "an empty reply"),
    (b'{"id": 7.0, "prediction": "yes"}', "yes", "a whole number from a column with gaps"),
    (gzip.compress(b'{"id": 7, "prediction": "yes"}'), "yes", "packed, whatever its name says"),
    (b'{"id": 7, "prediction": 1.50}', "1.50", "a number as it is written"),
    (b'{"id": 7, "prediction": 123456789012345678901234567890}', "123456789012345678901234567890", "of any length"),
    ('{"id": 7, "prediction": "是\u2028"}'.encode(), "是\u2028", "a separator that ends no line"),
    (b'{"id": 7, "prediction": "ok \\ud83d"}', "ok ???", "half a character"),
]


@pytest.mark.parametrize(("content", "text", "why"), LINES, ids=[case[2] for case in LINES])
def test_odd_lines_are_read(tmp_path: Path, content: bytes, text: str | None, why: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    assert Replay(path=str(path)).rows()["7"] == (text and text.replace("???", "\ufffd" * 3)), why
    assert Replay(path=str(path)).replies()["7"] is not None


def test_a_field_may_be_within_an_object(tmp_path: Path) -> None:
    path = _record(tmp_path / "r.jsonl.gz", [{"id": "a", "reply": {"text": "yes"}}, {"id": "b", "reply": None}])
    assert Replay(path=str(path), field="reply.text").rows() == {"a": "yes", "b": None}


def test_a_torn_archive_is_refused(tmp_path: Path) -> None:
    path = _record(tmp_path / "r.jsonl.gz", [{"id": str(n), "prediction": "x" * 90} for n in range(500)])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot be read to its end"):
        Replay(path=str(path)).load()


def test_a_replay_is_its_content_and_fields(tmp_path: Path) -> None:
    one = _record(tmp_path / "1.jsonl", [{"id": "a", "prediction": "x"}])
    two = _record(tmp_path / "2.jsonl", [{"id": "a", "prediction": "x"}])
    assert Replay(path=str(one)).identity() == Replay(path=str(two)).identity()
    assert Replay(path=str(one)).identity() != Replay(path=str(two), field="raw").identity()
    _record(two, [{"id": "a", "prediction": "y"}])
    assert Replay(path=str(one)).identity() != Replay(path=str(two)).identity()
    with pytest.raises(ModelError, match="there is no file"):
        Replay(path=str(tmp_path / "3.jsonl")).check()


# --- weights


def _checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("config.json", "processor_config.json", "tokenizer.json", "model.safetensors", "README.md"):
        (folder / name).write_text(f"{name} of a model")
    return folder


def test_a_content_digest_follows_content_not_place(tmp_path: Path) -> None:
    one, two = _checkpoint(tmp_path / "1"), _checkpoint(tmp_path / "else" / "2")
    first = checkpoint_digest(one)
    assert first == checkpoint_digest(two)
    (two / "README.md").write_text("new words")
    (two / "optimizer.pt").write_text("not read")
    assert checkpoint_digest(two) == first
    for name in ("config.json", "processor_config.json", "tokenizer.json", "model.safetensors"):
        (two / name).write_text("other")
        assert checkpoint_digest(two) != first, name
        (two / name).write_text(f"{name} of a model")
    (two / "chat_template.jinja").write_text("a template counts")
    assert checkpoint_digest(two) != first


def test_digests_of_big_files_are_remembered_until_they_change(tmp_path: Path) -> None:
    folder, cache = _checkpoint(tmp_path / "m"), tmp_path / "cache"
    big = folder / "model.safetensors"
    big.write_bytes(b"a" * (1 << 20))
    first = checkpoint_digest(folder, cache=cache)
    (entry,) = cache.iterdir()
    assert checkpoint_digest(folder, cache=cache) == first == checkpoint_digest(folder)
    entry.write_text("0" * 64)
    assert checkpoint_digest(folder, cache=cache) != first, "the entry is what was used"
    before = big.stat()
    big.write_bytes(b"b" * (1 << 20))
    os.utime(big, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert checkpoint_digest(folder, cache=cache) == checkpoint_digest(folder) != first


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(ModelError, match=r"the shard model-00002-of-00002\.safetensors named by .* is missing"):
        checkpoint_files.check(folder)
    (folder / "model-00002-of-00002.safetensors").write_text("")
    checkpoint_files.check(folder)
    (folder / "model.safetensors.index.json").write_text("{")
    with pytest.raises(ModelError, match="not an index"):
        checkpoint_files.check(folder)


def test_where_a_model_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _checkpoint(tmp_path / "models" / "seven-b")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert checkpoint_files.locate("models/seven-b").folder == str(tmp_path / "models" / "seven-b")
    commit = "0123456789abcdef0123456789abcdef01234567"
    found = checkpoint_files.locate("owner/name", commit)
    assert (found.name, found.folder, found.revision) == ("owner/name", "", commit)
    for name, expected in {
        "./models/sevenb": r"no folder \./models/sevenb; did you mean models/seven-b\?",
        "/nowhere/at/all": r"no folder /nowhere/at/all; give a folder, a hub id",
        "seven-b": "no folder seven-b; give a folder",
        "models/seven-b/config.json": "is a file; name the folder",
        "evalkit:nothing-like-it": "no folder evalkit:nothing-like-it",
        "owner/unknown": r"no folder here, and the hub does not give us its revision main \(.*\); give a folder",
        "models/sevenb": r"no folder here, .*; did you mean models/seven-b\?",
        "a--b/c": "no folder here, and the hub does not",
    }.items():
        with pytest.raises(ModelError, match=expected):
            checkpoint_files.locate(name)


def test_a_branch_means_the_commit_that_was_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--name"
    folder = _checkpoint(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = checkpoint_files.locate("owner/name")
    assert (found.folder, found.revision) == ("", commit)
    spec = Transformers(model="owner/name")
    assert spec.identity() == Transformers(model="owner/name", revision=commit).identity()
    spec.check()
    assert checkpoint_files.cached(found) == folder
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "1.safetensors"}}')
    assert checkpoint_files.cached(found) is None
    (folder / "1.safetensors").write_text("")
    assert checkpoint_files.cached(found) == folder
    assert checkpoint_files.cached(checkpoint_files.Checkpoint(name="owner/other", revision=commit)) is None


# --- batches


def test_tokens_are_padded_on_the_left_and_rows_follow_each_other() -> None:
    one = {"input_ids": torch.tensor([[5, 6, 7]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    two = {"input_ids": torch.tensor([[8]]), "attention_mask": torch.ones(1, 1, dtype=torch.long)}
    one["mm_token_type_ids"] = torch.tensor([[0, 1, 0]])
    one["pixel_values"], one["image_sizes"] = torch.ones(2, 3, 1), torch.tensor([[1, 2], [3, 4]])
    two["pixel_values"], two["image_sizes"] = torch.full((1, 1, 2), 2.0), torch.tensor([[5, 6]])
    batch = collate([one, two], 9)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [9, 9, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["mm_token_type_ids"].tolist() == [[0, 1, 0], [0, 0, 0]]
    assert batch["image_sizes"].tolist() == [[1, 2], [3, 4], [5, 6]]
    # Two pictures of 3x1 and one of 1x2: filled up with zeros at the end to 3x2.
    assert batch["pixel_values"].tolist() == [[[1, 0], [1, 0], [1, 0]]] * 2 + [[[2, 2], [0, 0], [0, 0]]]


def test_a_lone_prompt_is_not_copied() -> None:
    one = {"input_ids": torch.tensor([[5]]), "pixel_values": torch.ones(1, 2)}
    assert collate([one], 0)["pixel_values"] is one["pixel_values"]


def test_unknown_tensors_are_not_joined() -> None:
    known = {"input_ids": torch.tensor([[5]]), "pixel_values": torch.ones(1, 2)}
    assert can_collate(known)
    assert not can_collate({**known, "cross_attention_mask": torch.ones(1)})
    assert not can_collate({**known, "second_per_grid_ts": [1.0]})


# --- replies


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        ("one two three", ("two",), "one "),
        ("one two three", ("three", "one"), ""),
        ("one two three", ("four",), "one two three"),
        ("one two three", (), "one two three"),
        ("a\n\nb", ("\n\n",), "a"),
    ],
)
def test_text_is_cut_at_the_first_stop_string(text: str, stop: tuple[str, ...], expected: str) -> None:
    assert cut_at_stop(text, stop) == expected


@pytest.mark.parametrize(
    ("tokens", "stopped", "expected", "why"),
    [
        ([5, 6, 2, 0, 0], None, (3, True), "the end token counts"),
        ([5, 6, 7], None, (3, False), "the limit came first"),
        ([2], None, (1, True), "an empty reply"),
        ([5, 6, 7, 0], 3, (3, True), "a stop string after three tokens"),
        ([5, 2, 7, 0], 3, (2, True), "the end token before the stop string"),
        ([5, 3, 0], None, (2, True), "any of several end tokens"),
        ([], None, (0, False), "nothing was asked for"),
    ],
)
def test_how_long_a_reply_is(tokens: list[int], stopped: int | None, expected: tuple[int, bool], why: str) -> None:
    assert reply_length(tokens, frozenset({2, 3}), stopped) == expected, why


def test_draws_follow_the_softmax() -> None:
    """Scores 0 and ln 3 at temperature 1 are 1/4 and 3/4; at temperature 1/2 they are 1/10 and 9/10."""
    scores = torch.tensor([[0.0, 1.0986123]]).repeat(4000, 1)
    for temperature, expected in {1.0: 0.75, 0.5: 0.9}.items():
        draw = GumbelMaxSampler(Generation(max_new_tokens=1, temperature=temperature), [str(n) for n in range(4000)])
        share = draw(torch.zeros(4000, 1), scores).argmax(1).double().mean().item()
        # The standard deviation is at most 0.007: five of them either way.
        assert abs(share - expected) < 0.035


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("NPU out of memory. Tried to allocate 20.00 MiB"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_of_memory(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
