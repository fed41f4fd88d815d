"""CloudEvents 1.0, structured and binary (RULES 38)."""

import pytest

from inventory_assets.domain.events.kinds import Filtered, Outcome, Rejection
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.ingest.process import Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import TRANSACTIONS, UPDATES, level, message, moment, transaction
from tests.domain.events.reading import read
from tests.envelopes import ADJUSTMENTS, SERVICES, binary, cloudevent, structured

STOCK = {"sku": "S1", "warehouse_id": "W1"}
MOVED = {"sku": "S1", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 3}


def taken(sent: Message, settings: ParseSettings | None = None):
    """The event of a message, or why there is none."""
    return parse_message(sent.topic, sent.data, sent.attributes, sent.publish_at, settings or ParseSettings())


def outcomes(*sent: Message) -> list[str]:
    """What becomes of messages, in one burst."""
    result = process_burst(InventoryState(), parse_burst(sent, ParseSettings()), version=1)
    return [a.outcome if a.rejection is None else a.rejection.reason for a in result.arrivals]


@pytest.mark.parametrize("send", [structured, binary])
@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("stock.adjusted", STOCK | {"quantity_change": -2}, ("ADJUSTMENT", "COMPLETED", -2, None)),
        ("stock.adjusted", STOCK | {"quantity_change": "7"}, ("ADJUSTMENT", "COMPLETED", 7, None)),
        ("stock.reserved", STOCK | {"quantity": 4}, ("RESERVE", "COMPLETED", 4, None)),
        ("stock.released", STOCK | {"quantity": 4}, ("RELEASE", "COMPLETED", 4, None)),
        ("stock.transferred", MOVED, ("TRANSFER", "COMPLETED", 3, "W2")),
        ("stock.transferred", MOVED | {"status": "SHIPPED"}, ("TRANSFER", "SHIPPED", 3, "W2")),
        ("stock.transferred", MOVED | {"status": None}, ("TRANSFER", "COMPLETED", 3, "W2")),
    ],
)
def test_it_says_the_same_as_a_transaction(send, name, data, expected):
    """One hand-written transaction each; what is told apart is its id and whose it is."""
    type_, status, quantity, receiver = expected
    found = taken(send(cloudevent(name, data)))
    bare = read(transaction("T", type_, quantity, status=status, to_warehouse_id=receiver))

    assert (bare.content, bare.status, bare.event_at, bare.position) == (
        found.content, found.status, found.event_at, found.position,
    )  # fmt: skip
    assert ("cloudevent:/wms:e1", "/wms/e1", "/wms") == (found.event_id, found.transaction_id, found.source)


@pytest.mark.parametrize("send", [structured, binary])
@pytest.mark.parametrize(
    ("data", "stock"),
    [
        ({"quantity_on_hand": 10}, (10, 0)),
        ({"quantity_on_hand": 10, "quantity_reserved": 3}, (10, 3)),
        ({"quantity_on_hand": 10, "quantity_reserved": 3, "quantity_available": 99}, (10, 3)),
        ({"quantity_on_hand": None, "quantity_available": 7, "quantity_reserved": 3}, (10, 3)),
        ({"quantity_available": 7}, (7, 0)),
        ({"quantity_on_hand": -4}, (-4, 0)),
        # Unreadable beside a total, it is not stated.
        ({"quantity_on_hand": 10, "quantity_reserved": "many"}, (10, None)),
    ],
)
def test_what_stock_is_said_to_be(send, data, stock):
    found = taken(send(cloudevent("stock.updated", STOCK | data)))

    assert ("level", *stock) == (found.kind, found.on_hand, found.reserved)
    assert found.ignored_fields == (("quantity_reserved",) if stock[1] is None else ())
    assert found.parents == ("UNKNOWN",) * 4


def test_product_id_names_the_sku_where_sku_does_not():
    change = {"warehouse_id": "W1", "quantity_change": 1}
    named = [{"product_id": "P9"}, {"sku": None, "product_id": "P9"}, {"sku": "S2", "product_id": "P9"}]

    assert ["P9", "P9", "S2"] == [taken(structured(cloudevent("stock.adjusted", change | each))).sku for each in named]


@pytest.mark.parametrize("send", [structured, binary])
def test_another_s_low_stock_is_evidence_and_no_fact(send):
    assert Filtered("upstream_low_stock") == taken(send(cloudevent("inventory.low_stock", {"sku": "S1"})))


