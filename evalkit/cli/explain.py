"""`evalkit explain`: each rule of a task on the same replies, and the samples on which it differs from the default."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import msgspec

from evalkit.api.explanation import Disagreement, Explanation, explain, explain_run
from evalkit.api.scoring import read_current, run_folders
from evalkit.cli.printing import print_json, say, value_text
from evalkit.cli.score import summary
from evalkit.cli.setup import data_places
from evalkit.errors import EvalkitError
from evalkit.results.run import Run
from evalkit.safe_text import printable

LONGEST = 120
"""Characters of a reply that an example shows."""
HEAD = ("unparsed", "parts from default", "right only there", "right only by default")


def main(options: argparse.Namespace) -> int:
    """Print a line per rule, then examples; exit code 4 where replies are missing."""
    if (options.predictions is None) != (options.task is None) or bool(options.task) == bool(options.results):
        raise EvalkitError("explain needs --task and --predictions together, or folders of runs alone")
    if options.task:
        explanations = [_explain_predictions(options)]
    else:
        places = data_places(options)
        explanations = [explain_run(read_current(folder, places)) for folder in run_folders(options.results)]
    if not explanations:
        raise EvalkitError("there is no run.json below the folders named; run `evalkit run` first")
    if options.json:
        summaries = [_summary(explanation) for explanation in explanations]
        print_json(summaries[0] if options.task else summaries)
    else:
        for number, explanation in enumerate(explanations):
            print("\n" if number else "", end="")
            _print(explanation, options.examples)
    return 4 if any(explanation.default.record.scoring.problems for explanation in explanations) else 0


def _explain_predictions(options: argparse.Namespace) -> Explanation:
    return explain(
        options.task,
        options.predictions,
        field=options.field,
        data=options.data,
        annotations=options.annotations,
        cache=options.cache,
        notify=say,
    )


def _summary(explanation: Explanation) -> dict[str, object]:
    record, differing = explanation.default.record, explanation.disagreements
    rules = [
        {**summary(run), "differ": [msgspec.to_builtins(sample) for sample in differing[name]]}
        for name, run in explanation.others.items()
    ]
    default = summary(explanation.default)
    return {"task": record.task.name, "model": record.model.name, "default": default, "rules": rules}


def _print(explanation: Explanation, examples: int) -> None:
    from tabulate import tabulate

    record, differing = explanation.default.record, explanation.disagreements
    rows = [_row("default", explanation.default, [])]
    rows += [_row(name, run, differing[name]) for name, run in explanation.others.items()]
    print(f"{record.task.name}, {printable(record.model.name)}: {record.scoring.counts.planned} replies\n")
    head = ["rule", record.scoring.headline, *HEAD]
    print(tabulate(rows, head, disable_numparse=True, colalign=("left", *["right"] * 5)))
    for name, samples in differing.items():
        for sample in samples[:examples]:
            print(f"\n{name} on {sample.sample}, gold {_short(sample.target)}: {_short(sample.reply)!r}")
            print(f"  default reads {_reading(sample.default, sample.default_value, sample.default_step)}")
            print(f"  {name} reads {_reading(sample.answer, sample.value, sample.step)}")


def _row(name: str, run: Run, samples: Sequence[Disagreement]) -> list[str]:
    stat = run.headline
    gained = sum(sample.value > sample.default_value for sample in samples)
    return [
        name,
        "" if stat is None else value_text(stat, stat.value),
        str(run.record.scoring.counts.unparsed),
        str(len(samples)),
        str(gained),
        str(len(samples) - gained),
    ]


def _reading(answer: str | None, value: float, step: str) -> str:
    """The answer with its value and the deciding step, which a sample without a reply lacks."""
    return f"{_short(str(answer))} -> {value:g}" + (f"  ({step})" if step else "")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
