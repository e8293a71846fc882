"""The command line: one file per verb."""

from evalkit.cli.entry import main, run_eval

__all__ = ["main", "run_eval"]
