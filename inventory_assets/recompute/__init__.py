"""State, sums, limits and conditions computed a second way: set by set, in DuckDB and polars, from events alone."""
