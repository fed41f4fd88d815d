"""Old days copied elsewhere and taken back."""