@pytest.mark.parametrize("send", [structured, binary])
def test_without_a_time_it_is_of_when_it_was_published(send):
    """And of when it was published first, where it is a dead letter's replay: else it would move past later facts."""
    sent = send(cloudevent("stock.adjusted", STOCK | {"quantity_change": 1}, at=None))
    first = {"replay_of": "m", "first_published_at": moment("09:00")}
    again = Message("x", sent.topic, sent.publish_at, "", sent.attributes | first, sent.data)
    forged = Message("x", sent.topic, sent.publish_at, "", sent.attributes | first | {"first_published_at": "2099-01-01T00:00:00Z"}, sent.data)  # fmt: skip

    assert sent.publish_at == taken(sent).event_at == taken(forged).event_at
    assert read(transaction("T", at="09:00")).event_at == taken(again).event_at


@pytest.mark.parametrize("topic", [ADJUSTMENTS, SERVICES, UPDATES, TRANSACTIONS])
def test_it_comes_on_four_topics(topic):
    sent = [
        send(cloudevent("stock.adjusted", STOCK | {"quantity_change": 1}), topic=topic) for send in (structured, binary)
    ]

    assert ["transaction", "transaction"] == [taken(each).kind for each in sent]


def test_an_id_is_its_source_s_own_and_no_two_pairs_look_alike():
    """`/a` with `b/c` and `/a/b` with `c` are two facts, though each reads `/a/b/c`."""
    change = STOCK | {"quantity_change": 1}
    pairs = [("/a", "b/c"), ("/a/b", "c"), ("/a", "b%2Fc"), ("/a:b", "c"), ("/a", "b:c")]
    sent = [structured(cloudevent("stock.adjusted", change, id_, source=source)) for source, id_ in pairs]

    assert ["applied"] * 5 == outcomes(*sent)


@pytest.mark.parametrize(
    ("first", "then", "outcome"),
    [
        (("stock.adjusted", STOCK | {"quantity_change": 1}), ("stock.adjusted", STOCK | {"quantity_change": 1}), "duplicate"),
        (("stock.adjusted", STOCK | {"quantity_change": 1}), ("stock.adjusted", STOCK | {"quantity_change": 2}), "conflicting_duplicate"),
        (("stock.adjusted", STOCK | {"quantity_change": 1}), ("stock.adjusted", STOCK | {"warehouse_id": "W2", "quantity_change": 1}), "conflicting_duplicate"),
        (("stock.adjusted", STOCK | {"quantity_change": 1}), ("stock.updated", STOCK | {"quantity_on_hand": 1}), "conflicting_duplicate"),
        (("stock.updated", STOCK | {"quantity_on_hand": 1}), ("stock.adjusted", STOCK | {"quantity_change": 1}), "conflicting_duplicate"),
        # Its id has no status, so another one is no later version but another event under the same id.
        (("stock.transferred", MOVED | {"status": "SHIPPED"}), ("stock.transferred", MOVED), "conflicting_duplicate"),
    ],
)  # fmt: skip
def test_a_repeat_says_the_same_or_is_refused(first, then, outcome):
    """RULES 11: structured or binary, an event is its (source, id)."""
    assert [Outcome.APPLIED, outcome] == outcomes(structured(cloudevent(*first)), binary(cloudevent(*then)))


def test_it_counts_among_documents_by_its_time():
    """A level of a document before it, another after it: 10, then -3; then 20."""
    change = structured(cloudevent("stock.adjusted", STOCK | {"quantity_change": -3}, at="08:00"))
    state = InventoryState()
    found = []
    for burst in ([change], [message(level(10, "07:00"))], [message(level(20, "09:00"))]):
        result = process_burst(state, parse_burst(burst, ParseSettings()), version=state.version + 1)
        result.draft.merge(state.version + 1, 0)
        found.append(state.keys[("W1", "S1")].on_hand)

    assert [-3, 7, 20] == found


