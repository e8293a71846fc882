"""The site without a browser: ranks by hand, what a page may load, what it hides, what it tells."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from evalkit.cli.entry import main
from evalkit.errors import EvalkitError
from evalkit.media.cache import MediaCache
from evalkit.registry.spec import Reference
from evalkit.reporting import read_runs
from evalkit.reporting.site import translations
from evalkit.reporting.site.index_page import RankedTable, index_page
from evalkit.reporting.site.templates import SiteContext
from evalkit.reporting.site.thumbnails import Thumbnails
from evalkit.results.ranks import ranks
from evalkit.run.record import Counts
from evalkit.types import Image, Midpoints, Video
from tests import boards

pytestmark = pytest.mark.slow


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return boards.graded(tmp_path)


def places(results: Path, **where: str) -> dict[str, tuple[int, bool]]:
    runs = read_runs([results])
    found = ranks(Reference(task="yesno", where=where), runs)
    return {run.record.model.name: (found[str(run.folder)].place, found[str(run.folder)].shared) for run in runs}


def test_ranks_are_shared_until_a_paired_test_parts_them(results: Path) -> None:
    # best and near differ on one question: exact McNemar p = 1. best and poor on 15: p = 2 / 2**15, by Holm twice that.
    assert places(results) == {"best": (1, True), "near": (1, True), "poor": (3, False)}


def test_ranks_of_a_group_use_its_samples_only(results: Path) -> None:
    # Of the ten even questions poor answers 3: seven differ, p = 2 / 2**7 = 0.0156, by Holm 0.031.
    assert places(results, half="even") == {"best": (1, True), "near": (1, True), "poor": (3, False)}


def test_a_lone_run_and_an_incomplete_one_have_no_rank(results: Path) -> None:
    runs = read_runs([results / "best"])
    assert ranks(Reference(task="yesno"), runs) == {}


def test_runs_on_different_samples_are_not_ranked(results: Path) -> None:
    file = results / "near/yesno/scores.jsonl"
    file.write_text(file.read_text().replace('"sample_id":"q3"', '"sample_id":"other"'))
    with pytest.raises(EvalkitError, match="samples or their gold answers differ"):
        places(results)


# --- pages


def build(results: Path, *options: object) -> Path:
    out = results.parent / "site"
    assert main(["leaderboard", str(results), "--out", str(out), *map(str, options)]) == 0
    return out


class Page(HTMLParser):
    """Tags with their attributes, the text of every element, and scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[int, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data: str) -> None:
        self.inside[len(self.tags) - 1] = self.inside.get(len(self.tags) - 1, "") + data

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(a, self.inside.get(n, "")) for n, (name, a) in enumerate(self.tags) if name == tag]


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(boards.CARD)
    return build(boards.hostile(tmp_path), "--card", tmp_path / "tiny.yaml", "--licence-note", "<i>note</i>")


def test_pages_load_nothing_and_run_only_their_own_script(hostile: Path) -> None:
    pages = sorted(hostile.rglob("*.html"))
    assert len(pages) == 5  # the tables, three runs, one task
    for file in pages:
        page = Page(file.read_text())
        ((policy, _),) = [m for m in page.all("meta") if m[0].get("http-equiv")]
        rules = dict(rule.split(" ", 1) for rule in (policy["content"] or "").split("; "))
        assert rules["default-src"] == "'none'"
        run = [text for attributes, text in page.all("script") if attributes["type"] == "module"]
        data = {attributes["type"] for attributes, _ in page.all("script")} - {"module"}
        assert data <= {"application/json", "application/gzip"}  # a browser runs neither
        for kind, texts in (("script-src", run), ("style-src", [text for _, text in page.all("style")])):
            hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
            assert rules[kind] == (" ".join(f"'sha256-{h}'" for h in hashes) or "'none'")
        assert "'unsafe" not in (policy["content"] or "")
        for tag, attributes in page.tags:
            assert not {name for name in attributes if name.startswith("on") or name == "style"}, tag
            assert tag not in {"link", "iframe", "object", "base", "i", "b", "img"}
            assert "src" not in attributes


def test_harmful_texts_lie_compressed_and_come_back_whole(hostile: Path) -> None:
    page = Page((hostile / "samples/yesno.html").read_text())
    data = [text for attributes, text in page.all("script") if attributes["type"] == "application/gzip"]
    index, blocks = unpacked(data[0]), [unpacked(text) for text in data[1:]]
    samples = [sample for block in blocks for sample in block]
    assert index["starts"][0] == 0
    harmful = [model["name"] for model in index["models"]].index("harmful")
    for name, reply in boards.HOSTILE.items():
        sample = samples[index["ids"].index(name)]
        assert sample["runs"][harmful]["replies"][0]["text"] == reply
    # The baseline saw the picture, the recorded replies did not.
    assert [parts for views in samples[0]["prompts"] for view in views for _, parts in view if 0 in parts]
    assert len(samples[0]["prompts"]) == 2


