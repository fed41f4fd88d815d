"""A year of a real shop's invoice lines as inventory messages. See README.md."""
