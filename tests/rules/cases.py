"""Hand-computed cases for RULES 8-30: documents in, expected facts out.

Belongs here: the table and the builders it needs. Every number was worked out by hand in the
comment beside it. Does not: anything that computes an expectation.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.rules.reading import Message

DAY = "2022-04-20"
SECOND = 1650438000  # 2022-04-20T07:00:00Z
PUBLISHED = datetime(2022, 5, 1, tzinfo=UTC)
K = ("W1", "S1")
UPDATES = "inventory-updates-topic"
TRANSACTIONS = "inventory-transactions-topic"
RULES_TOPIC = "thresholds-topic"
CONTROL = "control-topic"


@dataclass(frozen=True)
class Sweep:
    """The time-driven sweep of RULE 28, in place of a burst."""

    now: str


@dataclass(frozen=True)
class Velocities:
    """New velocities, in units a day, in place of a burst (RULE 23)."""

    date: str
    units_per_day: dict


@dataclass(frozen=True)
class Sent:
    """A document with its delivery, where topic, row or publish time matter."""

    document: Any  # bytes are sent as they are
    topic: str | None = None
    row_id: str | None = None
    publish_time: datetime = PUBLISHED


@dataclass(frozen=True)
class Case:
    """Steps and what must be true after them; only what is named is compared.

    `outcomes`: one per message, the dead-letter reason where there is one.
    `reading`: what RULES leaves open and this case settles, where it does.
    `transitions`: per key, `<type> <transition> <reason> <HH:MM>[ late]`.
    """

    name: str
    rules: tuple[int, ...]
    steps: list
    states: dict = field(default_factory=dict)
    outcomes: list[str] | None = None
    rollups: dict = field(default_factory=dict)
    resolved: dict = field(default_factory=dict)
    alerts: list[dict] | None = None
    transitions: dict = field(default_factory=dict)
    products: dict | None = None
    velocity: dict | None = None
    default_min: int = 0
    default_reorder: int = 0
    reading: str = ""


def moment(time: str) -> str:
    """`07:00` or `07:00:01` on the day of the table; anything longer is spelled out."""
    if len(time) > 8:
        return time
    return f"{DAY}T{time if len(time) == 8 else time + ':00'}Z"


def level(stock: object, time: str, **more: object) -> dict:
    """A bare R0 inventory document."""
    base = {"sku": "S1", "warehouse_id": "W1", "current_stock": stock}
    return {**base, "last_updated": moment(time), **more}


def txn(name: str, kind: str, quantity: object, time: str, **more: object) -> dict:
    """A bare R0 transaction document, COMPLETED unless it says otherwise."""
    base = {"transaction_id": name, "transaction_type": kind, "status": "COMPLETED"}
    base |= {"sku": "S1", "warehouse_id": "W1", "quantity": quantity}
    return {**base, "timestamp": moment(time), **more}


def rule(level_type: str, level_id: str | None, low: object, reorder: object, **more: object) -> dict:
    """A bare R0 threshold document. Of 2022-04-15 unless it says otherwise."""
    base = {"level_type": level_type, "level_id": level_id}
    base |= {"min_threshold_qty": low, "reorder_threshold_qty": reorder}
    return {**base, "updated_at": "2022-04-15T00:00:00Z", **more}


def envelope(document: dict | None, t: int = SECOND, i: int = 1, **more: object) -> dict:
    """The connector's envelope (RULE 1)."""
    base = {"source": "mongo", "operation": "insert", "namespace": "inventory.inventory"}
    return {**base, "cluster_time": {"t": t, "i": i}, "document": document, **more}


def message(item: dict | Sent) -> Message:
    """Encode one item of a burst; the topic follows from the shape unless given."""
    sent = item if isinstance(item, Sent) else Sent(item)
    document = sent.document
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    topic = sent.topic
    if topic is None:
        inner = document if isinstance(document, dict) else {}
        inner = inner.get("document") or inner.get("document_key") or inner
        topic = UPDATES
        for name, other in (
            ("level_type", RULES_TOPIC),
            ("transaction_type", TRANSACTIONS),
            ("command", CONTROL),
        ):
            topic = other if name in inner else topic
    attributes = {} if sent.row_id is None else {"row_id": sent.row_id}
    return Message(topic, raw, sent.publish_time, attributes)


def without(document: dict, *names: str) -> dict:
    return {name: value for name, value in document.items() if name not in names}


def stock(on_hand: int, reserved: int, available: int, inbound: int = 0) -> dict:
    return {
        "on_hand": on_hand,
        "reserved": reserved,
        "available": available,
        "inbound": inbound,
    }


def cooldown(minutes: int) -> dict:
    return {"alert_settings": {"cooldown_period_minutes": minutes}}


PARENTS = {
    "department_id": "D",
    "category_id": "C",
    "brand_id": "B",
    "product_id": "P",
}
R0_LEVEL = {
    "sku": "IPHONE13-PRO-256-SILVER",
    "product_id": "IPHONE13-PRO",
    "brand_id": "APPLE",
    "category_id": "SMARTPHONES",
    "department_id": "ELECTRONICS",
    "warehouse_id": "WH-EAST-1",
    "current_stock": 156,
    "reserved_stock": 12,
    "available_stock": 144,
    "min_threshold": 50,
    "reorder_threshold": 100,
    "restock_in_progress": False,
    "last_updated": {"$date": "2022-04-20T07:00:00.000Z"},
}
R0_ORDER = {
    "transaction_id": "TRX-123456",
    "transaction_type": "ORDER",
    "sku": "IPHONE13-PRO-256-SILVER",
    "warehouse_id": "WH-EAST-1",
    "quantity": -1,
    "order_id": "ORD-789012",
    "timestamp": {"$date": {"$numberLong": "1650438000000"}},
    "status": "COMPLETED",
}
R0_KEY = ("WH-EAST-1", "IPHONE13-PRO-256-SILVER")
RULE_50_50 = rule("SKU", "S1", 50, 50)
RULE_50_100 = rule("SKU", "S1", 50, 100)
OPENED_LOW = ["LOW_STOCK opened breach 07:01", "LOW_STOCK notified breach 07:01"]


def moves(*steps: tuple[str, int]) -> list[list[dict]]:
    """One level a burst: `(time, stock)`."""
    return [[level(units, time)] for time, units in steps]


SIGNS = [
    Case(
        # -5 +7 +2 -1 = 3; the four with the wrong sign or zero count for nothing.
        "signs follow the type",
        (8, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01"),
                txn("T2", "RESTOCK", 7, "07:02"),
                txn("T3", "RETURN", 2, "07:03"),
                txn("T4", "ADJUSTMENT", -1, "07:04"),
                txn("T5", "ORDER", 5, "07:05"),
                txn("T6", "RESTOCK", -5, "07:06"),
                txn("T7", "ADJUSTMENT", 0, "07:07"),
                txn("T8", "ORDER", 5, "07:08", status="CANCELLED"),
            ]
        ],
        states={K: stock(3, 0, 3)},
        outcomes=["applied"] * 4 + ["invalid_sign"] * 4,
    ),
    Case(
        "transfer reserve and release are positive",
        (8,),
        [
            [
                txn("T1", "TRANSFER", -1, "07:01", to_warehouse_id="W2"),
                txn("T2", "RESERVE", -1, "07:01"),
                txn("T3", "RELEASE", -1, "07:01"),
            ]
        ],
        outcomes=["invalid_sign"] * 3,
    ),
]

