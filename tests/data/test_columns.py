"""Columns: every way in which official data write a cell, and what is refused instead of guessed."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit import digest
from evalkit.data import subtitles
from evalkit.data.columns import Columns, require_column
from evalkit.data.filters import RowFilter
from evalkit.data.references import ColumnReference, gold_answers, option_texts, resolve_text
from evalkit.errors import CellError, IncompleteError
from evalkit.media.cache import MediaCache
from evalkit.types import Image, ImageDecoding, Sample, Video
from tests import datasets

NAN = float("nan")


def columns(**fields: Any) -> Columns:
    return msgspec.convert({"id": "id", "question": "q", **fields}, Columns)


def sample(folder: Path, row: dict[str, Any], **fields: Any) -> Sample:
    return columns(**fields).sample({"id": "1", "q": "?", **row}, root=folder, media_cache=MediaCache(folder / "cache"))


MARKS = {"kind": "marks", "column": "a", "marks": {"img": "<image>", "hint": "Hint: "}, "otherwise": "plain"}
REFERENCES = [
    ("a name", "a", {"a": "x"}, "x"),
    ("a number", "a", {"a": 7}, "7"),
    ("an empty cell", "a", {"a": None}, ""),
    ("names are joined, empties dropped", ["a", "b", "c"], {"a": "x", "b": None, "c": "y"}, "x\ny"),
    ("a template", "{a}/{l2-category}", {"a": "x", "l2-category": 1}, "x/1"),
    ("a template line without content disappears", "{a}\n{b}", {"a": None, "b": "y"}, "y"),
    ("a list is one text", "a", {"a": ["x", "y"]}, "x, y"),
    ("remainder of a number", {"kind": "modulo", "column": "a", "by": 1000000}, {"a": 3000241}, "241"),
    ("remainder of a text", {"kind": "modulo", "column": "a", "by": 1000000}, {"a": "1000007"}, "7"),
    ("number without its remainder", {"kind": "quotient", "column": "a", "by": 1000000}, {"a": 3000241}, "3"),
    ("labels of what a cell holds", MARKS, {"a": [{"value": "<image>\nHint: x"}]}, "img, hint"),
    ("no label", MARKS, {"a": None}, "plain"),
    ("a table", {"kind": "lookup", "column": "a", "table": {"Art": "Art and Design"}}, {"a": "Art"}, "Art and Design"),
]


@pytest.mark.parametrize(("reason", "reference", "cells", "expected"), REFERENCES, ids=[c[0] for c in REFERENCES])
def test_references(reason, reference, cells, expected):
    assert resolve_text(msgspec.convert(reference, ColumnReference), cells) == expected


@pytest.mark.parametrize(
    ("reference", "value", "told"),
    [
        ({"kind": "modulo", "column": "a", "by": 10}, "x7", "'x7', which is not a whole number"),
        ({"kind": "modulo", "column": "a", "by": 10}, 1.5, "'1.5', which is not a whole number"),
        ({"kind": "lookup", "column": "a", "table": {"b": "c"}}, "x", "'x', which the lookup table lacks"),
    ],
)
def test_references_that_fail_name_column_and_cell(reference, value, told):
    with pytest.raises(CellError, match=f"column a holds {told}"):
        resolve_text(msgspec.convert(reference, ColumnReference), {"a": value})


@pytest.mark.parametrize("kind", ["modulo", "quotient"])
def test_nothing_is_divided_by_zero(kind):
    with pytest.raises(msgspec.ValidationError, match=r">= 1 - at `\$\.by`"):
        msgspec.convert({"kind": kind, "column": "a", "by": 0}, ColumnReference)


ABCD = ["A", "B", "C", "D"]
CHOICES = [
    ("a list", "c", {"c": ["x", "None", "NA"]}, ("x", "None", "NA")),
    ("no list: an open question", "c", {"c": None}, ()),
    ("a Python literal", "c", {"c": "['$6', \"it's\", '<image 2>']"}, ("$6", "it's", "<image 2>")),
    ("a literal without options", "c", {"c": "[]"}, ()),
    ("numbers in a literal", "c", {"c": "[1, 2.5]"}, ("1", "2.5")),
    ("one column each", ABCD, {"A": "None", "B": "NA", "C": "3", "D": "4"}, ("None", "NA", "3", "4")),
    ("two options", ABCD, {"A": "yes", "B": "no", "C": None, "D": None}, ("yes", "no")),
]


@pytest.mark.parametrize(("reason", "reference", "cells", "expected"), CHOICES, ids=[c[0] for c in CHOICES])
def test_choices(reason, reference, cells, expected):
    assert option_texts(tuple(reference) if isinstance(reference, list) else reference, cells) == expected


def test_a_missing_option_between_others_is_refused():
    with pytest.raises(CellError, match="column B is empty although a later option is not"):
        option_texts(("A", "B", "C"), {"A": "x", "B": None, "C": "z"})


@pytest.mark.parametrize("value", ["__import__('os').system('touch owned')", "('a', 'b')", "{1: 2}", "[1,", "plain", 5])
def test_what_is_no_list_of_options_is_refused_and_never_run(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CellError, match=r"column c holds .* not a list of options"):
        option_texts("c", {"c": value})
    assert not list(tmp_path.iterdir())


@given(st.text(max_size=40))
def test_odd_literals_only_ever_raise_cell_errors(text):
    with contextlib.suppress(CellError):
        assert all(isinstance(choice, str) for choice in option_texts("c", {"c": "[" + text}))


def letter(kind: str) -> dict[str, str]:
    return {"kind": kind, "column": "a"}


ANSWERS = [
    ("BLINK writes parentheses", letter("letter"), "(B)", ("x", "y"), ("B",)),
    ("a bare letter", letter("letter"), "A", ("x", "y"), ("A",)),
    ("nine options", letter("letter"), "I", tuple("123456789"), ("I",)),
    ("AI2D writes the index as a string", letter("index"), "3", tuple("wxyz"), ("D",)),
    ("ScienceQA as a number", letter("index"), 0, tuple("xy"), ("A",)),
    ("MathVista writes the option's text", letter("choice"), "y", ("x", "y"), ("B",)),
    ("MathVista's free form has no options", letter("choice"), "1.2", (), ("1.2",)),
    ("MMMU: several golds", letter("literal"), "['$MgS$', 'MgS']", (), ("$MgS$", "MgS")),
    ("MMMU: one gold", letter("literal"), "24/7", (), ("24/7",)),
    ("MMMU: a number stays as written", letter("literal"), "1.50", (), ("1.50",)),
    ("MMMU: a letter", letter("literal"), "B", ("x", "y"), ("B",)),
    ("MMMU: a broken list is a text", letter("literal"), "['a'", (), ("['a'",)),
    ("TextVQA: ten answers, repeats kept", "a", ["x"] * 9 + ["None"], (), ("x",) * 9 + ("None",)),
    ("POPE", "a", "yes", (), ("yes",)),
]


@pytest.mark.parametrize(("reason", "form", "cell", "choices", "expected"), ANSWERS, ids=[c[0] for c in ANSWERS])
def test_answers(reason, form, cell, choices, expected):
    assert gold_answers(columns(answer=form).answer, {"a": cell}, choices) == expected


@pytest.mark.parametrize(
    ("form", "cell", "choices"),
    [
        (letter("letter"), "hidden", ("x", "y")),
        (letter("letter"), "?", ("x", "y")),
        (letter("letter"), "C", ("x", "y")),
        (letter("index"), "2", ("x", "y")),
        (letter("index"), "-1", ("x", "y")),
        (letter("index"), "B", ("x", "y")),
        (letter("choice"), "z", ("x", "y")),
        (letter("letter"), None, ("x", "y")),
        ("a", None, ()),
    ],
)
def test_a_gold_that_fits_no_option_is_refused(form, cell, choices):
    with pytest.raises(CellError, match="column a"):
        gold_answers(columns(answer=form).answer, {"a": cell}, choices)


def test_cells_that_mirrors_fill_with_nan_are_empty_but_options_named_none_stay(tmp_path):
    row = {"hint": "nan", "A": "None", "B": "NA", "C": "nan", "D": NAN, "a": "B"}
    fields = {"choices": ABCD, "answer": letter("letter"), "extra": {"hint": "hint"}, "missing": ["nan"]}
    made = sample(tmp_path, row, **fields)
    assert (made.choices, made.extra, made.answers) == (("None", "NA"), {"hint": None}, ("B",))
    with pytest.raises(CellError, match="option"):  # without the declaration, "nan" is an option like any other
        sample(tmp_path, {**row, "a": "D"}, **{**fields, "missing": []})


def test_extra_keeps_values_and_groups_are_texts(tmp_path):
    row = {"precision": 1.0, "tokens": ["a", "b"], "metadata": {"task": "figure", "skills": ["x", "y"]}}
    made = sample(
        tmp_path,
        row,
        extra={"p": "precision", "t": "tokens", "line": "{precision}!"},
        groups={"task": "metadata.task", "skills": "metadata.skills", "source": "metadata.source"},
    )
    assert made.extra == {"p": 1.0, "t": ["a", "b"], "line": "1.0!"}
    assert made.groups == {"task": "figure", "skills": "x, y", "source": ""}


# --- pictures


def test_every_form_of_a_picture_has_the_same_digest(tmp_path):
    data = datasets.png(5)
    (tmp_path / "5.png").write_bytes(data)
    text = base64.b64encode(data).decode()
    forms = [
        data,
        {"bytes": data, "path": None},
        {"bytes": None, "path": "5.png"},
        {"bytes": data, "path": "elsewhere.png"},
        "5.png",
        str(tmp_path / "5.png"),
        text,
        text[:60] + "\n" + text[60:],
        "data:image/png;base64," + text,
        Image("somewhere", digest.of_bytes(data)),
    ]
    for form in forms:
        made = sample(tmp_path, {"i": form}, images="i", decoding={"alpha": "white"})
        assert [part.digest for part in made.media] == [digest.of_bytes(data)], form
        (part,) = made.media
        assert isinstance(part, Image)
        assert part.decoding == ImageDecoding(alpha="white")
    assert len(sample(tmp_path, {"i": forms[:4]}, images="i").media) == 4


def test_pictures_are_numbered_by_column(tmp_path):
    cells = {f"image_{n}": datasets.picture(n) if n <= 3 else None for n in range(1, 8)}
    made = sample(tmp_path, cells, images=[f"image_{n}" for n in range(1, 8)])
    assert [part.digest for part in made.media] == [digest.of_bytes(datasets.png(n)) for n in (1, 2, 3)]
    with pytest.raises(CellError, match="column image_2 is empty although a later picture is not"):
        sample(tmp_path, {**cells, "image_2": None}, images=[f"image_{n}" for n in range(1, 8)])


def test_a_lost_picture_never_becomes_a_question_without_one(tmp_path):
    lost: list[tuple[dict[str, Any], Any]] = [
        ({"i": None}, "i"),
        ({"i": []}, "i"),
        ({"i": {"bytes": None, "path": None}}, "i"),
        ({"i": "gone.png"}, "i"),
        ({"i": {"bytes": None, "path": "gone.png"}}, ["i"]),
    ]
    for row, reference in lost:
        (part,) = sample(tmp_path, row, images=reference).media
        assert part.digest == "", row
    assert "gone.png" in part.path


def test_a_set_may_mix_questions_with_and_without_pictures(tmp_path):
    assert sample(tmp_path, {"i": None}, images=["i"]).media == ()
    for cells in ([], ["a.png"], ["a.png", "b.png"]):
        shown = sample(tmp_path, {"i": cells}, images=["i"]).media
        assert [Path(image.path).name for image in shown] == cells


@pytest.mark.parametrize("cell", [5, "iVBOR!" * 500, "data:image/png;base64,$$$" + "A" * 90])
def test_what_is_no_picture_is_refused(tmp_path, cell):
    with pytest.raises(CellError, match="column i holds"):
        sample(tmp_path, {"i": cell}, images="i")


def test_a_question_must_say_something(tmp_path):
    with pytest.raises(CellError, match="question is empty"):
        sample(tmp_path, {"q": None})


def test_a_broken_row_keeps_what_is_known(tmp_path):
    row = {"id": "7", "q": "?", "c": ["x", "y"], "a": "Z", "g": "G"}
    made = columns(choices="c", answer=letter("letter"), groups={"g": "g"}).partial_sample(row)
    assert made == Sample(id="7", question="?", choices=("x", "y"), groups={"g": "G"})


# --- videos and subtitles


def test_a_video_is_the_first_name_that_exists(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "v.mkv").write_bytes(b"film")
    rule = {"path": ["data/{v}.mp4", "data/{v}.mkv"], "frames": {"kind": "midpoints", "count": 16}}
    (part,) = sample(tmp_path, {"v": "v"}, video=rule).media
    assert isinstance(part, Video)
    assert (part.path, part.digest) == (str(tmp_path / "data/v.mkv"), digest.of_bytes(b"film"))
    (part,) = sample(tmp_path, {"v": "w"}, video=rule).media
    assert (part.path, part.digest) == (str(tmp_path / "data/w.mp4"), "")


def test_subtitles_are_the_lines_at_the_sampled_frames(tmp_path):
    datasets.video(tmp_path / "v.mp4", count=60)
    (tmp_path / "v.srt").write_text(datasets.SRT)
    fields = {
        "video": {"path": ["{v}.mp4"], "frames": {"kind": "midpoints", "count": 3}},
        "subtitles": {"path": "{v}.srt"},
    }
    made = sample(tmp_path, {"v": "v"}, **fields)  # frames 10, 30, 50: at 1, 3 and 5 seconds
    assert made.extra == {"subtitles": "Once upon a time\nthe end"}
    (tmp_path / "v.srt").write_text("")
    assert sample(tmp_path, {"v": "v"}, **fields).extra == {"subtitles": ""}
    (tmp_path / "v.srt").unlink()
    assert sample(tmp_path, {"v": "v"}, **fields).extra == {"subtitles": ""}


def test_subrip_as_it_is_found():
    text = (
        '\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i>\r\nthere &amp; <font color="white">you</font>\r\n\r\n'
        "2\n00:01:00.5 --> 01:00:00,000 X1:1\n{\\an8}42\n3\n0:0:4,0 --> 0:0:5,0\n1 < 2\n\n"
        "4\n00:00:06,000 --> 00:00:07,000\n\n"
    )
    assert subtitles.parse_captions(text) == [
        subtitles.Caption(1.0, 2.5, "Hello there & you"),
        subtitles.Caption(60.5, 3600.0, "42"),
        subtitles.Caption(4.0, 5.0, "1 < 2"),
    ]


def test_a_line_shown_at_several_frames_is_said_once():
    captions = [subtitles.Caption(0, 9, "long"), subtitles.Caption(5, 6, "later"), subtitles.Caption(2, 3, "between")]
    assert subtitles.captions_at(captions, [1.0, 5.5, 6.5]) == "long\nlater"


@given(st.lists(st.sampled_from(["1", "00:00:01,000 --> 00:00:02,000", "-->", "<font", "99:99:99,999 --> 1", "x", ""])))
def test_subrip_never_fails_on_shuffled_pieces(lines):
    assert all(caption.text and caption.end == 2.0 for caption in subtitles.parse_captions("\n".join(lines)))


@given(st.text())
def test_subrip_never_fails_on_any_text(text):
    assert subtitles.parse_captions(text) == []
    captions = subtitles.parse_captions(f"00:00:01,000 --> 00:00:02,000\n{text}")
    assert subtitles.captions_at(captions, [1.5]) == "".join(caption.text for caption in captions[:1])


# --- which rows count, which columns exist

KEEPS = [
    ({"kind": "below", "column": "n", "value": 1000000}, [(999999, True), (10**6, False), ("241", True), (3.0, True)]),
    ({"kind": "present", "column": "n"}, [("x", True), (None, False), (NAN, False), ("", False), ("nan", False)]),
    ({"kind": "equal", "column": "n", "value": "IMG"}, [("IMG", True), ("img", False), (None, False)]),
    ({"kind": "equal", "column": "n", "value": 3}, [(3, True), ("3", True), (4, False)]),
]  # fmt: skip


@pytest.mark.parametrize(("keep", "cases"), KEEPS, ids=[str(c[0]) for c in KEEPS])
def test_keep(keep, cases):
    rule = msgspec.convert(keep, RowFilter)
    assert [rule.keeps({"n": cell}, ("nan",)) for cell, _ in cases] == [expected for _, expected in cases]


def test_keep_needs_its_number():
    with pytest.raises(CellError, match="keep: column n holds 'x'"):
        msgspec.convert({"kind": "below", "column": "n", "value": 3}, RowFilter).keeps({"n": "x"})


def test_a_wrong_column_name_is_answered_with_the_likeliest():
    require_column("metadata.task", ["metadata"], field="columns.groups.task")
    with pytest.raises(IncompleteError) as error:
        require_column("l2-category", ["L2-category", "answer"], field="tasks/x: columns.groups.l2")
    told = "tasks/x: columns.groups.l2: no column 'l2-category' among L2-category, answer; did you mean 'L2-category'?"
    assert str(error.value) == told
