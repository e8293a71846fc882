"""Runs read back from their folders, and what can be said of them without asking anybody anything."""