OUTCOMES = [
    Case(
        # 100 - 5 once; the COMPLETED order at 06:00 lies inside the level of 07:00.
        "every outcome of a stock event",
        (9, 10, 14),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:01"),
                txn("T1", "ORDER", -5, "07:01"),
                txn("T2", "ORDER", -9, "06:00"),
                level(300, "05:00"),
                txn("T3", "ORDER", 9, "07:02"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "duplicate", "superseded", "superseded", "invalid_sign"],
    ),
    Case(
        "a repeat in a later burst is a duplicate",
        (9, 18),
        [[level(100, "07:00")], [level(100, "07:00")]],
        states={K: stock(100, 0, 100)},
        outcomes=["applied", "duplicate"],
    ),
    Case(
        # A PENDING after its COMPLETED: nothing. on_hand 100 - 5 = 95.
        "a pending after its completion is superseded",
        (9, 13),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        "an upstream DDL is filtered",
        (9,),
        [[Sent(envelope(None, operation="drop"), topic=UPDATES)]],
        outcomes=["filtered"],
        alerts=[],
    ),
    Case(
        "dead letters name their reason",
        (9,),
        [
            [
                Sent(level(1, "07:00"), topic=TRANSACTIONS),
                Sent(b"{"),
                Sent(b'{"a": 1}'),
                without(level(1, "07:00"), "last_updated"),
                level(1.5, "07:00"),
                level(True, "07:00"),
                level(10**12 + 1, "07:00"),
                level(1, "07:00", sku=" S1"),
                level(1, "07:00", sku=7),
                txn("T1", "THEFT", -1, "07:00"),
                txn("T1", "ORDER", -1, "07:00", status="completed"),
                level(1, "2009-12-31T23:59:59Z"),
                # published 2022-05-01T00:00Z, so 24 h ahead is the last moment allowed
                level(1, "2022-05-02T00:00:00.000001Z"),
                level(1, "2022-05-02T00:00:00Z"),
            ]
        ],
        outcomes=[
            "wrong_topic",
            "invalid_json",
            "unknown_kind",
            "missing_field",
            "invalid_value",
            "invalid_value",
            "invalid_value",
            "invalid_id",
            "invalid_id",
            "invalid_value",
            "invalid_value",
            "event_time_out_of_range",
            "event_time_out_of_range",
            "applied",
        ],
    ),
]

IDENTITY = [
    Case(
        # Same id, -5 then -6: the first wins, 100 - 5.
        "same id with other content is a conflict",
        (10, 11),
        [
            [level(100, "07:00"), txn("T1", "ORDER", -5, "07:01")],
            [txn("T1", "ORDER", -6, "07:01"), level(99, "07:00")],
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "conflicting_duplicate", "conflicting_duplicate"],
    ),
    Case(
        "a field that is not stock makes no conflict",
        (11,),
        [[txn("T1", "RESTOCK", 5, "07:01", order_id="A"), txn("T1", "RESTOCK", 5, "07:01")]],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "duplicate"],
    ),
    Case(
        # "5", 5.0 and $numberLong are one normalised quantity: one event, 5 units.
        "spelling of a number makes no conflict",
        (11, 10),
        [
            [
                txn("T1", "RESTOCK", "5", "07:01"),
                txn("T1", "RESTOCK", 5.0, "07:01"),
                txn("T1", "RESTOCK", {"$numberLong": "5"}, "2022-04-20T09:01:00+02:00"),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "duplicate", "duplicate"],
    ),
    Case(
        # The opening event's id carries the cluster time, its colons escaped by nothing (t.i).
        "a cluster time is part of a transaction id",
        (10,),
        [
            [
                envelope(txn("T:1", "ORDER", -5, "07:00"), SECOND, 1),
                envelope(txn("T:1", "ORDER", -5, "07:00"), SECOND, 2),
            ]
        ],
        states={K: stock(-5, 0, -5)},
        outcomes=["applied", "applied"],
        alerts=[{"opening_event_id": "transaction:W1:T%3A1:COMPLETED:1650438000.1"}],
    ),
    Case(
        # Two rows are two events; both are versions of T1, of which one counts: 5.
        # The level rows: two events, same level; 7 + nothing.
        "equal lines of one file are separate events",
        (10, 13),
        [
            [
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:1"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:2"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:2"),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "applied", "duplicate"],
        reading="row_id replaces the document's own id",
    ),
    Case(
        # PENDING at S1; the COMPLETED names S2: not believed. Reserved stays 5.
        "a version that names another sku is a dead letter",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02", sku="S2"),
            ]
        ],
        states={K: stock(100, 5, 95)},
        outcomes=["applied", "applied", "transaction_moved"],
    ),
    Case(
        "a version that names another warehouse is a dead letter",
        (13,),
        [
            [
                txn("T1", "RESTOCK", 5, "07:01", status="PENDING"),
                txn("T1", "RESTOCK", 5, "07:02", warehouse_id="W2"),
            ]
        ],
        states={K: stock(0, 0, 0, 5)},
        outcomes=["applied", "transaction_moved"],
        reading="a transaction_id is one transaction in all warehouses",
    ),
]

POSITION = [
    Case(
        # R0: 156 - 1 = 155; 155 - 12 = 143. Both bare, same second: not contained.
        "the R0 sample",
        (12, 14),
        [[R0_ORDER, R0_LEVEL]],
        states={R0_KEY: stock(155, 12, 143)},
        outcomes=["applied", "applied"],
        alerts=[],
    ),
    Case(
        # Both with the cluster time (t, 1): equal, so contained: 156, not 155.
        "an equal cluster time is contained",
        (12,),
        [[envelope(R0_ORDER, SECOND, 1), envelope(R0_LEVEL, SECOND, 1)]],
        states={R0_KEY: stock(156, 12, 144)},
    ),
    Case(
        # (t, 1) before (t, 2): contained. Then (t, 3): not. 156 - 4 = 152.
        "the increment orders within a second",
        (12,),
        [
            [
                envelope({**R0_ORDER, "transaction_id": "A", "quantity": -9}, SECOND, 1),
                envelope(R0_LEVEL, SECOND, 2),
                envelope({**R0_ORDER, "transaction_id": "B", "quantity": -4}, SECOND, 3),
            ]
        ],
        states={R0_KEY: stock(152, 12, 140)},
    ),
    Case(
        # Epoch 1 is later than epoch 0 whatever the second: the level of 40 contains the order.
        "a new source epoch is later",
        (12,),
        [
            [
                envelope(txn("T1", "ORDER", -5, "07:00"), SECOND, 1),
                envelope(level(40, "06:00"), SECOND - 3600, 1, source_epoch=1),
            ]
        ],
        states={K: stock(40, 0, 40)},
    ),
    Case(
        # Ordered 06:00, completed 08:00 (updated_at), level 07:00 between: 100 - 5.
        "updated_at places a version, not timestamp",
        (12, 14),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "06:00", updated_at=moment("08:00")),
                txn("T2", "ORDER", -3, "06:00", status_changed_at=moment("08:00")),
            ]
        ],
        states={K: stock(92, 0, 92)},
        outcomes=["applied", "applied", "applied"],
    ),
    Case(
        # Between finals the later: CANCELLED at 07:03 undoes COMPLETED at 07:02.
        "between finals the later position counts",
        (13,),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:03", status="CANCELLED"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T2", "ORDER", -6, "07:03"),
                txn("T2", "ORDER", -6, "07:02", status="CANCELLED"),
            ]
        ],
        states={K: stock(94, 0, 94)},
        outcomes=["applied", "applied", "superseded", "applied", "superseded"],
    ),
    Case(
        # Same position: CANCELLED. 100.
        "cancelled wins a tie",
        (13,),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:02", status="CANCELLED"),
            ]
        ],
        states={K: stock(100, 0, 100)},
    ),
    Case(
        # A PENDING stamped after the COMPLETED does not undo it: 95, reserved 0.
        "a final status beats a later pending",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:09", status="PENDING"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "superseded"],
    ),
]

