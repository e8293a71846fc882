"""Measurements of speed and power; each prints JSON."""
