"""Tokens as values: what one allows, how it is written, how often it may ask."""