FOLD = [
    Case(
        # Level 07:02 saw the PENDING (reserved 5 is in its 5). COMPLETED after it:
        # reserved 5 + 0 - 5 = 0; on_hand 100 - 5 - 0 = 95.
        "pending inside the level, completed after it",
        (14, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03"),
            ]
        ],
        states={K: stock(95, 0, 95)},
    ),
    Case(
        # The same set; the PENDING arrives last, and is what the level's 5 consists of.
        # Before it: reserved 5 + 0 - 0 = 5. After: 5 + 0 - 5 = 0. So it has an effect.
        "a late pending between levels still counts",
        (9, 14, 18),
        [
            [
                level(105, "07:00", reserved_stock=0),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03"),
            ],
            [txn("T1", "ORDER", -5, "07:01", status="PENDING")],
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied"] * 4,
    ),
    Case(
        # CANCELLED after a level with reserved 5: 5 + 0 - 5 = 0; on_hand 100.
        "cancelling a pending inside the level frees it",
        (14, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03", status="CANCELLED"),
            ]
        ],
        states={K: stock(100, 0, 100)},
    ),
    Case(
        # PENDING 5, COMPLETED 3: 20 - 3 = 17; the reservation of 5 goes whole.
        # PENDING RESTOCK 10 with no completion: inbound 10.
        "each version has its own quantity",
        (15,),
        [
            [
                level(20, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -3, "07:02"),
                txn("T2", "RESTOCK", 10, "07:03", status="PENDING"),
            ]
        ],
        states={K: stock(17, 0, 17, 10)},
    ),
    Case(
        # on_hand from 07:05 (80), reserved from 07:00 (12) because 07:05 carries none.
        # The PENDING at 07:02 is after the level that carries reserved: 12 + 4 = 16. 80 - 16.
        "each bucket has its own level",
        (14,),
        [
            [
                level(100, "07:00", reserved_stock=12),
                txn("T1", "ORDER", -4, "07:02", status="PENDING"),
                level(80, "07:05"),
            ]
        ],
        states={K: stock(80, 16, 64)},
    ),
    Case(
        # The late level of 06:00 is S* of reserved alone: 3. Not superseded.
        "an older level counts where it alone carries reserved",
        (9, 14),
        [[level(80, "07:00"), level(100, "06:00", reserved_stock=3)]],
        states={K: stock(80, 3, 77)},
        outcomes=["applied", "applied"],
    ),
    Case(
        # Available is 50 - 5 = 45, not the 50 that the document says.
        "available is derived",
        (14,),
        [[level(50, "07:00", reserved_stock=5, available_stock=50)]],
        states={K: stock(50, 5, 45)},
    ),
    Case(
        # W1: 100, reserved 7 -> 93. W2: 10.
        "a pending transfer reserves at the sender",
        (16,),
        [
            [level(100, "07:00", reserved_stock=0), level(10, "07:00", warehouse_id="W2")],
            [txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
        ],
        states={K: stock(100, 7, 93), ("W2", "S1"): stock(10, 0, 10)},
        reading="a TRANSFER names both keys",
    ),
    Case(
        # W1: 100 - 7 = 93, nothing reserved. W2: 10, inbound 7. 93 + 10 + 7 = 110.
        "a shipped transfer is inbound at the receiver",
        (13, 16),
        [
            [level(100, "07:00", reserved_stock=0), level(10, "07:00", warehouse_id="W2")],
            [
                txn("T1", "TRANSFER", 7, "07:02", status="SHIPPED", to_warehouse_id="W2"),
                txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2"),
            ],
        ],
        states={K: stock(93, 0, 93), ("W2", "S1"): stock(10, 0, 10, 7)},
        outcomes=["applied", "applied", "applied", "superseded"],
        reading="SHIPPED beats PENDING; the receiver's key exists from PENDING on",
    ),
    Case(
        # W1: 93. W2: 10 + 7 = 17, inbound 0. The sender's level of 07:03 (93) saw SHIPPED:
        # 93 + (-7) - (-7) = 93.
        "a completed transfer lands",
        (14, 16),
        [
            [level(100, "07:00"), level(10, "07:00", warehouse_id="W2")],
            [
                txn("T1", "TRANSFER", 7, "07:02", status="SHIPPED", to_warehouse_id="W2"),
                level(93, "07:03"),
                txn("T1", "TRANSFER", 7, "07:04", to_warehouse_id="W2"),
            ],
        ],
        states={K: stock(93, 0, 93), ("W2", "S1"): stock(17, 0, 17)},
    ),
    Case(
        "a transfer names its receiver",
        (16,),
        [[txn("T1", "TRANSFER", 7, "07:02")]],
        outcomes=["missing_field"],
    ),
    Case(
        # reserved 0 + 8 - 3 = 5; on_hand untouched; 20 - 5 = 15.
        "reserve and release move reserved",
        (16,),
        [
            [
                level(20, "07:00", reserved_stock=0),
                txn("T1", "RESERVE", 8, "07:01"),
                txn("T2", "RELEASE", 3, "07:02"),
            ]
        ],
        states={K: stock(20, 5, 15)},
        reading="RESERVE and RELEASE act when COMPLETED",
    ),
    Case(
        # 3 - 5 = -2.
        "negative stock is kept and flagged",
        (17,),
        [[level(3, "07:00"), txn("T1", "ORDER", -5, "07:01")]],
        states={K: {**stock(-2, 0, -2), "is_negative": True}},
    ),
    Case(
        # reserved 5 > on_hand 3; available -2.
        "over-reserved stock is kept and flagged",
        (17,),
        [[level(3, "07:00", reserved_stock=5)]],
        states={K: {**stock(3, 5, -2), "is_negative": False, "is_over_reserved": True}},
    ),
    Case(
        # The stock is not 0 but gone: no row in the rollups, alert resolved, on_hand kept.
        "a deleted document makes the key inactive",
        (17, 20, 26),
        [
            [RULE_50_50, level(100, "06:59"), level(49, "06:59:30")],
            [
                envelope(
                    None,
                    SECOND,
                    1,
                    operation="delete",
                    document_key={"warehouse_id": "W1", "sku": "S1"},
                )
            ],
        ],
        states={K: {"on_hand": 49, "is_active": False}},
        rollups={("W1", "SKU", "S1"): None, (None, "SKU", "S1"): None},
        outcomes=["applied"] * 4,
        transitions={
            K: [
                "LOW_STOCK opened breach 06:59",
                "LOW_STOCK notified breach 06:59",
                "LOW_STOCK resolved inactive 07:00",
            ]
        },
    ),
    Case(
        # Deleted at 07:00, back with 8 at 07:01; the tombstone arrives last, to no effect.
        "a level after a tombstone brings the key back",
        (9, 17),
        [
            [level(5, "06:00"), level(8, "07:01")],
            [envelope({"warehouse_id": "W1", "sku": "S1"}, SECOND, 1, operation="delete")],
        ],
        states={K: {"on_hand": 8, "is_active": True}},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # The set of "pending inside the level", reversed and cut in three, with a repeat.
        "arrival order does not matter",
        (18,),
        [
            [txn("T1", "ORDER", -5, "07:03")],
            [level(100, "07:02", reserved_stock=5), txn("T1", "ORDER", -5, "07:03")],
            [txn("T1", "ORDER", -5, "07:01", status="PENDING")],
        ],
        states={K: stock(95, 0, 95)},
    ),
]

