"""Facts have one identity and one order (RULES 10, 25)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Level, Tombstone, Transaction, entity_names, join_id, order_key
from tests.builders import envelope, level, transaction
from tests.domain.events.reading import read

PARTS = st.lists(st.text(st.sampled_from(":%3A25a"), max_size=5), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_no_two_lists_of_parts_have_one_id(one, other):
    """Ids hold what others chose: `a:b` + `c` is not `a` + `b:c`."""
    assert (one == other) == (join_id(*one) == join_id(*other))


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
        (transaction("T"), {}, ("t:T",)),
        # A row of a file repeats as itself, and is a version of its transaction.
        (transaction("T"), {"row_id": "f:2"}, ("t:T", "row:f%3A2")),
        (level(sku="S:1"), {}, ("level:W1:S%3A1:2022-04-20T07%3A00%3A00.000000Z",)),
    ],
)
def test_a_transaction_is_known_by_its_name_and_anything_else_by_its_id(document, row, expected):
    assert expected == entity_names(read(document, **row))
