"""`python -m evalkit` is the command line."""

from evalkit.cli.entry import main

raise SystemExit(main())
