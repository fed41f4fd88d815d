"""Tokens of the home: made and revoked, asked at every door, and a record of who wrote what."""
