"""What the product tells a person in one line, whichever part of it found it."""


class InventoryError(Exception):
    """Base of the errors whose message says what, which, what was expected, and the next step."""
