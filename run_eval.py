"""The same as `evalkit run`; see README.md."""

from evalkit.cli.entry import run_eval

raise SystemExit(run_eval())
