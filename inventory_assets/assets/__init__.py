"""Thin Dagster assets and checks over the capabilities: read, call, report."""
