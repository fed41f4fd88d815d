"""Facts have one identity and one order (RULES 10, 25)."""

from itertools import product

import pytest

from inventory_assets.domain.events.kinds import Level, Tombstone, Transaction, entity_names, join_id, order_key
from tests.builders import envelope, level, transaction
from tests.domain.events.reading import read


def test_no_two_lists_of_parts_have_one_id():
    """Ids hold what others chose: `a:b` + `c` is not `a` + `b:c`."""
    pieces = [":", "%", "%3A", "%25", "a", ""]
    parts = {"".join(pair) for pair in product(pieces, repeat=2)}
    lists = [*product(parts, repeat=1), *product(parts, repeat=2)]

    assert len(lists) == len({join_id(*each) for each in lists})


def test_at_one_position_a_level_comes_before_a_transaction_and_a_tombstone_last():
    found = [
        read(envelope(level(), 60, operation="delete")),
        read(envelope(transaction("T"), 60)),
        read(envelope(level(), 60)),
    ]

    assert [Level, Transaction, Tombstone] == [type(event) for event in sorted(found, key=order_key)]


@pytest.mark.parametrize(
    ("document", "row", "expected"),
    [
        (transaction("T"), {}, ("t:W1:T",)),
        (transaction("T", line_id="2"), {}, ("t:W1:T:2",)),
        # A row of a file repeats as itself, and is a version of its transaction.
        (transaction("T"), {"row_id": "f:2"}, ("t:W1:T", "row:f%3A2")),
        (level(sku="S:1"), {}, ("level:W1:S%3A1:2022-04-20T07%3A00%3A00.000000Z",)),
    ],
)
def test_a_transaction_is_known_by_its_name_and_anything_else_by_its_id(document, row, expected):
    assert expected == entity_names(read(document, **row))
