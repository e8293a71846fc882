"""The same as `evalkit run`; see README.md."""

from evalkit.cli import run_eval

raise SystemExit(run_eval())
