"""Gates rule by rule, their false alarms under simulation, and foreign text in reports."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from evalkit.comparison import Comparison, Flip, GateSettings, Line, Refusal, Side, ci, gates, render
from evalkit.errors import EvalkitError
from evalkit.statistics import Difference, sign_flip


def difference(value: float, *, p: float = 1.0, half: float | None = 0.01, detectable: float = 0.015) -> Difference:
    return Difference(
        value=value,
        stderr=half and half / 2,
        low=None if half is None else value - half,
        high=None if half is None else value + half,
        p=p,
        detectable=detectable,
        n=1000,
        clusters=1000,
        test="",
        method="",
    )


def line(change: Difference, *, better: int = 1, percent: bool = True, label: str = "task", folder: str = "f") -> Line:
    side = Side(title="m", folder=folder, value=0.5, n=1000)
    return Line(
        task="task",
        metric="accuracy",
        label=label,
        base=side,
        candidate=side,
        difference=change,
        better=better,
        percent=percent,
    )


def settings(gate: str, margin: float | None = None, correction: str = "holm") -> GateSettings:
    return msgspec.convert({"gate": gate, "margin": margin, "correction": correction}, GateSettings)


# gate, margin in points, difference, half of the interval, p, better -> verdict
RULES = [
    ("regression", None, -0.02, 0.01, 0.001, 1, "fail"),
    ("regression", None, -0.02, 0.03, 0.2, 1, "pass"),
    ("regression", None, 0.02, 0.01, 0.001, 1, "pass"),
    ("regression", None, 0.02, 0.01, 0.001, -1, "fail"),
    ("regression", 3.0, -0.02, 0.005, 0.001, 1, "pass"),
    ("regression", 1.0, -0.005, 0.02, 0.6, 1, "inconclusive"),
    ("regression", 1.0, 0.005, 0.02, 0.6, -1, "inconclusive"),
    ("regression", 1.0, 0.0, 0.005, 1.0, 1, "pass"),
    ("regression", None, -0.02, None, 0.5, 1, "inconclusive"),
    ("noninferiority", None, 0.0, 0.009, 1.0, 1, "pass"),
    ("noninferiority", None, 0.0, 0.011, 1.0, 1, "inconclusive"),
    ("noninferiority", None, -0.03, 0.01, 0.001, 1, "fail"),
    ("noninferiority", None, 0.03, 0.01, 0.001, -1, "fail"),
    ("noninferiority", 3.0, -0.01, 0.01, 0.04, 1, "pass"),
    ("threshold", None, -0.001, 0.05, 0.9, 1, "fail"),
    ("threshold", 0.5, -0.001, 0.05, 0.9, 1, "pass"),
    ("threshold", 0.7, -7 / 1000, 0.05, 0.9, 1, "pass"),  # in binary 0.7 / 100 is a little less
    ("regression", 1.1, -11 / 1000, 0.001, 0.001, 1, "fail"),  # and 1.1 / 100 a little more
]


@pytest.mark.parametrize(("gate", "margin", "value", "half", "p", "better", "verdict"), RULES)
def test_every_rule(
    gate: str, margin: float | None, value: float, half: float | None, p: float, better: int, verdict: str
) -> None:
    (got,) = gates.apply_gate([line(difference(value, p=p, half=half), better=better)], settings(gate, margin))
    assert got.verdict == verdict


NO_STATISTICS = "; not a statistical statement"
# gate, margin in points, gain, half of the interval, p -> verdict, reason; the same for either direction of the metric
REASONS = [
    ("regression", 0.0, -0.02, 0.01, 0.001, "fail", "worse beyond chance"),
    ("regression", 3.0, -0.02, 0.005, 0.001, "pass", "worse beyond chance, but by less than the margin"),
    ("regression", 3.0, -0.02, 0.015, 0.001, "inconclusive", "a loss of the margin is not ruled out"),
    ("regression", 3.0, -0.02, 0.015, 0.2, "inconclusive", "a loss of the margin is not ruled out"),
    ("regression", 3.0, 0.02, 0.01, 0.001, "pass", "better beyond chance"),
    ("regression", 0.0, 0.02, 0.01, 0.001, "pass", "better beyond chance"),
    ("regression", 0.0, 0.02, 0.03, 0.2, "pass", "no difference beyond chance"),
    ("regression", 0.0, -0.02, 0.03, 0.2, "pass", "no difference beyond chance"),
    ("regression", 0.0, 0.0, 0.03, 1.0, "pass", "no difference beyond chance"),
    ("regression", 0.0, -0.02, None, 0.5, "inconclusive", "the data give no standard error"),
    ("noninferiority", 1.0, 0.02, 0.01, 0.001, "pass", "better: the whole interval is a gain"),
    ("noninferiority", 1.0, 0.002, 0.01, 0.8, "pass", "not worse by the margin"),
    ("noninferiority", 1.0, -0.002, 0.005, 0.5, "pass", "not worse by the margin"),
    ("noninferiority", 1.0, -0.005, 0.002, 0.001, "pass", "worse, but by less than the margin"),
    ("noninferiority", 1.0, -0.005, 0.01, 0.3, "inconclusive", "a loss of the margin is not ruled out"),
    ("noninferiority", 1.0, 0.005, 0.02, 0.6, "inconclusive", "a loss of the margin is not ruled out"),
    ("noninferiority", 1.0, -0.03, 0.01, 0.001, "fail", "worse by more than the margin"),
    ("noninferiority", 0.0, -0.03, 0.01, 0.001, "fail", "worse by more than the margin"),
    ("noninferiority", 1.0, 0.03, None, 0.5, "inconclusive", "the data give no standard error"),
    ("threshold", 0.0, -0.001, 0.05, 0.9, "fail", "worse by more than the margin" + NO_STATISTICS),
    ("threshold", 0.5, -0.001, 0.05, 0.9, "pass", "not worse by more than the margin" + NO_STATISTICS),
    ("threshold", 0.5, 0.1, 0.05, 0.001, "pass", "not worse by more than the margin" + NO_STATISTICS),
]


@pytest.mark.parametrize("better", [1, -1], ids=["more is better", "less is better"])
@pytest.mark.parametrize(("gate", "margin", "gain", "half", "p", "verdict", "reason"), REASONS)
def test_every_reason_is_true_of_its_line(
    gate: str, margin: float, gain: float, half: float | None, p: float, verdict: str, reason: str, better: int
) -> None:
    change = line(difference(better * gain, p=p, half=half), better=better)
    (got,) = gates.apply_gate([change], settings(gate, margin))
    assert (got.verdict, got.reason) == (verdict, reason)


# difference, half of the interval, p, lines -> reason
PUBLISHED = [
    (0.01, 0.02, 0.4, 1, "consistent with the published number"),
    (-0.01, 0.02, 0.4, 1, "consistent with the published number"),
    (0.03, 0.02, 0.001, 1, "better beyond chance"),
    (-0.03, 0.02, 0.03, 5, "the published number is outside the interval, but the adjusted p is not significant"),
    (-0.03, 0.029, 0.051, 1, "the published number is outside the interval, but the adjusted p is not significant"),
]


@pytest.mark.parametrize(("value", "half", "p", "count", "reason"), PUBLISHED)
def test_reasons_against_a_published_number(value: float, half: float, p: float, count: int, reason: str) -> None:
    lines = [line(difference(value, p=p, half=half), folder="")] * count
    assert gates.apply_gate(lines, GateSettings())[0].reason == reason


def test_a_hint_counts_samples_only_where_those_at_hand_are_too_few() -> None:
    for margin, hint in ((1.0, "; about 2250 samples would detect a change of the margin"), (2.0, "")):
        (got,) = gates.apply_gate([line(difference(0.0))], settings("regression", margin))
        text = "task: 50.0 -> 50.0, +0.0 [-1.0, +1.0], no difference beyond chance"
        assert render.line_sentence(got) == f"{text}; a true change of 1.5 is detected with probability 0.8{hint}"


def test_errors_have_their_margin_in_the_unit_of_the_answers() -> None:
    (got,) = gates.apply_gate(
        [line(difference(2.0, half=0.5, p=0.001), better=-1, percent=False)], settings("regression", 3)
    )
    assert got.verdict == "pass"


def test_holm_spans_all_tasks_and_false_discovery_rate_on_request() -> None:
    lines = [line(difference(-0.02, p=p)) for p in (0.02, 0.03, 0.5)]
    assert [got.verdict for got in gates.apply_gate(lines, settings("regression"))] == ["pass"] * 3
    bh = gates.apply_gate(lines, settings("regression", correction="bh"))
    assert [got.verdict for got in bh] == ["fail", "fail", "pass"]
    assert [got.p_adjusted for got in bh] == pytest.approx([0.045, 0.045, 0.5])


def test_more_tasks_detect_less() -> None:
    one, *_ = gates.apply_gate([line(difference(0.0))], settings("regression", 1))
    many, *_ = gates.apply_gate([line(difference(0.0))] * 11, settings("regression", 1))
    # (z(1 - 0.05/22) + z(0.8)) / (z(0.975) + z(0.8)) = (2.8376 + 0.8416) / (1.9600 + 0.8416)
    assert many.detects == pytest.approx(0.015 * 3.6792 / 2.8016, rel=1e-3)
    assert (one.detects, one.needed) == (0.015, 2250)


def test_a_headline_without_direction_cannot_be_gated() -> None:
    with pytest.raises(EvalkitError, match="neither more nor less of its headline"):
        gates.apply_gate([line(difference(0.1), better=0)], settings("regression"))


# --- false alarms


# The card's eleven tasks: clusters, questions in each
CARD = [
    (900, 1),
    (1164, 1),
    (2017, 1),
    (1000, 1),
    (600, 1),
    (620, 5),
    (1500, 2),
    (3166, 2),
    (500, 18),
    (1901, 1),
    (900, 3),
]


def cluster_totals(generator: np.random.Generator, clusters: int, size: int, drop: float = 0.0) -> NDArray[np.float64]:
    """Questions won minus lost in each cluster: 15 % change, alike within a cluster, `drop` more are lost than won."""
    tilt = generator.choice([-0.6, 0.6], clusters) if size > 1 else np.zeros(clusters)
    lost = np.clip((0.15 + drop) / 2 * (1 + tilt), 0, 1)
    won = np.clip((0.15 - drop) / 2 * (1 - tilt), 0, 1)
    down = generator.binomial(size, lost)
    return (generator.binomial(size - down, won / (1 - lost)) - down).astype(float)


def gate_says(generator: np.random.Generator, drop: float = 0.0) -> str:
    lines = []
    for clusters, size in CARD:
        totals = cluster_totals(generator, clusters, size, drop)
        p, _ = sign_flip(totals / totals.size, scale=totals.size)
        lines.append(line(difference(float(totals.sum()) / (clusters * size), p=p)))
    return gates.worst_verdict(gates.apply_gate(lines, GateSettings()))


@pytest.mark.slow
def test_equally_good_models_raise_the_default_gate_in_at_most_six_of_a_hundred_comparisons() -> None:
    generator = np.random.default_rng(17)
    verdicts = [gate_says(generator) for _ in range(400)]
    assert verdicts.count("fail") / 400 <= 0.06
    assert [gate_says(generator, drop=0.04) for _ in range(10)] == ["fail"] * 10, "and a drop of four points is seen"


# --- foreign text


def hostile(text: str) -> Comparison:
    change = line(difference(-0.1, p=0.001), label=text)
    flip = Flip(
        sample_id=text,
        turned="wrong",
        target=text,
        base_answer=text,
        candidate_answer=None,
        base_reply=text,
        prompt=text,
    )
    judged = gates.apply_gate([msgspec.structs.replace(change, turned_wrong=(text,), flips=(flip,))], GateSettings())
    return Comparison(base=text, candidate=text, settings=GateSettings(), verdict="fail", lines=judged, notes=(text,))


HOSTILE = "x\x00\x1b[31m\n::error::owned\n| a | <script> ``` & \"' ]]> \ud7ff\u202e\ufffe"


def test_junit_is_xml_whatever_a_name_holds() -> None:
    found = ElementTree.fromstring(ci.junit(hostile(HOSTILE)))
    assert found.find(".//failure") is not None
    refused = Comparison(
        base="a",
        candidate="b",
        settings=GateSettings(),
        verdict="not comparable",
        refusals=(Refusal("t", "data", HOSTILE),),
    )
    assert ElementTree.fromstring(ci.junit(refused))[0].get("errors") == "1"


def test_an_inconclusive_line_is_skipped_or_failed() -> None:
    judged = gates.apply_gate([line(difference(0.0, half=0.05))], settings("noninferiority"))
    found = Comparison(
        base="a", candidate="b", settings=settings("noninferiority"), verdict="inconclusive", lines=judged
    )
    assert "<skipped " in ci.junit(found)
    assert "<failure " in ci.junit(found, strict=True)


def test_error_lines_cannot_be_forged() -> None:
    commands = list(ci.workflow_commands(hostile(HOSTILE)))
    assert all(command.startswith(("::error title=", "::warning title=")) for command in commands)
    assert not any("\n" in command or "\r" in command for command in commands)


def test_readers_formats_carry_no_markup_and_no_control_characters() -> None:
    text = render.to_terminal(hostile(HOSTILE))
    assert not [c for c in text if ord(c) < 32 and c != "\n"]
    body = render.to_markdown(hostile(HOSTILE))
    outside = body.split("````")[0] + body.split("````")[-1]
    assert "<script>" not in outside
    assert "````text" in body, "the fence is longer than any in a reply"


def test_a_summary_is_bounded() -> None:
    long = msgspec.structs.replace(hostile("x"), notes=tuple(f"note {n} " + "y" * 1000 for n in range(2000)))
    text = ci.job_summary(long)
    assert len(text.encode()) <= ci.SUMMARY_BYTES
    assert text.endswith("Shortened; the whole report is in the file of --markdown.\n")


@pytest.mark.slow
def test_several_comparisons_in_one_step_stay_below_the_limit_of_the_step() -> None:
    long = msgspec.structs.replace(hostile("x"), notes=tuple(f"note {n} " + "y" * 1000 for n in range(2000)))
    held = ""
    for _ in range(4):
        held += ci.job_summary(long, used=len(held.encode()))
    assert ci.STEP_BYTES - 2 * ci.SPARE_BYTES - 2000 < len(held.encode()) <= ci.STEP_BYTES
    assert ci.job_summary(hostile("x"), used=ci.STEP_BYTES + 5) == ""


def test_a_shortened_summary_leaves_no_fence_open() -> None:
    found = hostile("x" * 300)
    (line,) = found.lines
    text = ci.job_summary(
        msgspec.structs.replace(found, lines=(msgspec.structs.replace(line, flips=line.flips * 600),))
    )
    assert len(text.encode()) <= ci.SUMMARY_BYTES
    assert "```" not in text
    assert "<details>" not in text
    assert "| task | metric |" in text
