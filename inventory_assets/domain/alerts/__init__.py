"""When an alert opens, changes and ends, and what it advises (RULES 24-30)."""
