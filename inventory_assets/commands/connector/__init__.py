"""`inventory connector` and what compares the lake with its sources."""
