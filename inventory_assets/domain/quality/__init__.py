"""Verdicts on data and pipeline, as values."""
