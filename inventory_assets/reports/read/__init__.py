"""What a report says, read from the lake as values."""
