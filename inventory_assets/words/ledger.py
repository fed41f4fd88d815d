"""What an event of the stock's ledger is called. Pure."""

_KINDS = {
    "LEVEL": "Counted", "DELETED": "No longer stocked", "ORDER": "Sale", "RESTOCK": "Delivery", "RETURN": "Return",
    "ADJUSTMENT": "Adjustment", "RESERVE": "Reserved", "RELEASE": "Released",
}  # fmt: skip
_UNDONE = {"PENDING": "pending", "SHIPPED": "on its way", "CANCELLED": "cancelled"}


def event_words(kind: str, status: str, *, is_receiver: bool = False) -> str:
    """`Sale`, `Delivery, pending`, `Transfer in`."""
    words = _KINDS.get(kind, kind)
    if kind == "TRANSFER":
        words = "Transfer in" if is_receiver else "Transfer out"
    return f"{words}, {_UNDONE[status]}" if status in _UNDONE else words
