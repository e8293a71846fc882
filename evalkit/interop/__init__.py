"""Other harnesses' files, read as runs and written from runs."""
