from evalkit.cli import run_eval

raise SystemExit(run_eval())
