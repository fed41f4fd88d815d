"""Dagster sensors: a pure decision, then a `SensorResult`."""
