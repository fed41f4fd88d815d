"""Days as plain Parquet files: build them, find those that are stale."""
