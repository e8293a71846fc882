"""Phi-3.5-vision, written for current transformers and read from the official weight files; no code of theirs runs."""
