"""Executors: the only step that costs money; each fills the response log."""
