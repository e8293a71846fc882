"""Media that cannot be used cost their own samples, through the whole command and a real model, and are named."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from evalkit.cli.entry import main
from tests.models import FAMILIES

pytestmark = pytest.mark.slow

TASK = """\
name: odd
title: {{en: odd media}}
samples: {count}
source: {{kind: jsonl, path: data.jsonl}}
columns: {{id: id, question: question, answer: answer, {media}}}
adapter: {{kind: yes_no}}
generation: {{max_new_tokens: 4}}
metrics: {{accuracy: {{kind: accuracy}}}}
headline: accuracy
"""
IMAGES = "images: file"
VIDEOS = 'video: {path: ["{file}"], frames: {kind: midpoints, count: 4}}'


def good(file: Path) -> None:
    Pillow.effect_noise((64, 64), 90).convert("RGB").save(file)


def truncated(file: Path) -> None:
    good(file)
    file.write_bytes(file.read_bytes()[:900])


def enormous(file: Path) -> None:
    """A PNG header that claims 200 megapixels over a few bytes: decoding it would need 600 MB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20000, 10000, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" * 60001)) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)


def absent(file: Path) -> None:
    """Nothing is written."""


def empty(file: Path) -> None:
    file.write_bytes(b"")


def film(file: Path, *, frames: int = 12) -> None:
    import av
    import numpy

    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(frames):
            picture = numpy.full((64, 64, 3), 20 * i, dtype=numpy.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def sound(file: Path) -> None:
    import av
    import numpy

    with av.open(str(file), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(numpy.zeros((1, 16000), dtype=numpy.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def make(folder: Path, makers: dict[str, Callable[[Path], None]], *, suffix: str, media: str) -> Path:
    rows = []
    for name, maker in makers.items():
        maker(folder / f"{name}.{suffix}")
        rows.append({"id": name, "question": "Is it red?", "answer": "no", "file": f"{name}.{suffix}"})
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "odd.yaml").write_text(TASK.format(count=len(rows), media=media))
    return folder / "odd.yaml"


@pytest.mark.parametrize(
    ("makers", "suffix", "media"),
    [
        ({"fine": good, "truncated": truncated, "enormous": enormous, "absent": absent, "empty": empty, "last": good},
         "jpg", IMAGES),
        ({"fine": film, "sound": sound, "empty": empty, "absent": absent, "last": film}, "mp4", VIDEOS),
    ],
    ids=["pictures", "videos"],
)  # fmt: skip
def test_unusable_media_are_listed_by_id_and_reason_and_the_rest_is_scored(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    makers: dict[str, Callable[[Path], None]],
    suffix: str,
    media: str,
) -> None:
    task = make(tmp_path, makers, suffix=suffix, media=media)
    code = main(["run", "--model", "pocket-vlm", "--task", str(task), "--out", str(tmp_path / "r"), "--quiet"])
    err = capsys.readouterr().err
    record = json.loads((tmp_path / "r/pocket-vlm/odd/run.json").read_text())
    bad = set(makers) - {"fine", "last"}
    assert code == 4
    assert set(record["scoring"]["problems"]) == bad
    for name, reason in record["scoring"]["problems"].items():
        assert f"sample {name}: " in err
        assert f"{name}.{suffix}" in reason
    assert record["scoring"]["counts"]["answered"] == 2
    assert record["scoring"]["counts"]["planned"] == len(makers)
    assert record["complete"] is False


def test_a_checkpoint_with_pickled_weights_only_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = FAMILIES["llava"](tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    task = make(tmp_path, {"fine": good}, suffix="jpg", media=IMAGES)
    code = main(["run", "--model", str(folder), "--task", str(task), "--out", str(tmp_path / "r"), "--quiet"])
    assert code == 2
    assert "safetensors" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("family", ["llava", "qwen2_vl", "idefics3"])
def test_any_checkpoint_folder_runs_and_the_batch_size_changes_nothing(
    tmp_path: Path, family: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = FAMILIES[family](tmp_path / family)
    replies = []
    for batch in ("1", "8"):
        out = tmp_path / f"results{batch}"
        code = main(
            ["run", "--model", str(folder), "--task", "mini_pope", "--task", "mini_mmmu", "--limit", "16",
             "--out", str(out), "--batch", batch, "--quiet"]
        )  # fmt: skip
        assert code == 0, capsys.readouterr().err
        lines = [json.loads(line) for log in out.rglob("responses-0.jsonl") for line in log.read_text().splitlines()]
        replies.append({line["key"]: (line.get("text", ""), line["tokens"]) for line in lines})
    assert replies[0] == replies[1]
    assert len(replies[0]) >= 30
