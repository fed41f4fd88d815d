"""What an event is called says what came of it."""

import pytest

from inventory_assets.words.ledger import event_words


@pytest.mark.parametrize(
    ("kind", "status", "receives", "expected"),
    [
        ("ORDER", "COMPLETED", False, "Sale"), ("RESTOCK", "PENDING", False, "Delivery, pending"),
        ("TRANSFER", "SHIPPED", True, "Transfer in, on its way"), ("TRANSFER", "COMPLETED", False, "Transfer out"),
        ("LEVEL", "", False, "Counted"), ("ORDER", "CANCELLED", False, "Sale, cancelled"),
    ],
)  # fmt: skip
def test_an_event_in_words(kind, status, receives, expected):
    assert expected == event_words(kind, status, is_receiver=receives)
