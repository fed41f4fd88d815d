"""Documents of the shop as messages, each with an unambiguous position.

Events are written in position order per key (RULES 12): a bare document has a strictly later
time than the key's last event, an enveloped one the cluster time of its second. A document that
would tie or fall behind in the one form is written in the other. Times handed in strictly
increase and avoid whole seconds, where a bare document would tie with a cluster time.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import msgspec

from inventory_assets.simulator import documents as doc
from inventory_assets.simulator.catalog import Product
from inventory_assets.simulator.documents import SECOND_US
from inventory_assets.simulator.ledger import NO_KEY, LevelPosting, Posting
from inventory_assets.simulator.malformed import CONTROL, DEFECTS, LEVELS, RULES, TRANSACTIONS
from inventory_assets.simulator.malformed import spoiled as spoiled_document
from inventory_assets.simulator.rules import ThresholdRule
from inventory_assets.simulator.settings import SimulationSettings
from inventory_assets.simulator.transactions import Transaction

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RULE_AGE_US = 90 * 86_400 * SECOND_US
_PROCESSING_US = 40_000
_DEFECT_NAMES = sorted(DEFECTS)
_WRONG_TIMES = ("before_history", "far_future")


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (at - EPOCH) // _MICROSECOND


class SimulatedMessage(msgspec.Struct, frozen=True):
    """One message as published; `kind` is for tests and is not sent.

    Attributes:
        kind: `transaction`, `level`, `rule`, `control`, `duplicate`, or `malformed:<defect>`.
    """

    topic: str
    data: bytes
    attributes: dict[str, str]
    ordering_key: str
    event_time: datetime
    kind: str


# A message and what it means to the ledger; None where it moves no stock.
Draft = tuple[SimulatedMessage, Posting | None]


class Writer:
    """Turns business facts into drafts; keys are numbered warehouse-major."""

    def __init__(self, settings: SimulationSettings, catalog: list[Product], warehouses: list[str]) -> None:
        self._settings = settings
        self._random = Random(f"{settings.seed}:writer").random
        self._catalog = catalog
        self._warehouses = warehouses
        self._width = len(catalog)
        self._start_us = microseconds(settings.start_at)
        # Ids differ between runs that differ in seed or start, so that two demonstrations on
        # one lake are not each other's conflicting duplicates (RULES 11).
        self._run = sha256(f"{settings.seed}:{self._start_us}".encode()).hexdigest()[:8]
        self._time = doc.TimeText()
        self._sequence = 0
        self._sku_json = [doc.quoted(p.sku) for p in catalog]
        self._warehouse_json = [doc.quoted(w) for w in warehouses]
        self._connectors = [f"connector-{w.lower()}" for w in warehouses]
        self._hierarchy = [doc.hierarchy_json(p) for p in catalog]
        self._metadata = [doc.metadata_json(p, i) for i, p in enumerate(catalog)]
        count = self._width * len(warehouses)
        self._instant = [0] * count
        self._is_clustered = bytearray(count)
        self._is_listed = bytearray(count)
        self._cluster_second = 0
        self._increment = 0
        self._defects = [name for name in _DEFECT_NAMES if settings.has_wrong_times or name not in _WRONG_TIMES]

    # Returns (event time, spelling, in an envelope?) and takes the position.
    def _place(self, now_us: int, key: int, to_key: int = NO_KEY) -> tuple[int, int, bool]:
        settings = self._settings
        last = self._instant[key]
        is_clustered = self._is_clustered[key]
        if to_key != NO_KEY and self._instant[to_key] >= last:
            is_tied = self._instant[to_key] == last
            last = self._instant[to_key]
            is_clustered = self._is_clustered[to_key] & (is_clustered if is_tied else 1)
        spelling = doc.PLAIN
        event_us = now_us
        if self._random() < settings.extended_json_rate:
            spelling = doc.RELAXED if self._random() < 0.5 else doc.CANONICAL
            # MongoDB dates are milliseconds.
            event_us = now_us - now_us % 1000
        is_enveloped = False
        if self._random() < settings.envelope_rate:
            second_us = now_us - now_us % SECOND_US
            is_enveloped = second_us > last or (second_us == last and is_clustered == 1)
        if is_enveloped:
            instant = second_us
        else:
            if event_us <= last:
                spelling, event_us = doc.PLAIN, now_us
            instant = event_us
        self._instant[key] = instant
        self._is_clustered[key] = is_enveloped
        if to_key != NO_KEY:
            self._instant[to_key] = instant
            self._is_clustered[to_key] = is_enveloped
        self._sequence += 1
        return event_us, spelling, is_enveloped

    def _message(self, topic: str, body: bytes, ordering_key: str, event_us: int, kind: str) -> SimulatedMessage:
        second, micros = divmod(event_us, SECOND_US)
        event_time = EPOCH + timedelta(0, second, micros)
        attributes = {"producer": "simulator"}
        return SimulatedMessage(topic, body, attributes, ordering_key, event_time, kind)

    def _ordering_key(self, key: int) -> str:
        return f"{self._warehouses[key // self._width]}:{self._catalog[key % self._width].sku}"

    # Wraps a document as the change stream connector does (RULES 1).
    def _enveloped(self, document: str, now_us: int, *, object_id: str, key: int, kind: str, is_first: bool) -> str:
        second = now_us // SECOND_US
        if second > self._cluster_second:
            self._cluster_second, self._increment = second, 0
        self._increment += 1
        increment = self._increment
        warehouse = 0 if key == NO_KEY else key // self._width
        warehouse_json = "null" if key == NO_KEY else self._warehouse_json[warehouse]
        return (
            f'{{"source":"mongodb","connector_id":"{self._connectors[warehouse]}","warehouse_id":{warehouse_json},'
            f'"namespace":"inventory.{kind}","operation":"{"insert" if is_first else "update"}",'
            f'"source_epoch":{self._settings.source_epoch},"cluster_time":{{"t":{second},"i":{increment}}},'
            f'"resume_token":{{"_data":"82{second:08X}{increment:08X}2B0429296E1404"}},'
            f'"processed_at":"{self._time.rfc3339(now_us + _PROCESSING_US)}","schema_version":1,'
            f'"document_key":{{"_id":{{"$oid":"{object_id}"}}}},"document":{document}}}'
        )

    def transaction(self, now_us: int, transaction: Transaction, status: str) -> tuple[SimulatedMessage, int]:
        """Write a transaction's next version; also return its sequence for the posting."""
        # One f-string: this is nearly all that is ever written, and calls cost more than text.
        key, to_key, number = transaction.key, transaction.other_key, transaction.number
        event_us, spelling, is_enveloped = self._place(now_us, key, to_key)
        warehouse, offset = divmod(key, self._width)
        object_id = f"{self._run}00{number:014x}"
        quantity: int | str = transaction.quantity
        object_id_json = f'"{object_id}"'
        changed = ""
        is_first = transaction.created_us == 0
        if is_first:
            transaction.created_us = event_us
        if spelling == doc.PLAIN:
            timestamp = f'"{self._time.rfc3339(transaction.created_us)}"'
        else:
            timestamp = self._time.json(transaction.created_us, spelling)
            quantity = doc.quantity_json(transaction.quantity, spelling)
            object_id_json = doc.object_id_json(object_id, spelling)
        if not is_first:
            # R0 has no time for a change of status; RULES 12 takes `updated_at`.
            changed = f',"updated_at":{self._time.json(event_us, spelling)}'
        receiver = ""
        if to_key != NO_KEY:
            receiver = f',"to_warehouse_id":{self._warehouse_json[to_key // self._width]}'
        batch = f'"BATCH-{number // 100}"' if transaction.type == "RESTOCK" else "null"
        body = (
            f'{{"_id":{object_id_json},"transaction_id":"TRX-{self._run}-{number:07d}",'
            f'"transaction_type":"{transaction.type}","sku":{self._sku_json[offset]},'
            f'"warehouse_id":{self._warehouse_json[warehouse]}{receiver},"quantity":{quantity},'
            f'{transaction.reference},"timestamp":{timestamp}{changed},'
            f'"user_id":"{transaction.user}","status":"{status}","batch_id":{batch}}}'
        )
        if is_enveloped:
            body = self._enveloped(body, now_us, object_id=object_id, key=key, kind="transactions", is_first=is_first)
        ordering_key = f"{self._warehouses[warehouse]}:{self._catalog[offset].sku}"
        message = self._message(TRANSACTIONS, body.encode(), ordering_key, event_us, "transaction")
        return message, self._sequence

    def level(
        self, now_us: int, key: int, *, on_hand: int, reserved: int, is_restocking: bool
    ) -> tuple[SimulatedMessage, LevelPosting]:
        """Write a key's stock as it stands; without its reservations it carries on hand only (RULES 14)."""
        event_us, spelling, is_enveloped = self._place(now_us, key)
        warehouse, offset = divmod(key, self._width)
        # Some counts look at the shelf only and say nothing of reservations.
        is_first = not self._is_listed[key]
        self._is_listed[key] = 1
        stated = reserved if is_first or self._random() < 0.85 else None
        held = "" if stated is None else f'"reserved_stock":{stated},"available_stock":{on_hand - reserved},'
        # A third carry R0's own threshold pair, which rules override (RULES 21).
        thresholds = '"min_threshold":5,"reorder_threshold":15,' if offset % 3 == 0 else ""
        object_id = f"{self._run}01{key:014x}"
        body = (
            f'{{"_id":{doc.object_id_json(object_id, spelling)},{self._hierarchy[offset]},'
            f'"warehouse_id":{self._warehouse_json[warehouse]},'
            f'"current_stock":{doc.quantity_json(on_hand, spelling)},{held}{thresholds}'
            f'"restock_in_progress":{"true" if is_restocking else "false"},'
            f'"last_updated":{self._time.json(event_us, spelling)},"metadata":{self._metadata[offset]}}}'
        )
        if is_enveloped:
            body = self._enveloped(body, now_us, object_id=object_id, key=key, kind="inventory", is_first=is_first)
        message = self._message(LEVELS, body.encode(), self._ordering_key(key), event_us, "level")
        return message, LevelPosting(key, self._sequence, on_hand, stated)

    def rule(self, now_us: int, number: int, rule: ThresholdRule, *, is_first: bool) -> Draft:
        """Write a threshold rule as it now stands."""
        spelling = doc.RELAXED if number % 7 == 3 else doc.PLAIN
        event_us = now_us - now_us % 1000
        object_id = f"{self._run}02{number:014x}"
        body = doc.rule_json(
            rule,
            object_id=doc.object_id_json(object_id, spelling),
            created_at=self._time.json(self._start_us - _RULE_AGE_US, spelling),
            updated_at=self._time.json(event_us, spelling),
        )
        # One form a rule, so that its positions compare whatever second it changes in.
        if Random(f"{self._run}:{number}").random() < self._settings.envelope_rate:
            body = self._enveloped(body, now_us, object_id=object_id, key=NO_KEY, kind="thresholds", is_first=is_first)
        ordering_key = f"{rule.level_type}:{rule.level_id}"
        return self._message(RULES, body.encode(), ordering_key, event_us, "rule"), None

    def command(self, now_us: int, key: int) -> Draft:
        """Write an operator's `re-evaluate` of one key."""
        warehouse, offset = divmod(key, self._width)
        body = (
            f'{{"command":"re-evaluate","warehouse_id":{self._warehouse_json[warehouse]},'
            f'"sku":{self._sku_json[offset]},"reason":"spot check","issued_by":"simulator",'
            f'"timestamp":"{self._time.rfc3339(now_us)}"}}'
        )
        ordering_key = self._ordering_key(key)
        return self._message(CONTROL, body.encode(), ordering_key, now_us, "control"), None

    def malformed(self, now_us: int, key: int, number: int) -> Draft:
        """Write a message that must end as a dead letter."""
        name = self._defects[int(self._random() * len(self._defects))]
        topic, body = spoiled_document(
            name,
            transaction_id=f"TRX-{self._run}-X{number:07d}",
            object_id=f"{self._run}03{number:014x}",
            sku=self._catalog[key % self._width].sku,
            warehouse_id=self._warehouses[key // self._width],
            event_time=self._time.rfc3339(now_us),
        )
        kind = f"malformed:{name}"
        return self._message(topic, body, self._ordering_key(key), now_us, kind), None
