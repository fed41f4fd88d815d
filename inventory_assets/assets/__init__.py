"""Thin Dagster assets and checks over `stages`: read, call, report."""