HIERARCHY = [
    Case(
        # W2's level of 07:05 is the newest of S1: its parents, whole, so no brand from W1.
        "parents come whole from the newest level of any warehouse",
        (19,),
        [
            [
                level(5, "07:00", **PARENTS),
                level(5, "07:05", warehouse_id="W2", category_id="C2"),
            ]
        ],
        states={
            K: {"category_id": "C2", "brand_id": "UNKNOWN", "department_id": "UNKNOWN"},
            ("W2", "S1"): {"category_id": "C2", "product_id": "UNKNOWN"},
        },
    ),
    Case(
        # The product's rule follows the SKU's new category into W1.
        "another warehouse's newer level moves the key to another rule",
        (19, 21),
        [
            [rule("CATEGORY", "C", 1, 2), rule("CATEGORY", "C2", 3, 4)],
            [level(5, "07:00", **PARENTS)],
            [level(5, "07:05", warehouse_id="W2", category_id="C2")],
        ],
        resolved={K: {"level_type": "CATEGORY", "level_id": "C2", "min_threshold_qty": 3}},
    ),
    Case(
        "a key without a level has unknown parents",
        (19,),
        [[txn("T1", "RESTOCK", 5, "07:01")]],
        states={K: dict.fromkeys(PARENTS, "UNKNOWN")},
        rollups={("W1", "CATEGORY_BRAND", "UNKNOWN/UNKNOWN"): stock(5, 0, 5)},
    ),
    Case(
        # C: W1/S1 10-1, W2/S1 20-2, W1/S2 40-4. W1: 50, 5, 45. All: 70, 7, 63.
        # Brand B has S1 only: W1 10, all 30 - 3.
        "rollups sum the leaves",
        (20,),
        [
            [
                level(10, "07:00", reserved_stock=1, **PARENTS),
                level(20, "07:00", reserved_stock=2, warehouse_id="W2", **PARENTS),
                level(40, "07:00", reserved_stock=4, sku="S2", **(PARENTS | {"brand_id": "B2"})),
            ]
        ],
        rollups={
            ("W1", "CATEGORY", "C"): {**stock(50, 5, 45), "sku_count": 2},
            (None, "CATEGORY", "C"): stock(70, 7, 63),
            (None, "BRAND", "B"): stock(30, 3, 27),
            ("W1", "BRAND", "B"): {**stock(10, 1, 9), "sku_count": 1},
            ("W1", "CATEGORY_BRAND", "C/B2"): stock(40, 4, 36),
            ("W2", "CATEGORY_BRAND", "C/B2"): None,
            (None, "DEPARTMENT", "D"): stock(70, 7, 63),
            ("W1", "PRODUCT", "P"): stock(50, 5, 45),
            ("W1", "SKU", "S2"): {**stock(40, 4, 36), "sku_count": 1},
        },
        reading="sku_count is distinct SKUs; no node without an active key",
    ),
]

LADDER = [
    ("SKU", "S1"),
    ("PRODUCT", "P"),
    ("BRAND", "B"),
    ("CATEGORY", "C"),
    ("DEPARTMENT", "D"),
    ("GLOBAL", None),
]
EMBEDDED = {"min_threshold": 50, "reorder_threshold": 100}

RESOLUTION = [
    *(
        Case(
            # Rules at this level and all below it; rule n has min n: the first one wins.
            f"resolution stops at {name}",
            (21,),
            [
                [
                    *(rule(kind, id_, n, n) for n, (kind, id_) in enumerate(LADDER) if n >= top),
                    level(5, "07:00", **PARENTS, **EMBEDDED),
                ]
            ],
            resolved={K: {"level_type": name, "min_threshold_qty": top}},
        )
        for top, (name, _) in enumerate(LADDER)
    ),
    Case(
        "without a rule the embedded pair counts",
        (21,),
        [[level(200, "07:00", **EMBEDDED), level(200, "06:00", min_threshold=1)]],
        resolved={
            K: {
                "level_type": "EMBEDDED",
                "min_threshold_qty": 50,
                "reorder_threshold_qty": 100,
                "cooldown_minutes": 60,
                "enabled": True,
            }
        },
    ),
    Case(
        "without anything the system default counts",
        (21,),
        [[level(9, "07:00")]],
        default_min=10,
        default_reorder=20,
        resolved={K: {"level_type": "SYSTEM", "min_threshold_qty": 10, "enabled": True}},
        # 9 < 10
        alerts=[{"alert_type": "LOW_STOCK", "threshold": 10}],
    ),
    Case(
        # Level first: the SKU's all-warehouse rule beats the product's warehouse rule.
        # Within BRAND (key W1/S2 of product P2) the warehouse's rule wins.
        "level first then warehouse",
        (21,),
        [
            [
                rule("SKU", "S1", 1, 1),
                rule("PRODUCT", "P", 2, 2, warehouse_id="W1"),
                rule("BRAND", "B", 3, 3),
                rule("BRAND", "B", 4, 4, warehouse_id="W1"),
                level(9, "07:00", **PARENTS),
                level(9, "07:00", **(PARENTS | {"sku": "S2", "product_id": "P2"})),
                level(9, "07:00", **(PARENTS | {"sku": "S2", "product_id": "P2"})) | {"warehouse_id": "W2"},
            ]
        ],
        resolved={
            K: {"level_type": "SKU", "warehouse_id": None, "min_threshold_qty": 1},
            ("W1", "S2"): {"level_type": "BRAND", "warehouse_id": "W1", "min_threshold_qty": 4},
            ("W2", "S2"): {"level_type": "BRAND", "warehouse_id": None, "min_threshold_qty": 3},
        },
    ),
    Case(
        # The SKU rule sets only reorder; min stays null, it is not taken from GLOBAL.
        "the whole record wins",
        (21, 23),
        [[rule("SKU", "S1", None, 100), rule("GLOBAL", None, 50, 60), level(10, "07:01")]],
        resolved={K: {"min_threshold_qty": None, "reorder_threshold_qty": 100}},
        alerts=[{"alert_type": "REORDER", "priority": "MEDIUM", "threshold": 100}],
    ),
    Case(
        # Stock 0 under a muted SKU rule: no STOCKOUT, and GLOBAL is not asked.
        "a disabled rule mutes stockout and does not fall through",
        (21,),
        [
            [
                rule("SKU", "S1", 50, 100, alert_settings={"enabled": False}),
                rule("GLOBAL", None, 50, 60),
                level(0, "07:01"),
            ]
        ],
        resolved={K: {"level_type": "SKU", "enabled": False}},
        alerts=[],
    ),
    Case(
        # 60 > 50: the pair is ignored, system default 0/0; the stock of 10 still counts.
        "an invalid embedded pair is ignored",
        (22,),
        [[level(10, "07:00", min_threshold=60, reorder_threshold=50)]],
        states={K: stock(10, 0, 10)},
        outcomes=["applied"],
        resolved={K: {"level_type": "SYSTEM", "min_threshold_qty": 0}},
        alerts=[],
    ),
    Case(
        "an invalid rule leaves the earlier version in force",
        (22,),
        [
            [rule("SKU", "S1", 50, 100)],
            [
                rule("SKU", "S1", 101, 100, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", -1, 100, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", None, None, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", 1, 2, updated_at="2022-04-16T00:00:00Z") | cooldown(-1),
                rule("SKU", "S1", 1.5, 2, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", None, 1, 2),
                rule("SHELF", "S1", 1, 2),
                level(200, "07:00"),
            ],
        ],
        resolved={K: {"min_threshold_qty": 50}},
        outcomes=["applied"] + ["invalid_threshold"] * 5 + ["missing_field", "invalid_value", "applied"],
        reading="a non-integer threshold is invalid_threshold; level_type outside the list invalid_value",
    ),
    Case(
        "GLOBAL ignores level_id",
        (22,),
        [
            [
                rule("GLOBAL", "whatever", 5, 6),
                rule("GLOBAL", None, 7, 8, updated_at="2022-04-16T00:00:00Z"),
                rule("GLOBAL", "ignored", 5, 6),
                level(9, "07:00"),
            ]
        ],
        resolved={K: {"level_type": "GLOBAL", "min_threshold_qty": 7}},
        outcomes=["applied", "applied", "duplicate", "applied"],
    ),
    Case(
        # Deleted on the 17th; the version of the 16th arrives after it: still deleted, so GLOBAL.
        "a late older rule does not undo a deletion",
        (9, 22),
        [
            [rule("SKU", "S1", 50, 100), rule("GLOBAL", None, 1, 2), level(200, "07:00")],
            [{**rule("SKU", "S1", None, None), "deleted": True, "updated_at": "2022-04-17"}],
            [
                {
                    **rule("SKU", "S1", None, None),
                    "deleted": True,
                    "updated_at": "2022-04-17T00:00:00Z",
                },
                rule("SKU", "S1", 9, 9, updated_at="2022-04-16T00:00:00Z"),
            ],
        ],
        resolved={K: {"level_type": "GLOBAL", "min_threshold_qty": 1}},
        # a date alone is no RFC 3339 time
        outcomes=["applied", "applied", "applied", "invalid_value", "applied", "superseded"],
    ),
    Case(
        # The delete's cluster time is 2022-04-20, after the rule's updated_at of the 15th.
        "a delete in the change stream deletes the rule",
        (22,),
        [
            [rule("SKU", "S1", 50, 100), level(200, "06:00")],
            [
                envelope(
                    rule("SKU", "S1", 50, 100),
                    SECOND,
                    1,
                    operation="delete",
                    namespace="inventory.thresholds",
                )
            ],
        ],
        resolved={K: {"level_type": "SYSTEM"}},
    ),
    Case(
        # 8 a day, 7 days: 56 units. 56 / 8 = 7 is not < 7; 55 / 8 = 6.875 is. 55 >= min 50.
        "days of cover breach on their own",
        (23, 24),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7)],
            [level(56, "07:00")],
            [level(55, "07:01")],
        ],
        velocity={K: 8.0},
        alerts=[{"alert_type": "LOW_STOCK", "threshold": 7, "current_stock": 55}],
        transitions={K: OPENED_LOW},
        reading="threshold is the days where only the days breach",
    ),
    Case(
        # No velocity: 1 unit is under no threshold but the quantity's, which is null.
        "without velocity days set no condition",
        (23,),
        [[rule("SKU", "S1", None, None, min_threshold_days=7), level(1, "07:01")]],
        alerts=[],
    ),
]

