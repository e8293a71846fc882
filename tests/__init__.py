"""The tests, in folders that mirror the package's rooms; what several of them use stands beside these folders."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
