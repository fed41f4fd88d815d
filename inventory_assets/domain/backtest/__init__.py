"""A rule played through a history, and its score."""
