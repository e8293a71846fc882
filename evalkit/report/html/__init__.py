"""Self-contained pages: no script, nothing to load, everything escaped."""
