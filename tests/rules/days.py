"""Streams over some days, and what RULES say of each day's end: the oracle's fold of the events before it.

Belongs here: documents whose two clocks disagree, and the naive reading of a
day's row. Does not: anything fast, or anything imported from the product but
the shape of a message.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from inventory_assets.domain.ingest.process import Message
from tests.builders import DAY, Document, envelope, level, message, transaction
from tests.domain.histories import LATER
from tests.rules.folding import Key, is_active, keys_of, latest_version, sort_key, state_of, top_level
from tests.rules.reading import Event, read_event
from tests.rules.reading import Message as OracleMessage

DAYS = 5
FIRST = DAY.date()
SKUS, WAREHOUSES = ("S1", "S2"), ("W1", "W2")
TYPES = ("ORDER", "ORDER", "RESTOCK", "RETURN", "ADJUSTMENT", "TRANSFER", "RESERVE", "RELEASE")
# A day ends before midnight and the next begins with it.
EDGES = tuple(1440 * day + minute for day in range(1, DAYS) for minute in (-1, 0, 1))
MINUTES = st.one_of(st.integers(0, DAYS * 1440 - 1), st.sampled_from(EDGES))


def spell(minute: int) -> str:
    """Minutes after the first midnight, as documents spell a time."""
    return (DAY + timedelta(minutes=minute)).isoformat()


@st.composite
def streams_of_days(draw: Any, world: str = "") -> list[Document]:
    """Levels, deletions and versions of transactions of a few keys over `DAYS` days, in no order.

    Streams of different worlds have no id in common.
    """
    found = []
    for _ in range(draw(st.integers(0, 6))):
        found += draw(documents_of_a_key(world))
    for number in range(draw(st.integers(0, 8))):
        found += draw(versions(f"T{number}{world}", world))
    return draw(st.permutations(found))


@st.composite
def documents_of_a_key(draw: Any, world: str) -> list[Document]:
    """A level, and sometimes a deletion."""
    key = {"warehouse_id": draw(st.sampled_from(WAREHOUSES)), "sku": draw(st.sampled_from(SKUS)) + world}
    minute = draw(MINUTES)
    more = draw(st.sampled_from(({}, {"reserved_stock": 3}, {"reserved_stock": 0})))
    found = [send(draw, level(draw(st.integers(-2, 12)), spell(minute), **key, **more), minute)]
    if draw(st.integers(0, 4)) == 4:
        found.append(envelope(None, draw(MINUTES) * 60, 2, operation="delete", document_key=key))
    return found


@st.composite
def versions(draw: Any, name: str, world: str) -> list[Document]:
    """Some versions of one transaction, each with a quantity of its own."""
    kind = draw(st.sampled_from(TYPES))
    where = draw(st.sampled_from(WAREHOUSES))
    fields = {"warehouse_id": where, "sku": draw(st.sampled_from(SKUS)) + world}
    statuses = ["PENDING", "COMPLETED", "COMPLETED", "CANCELLED"]
    if kind == "TRANSFER":
        fields["to_warehouse_id"] = "W2" if where == "W1" else "W1"
        statuses.append("SHIPPED")
    found = []
    for _ in range(draw(st.integers(1, 3))):
        minute = draw(MINUTES)
        quantity = draw(st.integers(1, 9)) * (-1 if kind == "ORDER" else 1)
        status = draw(st.sampled_from(statuses))
        found.append(send(draw, transaction(name, kind, quantity, spell(minute), status=status, **fields), minute))
    return found


def send(draw: Any, document: Document, minute: int) -> Document:
    """Bare, or in the connector's envelope, whose clock is another one: positions leave the order of time."""
    if draw(st.integers(0, 1)):
        return document
    return envelope(document, (minute if draw(st.integers(0, 2)) else draw(MINUTES)) * 60, draw(st.integers(1, 2)))


def accepted(documents: Iterable[Document]) -> tuple[list[Message], list[Event]]:
    """Messages, and the oracle's events of them; of an event id the first only, so that nothing conflicts."""
    messages, events, seen = [], [], set()
    for document in documents:
        sent = message(document, published_at=LATER)
        event = read_event(OracleMessage(sent.topic, sent.data, LATER))
        if event.event_id not in seen:
            seen.add(event.event_id)
            messages.append(sent)
            events.append(event)
    return messages, events


def expected_rows(events: list[Event], versions: dict[str, int]) -> dict[tuple[int, Key], tuple]:
    """By (day, key): on_hand, reserved, inbound, is_active, stockout_seconds, sold_units, last_event_at, version.

    Args:
        events: In any order.
        versions: By event id, the lake version that took it in.
    """
    found = {}
    for day in range(DAYS):
        for key in keys_of(events):
            row = _row([event for event in events if key in event.keys], key, DAY + timedelta(days=day), versions)
            if row is not None:
                found[day, key] = row
    return found


def _row(own: list[Event], key: Key, begin: datetime, versions: dict[str, int]) -> tuple | None:
    end = begin + timedelta(days=1)
    known = [event for event in own if event.at < end]
    if not known:
        return None
    state = state_of(known, key)
    sold = _completed(known) - _completed([event for event in known if event.at < begin])
    level = top_level(known, key)
    since = [event for event in known if level is None or sort_key(event) >= sort_key(level)]
    return (
        state["on_hand"], state["reserved"], state["inbound"], state["is_active"],
        _time_out(known, key, begin, end) // timedelta(seconds=1), sold, max(event.at for event in known),
        max(versions[event.event_id] for event in since),
    )  # fmt: skip


def _time_out(known: list[Event], key: Key, begin: datetime, end: datetime) -> timedelta:
    moments = sorted({begin, *(event.at for event in known if event.at > begin)})
    total = timedelta()
    for moment, until in zip(moments, [*moments[1:], end], strict=True):
        then = [event for event in known if event.at <= moment]
        if then and is_active(then, key) and state_of(then, key)["available"] <= 0:
            total += until - moment
    return total


def _completed(events: list[Event]) -> int:
    """Units of the orders of which a COMPLETED version counts."""
    orders: dict[tuple, list[Event]] = {}
    for event in events:
        if event.kind == "transaction" and event.fields["type"] == "ORDER":
            orders.setdefault(event.fields["identity"], []).append(event)
    latest = [latest_version(each) for each in orders.values()]
    return -sum(event.fields["quantity"] for event in latest if event and event.fields["status"] == "COMPLETED")