BAD = {
    "no id": (cloudevent("stock.adjusted", STOCK, id=None), "missing_field"),
    "no source": (cloudevent("stock.adjusted", STOCK, source=None), "missing_field"),
    "no type": (cloudevent("stock.adjusted", STOCK, type=None), "missing_field"),
    "another version": (cloudevent("stock.adjusted", STOCK, specversion="0.3"), "invalid_value"),
    "id with a line break": (cloudevent("stock.adjusted", STOCK, id="a\nb"), "invalid_id"),
    "source of 257 bytes": (cloudevent("stock.adjusted", STOCK, source="s" * 257), "invalid_id"),
    "unknown type": (cloudevent("stock.counted", STOCK), "unsupported_type"),
    "type in capitals": (cloudevent("stock.adjusted", STOCK, type="WAREHOUSE.STOCK.ADJUSTED"), "unsupported_type"),
    "no data": (cloudevent("stock.adjusted", None), "missing_field"),
    "no SKU": (cloudevent("stock.adjusted", {"warehouse_id": "W1", "quantity_change": 1}), "missing_field"),
    "no warehouse": (cloudevent("stock.updated", {"sku": "S1", "quantity_on_hand": 1}), "missing_field"),
    "no quantity": (cloudevent("stock.updated", STOCK | {"quantity_reserved": 1}), "missing_field"),
    "zero": (cloudevent("stock.adjusted", STOCK | {"quantity_change": 0}), "invalid_sign"),
    "a negative reservation": (cloudevent("stock.reserved", STOCK | {"quantity": -1}), "invalid_sign"),
    "a fraction": (cloudevent("stock.updated", STOCK | {"quantity_on_hand": 1.5}), "invalid_value"),
    "a sum of which half is unreadable": (
        cloudevent("stock.updated", STOCK | {"quantity_available": 1, "quantity_reserved": "x"}), "invalid_value",
    ),
    "a sum beyond 10^12": (
        cloudevent("stock.updated", STOCK | {"quantity_available": 10**12, "quantity_reserved": 1}), "invalid_value",
    ),
    "an unknown status": (cloudevent("stock.transferred", MOVED | {"status": "DONE"}), "invalid_value"),
    "to itself": (cloudevent("stock.transferred", MOVED | {"to_warehouse_id": "W1"}), "invalid_value"),
    "to itself, by another form of its id": (
        cloudevent("stock.transferred", MOVED | {"from_warehouse_id": {"$oid": "W2"}}), "invalid_value",
    ),
    "to nowhere": (cloudevent("stock.transferred", MOVED | {"to_warehouse_id": None}), "missing_field"),
    "no time": (cloudevent("stock.adjusted", STOCK | {"quantity_change": 1}, at="soon, at least by noon"), "invalid_value"),
    "years ahead": (
        cloudevent("stock.adjusted", STOCK | {"quantity_change": 1}, at="2099-01-01T00:00:00Z"), "event_time_out_of_range",
    ),
}  # fmt: skip


@pytest.mark.parametrize("send", [structured, binary])
@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_it_is_said(name, send):
    event, reason = BAD[name]
    event = {field: value for field, value in event.items() if value is not None}
    if "data" not in event and send is binary:
        event["data"] = {}
    found = taken(send(event))

    assert isinstance(found, Rejection) and reason == found.reason


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (message({"id": "e", "source": "/s", "type": "x"}, topic=ADJUSTMENTS, **{"content-type": "application/cloudevents+json"}), "missing_field"),
        (message(b"[]", topic=ADJUSTMENTS, **{"content-type": "application/cloudevents-batch+json"}), "invalid_json"),
        (message(b"<a/>", topic=ADJUSTMENTS, **{"ce-type": "warehouse.stock.adjusted"}), "invalid_json"),
        (message(b"", topic=ADJUSTMENTS, **{"ce-type": "warehouse.stock.adjusted"}), "invalid_json"),
        (message(level(), topic=ADJUSTMENTS, **{"ce-id": "1"}), "missing_field"),
        (structured(cloudevent("stock.updated", STOCK), topic="thresholds-topic"), "wrong_topic"),
        (binary(cloudevent("stock.updated", STOCK), topic="control-topic"), "wrong_topic"),
        (structured(cloudevent("stock.updated", [STOCK])), "invalid_value"),  # type: ignore[arg-type]
        (structured(cloudevent("stock.updated", STOCK, data_base64="e30=")), "invalid_value"),
        (structured(cloudevent("stock.updated", None, data_base64="?")), "invalid_value"),
        (structured(cloudevent("stock.updated", None, data_base64=7)), "invalid_value"),
        (structured(cloudevent("stock.updated", None, data_base64="W10=")), "invalid_json"),
        (structured(cloudevent("stock.updated", STOCK, type=["x"])), "unsupported_type"),
        (structured(cloudevent("stock.updated", STOCK, specversion=1.0)), "invalid_value"),
    ],
)  # fmt: skip
def test_what_is_no_cloudevent_at_all_is_refused(sent, reason):
    found = taken(sent)

    assert isinstance(found, Rejection) and reason == found.reason
