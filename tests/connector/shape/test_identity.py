"""Who a message is about decides its lane, and whether a delete says anything."""

import pytest

from inventory_assets.connector.shape.identity import find_address, has_identity


@pytest.mark.parametrize(
    ("role", "found", "expected"),
    [
        ("inventory", {"warehouse_id": "W1", "sku": "S1"}, ("W1", "S1")),
        ("transactions", {"warehouse_id": "W1", "sku": "S1", "transaction_id": "T"}, ("W1", "S1")),
        ("transactions", {"_id": {"$oid": "60b3"}}, ("", "60b3")),
        ("thresholds", {"level_type": "BRAND", "level_id": "B1", "warehouse_id": None}, ("", "BRAND:B1")),
        ("inventory", {"warehouse_id": 5, "sku": ["S1"]}, ("", "")),
    ],
)
def test_a_transaction_and_the_level_of_its_key_share_an_address(role, found, expected):
    """So they share a lane, and arrive in the order in which they were committed."""
    assert find_address(role, found) == expected


@pytest.mark.parametrize(
    ("role", "found", "expected"),
    [
        ("inventory", {"warehouse_id": "W1", "sku": {"$oid": "60b3"}}, True),
        ("inventory", {"warehouse_id": "W1", "sku": ""}, False),
        ("inventory", None, False),
        ("thresholds", {"level_type": "GLOBAL"}, True),
        ("thresholds", {"level_type": "SKU"}, False),
        ("transactions", None, True),
    ],
)
def test_a_delete_needs_what_its_kind_is_known_by(role, found, expected):
    assert has_identity(role, found) is expected
