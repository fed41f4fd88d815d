"""Keys, dead letters, and whom a message is about. Pure."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.connector.shape.routing import (
    DEAD_LETTER_TOPIC,
    MAX_ATTRIBUTE_VALUE_BYTES,
    MAX_MESSAGE_BYTES,
    Router,
    dead_letter,
    find_subject,
    has_identity,
    lane_key,
    refusal_of,
    sku_key,
)
from inventory_assets.ingest.outgoing.owed import owed_dead_letter
from inventory_assets.messaging.messages import OutgoingMessage

TOPICS = {"inventory": "inventory-updates-topic", "transactions": "inventory-transactions-topic"}


def letter(data: bytes, *, max_bytes: int = MAX_MESSAGE_BYTES, **changes: str) -> OutgoingMessage:
    about = {
        "reason": "change_too_large",
        "detail": "16777216 bytes",
        "connector_id": "wh-1",
        "source": "mongodb",
        "original_topic": "inventory-updates-topic",
        "collection": "inventory",
        "operation": "update",
    }
    return dead_letter(data, about | changes, cluster_time=(1_700_000_000, 3), max_bytes=max_bytes)


def test_a_lane_is_the_same_in_every_process():
    """Another lane after a restart would let new messages overtake old ones. Pinned, never to change."""
    assert [lane_key(sku, 8) for sku in ("A", "B", "ü")] == ["lane-3", "lane-1", "lane-5"]


def test_lanes_are_used_evenly():
    used = [lane_key(f"SKU-{number}", 8) for number in range(8_000)]

    assert all(800 < used.count(f"lane-{lane}") < 1_200 for lane in range(8))


@pytest.mark.parametrize(
    ("router", "key"),
    [
        (Router(topics=TOPICS, ordering="sku"), "A"),
        (Router(topics=TOPICS, ordering=0), ""),
        (Router(topics=TOPICS, ordering=1), "lane-0"),
    ],
)
def test_the_ordering_decides_the_key(router, key):
    assert router.key_of("A") == key


@given(st.text(max_size=3), st.integers(0, 600))
def test_a_key_of_its_own_is_never_too_long_for_pubsub(text, times):
    message = OutgoingMessage("topic", b"x", {}, sku_key(text * times))

    assert refusal_of(message) is None


def test_long_keys_stay_apart():
    assert sku_key("a" * 2_000) != sku_key("a" * 1_999 + "b")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (OutgoingMessage("t", b"x" * 10_000_001), "10000001 bytes of data"),
        (OutgoingMessage("t", b""), "no data and no attributes"),
        (OutgoingMessage("t", b"x", {"data": "x"}), "['data'] are reserved"),
        (OutgoingMessage("t", b"x", {str(n): "" for n in range(101)}), "101 attributes"),
        (OutgoingMessage("t", b"x", {"n" * 257: ""}), "over 256 bytes"),
        (OutgoingMessage("t", b"x", {"": "x"}), "is empty"),
        (OutgoingMessage("t", b"x", {"a": "v" * 1_025}), "over 1024 bytes"),
        (OutgoingMessage("t", b"x", {"a": "ü" * 513}), "over 1024 bytes"),
        (OutgoingMessage("t", b"x", {}, "k" * 1_025), "ordering key is over"),
    ],
)
def test_limits_of_pubsub_are_known_before_it_refuses(message, said):
    assert said in (refusal_of(message) or "")


def test_what_is_at_the_limits_is_sent():
    attributes = {f"{number:03}" + "n" * 253: "v" * 1_024 for number in range(100)}

    assert refusal_of(OutgoingMessage("t", b"", attributes, "k" * 1_024)) is None


def test_a_dead_letter_is_like_the_lakes():
    """Whoever reads the topic reads both: payload unchanged, reason and detail beside it."""
    lakes = owed_dead_letter("7", "inventory-updates-topic", "change_too_large", "16777216 bytes", b"payload")

    message = letter(b"payload")

    assert (message.topic, message.data) == (lakes.message.topic, lakes.message.data) == (DEAD_LETTER_TOPIC, b"payload")
    assert message.attributes == {
        "reason": "change_too_large",
        "detail": "16777216 bytes",
        "connector_id": "wh-1",
        "source": "mongodb",
        "original_topic": "inventory-updates-topic",
        "collection": "inventory",
        "operation": "update",
        "cluster_time": "1700000000.3",
    }
    assert {"reason", "detail"} <= set(lakes.message.attributes)


def test_a_dead_letter_too_large_for_pubsub_is_shown_in_part():
    data = b'{"notes": "' + b"x" * 16_000_000 + b'"}'

    message = letter(data)
    body = json.loads(message.data)

    assert message.attributes["truncated_from_bytes"] == str(len(data))
    assert body["byte_length"] == len(data)
    assert body["sha256"] == hashlib.sha256(data).hexdigest()
    assert data.decode().startswith(body["excerpt"]) and len(body["excerpt"]) == 65_536
    assert body["cluster_time"] == {"t": 1_700_000_000, "i": 3}


@given(
    st.binary(max_size=300_000),
    st.text(alphabet=st.characters(codec=None), max_size=2_000),
    st.integers(min_value=17_000, max_value=200_000),
)
def test_no_dead_letter_is_refused_itself(data, text, limit):
    """It would be read, refused and dead-lettered for ever: whatever bytes and texts there are, it is below the limit."""
    message = letter(data, detail=text, collection=text, source=text, max_bytes=limit)

    assert refusal_of(message, max_bytes=limit) is None
    assert all(len(value.encode()) <= MAX_ATTRIBUTE_VALUE_BYTES for value in message.attributes.values())


def test_control_characters_do_not_make_an_excerpt_too_large():
    """JSON writes each in six bytes."""
    message = letter(b"\x01" * 400_000, max_bytes=100_000)

    assert len(message.data) <= 100_000


@pytest.mark.parametrize(
    ("role", "found", "expected"),
    [
        ("inventory", {"warehouse_id": "W1", "sku": "S1"}, "S1"),
        ("transactions", {"warehouse_id": "W1", "sku": "S1", "transaction_id": "T"}, "S1"),
        ("transactions", {"_id": {"$oid": "60b3"}}, "60b3"),
        ("thresholds", {"level_type": "BRAND", "level_id": "B1", "warehouse_id": None}, "BRAND:B1"),
        ("inventory", {"warehouse_id": 5, "sku": ["S1"]}, ""),
    ],
)
def test_a_transaction_and_the_level_of_its_key_share_a_subject(role, found, expected):
    """So they share a lane, and arrive in the order in which they were committed."""
    assert find_subject(role, found) == expected


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


def test_both_ends_of_a_transfer_share_a_lane():
    """The goods leave before they arrive: in two lanes, the receiver could know first (RULES 16)."""
    router = Router(topics=TOPICS)
    ends = [{"warehouse_id": warehouse_id, "sku": "S1", "current_stock": 1} for warehouse_id in ("W1", "W2")]

    assert len({router.key_of(find_subject("inventory", end)) for end in ends}) == 1
