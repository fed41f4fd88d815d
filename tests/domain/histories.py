"""Histories for tests: documents as events, as the frame that `run_stock` takes, and as the live engine sees them.

Belongs here: building and running. Does not belong: expectations.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import polars as pl
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Key, Level, StockEvent, Transaction, entity_key, entity_name, order_key
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import BurstInputs, BurstResult, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.stock.fold import affected_keys
from inventory_assets.domain.stock.history import HISTORY_SCHEMA, STATUSES, TYPES
from tests.builders import Document, envelope, level, message, moment, rule, transaction

# Published after every event, as events from the future are refused (RULES 6).
LATER = datetime(2022, 6, 1, tzinfo=UTC)
SKUS = ("S1", "S2")
WAREHOUSES = ("W1", "W2")
STATUSES_OF = {"TRANSFER": ("PENDING", "SHIPPED", "COMPLETED", "CANCELLED")}


def history_of(events: Iterable[StockEvent]) -> tuple[pl.DataFrame, list[Key]]:
    """Events as `queries.history` reads them, and the keys their numbers stand for."""
    placed = [(key, event) for event in events for key in affected_keys(event)]
    keys = sorted({key for key, _ in placed})
    placed.sort(key=lambda pair: (pair[0], order_key(pair[1])))
    return pl.DataFrame([_row(keys.index(k), k, event) for k, event in placed], schema=HISTORY_SCHEMA), keys


def _row(number: int, key: Key, event: StockEvent) -> dict:
    epoch, instant, increment = event.position
    row = {
        "key": number, "rank": 2, "entity": entity_key(entity_name(event)), "source_epoch": epoch, "instant": instant,
        "increment": increment, "has_cluster_time": event.has_cluster_time, "at": event.event_at,
        "event_id": event.event_id, "is_receiver": False, "version": 1, "source": event.source,
    }  # fmt: skip
    if isinstance(event, Transaction):
        is_receiver = key[0] != event.warehouse_id
        return row | {
            "rank": 1, "type": TYPES.index(event.type), "status": STATUSES.index(event.status),
            "quantity": event.quantity, "is_receiver": is_receiver,
        }  # fmt: skip
    if isinstance(event, Level):
        return row | {
            "rank": 0, "on_hand": event.on_hand, "reserved": event.reserved, "min_threshold": event.min_threshold,
            "reorder_threshold": event.reorder_threshold, "is_restock_in_progress": event.is_restock_in_progress,
        }  # fmt: skip
    return row


def live(documents: Sequence[Document], until: int, trace: Key | None = None) -> BurstResult:
    """What the live engine makes of documents that come in order."""
    parsed = parse_burst([message(each, published_at=LATER) for each in documents], ParseSettings())
    parsed.sort(key=lambda event: order_key(event) if isinstance(event, StockEvent) else ((-1, 0, 0), 0, ""))
    state = InventoryState()
    return process_burst(state, parsed, version=1, inputs=BurstInputs(sweep_at=until), trace=trace)


def accepted(result: BurstResult) -> list[StockEvent]:
    """The stock events a burst took in."""
    return [event for event in result.draft.new_events if isinstance(event, StockEvent)]


@st.composite
def documents(draw) -> list[Document]:
    """Levels, transactions and deletions of a few keys around the limits 10 and 20; no SKU moves."""
    found = [rule(10, 20, alert_settings={"cooldown_period_minutes": draw(st.sampled_from((0, 15, 60)))})]
    if draw(st.booleans()):
        found = []  # then what is embedded in the levels holds
    limits = st.sampled_from(({}, {"min_threshold": 10, "reorder_threshold": 20}, {"reorder_threshold": 15}))
    for warehouse_id in WAREHOUSES:
        for sku in SKUS:
            key = {"warehouse_id": warehouse_id, "sku": sku}
            for at in sorted({300, *draw(st.sets(st.integers(400, 460), max_size=3))}):
                more = draw(st.sampled_from(({}, {"reserved_stock": 3}, {"restock_in_progress": True})))
                stated = level(draw(st.integers(-2, 40)), at, **key, **more, **draw(limits))
                if draw(st.booleans()):
                    stated = envelope(stated, at * 60, 1)
                found.append(stated)
            if draw(st.integers(0, 5)) == 5:
                found.append(envelope(None, draw(st.integers(400, 460)) * 60, 2, operation="delete", document_key=key))
    for number in range(draw(st.integers(1, 14))):
        found += draw(versions(number))
    return found


@st.composite
def versions(draw, number: int) -> list[Document]:
    """Some versions of one transaction, at any times."""
    type_ = draw(st.sampled_from(("ORDER", "ORDER", "RESTOCK", "RETURN", "TRANSFER", "RESERVE", "RELEASE")))
    where = draw(st.sampled_from(WAREHOUSES))
    more = {"to_warehouse_id": "W2" if where == "W1" else "W1"} if type_ == "TRANSFER" else {}
    quantity = draw(st.integers(1, 15)) * (-1 if type_ == "ORDER" else 1)
    sku = draw(st.sampled_from(SKUS))
    found = []
    for status in draw(
        st.sets(st.sampled_from(STATUSES_OF.get(type_, ("PENDING", "COMPLETED", "CANCELLED"))), min_size=1)
    ):
        at = draw(st.integers(400, 460))
        stated = transaction(
            f"T{number}", type_, quantity, at, status=status, warehouse_id=where, sku=sku,
            updated_at=moment(at), **more,
        )  # fmt: skip
        found.append(envelope(stated, at * 60, 1) if draw(st.booleans()) else stated)
    return found