CONDITIONS = [
    Case(
        # 100 is not < 100, 50 is not < 50 (but < 100), 0 is <= 0.
        "comparisons are strict",
        (24, 26),
        [
            [RULE_50_100, level(100, "07:00")],
            *moves(("07:01", 99), ("07:02", 50), ("07:03", 49), ("07:04", 1), ("07:05", 0)),
        ],
        transitions={
            K: [
                "REORDER opened breach 07:01",
                "REORDER notified breach 07:01",
                "REORDER resolved escalated 07:03",
                "LOW_STOCK opened escalated 07:03",
                "LOW_STOCK notified escalated 07:03",
                "LOW_STOCK resolved escalated 07:05",
                "STOCKOUT opened escalated 07:05",
                "STOCKOUT notified escalated 07:05",
            ]
        },
        alerts=[
            {"alert_type": "REORDER", "priority": "MEDIUM", "threshold": 100, "state": "resolved"},
            {"alert_type": "LOW_STOCK", "priority": "HIGH", "threshold": 50},
            {"alert_type": "STOCKOUT", "priority": "CRITICAL", "threshold": 0, "state": "firing"},
        ],
        reading="resolved before opened; both say escalated",
    ),
    Case(
        # 60 on hand of which 15 reserved: 45 < 50.
        "conditions look at available",
        (24, 30),
        [[RULE_50_50, level(60, "07:01", reserved_stock=15)]],
        alerts=[
            {
                "alert_type": "LOW_STOCK",
                "current_stock": 60,
                "available_stock": 45,
                "reserved_stock": 15,
                "inbound_stock": 0,
                "threshold": 50,
                "timestamp": "2022-04-20T07:01:00.000000Z",
                "first_breach_time": "2022-04-20T07:01:00.000000Z",
                "notification_count": 1,
                "is_late": False,
            }
        ],
    ),
    Case(
        # 60 < 100, but the flag is up; 40 < 50 is not muted.
        "the restock flag mutes reorder only",
        (24,),
        [
            [RULE_50_100, level(60, "07:00", restock_in_progress=True)],
            [level(40, "07:01", restock_in_progress=True)],
        ],
        transitions={K: OPENED_LOW},
    ),
    Case(
        # REORDER at 60; a PENDING restock makes inbound 10 > 0: resolved.
        # Cancelled: inbound 0, 60 < 100 within the hour of 07:01: the same alert again.
        "inbound stock resolves reorder",
        (24, 26, 28),
        [
            [RULE_50_100, level(60, "07:01")],
            [txn("T1", "RESTOCK", 10, "07:02", status="PENDING")],
            [txn("T1", "RESTOCK", 10, "07:03", status="CANCELLED")],
        ],
        transitions={
            K: [
                "REORDER opened breach 07:01",
                "REORDER notified breach 07:01",
                "REORDER resolved restock 07:02",
                "REORDER reopened breach 07:03",
            ]
        },
        alerts=[{"alert_type": "REORDER", "state": "firing", "notification_count": 1}],
    ),
    Case(
        # 48 of 07:03 arrived first, so 49 and 60 are superseded: they are no points. In order,
        # in one burst, they are: opened 07:01, resolved 07:02 (600 >= 550), re-opened 07:03.
        "superseded events are no points",
        (25,),
        [[RULE_50_50], [level(48, "07:03"), level(49, "07:01"), level(60, "07:02")]],
        transitions={
            K: ["LOW_STOCK opened breach 07:03", "LOW_STOCK notified breach 07:03"],
        },
        outcomes=["applied", "applied", "superseded", "superseded"],
        reading="superseded events join the set in position order without a step",
    ),
    Case(
        # Orders arrive out of order inside one burst: 100 -45 = 55, -10 = 45 < 50 at 07:02,
        # then +60 = 105: 1050 >= 550.
        "applied events of a burst step in position order",
        (25, 27),
        [
            [RULE_50_50, level(100, "07:00")],
            [
                txn("T3", "RESTOCK", 60, "07:03"),
                txn("T2", "ORDER", -10, "07:02"),
                txn("T1", "ORDER", -45, "07:01"),
            ],
        ],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:02",
                "LOW_STOCK notified breach 07:02",
                "LOW_STOCK resolved recovered 07:03",
            ]
        },
        states={K: stock(105, 0, 105)},
    ),
    Case(
        # The frontier is 07:05 with 60. An order of 07:01 arrives: 60 - 20 = 40 today.
        # It acts at 07:05, late; the id carries its own event.
        "a late event acts at the frontier",
        (25, 29),
        [
            [RULE_50_50, level(100, "07:00")],
            [txn("T9", "ORDER", -40, "07:05")],
            [txn("T1", "ORDER", -20, "07:01")],
        ],
        states={K: stock(40, 0, 40)},
        transitions={K: ["LOW_STOCK opened breach 07:05 late", "LOW_STOCK notified breach 07:05 late"]},
        alerts=[
            {
                "is_late": True,
                "opening_event_id": "transaction:W1:T1:COMPLETED",
                "first_breach_time": "2022-04-20T07:05:00.000000Z",
                # sha256 of ["W1","S1","LOW_STOCK","transaction:W1:T1:COMPLETED"]
                "alert_id": "alt-20220420-W1-S1-LOW_STOCK-d24e5c7b",
            }
        ],
        reading="times are the frontier's, the date in the id the event's own",
    ),
    Case(
        # The rule of 08:00 comes after the stock of 07:00 (45 < 50): cause and time are its own.
        "a rule change re-evaluates at once",
        (25,),
        [
            [level(45, "07:00")],
            [rule("SKU", "S1", 50, 50, updated_at=moment("08:00"))],
        ],
        transitions={K: ["LOW_STOCK opened breach 08:00", "LOW_STOCK notified breach 08:00"]},
        alerts=[{"opening_event_id": "rule:SKU:S1::2022-04-20T08%3A00%3A00.000000Z", "is_late": False}],
        reading="a rule's step is never late",
    ),
    Case(
        # The rule is of 2022-04-15, the frontier 07:00 of the 20th: the later of the two.
        # It applies before the burst's level of 200, so LOW_STOCK opens and then resolves.
        "rules of a burst apply before its stock",
        (25,),
        [[level(45, "07:00")], [level(200, "07:02"), RULE_50_50]],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:00",
                "LOW_STOCK notified breach 07:00",
                "LOW_STOCK resolved recovered 07:02",
            ]
        },
    ),
    Case(
        # 0 -> STOCKOUT; 20 > 0 and < 50 -> LOW_STOCK, unnotified, never notified before;
        # 80 clears it (800 >= 550) and is < 100 -> REORDER, unnotified; 110: 1100 >= 1100.
        "improvement opens the milder one unnotified",
        (26,),
        [
            [RULE_50_100, level(0, "07:00")],
            *moves(("07:01", 20), ("07:02", 80), ("07:03", 110)),
        ],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved improved 07:01",
                "LOW_STOCK opened improved 07:01",
                "LOW_STOCK resolved improved 07:02",
                "REORDER opened improved 07:02",
                "REORDER resolved recovered 07:03",
            ]
        },
        alerts=[
            {"alert_type": "STOCKOUT", "notification_count": 1},
            {"alert_type": "LOW_STOCK", "notification_count": 0},
            {"alert_type": "REORDER", "notification_count": 0, "resolved_reason": "recovered"},
        ],
        reading="both steps of a change of condition carry its reason; without a cooldown it is never told",
    ),
    Case(
        # A mute of 07:02 resolves; the unmute of 07:03 finds 45 < 50 inside the hour.
        "muting resolves and unmuting re-opens",
        (21, 26, 28),
        [
            [RULE_50_50, level(45, "07:01")],
            [
                rule(
                    "SKU",
                    "S1",
                    50,
                    50,
                    updated_at=moment("07:02"),
                    alert_settings={"enabled": False},
                )
            ],
            [rule("SKU", "S1", 50, 50, updated_at=moment("07:03"))],
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved muted 07:02",
                "LOW_STOCK reopened breach 07:03",
            ]
        },
    ),
    Case(
        # min 50: 10 x 54 = 540 < 550 holds; 10 x 55 = 550 >= 550 resolves.
        "hysteresis holds to eleven tenths",
        (27,),
        [[RULE_50_50, level(49, "07:01")], *moves(("07:02", 54)), *moves(("07:03", 55))],
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
    ),
    Case(
        # 55 clears min 50 (550 >= 550) but the days breached: 8 x 7 = 56; 1.1 x 56 = 61.6.
        # 61: 610 < 616 holds; 62: 620 >= 616 resolves.
        "days that breached must clear too",
        (23, 27),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7)],
            *moves(("07:01", 45), ("07:02", 61), ("07:03", 62)),
        ],
        velocity={K: 8.0},
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
        alerts=[{"threshold": 50}],
    ),
    Case(
        # At 52 the alert holds under min 50 (520 < 550). The new min 40: 520 >= 440.
        "the rule in force now decides the clearing",
        (27,),
        [
            [RULE_50_50, level(49, "07:01")],
            [level(52, "07:02")],
            [rule("SKU", "S1", 40, 40, updated_at=moment("07:30"))],
        ],
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:30"]},
    ),
    Case(
        # STOCKOUT has no band: 1 > 0 resolves it. Min 0: nothing milder.
        "stockout resolves above zero",
        (24, 27),
        [[level(0, "07:00")], [level(1, "07:01")]],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved recovered 07:01",
            ]
        },
        # sha256 of ["W1","S1","STOCKOUT","level:W1:S1:2022-04-20T07%3A00%3A00.000000Z"]
        alerts=[{"alert_id": "alt-20220420-W1-S1-STOCKOUT-da33489a"}],
    ),
]

