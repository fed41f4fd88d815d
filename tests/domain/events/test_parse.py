"""What one message means by itself, or why it is refused (RULES 1-8, 10, 12).

What refusing leaves in the lake is `tests/ingest/test_hostile_input.py`.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import KINDS_BY_TOPIC
from tests.builders import command, envelope, level, rule, transaction
from tests.domain.events.reading import read
from tests.rules.cases import parse
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(parse.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


MIDNIGHT = 1_650_412_800_000_000  # 2022-04-20, in microseconds


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        # Bare: the event time, to the microsecond, and no cluster time.
        (level(at="00:00:01"), ((0, MIDNIGHT + 1_000_000, 0), False)),
        # The cluster time stands in for the document's own, whatever that says.
        (envelope(level(at="07:00"), 2, 3), ((0, MIDNIGHT + 2_000_000, 3), True)),
        (envelope(level(at="07:00"), 2, 3, source_epoch=4), ((4, MIDNIGHT + 2_000_000, 3), True)),
        # Each number may be spelled as the database's own export does.
        (
            envelope(level(), 2, cluster_time={"$timestamp": {"t": {"$numberLong": "1650412802"}, "i": 3}}),
            ((0, MIDNIGHT + 2_000_000, 3), True),
        ),
    ],
)
def test_a_position_is_epoch_instant_and_increment(document, expected):
    """RULES 12."""
    event = read(document)

    assert expected == (event.position, event.has_cluster_time)


@pytest.mark.parametrize("operation", ["insert", "update", "replace", "snapshot", "read", None])
def test_an_envelope_around_a_document_says_the_same_as_the_document(operation):
    """RULES 1: how it was written is no stock fact, and an absent operation is none."""
    inside, bare = read(envelope(level(5), 0, operation=operation)), read(level(5))

    assert (bare.content, bare.event_at) == (inside.content, inside.event_at)


@pytest.mark.parametrize(
    ("fields", "ignored"),
    [
        ({"reserved_stock": 2.5}, ("reserved_stock",)),
        ({"lead_time_days": True, "pack_multiple": 0, "unit_price": "dear"},
         ("lead_time_days", "pack_multiple", "unit_price")),
        ({"supplier_id": 7, "order_up_to": 10**13}, ("supplier_id", "order_up_to")),
        ({"min_threshold": 9, "reorder_threshold": 3}, ("min_threshold", "reorder_threshold")),
        ({"min_threshold": -1}, ("min_threshold",)),
        ({"min_threshold": 5, "reorder_threshold": "ten"}, ("min_threshold", "reorder_threshold")),
        ({"reserved_stock": {"$numberDecimal": "4.0"}, "min_threshold": 3, "lead_time_days": "5", "variant_name": ""}, ()),
        ({"reserved_stock": None, "unit_price": None, "nobody_knows": 1.5}, ()),
    ],
)  # fmt: skip
def test_an_optional_field_that_does_not_fit_is_named_and_the_stock_counts(fields, ignored):
    """RULES 5, 22: a bad pair of limits is ignored as a pair."""
    found = read(level(10, **fields))

    assert (10, ignored) == (found.on_hand, found.ignored_fields)
    assert not {*ignored} & {name for name, _ in found.product_fields}
    if ignored:
        assert (found.reserved, found.min_threshold, found.reorder_threshold) == (None, None, None)


def test_archiving_old_transactions_takes_no_stock_away():
    archived = envelope(transaction("T"), 0, operation="delete", namespace="shop.transactions")

    assert Filtered("no_stock_fact") == read(archived)


# ---- whatever the bytes are, there is an answer

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["insert", "delete", "COMPLETED", "ORDER", "W1", "S1", "GLOBAL", "pause", "2022-04-20T07:00:00Z"]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$date", "$oid", "$numberLong", "$numberDouble", "$timestamp", "t", "i", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=6,
)
TEMPLATES = [
    transaction("T"),
    transaction("T", "TRANSFER", 5, to_warehouse_id="W2"),
    level(
        reserved_stock=1,
        min_threshold=1,
        metadata={"supplier_id": "x"},
        unit_price=1.0,
        updated_at="2022-04-20T07:00:00Z",
    ),
    rule(alert_settings={"enabled": True}, min_threshold_days=1),
    command("pause", warehouse_id="W1"),
    envelope(transaction("T"), 0, source_epoch=0),
    envelope(level(), 0, namespace="shop.inventory", document_key={"sku": "S1", "warehouse_id": "W1"}),
]


@st.composite
def mutated(draw: Any) -> bytes:
    """A valid document with a few fields replaced by anything, at any depth."""
    document = json.loads(json.dumps(draw(st.sampled_from(TEMPLATES))))
    for _ in range(draw(st.integers(1, 3))):
        target = document
        if isinstance(document.get("document"), dict) and draw(st.booleans()):
            target = document["document"]
        target[draw(st.sampled_from(sorted(target)))] = draw(values)
    return json.dumps(document).encode()


@settings(max_examples=300)
@given(mutated() | st.binary(max_size=60), st.sampled_from(sorted(KINDS_BY_TOPIC)), st.none() | st.text(max_size=5))
def test_parsing_never_raises(body, topic, row_id):
    """RULES 9: every message has one outcome; an exception would be none."""
    found = read(body, topic=topic, **({} if row_id is None else {"row_id": row_id}))

    assert isinstance(found, Rejection | Filtered) or found.event_id
