"""The command line: reads the environment, calls a verb, turns every failure into a sentence and an exit code.

Exit codes: 0 done or gate passed, 1 gate failed, 2 usage or bad YAML, 3 not comparable, 4 incomplete or invalid,
5 inconclusive (when asked to fail on it), 75 resumable failure, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from evalkit.cli.arguments import parser, spread
from evalkit.errors import EvalkitError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. stdout carries data, stderr talk."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    options = parser().parse_args(list(spread(arguments)))
    options.argv = ("evalkit", *arguments)
    _environment(options)
    _launch(options)
    verb = import_module(f"evalkit.cli.{options.verb}")
    try:
        if options.ranks > 1 and options.verb != "run":
            raise EvalkitError(f"`evalkit {options.verb}` is the work of one process; call it without a launcher")
        return int(verb.main(options))
    except EvalkitError as error:
        print(f"evalkit: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        if not options.rank:
            print("evalkit: interrupted; the same command continues where it stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def run_eval() -> int:
    """`run_eval.py`: the same as `evalkit run`."""
    return main(["run", *sys.argv[1:]])


def _environment(options: argparse.Namespace) -> None:
    """The only place that reads environment variables."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    options.cache = Path(os.environ.get("EVALKIT_CACHE") or Path(home) / "evalkit")
    options.offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    options.colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    options.actions = os.environ.get("GITHUB_ACTIONS") == "true"
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    options.step_summary = Path(summary) if summary else None
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its own threads and ours would fight over the cores
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # an evaluation reports to nobody


def _launch(options: argparse.Namespace) -> None:
    """Which rank of how many this process is, and a sentence where more were asked for than there are.

    torchrun marks what it starts with TORCHELASTIC_RUN_ID, and so does `accelerate launch`, which calls it; but with
    --cpu that starts one process whatever --num_processes says, and only MASTER_ADDR is a trace of the wish.
    """
    size = os.environ.get("WORLD_SIZE", "")
    asked = int(size) if size.isdigit() else 1
    options.ranks = asked if "TORCHELASTIC_RUN_ID" in os.environ else 1
    options.rank = int(os.environ["RANK"]) if options.ranks > 1 else 0
    options.local_rank = int(os.environ.get("LOCAL_RANK", options.rank))
    options.attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "")
    options.alone = ""
    if asked > options.ranks:
        options.alone = f"WORLD_SIZE is {asked}, but no launcher started this process, which runs alone; use torchrun"
    elif not size and "MASTER_ADDR" in os.environ and "ACCELERATE_MIXED_PRECISION" in os.environ:
        options.alone = (
            "accelerate launch was asked for several processes and started one; use torchrun --nproc_per_node"
        )
