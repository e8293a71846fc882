"""Small results folders for tests of the site and of the exports: real runs of made-up replies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pillow

from evalkit.cli.entry import main

HOSTILE = {
    "closing": "</script><script>document.title='owned'</script> yes",
    "handler": "\"onerror=document.title='owned' x=\"<img src=x onerror=\"document.title='owned'\"> no",
    "ansi": "\x1b[2J\x1b[31myes\x1b]0;owned\x07\x9b1m",
    "turned": "\u202eyes\u202c\u2066 no",
    "formula": '=HYPERLINK("https://example.org")\tyes',
    "markdown": "| yes | `x` [a](javascript:alert(1)) \n\n# heading",
    "template": "{{ 7 * 7 }} {% raw %} yes",
    "long": "yes " * 262_144,
}
"""Replies that would do harm where text is taken for markup, by the id of their sample."""

TASK = """\
name: {name}
title: {{en: "{name} <b>&"}}
samples: {count}
license: CC BY 4.0
source: {{kind: jsonl, path: {name}.jsonl}}
columns: {{id: id, question: question, answer: answer, images: image, groups: {{half: half}}}}
adapter: {{kind: yes_no}}
generation: {{max_new_tokens: 8}}
metrics:
  accuracy: {{kind: accuracy, by: [half]}}
headline: accuracy
"""


def make_task(folder: Path, ids: Sequence[str], *, name: str = "yesno", pictures: int = 4) -> Path:
    """A task of yes/no questions: odd places are answered yes; the first `pictures` pictures are shared by all."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    for n in range(pictures):
        Pillow.new("RGB", (600, 30 + n), (60 * n, 90, 40)).save(folder / "pictures" / f"{n}.png")
    rows = [
        {
            "id": name_,
            "question": f"Is <i>{n}</i> odd?",
            "answer": "yes" if n % 2 else "no",
            "image": f"pictures/{n % pictures}.png",
            "half": "<b>odd" if n % 2 else "even",
        }
        for n, name_ in enumerate(ids)
    ]
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = folder / f"{name}.yaml"
    file.write_text(TASK.format(name=name, count=len(ids)))
    return file


def score(task: Path, model: str, replies: dict[str, str], out: Path) -> Path:
    """The replies as a run; returns its folder."""
    predictions = task.parent / f"{model}.jsonl"
    predictions.write_text("".join(json.dumps({"id": i, "prediction": text}) + "\n" for i, text in replies.items()))
    command = ["score", "--task", task, "--predictions", predictions, "--name", model, "--out", out]
    assert main([str(word) for word in command]) == 0
    return out / model / task.stem


def run(task: Path, model: str, out: Path) -> Path:
    """A baseline's run, with its pictures."""
    assert main(["run", "--task", str(task), "--model", model, "--out", str(out), "--quiet"]) == 0
    return out / model / task.stem


def graded(folder: Path) -> Path:
    """Of twenty questions `best` answers all, `near` all but one, `poor` five; `near` and `poor` say nothing else."""
    names = [f"q{n}" for n in range(20)]
    task = make_task(folder, names)
    right = {name: "yes" if n % 2 else "no" for n, name in enumerate(names)}
    for model, count in (("best", 20), ("near", 19), ("poor", 5)):
        replies = {name: right[name] if n < count else "cannot say" for n, name in enumerate(names)}
        score(task, model, replies, folder / "results")
    return folder / "results"


def hostile(folder: Path) -> Path:
    """Two recorded models, one that says harmful things, and a baseline that sees pictures; returns the results."""
    ids = [*HOSTILE, *(f"q{n}" for n in range(16)), 'a "b" <c>/../&#?d']
    task = make_task(folder, ids)
    harmful = {name: HOSTILE.get(name, "yes") for name in ids}
    score(task, "harmful", harmful, folder / "results")
    score(task, "right", {name: "yes" if n % 2 else "no" for n, name in enumerate(ids)}, folder / "results")
    run(task, "always-yes", folder / "results")
    return folder / "results"


CARD = """\
name: tiny
title: {en: Tiny card}
source: https://example.org/card
tables:
  - id: main
    title: {en: Main}
    columns: [Alpha]
    rows:
      - {score: yesno, label: {en: Yes or no}, category: {en: Presence}, published: ["81.9"]}
      - {score: {task: yesno, where: {half: even}}, label: {en: Even}, category: {en: Halves}, published: ["-"]}
      - {score: {task: yesno, where: {half: "<b>odd"}}, label: {en: Odd}, category: {en: Halves}, published: ["12.0"]}
"""
