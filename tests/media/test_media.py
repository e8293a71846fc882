"""Media: nothing is re-encoded, every failure is one sentence, and frame n is frame n."""

from __future__ import annotations

import io
import multiprocessing
import re
import sys
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from evalkit import digest
from evalkit.errors import MediaError
from evalkit.media.cache import MediaCache
from evalkit.media.open import frame_seconds, open_image, sample_video
from evalkit.types import Image, ImageDecoding, Interior, Linspace, Midpoints, Value, Video
from tests import datasets

WHITE, DROP = ImageDecoding(alpha="white"), ImageDecoding()


def image(folder: Path, data: bytes, decoding: ImageDecoding = DROP) -> Image:
    path = folder / "picture"
    path.write_bytes(data)
    return Image(str(path), "x", decoding)


def encoded(picture: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# --- the media cache


def test_bytes_are_kept_as_they_are_and_once(tmp_path):
    media_cache = MediaCache(tmp_path)
    data = b"no picture at all"
    path, found = media_cache.put(data)
    assert (Path(path).read_bytes(), found) == (data, digest.of_bytes(data))
    assert Path(path) == tmp_path / found[:2] / found
    before = Path(path).stat().st_mtime_ns
    assert media_cache.put(data) == (path, found)
    assert Path(path).stat().st_mtime_ns == before
    Path(path).write_bytes(b"torn")
    assert Path(media_cache.put(data)[0]).read_bytes() == data


def put(folder: Path) -> str:
    return MediaCache(folder).put(b"x" * 1_000_000)[1]


def test_many_processes_fill_one_media_cache(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        found = set(pool.map(put, [tmp_path] * 16))
    assert len(found) == 1
    assert [p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()] == [1_000_000]


def test_a_file_on_disk_stays_there_and_a_change_is_seen(tmp_path):
    media_cache, file = MediaCache(tmp_path / "cache"), tmp_path / "a.png"
    file.write_bytes(b"one")
    assert media_cache.find(tmp_path, ["lost.png", "a.png"]) == (str(file), digest.of_bytes(b"one"))
    file.write_bytes(b"three")
    assert media_cache.find(tmp_path, ["a.png"]) == (str(file), digest.of_bytes(b"three"))
    assert not (tmp_path / "cache").exists()


def test_a_large_file_is_not_hashed_again_by_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setattr("evalkit.media.cache.LARGE", 3)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"ab")
    large.write_bytes(b"abc")
    found = MediaCache(tmp_path / "cache").digest(large)
    MediaCache(tmp_path / "cache").digest(small)
    monkeypatch.setattr(digest, "of_file", lambda path: f"read {path.name}")
    again = MediaCache(tmp_path / "cache")
    assert (again.digest(large), again.digest(small)) == (found, "read small")
    large.write_bytes(b"abcd")
    assert again.digest(large) == "read large"


@pytest.mark.parametrize("name", ["../secret", "data/../../secret", "/tmp/../secret"])
def test_a_row_cannot_name_files_outside_its_data(tmp_path, name):
    with pytest.raises(MediaError, match="leaves the data folder"):
        MediaCache(tmp_path).find(tmp_path, [name])


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "", "."])
def test_odd_names_are_merely_not_found(tmp_path, name):
    assert MediaCache(tmp_path).find(tmp_path, [name]) is None


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_member_is_found_and_opened(tmp_path, packing):
    data = datasets.png(7)
    for name, member in (("b.zip", "images/1.png"), ("a.zip", "images/2.png")):
        with zipfile.ZipFile(tmp_path / name, "w", packing) as archive:
            archive.writestr("padding", b"0" * 999)
            archive.writestr(member, data)
    media_cache = MediaCache(tmp_path / "cache")
    path, found = media_cache.find(tmp_path, ["images/0.png", "images/1.png"]) or ("", "")
    assert found == digest.of_bytes(data)
    assert ("b.zip!/images/1.png" in path) == (packing == zipfile.ZIP_STORED)
    assert open_image(Image(path, found)).getpixel((0, 0)) == (7, 0, 0)
    assert media_cache.find(tmp_path, ["images/3.png"]) is None


