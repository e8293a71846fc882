"""The options of each verb, with the values that they take; nothing is read or done here."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from evalkit.version import __version__

EXPORTS = ("model-index", "eval-results", "lm-eval", "vlmevalkit", "inspect", "every-eval-ever")
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
REASONS = ("tasks", "data", "split", "prompt", "rule", "generation", "task", "blind", "samples", "partial")
FORMATS = ("terminal", "markdown", "csv", "latex", "html", "json")
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """All verbs and their options."""
    top = argparse.ArgumentParser(
        prog="evalkit", allow_abbrev=False, description="Benchmark evaluation of vision-language models."
    )
    top.add_argument("--version", action="version", version=f"evalkit {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add in (_run, _score, _explain, _report, _compare, _leaderboard, _export, _list, _show, _check, _doctor):
        add(verbs)
    return top


def repeat_allow(arguments: Sequence[str]) -> Iterator[str]:
    """Yield `--allow data prompt BASE` as `--allow data --allow prompt BASE`: else BASE would be taken for a reason."""
    allowing = False
    for before, word in zip(("", *arguments), arguments, strict=False):
        allowing = before == "--allow" or (allowing and word in REASONS)
        if allowing and before != "--allow":
            yield "--allow"
        yield word


def _verb(verbs: Verbs, name: str, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
    return command


def _data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", action="append", default=[], type=Path, metavar="DIR", help="local mirror used instead of the hub"
    )


def _judge(command: argparse.ArgumentParser) -> None:
    command.add_argument("--judge", metavar="MODEL", help="a model that reads the replies which the rule cannot")
    command.add_argument("--judge-all", action="store_true", help="ask it about every reply, and count agreement")


def _run(verbs: Verbs) -> None:
    command = _verb(verbs, "run", "Evaluate models on tasks; without arguments, the suite mini with the bundled model.")
    command.add_argument("--model", action="append", default=[], metavar="NAME|PATH|HUB_ID", help="repeatable")
    command.add_argument("--name", default="", metavar="NAME", help="another name for the model, for its folder too")
    command.add_argument("--task", action="append", default=[], metavar="NAME|FILE", help="repeatable")
    command.add_argument("--suite", metavar="NAME", help="all tasks of a folder below tasks/")
    command.add_argument("--card", metavar="NAME|FILE", help="all tasks of a card, and its tables at the end")
    command.add_argument("--limit", type=_limit, metavar="N", help="N samples of each task, or a share such as 0.1")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="default: results")
    _data(command)
    command.add_argument("--annotations", type=Path, metavar="FILE", help="data file of a single jsonl or csv task")
    _scheduling(command)
    command.add_argument("--blind", action="store_true", help="the same prompts without their pictures")
    _judge(command)
    command.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the tables")
    command.add_argument("--quiet", action="store_true", help="no progress")


def _scheduling(command: argparse.ArgumentParser) -> None:
    """Scheduling: the device, the executor and the batches; a model file has these outside `backend`."""
    command.add_argument("--device", default="", metavar="NAME", help="cpu, cuda:1, npu:0, ...; default: the best one")
    command.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="ask here (default), or by workers of a ray cluster",
    )
    command.add_argument("--actors", type=_positive, metavar="N", help="ray: workers; default: one per accelerator")
    command.add_argument("--batch", type=_positive, metavar="N", help="requests per batch, instead of the model file's")
    command.add_argument("--workers", type=_positive, metavar="N", help="threads that prepare pictures ahead")
    command.add_argument(
        "--share-prefix", choices=("auto", "on", "off"), help="read a picture once for all questions about it"
    )


def _score(verbs: Verbs) -> None:
    command = _verb(verbs, "score", "Recompute scores from logs, or score a file of predictions; no model is loaded.")
    command.add_argument("results", nargs="*", type=Path, metavar="RESULTS_DIR", help="default: results")
    command.add_argument("--task", metavar="NAME|FILE", help="the task that --predictions answer")
    command.add_argument("--predictions", type=Path, metavar="FILE", help="JSON lines with ids, or another tool's")
    command.add_argument("--annotations", type=Path, metavar="FILE", help="data file of a jsonl or csv task")
    command.add_argument("--field", default="prediction", metavar="NAME", help="the reply (default: prediction)")
    command.add_argument("--rule", default="", metavar="NAME", help="another rule of the task file")
    command.add_argument("--name", default="", metavar="NAME", help="what the predictions' model is called")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")
    command.add_argument("--out", type=Path, metavar="DIR", help="keep the predictions as an ordinary run")
    command.add_argument("--device", default="", metavar="NAME", help="where the judge runs (default: the best one)")
    _judge(command)
    _data(command)


def _explain(verbs: Verbs) -> None:
    command = _verb(verbs, "explain", "Every rule of a task on the same replies, and the samples where they part.")
    command.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="folders of runs")
    command.add_argument("--task", metavar="NAME|FILE", help="with --predictions: whose rules")
    command.add_argument("--predictions", type=Path, metavar="FILE", help="replies that are not in a run")
    command.add_argument("--annotations", type=Path, metavar="FILE")
    command.add_argument("--field", default="prediction", metavar="NAME", help="the reply's field (prediction)")
    command.add_argument("--examples", type=int, default=3, metavar="N", help="samples shown per rule (default: 3)")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")
    _data(command)


def _report(verbs: Verbs) -> None:
    command = _verb(verbs, "report", "Print a card's tables with the scores of every run beside the published numbers.")
    command.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="default: results, if it exists")
    command.add_argument("--card", required=True, metavar="NAME|FILE")
    command.add_argument("--format", choices=FORMATS, default="terminal")
    command.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the tables")
    command.add_argument("--intervals", action="store_true", help="95 %% intervals beside our numbers")
    command.add_argument("--details", action="store_true", help="n, and each run's rule, prompt, crops and frames")
    command.add_argument("--best", action="store_true", help="mark the best of each row, and what ties with it")
    command.add_argument("--against", default="", metavar="COLUMN", help="compare ours with it (default: by name)")
    command.add_argument("--figures", type=Path, metavar="DIR", help="also draw the tables there, as SVG")
    command.add_argument("--png", action="store_true", help="figures as PNG, too")
    command.add_argument("--blind-difference", action="store_true", help="columns of each model minus its blind run")
    command.add_argument("--allow-incomplete", action="store_true", help="show incomplete runs, marked")
    command.add_argument("--output", type=Path, metavar="FILE", help="write there instead of to stdout")


def _compare(verbs: Verbs) -> None:
    command = _verb(verbs, "compare", "Is the candidate worse than the base? Paired tests, verdicts and an exit code.")
    command.add_argument("base", metavar="BASE", help="a run, a model's folder, baseline:NAME or card:CARD/COLUMN")
    command.add_argument("candidate", type=Path, metavar="CANDIDATE", help="a run, or a model's folder")
    command.add_argument("--gate", choices=("regression", "noninferiority", "threshold"), default="regression")
    command.add_argument("--margin", type=float, metavar="P", help="points; default: 0, for noninferiority 1")
    command.add_argument("--alpha", type=float, default=0.05, metavar="A", help="default: 0.05")
    command.add_argument("--correction", choices=("holm", "bh"), default="holm", help="over all tasks; default: holm")
    command.add_argument("--allow", action="append", default=[], metavar="REASON", help="compare although; repeatable")
    command.add_argument("--fail-inconclusive", action="store_true", help="exit code 5 where the data cannot tell")
    command.add_argument("--flips", type=int, default=3, metavar="N", help="samples of each kind to show; default: 3")
    command.add_argument("--save-baseline", metavar="NAME", help="keep the candidate as baseline:NAME if it passes")
    command.add_argument("--json", type=Path, metavar="FILE")
    command.add_argument("--markdown", type=Path, metavar="FILE")
    command.add_argument("--junit", type=Path, metavar="FILE")
    _data(command)


def _leaderboard(verbs: Verbs) -> None:
    command = _verb(verbs, "leaderboard", "Write a static site: sortable tables, every run, every sample and reply.")
    command.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="default: results, if it exists")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder of its own")
    command.add_argument("--card", metavar="NAME|FILE", help="the card's tables, instead of all tasks side by side")
    command.add_argument("--title", default="", metavar="TEXT", help="default: the card's")
    command.add_argument("--lang", choices=("en", "zh"), default="en", help="language of the site")
    command.add_argument("--allow-incomplete", action="store_true", help="show incomplete runs, marked and unranked")
    command.add_argument("--no-media", action="store_true", help="no pictures and no video frames")
    command.add_argument("--pixels", type=_positive, default=384, metavar="N", help="longest side of a picture (384)")
    command.add_argument("--licence-note", default="", metavar="TEXT", help="shown wherever pictures are")
    _data(command)


def _export(verbs: Verbs) -> None:
    command = _verb(verbs, "export", "Write finished runs in the format of another tool.")
    command.add_argument("results", nargs="*", type=Path, metavar="RESULTS", help="default: results, if it exists")
    command.add_argument("--to", choices=EXPORTS, required=True, metavar="FORMAT", help=", ".join(EXPORTS))
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument(
        "--task-id", action="append", default=[], metavar="TASK=ID", help="eval-results: the benchmark's own name"
    )
    command.add_argument("--organization", default="", metavar="NAME", help="every-eval-ever: who publishes")
    command.add_argument("--relationship", choices=RELATIONSHIPS, default="", help="every-eval-ever: to its maker")
    command.add_argument("--escape-formulas", action="store_true", help="vlmevalkit: for spreadsheets; changes replies")
    _data(command)


def _list(verbs: Verbs) -> None:
    command = _verb(verbs, "list", "Names in the registry.")
    command.add_argument("kind", choices=("tasks", "models", "cards", "suites"))


def _show(verbs: Verbs) -> None:
    command = _verb(
        verbs,
        "show",
        "A task or a model as its file says it; of a task or a run also a sample, from prompt to score.",
    )
    command.add_argument("kind", choices=("task", "model", "run"))
    command.add_argument("name", metavar="NAME|FILE|RUN_FOLDER", help="of a model also a folder or a hub id")
    command.add_argument("--sample", metavar="ID", help="default: the first, of a task if its data are on this machine")
    command.add_argument("--annotations", type=Path, metavar="FILE")
    _data(command)


def _check(verbs: Verbs) -> None:
    command = _verb(verbs, "check", "Validate registry files and prove that every task scores its own gold answers.")
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the whole registry")
    command.add_argument("--schema", type=Path, metavar="DIR", help="also write the JSON Schemas there")
    _data(command)


def _doctor(verbs: Verbs) -> None:
    command = _verb(verbs, "doctor", "Print environment, devices and optional packages.")
    command.add_argument("--run", action="store_true", help="also reproduce the shipped scores of the suite mini")


def _limit(text: str) -> int | float:
    """A count of samples, or a share of each task strictly between 0 and 1."""
    try:
        value = float(text) if "." in text or "e" in text else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a count nor a share such as 0.1") from None
    if value <= 0 or (isinstance(value, float) and value >= 1):
        raise argparse.ArgumentTypeError(f"{text} is not a count from 1, nor a share between 0 and 1")
    return value


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)
