"""Rows of people's files as stock facts, and facts in the envelopes that can say them (RULES 38-41)."""
