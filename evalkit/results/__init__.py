"""Runs read back from their folders, and what follows from them without a model call."""
