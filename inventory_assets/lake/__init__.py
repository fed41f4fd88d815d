"""The lake: DuckLake tables with versions of our own, written by one transaction at a time."""
