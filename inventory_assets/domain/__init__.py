"""The rules of stock, thresholds and alerts as pure functions: no I/O, no clock, no Dagster."""
