"""`inventory thresholds`."""
