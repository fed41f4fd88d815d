"""Data in and out of other systems: files, PostgreSQL, Parquet."""