COOLDOWN = [
    Case(
        # RULE 28's own: 51 holds the alert (510 < 550), so it never even resolves; then 0.
        "51 49 51 49 is one alert, then 0 a stockout",
        (26, 28),
        [
            [RULE_50_50, level(51, "07:00")],
            *moves(("07:01", 49), ("07:10", 51), ("07:20", 49), ("07:30", 0)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved escalated 07:30",
                "STOCKOUT opened escalated 07:30",
                "STOCKOUT notified escalated 07:30",
            ]
        },
    ),
    Case(
        # Notified 07:01, hour ends 08:01. Re-opened 07:30, still open: told once by 08:05's
        # event, at 08:01, with the 40 of before it. 08:05 itself is no transition.
        "a re-breach inside the cooldown is notified at its end by an event",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40), ("08:05", 39), ("08:06", 38)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK notified cooldown_ended 08:01",
            ]
        },
        alerts=[
            {
                "notification_count": 2,
                "current_stock": 40,
                "first_breach_time": "2022-04-20T07:01:00.000000Z",
                "opening_event_id": "level:W1:S1:2022-04-20T07%3A01%3A00.000000Z",
            }
        ],
        reading="told at the cooldown's end, before the event steps",
    ),
    Case(
        # The sweep of 08:00:59 is too early; that of 09:00 finds it, at 08:01; 09:30's is silent.
        # The next cooldown runs 08:01-09:01, so 49 at 08:59 after 60 re-opens.
        "a re-breach inside the cooldown is notified by the sweep",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40)),
            Sweep("2022-04-20T08:00:59+00:00"),
            Sweep("2022-04-20T09:00:00+00:00"),
            Sweep("2022-04-20T09:30:00+00:00"),
            *moves(("08:40", 60), ("08:59", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK notified cooldown_ended 08:01",
                "LOW_STOCK resolved recovered 08:40",
                "LOW_STOCK reopened breach 08:59",
            ]
        },
        reading="told at the cooldown's end, whenever the sweep runs",
    ),
    Case(
        # 07:01 + 60 min = 08:01: the cooldown has ended, so a new alert, told at once.
        "a breach at the end of the cooldown is a new alert",
        (28, 29),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("08:01", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK opened breach 08:01",
                "LOW_STOCK notified breach 08:01",
            ]
        },
        alerts=[
            {"opening_event_id": "level:W1:S1:2022-04-20T07%3A01%3A00.000000Z"},
            {"opening_event_id": "level:W1:S1:2022-04-20T08%3A01%3A00.000000Z"},
        ],
        reading="the end is outside",
    ),
    Case(
        # Cooldown 0: never inside it.
        "a cooldown of zero always opens anew",
        (22, 28),
        [
            [RULE_50_50 | cooldown(0), level(49, "07:01")],
            *moves(("07:02", 60), ("07:03", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:02",
                "LOW_STOCK opened breach 07:03",
                "LOW_STOCK notified breach 07:03",
            ]
        },
    ),
    Case(
        # LOW_STOCK told 07:01; STOCKOUT 07:05; back to 20 inside LOW_STOCK's hour: the same
        # LOW_STOCK alert again, still open at 08:01, so then it is told.
        "improvement into a running cooldown re-opens and is told at its end",
        (26, 28),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:05", 0), ("07:10", 20)),
            Sweep("2022-04-20T10:00:00+00:00"),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved escalated 07:05",
                "STOCKOUT opened escalated 07:05",
                "STOCKOUT notified escalated 07:05",
                "STOCKOUT resolved improved 07:10",
                "LOW_STOCK reopened improved 07:10",
                "LOW_STOCK notified cooldown_ended 08:01",
            ]
        },
    ),
    Case(
        # Resolved at 07:50, before its cooldown ends at 08:01: nobody is told.
        "what is resolved when the cooldown ends stays silent",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40), ("07:50", 70)),
            Sweep("2022-04-20T10:00:00+00:00"),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK resolved recovered 07:50",
            ]
        },
    ),
]