def test_a_damaged_member_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x.png", b"abcdef")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"abcdef", b"abcxef", 1))
    with pytest.raises(MediaError, match=r"a.zip!/x.png lies in a broken archive"):
        MediaCache(tmp_path / "c").find(tmp_path, ["x.png"])
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(MediaError, match=r"a.zip lies in a broken archive"):
        MediaCache(tmp_path / "c").find(tmp_path, ["x.png"])


# --- pictures


def test_modes_become_rgb_as_declared(tmp_path):
    from PIL import Image as Pillow

    clear = Pillow.new("RGBA", (2, 1), (200, 10, 20, 0))
    half = Pillow.new("LA", (1, 1), (100, 0))
    palette = Pillow.new("P", (1, 1), 0)
    palette.putpalette([9, 8, 7])
    grey = Pillow.new("I;16", (1, 1), 1000)
    key = Pillow.new("RGB", (1, 1), (1, 2, 3))
    cases = [
        ("colour under transparency", encoded(clear), DROP, (200, 10, 20)),
        ("composed on white", encoded(clear), WHITE, (255, 255, 255)),
        ("grey under transparency", encoded(half), DROP, (100, 100, 100)),
        ("grey on white", encoded(half), WHITE, (255, 255, 255)),
        ("palette, transparency by byte", encoded(palette, transparency=b"\0"), DROP, (9, 8, 7)),
        ("palette, transparency by index", encoded(palette, transparency=0), DROP, (9, 8, 7)),
        ("palette on white", encoded(palette, transparency=b"\0"), WHITE, (255, 255, 255)),
        ("colour key on white", encoded(key, transparency=(1, 2, 3)), WHITE, (255, 255, 255)),
        ("CMYK", encoded(Pillow.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"), DROP, (255, 0, 0)),
        ("16 bit clipped", encoded(grey), DROP, (255, 255, 255)),
        ("16 bit scaled", encoded(grey), ImageDecoding(grey16="scale"), (4, 4, 4)),  # 1000 / 257 = 3.89
        ("1 bit", encoded(Pillow.new("1", (1, 1), 1)), DROP, (255, 255, 255)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, data, decoding, expected in cases:
            picture = open_image(image(tmp_path, data, decoding))
            assert (picture.mode, picture.getpixel((0, 0))) == ("RGB", expected), name


def test_the_default_is_what_official_loaders_do(tmp_path):
    from PIL import Image as Pillow

    data = encoded(Pillow.effect_noise((64, 48), 90).convert("RGB"), "JPEG", quality=70)
    assert open_image(image(tmp_path, data)).tobytes() == Pillow.open(io.BytesIO(data)).convert("RGB").tobytes()


def test_orientation_is_applied_only_when_asked(tmp_path):
    from PIL import Image as Pillow

    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn right to show
    data = encoded(Pillow.new("RGB", (4, 2), "red"), "JPEG", exif=exif)
    assert open_image(image(tmp_path, data)).size == (4, 2)
    assert open_image(image(tmp_path, data, ImageDecoding(exif="apply"))).size == (2, 4)


def test_an_animation_gives_its_first_frame(tmp_path):
    from PIL import Image as Pillow

    first, *others = [Pillow.new("RGB", (2, 2), colour) for colour in ("red", "blue", "lime")]
    data = encoded(first, "GIF", save_all=True, append_images=others)
    assert open_image(image(tmp_path, data)).getpixel((0, 0)) == (255, 0, 0)


def giant(width: int, height: int) -> bytes:
    """A PNG whose header alone says how large it is."""
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    head = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    body = b"IDAT" + zlib.compress(b"\0" * 1000)
    return head + (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def test_what_cannot_be_opened_is_told_in_a_sentence(tmp_path):
    from PIL import Image as Pillow

    jpeg = encoded(Pillow.effect_noise((64, 64), 90), "JPEG")
    cases = [
        (b"", "is empty"),
        (jpeg[: len(jpeg) // 2], "cannot be decoded"),
        (b"<html>not found</html>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "not a picture"),
        (datasets.png()[:40], "cannot be decoded|not a picture"),
        (giant(15_000, 10_001), "more than 150 megapixels"),
        (giant(20_000, 20_000), "more than 150 megapixels"),
    ]
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for data, reason in cases:
            with pytest.raises(MediaError, match=reason) as error:
                open_image(image(tmp_path, data))
            assert str(tmp_path / "picture") in str(error.value)
            assert "\n" not in str(error.value)
    assert not leaked


def test_a_missing_picture_is_named():
    for path, found in (("/no/such.png", ""), ("/no/such.png", "x"), ("/no/such.zip!/a.png", "x")):
        with pytest.raises(MediaError, match=re.escape(f"picture {path} is missing")):
            open_image(Image(path, found))


def test_a_picture_too_large_costs_no_memory(tmp_path):
    resource = pytest.importorskip("resource")
    picture = image(tmp_path, giant(20_000, 10_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MediaError):
        open_image(picture)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes; decoded it is 600 MB


# --- videos


class Every(Value, frozen=True):
    """Frames by number, for tests."""

    wanted: tuple[int, ...]

    def indices(self, total: int) -> tuple[int, ...]:
        return tuple(min(n, total - 1) for n in self.wanted)


FILMS: dict[str, dict[str, Any]] = {
    "B-frames": {"options": {"preset": "veryfast", "x264-params": "bframes=3:b-pyramid=normal"}, "b_frames": 3},
    "one long group": {"gop": 500},
    "only key frames": {"gop": 1, "b_frames": 0},
    "open groups": {"options": {"x264-params": "open-gop=1:bframes=3:scenecut=0"}, "gop": 7},
    "variable rate": {"when": lambda n: n + n * n // 40},
    "late start": {"when": lambda n: n + 25},
    "matroska": {"name": "film.mkv", "b_frames": 3, "options": {"preset": "veryfast"}},
    "avi, no times": {"name": "film.avi", "codec": "mpeg4", "options": {"b": "2000000"}},
    "bare H.264, no times": {"name": "film.h264", "b_frames": 0},
    "transport stream": {"name": "film.ts", "b_frames": 3},
    "fragmented": {"layout": {"movflags": "frag_keyframe+empty_moov"}},
}


@pytest.mark.parametrize("film", FILMS)
def test_frames_are_exact(tmp_path, film):
    """Against a decoder that reads everything; asked for in odd orders, with repeats, first and last."""
    import av

    options = {"count": 90, **FILMS[film]}
    path = datasets.video(tmp_path / options.pop("name", "film.mp4"), **options)
    with av.open(str(path)) as container:
        oracle = [datasets.number(frame.to_image()) for frame in container.decode(video=0)]
    assert oracle == list(range(90))
    for wanted in (tuple(range(90)), (0, 0, 5, 6, 7, 30, 30, 31, 88, 89), (89,), (0,), (13,), (44, 45, 71)):
        frames = sample_video(Video(str(path), "x", Every(wanted)))  # type: ignore[arg-type]  # a rule of our own
        assert tuple(datasets.number(picture) for picture in frames.images) == wanted
        assert frames.indices == wanted


@pytest.mark.parametrize("rule", [Midpoints(4), Linspace(4), Interior(4), Midpoints(25)])
def test_the_rules_pick_from_counted_frames(tmp_path, rule):
    path = datasets.video(tmp_path / "film.mp4", count=20)
    frames = sample_video(Video(str(path), "x", rule))
    assert frames.indices == rule.indices(20)
    assert tuple(map(datasets.number, frames.images)) == frames.indices
    assert frames.seconds == pytest.approx([n / 10 for n in frames.indices])
    assert frame_seconds(Video(str(path), "x", rule)) == frames.seconds


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 8, 16, 32, 64])
def test_the_rules_of_other_harnesses_pick_their_frames_of_every_length(count):
    numpy = pytest.importorskip("numpy")
    for total in range(1, 20_001):
        assert Linspace(count).indices(total) == tuple(numpy.linspace(0, total - 1, count, dtype=int).tolist()), total
        step_size = total / (count + 1)
        assert Interior(count).indices(total) == tuple(int(i * step_size) for i in range(1, count + 1)), total


def test_repeated_frames_are_decoded_once(tmp_path):
    path = datasets.video(tmp_path / "film.mp4", count=3)
    frames = sample_video(Video(str(path), "x", Midpoints(9)))
    assert frames.indices == (0, 0, 0, 1, 1, 1, 2, 2, 2)
    assert len({id(picture) for picture in frames.images}) == 3


def test_a_turned_video_is_shown_upright(tmp_path):
    path = datasets.video(tmp_path / "film.mp4", count=3)
    data = path.read_bytes()
    at = data.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2: the matrix follows 40 bytes of version 0
    unit = (1 << 16).to_bytes(4, "big")
    plain = unit + bytes(12) + unit + bytes(12) + (1 << 30).to_bytes(4, "big")
    assert data[at : at + 36] == plain
    right = bytes(4) + unit + bytes(4) + (-65536 & 0xFFFFFFFF).to_bytes(4, "big") + bytes(16) + plain[-4:]
    path.write_bytes(data[:at] + right + data[at + 36 :])
    upright = sample_video(Video(str(path), "x", Linspace(3))).images[1]
    assert upright.size == (32, 128)
    from PIL import Image as Pillow

    assert datasets.number(upright.transpose(Pillow.Transpose.ROTATE_90)) == 1  # turned right, so left undoes it


def test_videos_in_zips_are_read_in_place(tmp_path):
    film = datasets.video(tmp_path / "film.mp4", count=40).read_bytes()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("data/a.mp4", film)
    path, found = MediaCache(tmp_path / "cache").find(tmp_path, ["data/a.mp4"]) or ("", "")
    frames = sample_video(Video(path, found, Linspace(5)))
    assert tuple(map(datasets.number, frames.images)) == frames.indices == (0, 9, 19, 29, 39)
    assert not (tmp_path / "cache").exists()


def test_what_cannot_be_sampled_is_told_in_a_sentence(tmp_path):
    whole = datasets.video(tmp_path / "a.mp4", count=200, layout={"movflags": "faststart"}).read_bytes()
    late = datasets.video(tmp_path / "b.mp4", count=50).read_bytes()
    pieces = datasets.video(tmp_path / "c.mp4", count=9, layout={"movflags": "frag_keyframe+empty_moov"}).read_bytes()
    sound = tmp_path / "sound.wav"
    import wave

    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1600))
    cases = [
        (b"", "is empty"),
        (b"no video" * 100, "cannot be read"),
        (late[: len(late) // 2], "cannot be read"),
        (whole[: len(whole) // 2], "truncated"),
        (sound.read_bytes(), "has no video stream"),
        (pieces[: pieces.index(b"moof") - 4], "has no frames"),
    ]
    for data, reason in cases:
        path = tmp_path / "broken"
        path.write_bytes(data)
        with pytest.raises(MediaError, match=reason) as error:
            sample_video(Video(str(path), "x", Midpoints(4)))
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(MediaError, match="is missing"):
        sample_video(Video("/no/such.mp4", "", Midpoints(4)))


def test_without_av_the_extra_is_named(tmp_path, monkeypatch):
    path = datasets.video(tmp_path / "a.mp4", count=2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MediaError, match=r"pip install 'evalkit-vlm\[video\]'"):
        frame_seconds(Video(str(path), "x", Midpoints(2)))
