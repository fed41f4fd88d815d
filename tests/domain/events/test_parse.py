"""What one message means by itself, or why it is refused (RULES 1-8, 10, 12).

What refusing leaves in the lake is `tests/ingest/test_hostile_input.py`.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import KINDS_BY_TOPIC, ParseSettings, parse_message
from tests.builders import TRANSACTIONS, UPDATES, command, envelope, level, message, rule, transaction
from tests.domain.events.reading import read
from tests.hunting import some
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


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("lead_time_days", (0, 3_650), (-1, 3_651)),
        ("order_up_to", (0, 10**12), (-1, 10**12 + 1)),
        ("pack_multiple", (1, 10**6), (0, 10**6 + 1)),
        ("unit_price", (0.0, 1e9), (-0.01, 1_000_000_000.01)),
        ("min_order_qty", (0, 10**12), (-1, 10**12 + 1)),
        ("supplier_id", ("x", "x" * 1024), ("x" * 1025,)),
    ],
)
def test_what_a_level_says_of_its_product_has_a_range(field, inside, outside):
    """RULES 5, 19: what cannot be meant is unknown and named, and the stock counts; both ends can be meant."""
    for value in inside:
        event = read(level(5, **{field: value}))
        assert (((field, value),), ()) == (event.product_fields, event.ignored_fields)
    for value in outside:
        event = read(level(5, **{field: value}))
        assert ((), (field,), 5) == (event.product_fields, event.ignored_fields, event.on_hand)


@pytest.mark.parametrize(
    ("type_", "signs"),
    [
        ("ORDER", {-1}), ("RESTOCK", {1}), ("RETURN", {1}), ("ADJUSTMENT", {-1, 1}),
        ("TRANSFER", {1}), ("RESERVE", {1}), ("RELEASE", {1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["PENDING", "COMPLETED", "CANCELLED"])
def test_a_type_has_its_signs_at_any_status(type_, signs, status):
    """RULES 8. One unit either way, and none."""
    more = {"status": status} | ({"to_warehouse_id": "W2"} if type_ == "TRANSFER" else {})
    found = {sign: read(transaction("T", type_, sign, **more)) for sign in (-1, 0, 1)}

    assert signs == {sign for sign, event in found.items() if not isinstance(event, Rejection)}
    assert {"invalid_sign"} == {event.reason for event in found.values() if isinstance(event, Rejection)}


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ((50, 50), (50, 50)), ((51, 50), (None, None)), ((0, 0), (0, 0)), ((0, None), (0, None)), ((None, 0), (None, 0)),
        ((-1, 50), (None, None)), ((-1, None), (None, None)), ((None, -1), (None, None)), ((-2, -1), (None, None)),
    ],
)  # fmt: skip
def test_an_embedded_pair_is_at_least_none_and_in_order(pair, expected):
    """RULES 22: integers >= 0, min <= reorder; what is invalid is ignored whole."""
    event = read(level(5, min_threshold=pair[0], reorder_threshold=pair[1]))

    assert (*expected, 5) == (event.min_threshold, event.reorder_threshold, event.on_hand)


START = "2010-01-01T00:00:00"
LAST = "2022-04-22T00:00:00"  # published 2022-04-21T00:00Z
DOCUMENTS = {
    "a level's last_updated": lambda time: level(last_updated=time),
    "a level's last_updated beside its updated_at": lambda time: level(last_updated=time, updated_at="2022-04-20T07:00:00Z"),
    "a level's updated_at": lambda time: level(updated_at=time),
    "a level's status_changed_at": lambda time: level(status_changed_at=time),
    "a transaction's timestamp": lambda time: transaction("T", timestamp=time),
    "a transaction's updated_at": lambda time: transaction("T", updated_at=time),
    "a transaction's status_changed_at": lambda time: transaction("T", status_changed_at=time),
    "a rule's updated_at": lambda time: rule(updated_at=time),
    "a rule's created_at": lambda time: rule(updated_at=None, created_at=time),
    "a command's timestamp": lambda time: command("pause", timestamp=time),
    "a command on an alert": lambda time: command("ack", alert_id="alt-1", timestamp=time),
}  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize(
    ("time", "is_taken"),
    [
        (f"{START}Z", True), ("2009-12-31T23:59:59.999999Z", False),
        (f"{LAST}Z", True), (f"{LAST}.000001Z", False),
    ],
)  # fmt: skip
def test_the_start_and_a_day_ahead_are_the_last_moments_of_every_time(document, time, is_taken):
    """RULES 6: before the start, or over 24 h after the publish time."""
    event = read(document(time))

    assert is_taken == (not isinstance(event, Rejection))
    assert is_taken or "event_time_out_of_range" == event.reason


@pytest.mark.parametrize("document", [level(5), transaction("T")], ids=["level", "transaction"])
def test_updated_at_is_looked_at_before_status_changed_at(document):
    """RULES 12: in that order, whichever is later."""
    times = {"updated_at": "2022-04-20T09:00:00Z", "status_changed_at": "2022-04-20T10:00:00Z"}

    assert MIDNIGHT + 9 * 3_600_000_000 == read(document | times).event_at
    assert MIDNIGHT + 10 * 3_600_000_000 == read(document | times | {"updated_at": None}).event_at


@pytest.mark.parametrize("type_", ["ORDER", "RESTOCK", "RETURN", "ADJUSTMENT", "RESERVE", "RELEASE"])
def test_only_a_transfer_is_shipped(type_):
    """RULES 16."""
    refused = read(transaction("T", type_, -1 if type_ == "ORDER" else 1, status="SHIPPED"))

    assert "invalid_value" == refused.reason
    assert "SHIPPED" == read(transaction("T", "TRANSFER", 1, status="SHIPPED", to_warehouse_id="W2")).status


@pytest.mark.parametrize(("seconds", "is_taken"), [(2 * 86_400, True), (2 * 86_400 + 1, False)])
def test_a_deletions_cluster_time_has_the_same_bounds(seconds, is_taken):
    """RULES 6, 17: it has no other time."""
    event = read(envelope({"warehouse_id": "W1", "sku": "S1"}, seconds, operation="delete"))

    assert is_taken == (not isinstance(event, Rejection))


@pytest.mark.parametrize(
    ("settings_", "time", "is_taken"),
    [
        (ParseSettings(start_at=MIDNIGHT), "2022-04-20T00:00:00Z", True),
        (ParseSettings(start_at=MIDNIGHT), "2022-04-19T23:59:59.999999Z", False),
        (ParseSettings(max_ahead=3_600_000_000), "2022-04-21T01:00:00Z", True),
        (ParseSettings(max_ahead=3_600_000_000), "2022-04-21T01:00:00.000001Z", False),
    ],
    ids=["the start", "before it", "an hour ahead", "more"],
)
def test_the_bounds_of_times_are_settings(settings_, time, is_taken):
    """RULES 6."""
    assert is_taken == (not isinstance(read(level(last_updated=time), settings=settings_), Rejection))


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
        inner = document.get("document")
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            target = inner
        target[draw(st.sampled_from(sorted(target)))] = draw(values)
    return json.dumps(document).encode()


@settings(max_examples=some(300))
@given(mutated() | st.binary(max_size=60), st.sampled_from(sorted(KINDS_BY_TOPIC)), st.none() | st.text(max_size=5))
def test_parsing_never_raises(body, topic, row_id):
    """RULES 9: every message has one outcome; an exception would be none."""
    found = read(body, topic=topic, **({} if row_id is None else {"row_id": row_id}))

    assert isinstance(found, Rejection | Filtered) or found.event_id


NAMES = {
    "lead_time_days": (3_650, 3_651), "order_up_to": (10**12, 10**12 + 1), "pack_multiple": (10**6, 10**6 + 1),
    "unit_price": (10**9, 10**9 + 1), "min_order_qty": (10**12, 10**12 + 1),
}  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda number: number, lambda number: {"$numberLong": str(number)}])
@pytest.mark.parametrize(("field", "ends"), NAMES.items())
def test_a_product_number_beyond_its_range_is_null_and_named_and_the_stock_counts(field, ends, wrap):
    """RULES 5, 19: one lead time of a billion days ended the report of all."""
    last, beyond = (read(level(7, **{field: wrap(number)})) for number in ends)

    assert (7, (field,), ()) == (beyond.on_hand, beyond.ignored_fields, beyond.product_fields)
    assert ((field, ends[0]),) == last.product_fields


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"min_threshold_days": 3_651}, "min_threshold_days was 3651, expected a number from 0 to 3,650"),
        ({"reorder_threshold_days": 1e300}, "expected a number from 0 to 3,650"),
        ({"min_threshold_qty": 10**12 + 1}, "min_threshold_qty was 1000000000001, expected 0 to 1,000,000,000,000"),
        ({"mode": "dynamic", "floor_qty": 10**13}, "floor_qty was 10000000000000, expected 0 to 1,000,000,000,000"),
        ({"mode": "dynamic", "ceiling_qty": -1}, "ceiling_qty was -1, expected 0 to 1,000,000,000,000"),
        (
            {"alert_settings": {"cooldown_period_minutes": 10**10}},
            "cooldown_period_minutes was 10000000000, expected 0 to 5,256,000",
        ),
    ],
)
def test_a_threshold_beyond_its_range_is_refused_with_the_range(fields, told):
    found = read({**rule(10, 20), **fields})

    assert "invalid_threshold" == found.reason
    assert told in found.detail


@pytest.mark.parametrize("minutes", [0, -5, 366 * 24 * 60 + 1, 10**12, "soon"])
def test_a_silence_beyond_its_range_is_refused_with_the_range(minutes):
    found = read(command("silence", sku="S1", minutes=minutes))

    assert "invalid_command" == found.reason
    assert "minutes was" in found.detail
    assert minutes == "soon" or "expected 1 to 527,040" in found.detail


@pytest.mark.parametrize(("t", "i"), [(2**32, 1), (-1, 1), (1, 2**32), (1, -1), (10**12, 0)])
def test_a_cluster_time_is_what_the_database_can_write(t, i):
    """32 bits each: a position beyond would be the greatest for ever."""
    found = read(envelope(level(), 0, cluster_time={"t": t, "i": i}))

    assert "invalid_value" == found.reason
    assert "expected 0 to 4,294,967,295" in found.detail


@pytest.mark.parametrize(
    ("body", "topic", "position"),
    [
        (transaction("T", quantity="two"), None, "quantity"),
        (transaction("T", status="DONE"), None, "status"),
        ({"transaction_type": "ORDER", "sku": "S1"}, TRANSACTIONS,
         "transaction_id, status, warehouse_id, quantity, timestamp"),
        (level(1, at="1999-01-01T00:00:00Z"), None, "last_updated"),
        (envelope(transaction("T", sku=" S1"), 0), None, "document.sku"),
        (envelope(transaction("T"), 0, cluster_time="now"), None, "cluster_time"),
        (rule(20, 10), None, "min_threshold_qty"),
        (rule(alert_settings={"cooldown_period_minutes": -1}), None, "cooldown_period_minutes"),
        (command("explode"), None, "command"),
        (transaction("T"), UPDATES, None),
        (b'{"quantity": }', TRANSACTIONS, "line 1, column 14 (byte 13)"),
        ({"specversion": "1.0", "id": "1", "source": "/s", "type": "warehouse.stock.adjusted",
          "data": {"sku": "S1", "warehouse_id": "W1", "quantity_change": "x"}}, UPDATES, "data.quantity_change"),
        ({"specversion": "1.0", "id": "1", "source": "/s", "type": "warehouse.stock.adjusted",
          "data_base64": "eyI="}, UPDATES, "data_base64: line 1, column 3 (byte 2)"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_fields_path_or_where_the_bytes_break(body, topic, position):
    sent = message(body, topic=topic)

    found = parse_message(sent.topic, sent.data, sent.attributes, sent.publish_at, ParseSettings())

    assert isinstance(found, Rejection) and position == found.position, found
