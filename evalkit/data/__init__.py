"""Rows of a data set as samples: where rows come from, which count, and what their columns mean."""