WIRE = [
    Case(
        # 156 - 111 = 45 < 50. Cluster time (1650438000, 2) is in the opening event's id.
        # sha256 of ["WH-EAST-1","IPHONE13-PRO-256-SILVER","LOW_STOCK",
        #            "transaction:WH-EAST-1:TRX-123456:COMPLETED:1650438000.2"] (no blanks)
        # available 45 - 12 = 33; suggested 2 x 100 - 33 - 0 = 167.
        "the alert id and the R0 fields",
        (29, 30),
        [
            [envelope(R0_LEVEL, SECOND, 1)],
            [envelope({**R0_ORDER, "quantity": -111}, SECOND, 2)],
        ],
        alerts=[
            {
                "alert_id": "alt-20220420-WH-EAST-1-IPHONE13-PRO-256-SILVER-LOW_STOCK-6000269b",
                "alert_type": "LOW_STOCK",
                "priority": "HIGH",
                "current_stock": 45,
                "available_stock": 33,
                "reserved_stock": 12,
                "threshold": 50,
                "suggested_quantity": 167,
            }
        ],
    ),
    Case(
        # 500 - 33 available - 10 inbound = 457; packs of 24: 19 x 24 = 456 < 457, so 20: 480.
        "the recommendation rounds up to the pack",
        (30,),
        [
            [
                RULE_50_100,
                txn("T1", "RESTOCK", 10, "06:59", status="PENDING"),
                level(33, "07:01"),
            ]
        ],
        products={"S1": {"order_up_to": 500, "pack_multiple": 24}},
        # the PENDING alone is a point of 0 available: STOCKOUT, then improved
        alerts=[
            {"alert_type": "STOCKOUT", "suggested_quantity": 504},  # 500 - 0 - 10 = 490 -> 504
            {"alert_type": "LOW_STOCK", "suggested_quantity": 480, "inbound_stock": 10},
        ],
        reading="as of the opening or notification",
    ),
    Case(
        # 2 x 100 - 48 = 152; packs of 8: 19 x 8 = 152 exactly.
        "twice reorder where there is no order_up_to",
        (30,),
        [[RULE_50_100, level(48, "07:01")]],
        products={"S1": {"pack_multiple": 8}},
        alerts=[{"suggested_quantity": 152}],
    ),
]

MORE = [
    Case(
        # In order and in one burst every level is a point: 49 opens, 60 clears (600 >= 550),
        # 48 re-opens inside the hour.
        "a burst is evaluated point by point",
        (25, 27, 28),
        [[RULE_50_50, level(49, "07:01"), level(60, "07:02"), level(48, "07:03")]],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:02",
                "LOW_STOCK reopened breach 07:03",
            ]
        },
    ),
    Case(
        # STOCKOUT told 07:00. 60 at 07:10, 0 at 07:20: inside STOCKOUT's own hour.
        "a stockout has a cooldown of its own",
        (28,),
        [[RULE_50_50, level(0, "07:00")], *moves(("07:10", 60), ("07:20", 0))],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved recovered 07:10",
                "STOCKOUT reopened breach 07:20",
            ]
        },
        reading="worse conditions do not wait for a milder one's cooldown, only for their own",
    ),
    Case(
        # 20 at 07:10 is LOW_STOCK, never told; 0 again at 07:20 is worse than what fires, but
        # inside STOCKOUT's own hour, so the same alert, untold.
        "an escalation into its own cooldown re-opens",
        (26, 28),
        [[RULE_50_50, level(0, "07:00")], *moves(("07:10", 20), ("07:20", 0))],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved improved 07:10",
                "LOW_STOCK opened improved 07:10",
                "LOW_STOCK resolved escalated 07:20",
                "STOCKOUT reopened escalated 07:20",
            ]
        },
        reading="worse conditions do not wait for a milder one's cooldown, only for their own",
    ),
    Case(
        # Frontier 07:05 with 45; a return of 07:01 brings 20: 65, 650 >= 550.
        "a late event may resolve",
        (25,),
        [
            [RULE_50_50, level(100, "07:00"), txn("T1", "ORDER", -55, "07:05")],
            [txn("T2", "RETURN", 20, "07:01")],
        ],
        states={K: stock(65, 0, 65)},
        transitions={
            K: [
                "LOW_STOCK opened breach 07:05",
                "LOW_STOCK notified breach 07:05",
                "LOW_STOCK resolved recovered 07:05 late",
            ]
        },
        alerts=[{"is_late": False}],
    ),
    Case(
        # After 54 (540 < 550, held) a PENDING order of 5: 49. Still one alert, no transition.
        "a pending order lowers available",
        (15, 24, 27),
        [
            [RULE_50_50, level(49, "07:01", reserved_stock=0)],
            [level(54, "07:02", reserved_stock=0)],
            [txn("T1", "ORDER", -5, "07:03", status="PENDING")],
        ],
        states={K: stock(54, 5, 49)},
        transitions={K: OPENED_LOW},
    ),
    Case(
        # LOW_STOCK holds at 52 of min 50 (520 < 550) although 52 < 100 is REORDER too.
        "the worse condition holds over the milder",
        (26, 27),
        [[RULE_50_100, level(49, "07:01")], [level(52, "07:02")]],
        transitions={K: OPENED_LOW},
    ),
    Case(
        # 100 - 200 = -100 kept; the level of 07:05 (30) has seen it: 30.
        "a later level replaces negative stock",
        (14, 17),
        [[level(100, "07:00"), txn("T1", "ADJUSTMENT", -200, "07:01")], [level(30, "07:05")]],
        states={K: {**stock(30, 0, 30), "is_negative": False}},
    ),
    Case(
        # A pause is no stock; R0 documents of one kind on another's topic are refused.
        "control is applied on its own topic",
        (9,),
        [
            [
                {"command": "pause", "reason": "r", "issued_by": "me"},
                Sent(RULE_50_50, topic=TRANSACTIONS),
                Sent(txn("T1", "ORDER", -1, "07:00"), topic=UPDATES),
            ]
        ],
        outcomes=["applied", "wrong_topic", "wrong_topic"],
    ),
    Case(
        # The order is COMPLETED at 07:01 on an unknown key: -5, a stockout of -5.
        "a completion whose pending was never seen moves only on_hand",
        (15, 24),
        [[txn("T1", "ORDER", -5, "07:01")]],
        states={K: {**stock(-5, 0, -5), "is_negative": True, "is_active": True}},
        # 2 x reorder (0) + 5 = 5
        alerts=[{"alert_type": "STOCKOUT", "threshold": 0, "suggested_quantity": 5}],
    ),
    Case(
        # Conflicting rule: same scope and updated_at, other thresholds.
        "a rule of the same time with other numbers is a conflict",
        (10, 11),
        [[RULE_50_50, RULE_50_100, RULE_50_50, level(200, "07:00")]],
        outcomes=["applied", "conflicting_duplicate", "duplicate", "applied"],
        resolved={K: {"reorder_threshold_qty": 50}},
    ),
]

