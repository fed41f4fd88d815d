"""Stock as a function of events, and its sums over the hierarchy (RULES 14-20)."""
