"""The services behind the Python API and the command line's verbs: typed, without argparse, printing nothing."""

from evalkit.api.comparing import compare
from evalkit.api.evaluation import evaluate
from evalkit.api.explanation import explain
from evalkit.api.reporting import leaderboard, report
from evalkit.api.scoring import score

__all__ = ["compare", "evaluate", "explain", "leaderboard", "report", "score"]
