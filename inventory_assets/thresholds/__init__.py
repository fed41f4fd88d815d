"""Threshold rules: edits, files, checks, lists. What a rule means is `domain.thresholds`."""