def test_the_table_says_what_is_published_and_what_was_measured(hostile: Path) -> None:
    text = (hostile / "index.html").read_text()
    rows = re.findall(r'<tr(?: class="(\w+)")?>\s*<th scope="row"[^>]*>(.*?)</th>(.*?)</tr>', text, re.S)
    cells = {name.split(" ")[0]: re.findall(r'data-value="([\d.]+)"', row) for _, name, row in rows}
    assert [mark for mark, name, _ in rows if name.startswith("Alpha")] == ["published"]
    assert cells["Alpha"] == ["81.9", "12.0"]  # the dash has no value to sort by
    assert cells["right"] == ["100.0", "100.0", "100.0"]
    assert [float(value) for value in cells["harmful"]] == pytest.approx([40.0, 0.0, 1000 / 12])


def test_a_cell_shows_its_interval_as_text_and_as_a_line(results: Path) -> None:
    text = (build(results) / "index.html").read_text()
    row = next(part for part in text.split("<tr") if ">poor<" in part)
    # Wilson's 95 % interval of 5 of 20: 0.1119 to 0.4687.
    assert '<span class="limits">11.2 – 46.9</span>' in row
    assert 'class="between" d="M11.2 3H46.9"/><path class="point" d="M25.0 0V6"/>' in row


def test_models_not_separable_from_the_leader_are_shown_with_its_rank(results: Path) -> None:
    text = (build(results) / "index.html").read_text()
    rows = {part.split(">")[2].split("<")[0]: part for part in text.split("<tr")[2:]}
    ranked = {
        name: re.findall(r'class="rank"><span class="unseen">rank </span>(\d)', row) for name, row in rows.items()
    }
    assert ranked == {"best": ["1"], "near": ["1"], "poor": ["3"]}
    assert [name for name, row in rows.items() if 'class="lead"' in row] == ["best", "near"]
    assert "rank 1, not separable from the best of that rank (p = 1, paired test)" in rows["near"]


def test_a_run_page_holds_every_digest_version_and_the_command(results: Path) -> None:
    page = Page((build(results) / "runs/near--yesno.html").read_text())
    shown = {text for _, text in page.all("dd")}
    record = json.loads((results / "near/yesno/run.json").read_text())
    digests = {record[part]["digest"] for part in ("task", "model", "data")}
    execution = record["execution"]
    assert shown >= digests | set(execution["versions"].values()) | {shlex.join(execution["argv"])}
    documents = [json.loads(text) for attributes, text in page.all("pre") if attributes["class"] == "code"]
    assert record["task"]["spec"] in documents
    assert record["model"]["identity"] in documents


def test_runs_of_one_model_below_two_folders_have_pages_of_their_own(tmp_path: Path) -> None:
    task = boards.make_task(tmp_path, ["a", "b"])
    for folder, reply in (("before", "no"), ("after", "yes")):
        boards.score(task, "one", {"a": "no", "b": reply}, tmp_path / folder)
    out = tmp_path / "site"
    folders = [str(tmp_path / name) for name in ("before", "after")]
    assert main(["leaderboard", *folders, "--out", str(out)]) == 0
    titles = [f"one [{folder}]" for folder in folders]
    rows = [
        text for attributes, text in Page((out / "index.html").read_text()).all("th") if attributes["scope"] == "row"
    ]
    assert rows == [titles[1], titles[0]]  # 100 and 50
    headings = {Page(file.read_text()).all("h1")[0][1] for file in (out / "runs").iterdir()}
    assert headings == {f"{title} on yesno <b>&" for title in titles}
    data = [text for a, text in Page((out / "samples/yesno.html").read_text()).all("script") if a.get("id") == "index"]
    models = unpacked(data[0])["models"]
    assert [model["title"] for model in models] == titles
    assert all((out / "samples" / model["page"]).is_file() for model in models)
    assert len({model["name"] for model in models}) == 2


def test_names_steer_no_line_of_a_page() -> None:
    table = RankedTable(
        id="b",
        title="t",
        columns=(),
        categories=(),
        models=(),
        notes=("\u202enote",),
        sort_column=0,
        ranked=False,
    )
    context = SiteContext(title="a\x1b[31m\u202eb</title><i>")
    text = index_page(context, [table], source="javascript:alert(1)")
    assert "<h1>a␛[31m⟦U+202E⟧b&lt;/title&gt;&lt;i&gt;</h1>" in text
    assert "⟦U+202E⟧note" in text
    assert 'href="javascript' not in text


# --- in Chinese


SOURCES = Path(translations.__file__).parent
ATTRIBUTES = ("placeholder", "title", "aria-label")


def translated_texts() -> set[str]:
    """Every text that a template, a script or a module hands to `translate`; adjacent Python strings are one text."""
    found: set[str] = set()
    for file in SOURCES.iterdir():
        if file.suffix in {".py", ".js", ".html"}:
            found |= set(re.findall(r'\btranslate\(\s*"([^"]+)"', file.read_text()))
    return found


