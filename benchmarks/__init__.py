"""Benchmarks: medians with the machine and its load, printed, never asserted."""