# Told 07:01, recovered 07:10, re-opened 07:30: waiting for the hour to end at 08:01.
WAITING = [[RULE_50_50, level(49, "07:01")], *moves(("07:10", 60), ("07:30", 40))]
WAITED = [*OPENED_LOW, "LOW_STOCK resolved recovered 07:10", "LOW_STOCK reopened breach 07:30"]

FOUND = [  # what the random streams of `test_laws` brought up
    Case(
        # W1 has 20 under category C (min 1). W2's level moves S1 to C2, where 20 < 50.
        "another warehouse's level re-evaluates the key at once",
        (19, 21, 25),
        [
            [rule("CATEGORY", "C", 1, 2), rule("CATEGORY", "C2", 50, 60)],
            [level(20, "07:00", **PARENTS)],
            [level(70, "07:05", warehouse_id="W2", category_id="C2")],
        ],
        transitions={K: ["LOW_STOCK opened breach 07:05", "LOW_STOCK notified breach 07:05"]},
        alerts=[{"opening_event_id": "level:W2:S1:2022-04-20T07%3A05%3A00.000000Z"}],
        reading="a level that moves its SKU steps the other warehouses' keys at once, as their cause",
    ),
    Case(
        "a rule may mute and set nothing",
        (21, 22),
        [[rule("SKU", "S1", None, None, alert_settings={"enabled": False}), level(0, "07:01")]],
        outcomes=["applied", "applied"],
        resolved={K: {"level_type": "SKU", "enabled": False}},
        alerts=[],
        reading="enabled false is something set",
    ),
    Case(
        # Open at 08:01, but the first to look is the mute of 08:30.
        "a mute is not announced by the alert it mutes",
        (21, 28),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("08:30"), alert_settings={"enabled": False})]],
        transitions={K: [*WAITED, "LOW_STOCK resolved muted 08:30"]},
        reading="at a cooldown's end only what the rule in force now still holds open is told",
    ),
    Case(
        # 40 at 07:30 waits; 52 at 07:50 holds it (520 < 550): told with 52, not 40.
        "what a cooldown held back is told with the stock of its end",
        (28, 30),
        [*WAITING, *moves(("07:50", 52), ("08:05", 53))],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        alerts=[{"current_stock": 52, "threshold": 50, "timestamp": "2022-04-20T08:01:00.000000Z"}],
        reading="stock, rule and comparison of a notification are those of its moment",
    ),
    Case(
        # The rule of 07:40 ends the cooldown at 07:11, before the alert re-opened: 07:30.
        "a cooldown cut short is not told before its breach",
        (28,),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("07:40")) | cooldown(10)]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 07:30"]},
        reading="the cooldown's length is that of the rule in force now",
    ),
    Case(
        "the same numbers sent again are a new rule",
        (25, 28),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("08:30"))]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        reading="a rule steps its keys where it is in force, whether or not its numbers differ",
    ),
    Case(
        # LOW_STOCK told 07:00. At 07:25 its 10 minutes are over: a second one, untold. The rule of
        # 07:26 makes them 60: 07:40 is inside again, and nobody is told before 08:00.
        "an alert that opens untold does not end the cooldown",
        (26, 28),
        [
            [RULE_50_50 | cooldown(10), level(40, "07:00")],
            *moves(("07:20", 0), ("07:25", 20)),
            [rule("SKU", "S1", 50, 50, updated_at=moment("07:26"))],
            *moves(("07:30", 120), ("07:40", 40)),
            Sweep("2022-04-20T09:00:00+00:00"),
        ],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:00",
                "LOW_STOCK notified breach 07:00",
                "LOW_STOCK resolved escalated 07:20",
                "STOCKOUT opened escalated 07:20",
                "STOCKOUT notified escalated 07:20",
                "STOCKOUT resolved improved 07:25",
                "LOW_STOCK opened improved 07:25",
                "LOW_STOCK resolved recovered 07:30",
                "LOW_STOCK reopened breach 07:40",
                "LOW_STOCK notified cooldown_ended 08:00",
            ]
        },
        reading="inside the cooldown the latest alert of the condition re-opens, told or not",
    ),
    Case(
        # 45 < 50 would breach, but the rule of 07:30 came after that of 08:00 (45 >= 40).
        "a superseded rule steps nothing",
        (9, 25),
        [
            [level(45, "07:00")],
            [
                rule("SKU", "S1", 40, 40, updated_at=moment("08:00")),
                rule("SKU", "S1", 50, 50, updated_at=moment("07:30")),
            ],
        ],
        outcomes=["applied", "applied", "superseded"],
        alerts=[],
        reading="superseded rules are no points either",
    ),
    Case(
        # T1's COMPLETED is known at S1; the same id at S2 is a conflict before it is a move.
        "a known id that moved is a conflict",
        (11, 13),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:02", sku="S2"),
            ]
        ],
        outcomes=["applied", "applied", "conflicting_duplicate"],
        reading="identity is looked at first",
    ),
    Case(
        # 18 units in 28 days: 42 days are 27 units exactly, so 27 is no breach (floats say
        # 27.000000000000004) and 26 is. 1.1 x 27 = 29.7: 29 holds, 30 resolves.
        "days of cover are exact",
        (23, 24, 27),
        [
            [rule("SKU", "S1", None, None, min_threshold_days=42)],
            *moves(("07:00", 27), ("07:01", 26), ("07:02", 29), ("07:03", 30)),
        ],
        velocity={K: 18 / 28},
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
    ),
    Case(
        # T1's PENDING of 07:05 arrived before its COMPLETED of 07:02, so it is applied and is the
        # frontier: T2 of 07:03 is late. 100 - 5 - 60 = 35.
        "the frontier is the greatest applied event",
        (9, 25),
        [
            [
                RULE_50_50,
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:05", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02"),
            ],
            [txn("T2", "ORDER", -60, "07:03")],
        ],
        states={K: stock(35, 0, 35)},
        outcomes=["applied"] * 5,
        transitions={K: ["LOW_STOCK opened breach 07:05 late", "LOW_STOCK notified breach 07:05 late"]},
    ),
    Case(
        # W1's level of 07:05 has seen the PENDING; W2 knows nothing later.
        "a transfer is superseded only where both its keys say so",
        (9, 16),
        [
            [level(100, "07:05", reserved_stock=7)],
            [txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
            [level(0, "07:05", warehouse_id="W2")],
            [txn("T2", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
        ],
        states={K: stock(100, 7, 93)},
        outcomes=["applied", "applied", "applied", "superseded"],
        reading="each of a transfer's keys has its own history, and only the news steps",
    ),
    Case(
        "a transfer has two ends",
        (16,),
        [[txn("T1", "TRANSFER", 7, "07:02", to_warehouse_id="W1")]],
        outcomes=["invalid_value"],
        reading="a TRANSFER to its own sender is refused",
    ),
]

CASES: list[Case] = [
    *SIGNS,
    *OUTCOMES,
    *IDENTITY,
    *POSITION,
    *FOLD,
    *HIERARCHY,
    *RESOLUTION,
    *CONDITIONS,
    *COOLDOWN,
    *WIRE,
    *MORE,
    *FOUND,
]