def test_every_text_of_the_site_has_its_chinese_and_is_used() -> None:
    assert translated_texts() <= set(translations.CHINESE)
    sources = [f.read_text() for f in SOURCES.iterdir() if f.suffix not in {"", ".css"}]
    sources = [text for text in sources if "CHINESE: Mapping" not in text]
    counts = set(Counts.__struct_fields__)
    kinds = {f"{{kind}} {rest}" for rest in ("not shown", "not found", "cannot be read")}
    for text in set(translations.CHINESE) - counts:
        spelled = {text, re.sub("^(picture|video) ", "{kind} ", text)}
        assert any(f'"{one}"' in source for one in spelled for source in sources), text
    assert kinds <= set(re.findall(r'f"(\{kind\}[^"]+)"', (SOURCES / "thumbnails.py").read_text()))


def test_a_translation_is_chinese_and_keeps_the_fields() -> None:
    fields = re.compile(r"\{\w+\}")
    for text, chinese in translations.CHINESE.items():
        assert sorted(fields.findall(chinese)) == sorted(fields.findall(text))
        assert re.search("[\u4e00-\u9fff]", chinese) or text == "{model} on {task}", text


def test_a_chinese_site_has_no_english_label(results: Path) -> None:
    (results.parent / "yesno.jsonl").rename(results.parent / "away.jsonl")  # what is missing is told in Chinese, too
    (results / "near/yesno/run.json").write_text(
        (results / "near/yesno/run.json").read_text().replace('"complete": true', '"complete": false')
    )
    out = build(results, "--lang", "zh", "--allow-incomplete")
    for file in sorted(out.rglob("*.html")):
        page = Page(file.read_text())
        scripts = {text for _, text in page.all("script")}
        texts = {text.strip() for text in page.inside.values() if text not in scripts}
        texts |= {attributes.get(name) or "" for _, attributes in page.tags for name in ATTRIBUTES}
        assert page.all("html")[0][0]["lang"] == "zh"
        assert texts & set(translations.CHINESE) == set(), file
    assert "上的样本未显示" in (out / "samples/yesno.html").read_text()
    assert "不完整" in (out / "runs/near--yesno.html").read_text()
    assert "第 1 名" in (out / "index.html").read_text()


def test_a_site_is_a_function_of_its_results(results: Path) -> None:
    before = {file.name: file.read_bytes() for file in build(results).rglob("*.html")}
    assert {file.name: file.read_bytes() for file in build(results).rglob("*.html")} == before


def test_no_media_writes_no_pictures(tmp_path: Path) -> None:
    boards.run(boards.make_task(tmp_path, ["a", "b"]), "always-yes", tmp_path / "results")
    out = build(tmp_path / "results", "--no-media")
    assert not (out / "media").exists()
    page = Page((out / "samples/yesno.html").read_text())
    blocks = [text for attributes, text in page.all("script") if attributes.get("class") == "block"]
    assert unpacked(blocks[0])[0]["media"] == [[{"src": "", "caption": "picture not shown"}]]


def test_lost_data_are_told_and_the_tables_stay(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results.parent / "yesno.jsonl").unlink()
    out = build(results)
    assert "samples of best on yesno are not shown" in capsys.readouterr().err
    assert "are not shown" in (out / "samples/yesno.html").read_text()
    assert "100.0" in (out / "index.html").read_text()


def test_incomplete_runs_are_marked_and_unranked(results: Path) -> None:
    file = results / "near/yesno/run.json"
    file.write_text(file.read_text().replace('"complete": true', '"complete": false'))
    assert "95.0" not in (build(results) / "index.html").read_text()
    text = (build(results, "--allow-incomplete") / "index.html").read_text()
    row = next(part for part in text.split("<tr") if "near" in part and "95.0" in part)
    assert "95.0*" in row
    assert "rank" not in row


# --- pictures


def test_a_thumbnail_is_small_and_drops_metadata(tmp_path: Path) -> None:
    picture = Pillow.new("RGB", (2000, 500), "red")
    exif = Pillow.Exif()
    exif[0x010E] = "where I live"
    picture.save(tmp_path / "large.jpg", exif=exif)
    digest = MediaCache(tmp_path / "cache").digest(tmp_path / "large.jpg")
    (found,) = Thumbnails(tmp_path / "media", pixels=200).of(Image(str(tmp_path / "large.jpg"), digest))
    file = tmp_path / "media" / found.src.removeprefix("../media/")
    with Pillow.open(file) as small:
        assert (small.size, dict(small.getexif())) == ((200, 50), {})
    assert b"where I live" not in file.read_bytes()


def test_media_that_cannot_be_read_are_told_not_fatal(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    made = Thumbnails(tmp_path / "media")
    assert made.of(Image(str(tmp_path / "broken.png"), "0" * 64))[0].src == ""
    assert made.of(Video(str(tmp_path / "lost.mp4"), "", Midpoints(4)))[0].caption == "video not found"
    assert len(made.problems) == 1
    told = Thumbnails(tmp_path / "media", language="zh").of(Video(str(tmp_path / "lost.mp4"), "", Midpoints(4)))
    assert told[0].caption == "未找到视频"
