"""One hand-computed case, and what cases are made of.

Belongs here: the shape of a case, builders and names that several case modules need. Does not:
cases themselves (`cases`), nor anything that computes an expectation.
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
    """The time-driven sweep of RULE 28, in place of a burst; `now` is the clock."""

    now: str


@dataclass(frozen=True)
class Committed:
    """A burst and the clock at its commit. A plain list is committed at its newest event's time."""

    at: str
    documents: list


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
    grace_minutes: int = 24 * 60
    reading: str = ""

    def facts(self) -> dict[str, Any]:
        """What must be true, as far as the case says."""
        said = {name: getattr(self, name) for name in ("states", "rollups", "resolved", "transitions")}
        may_be_said = {"outcomes": self.outcomes, "alerts": self.alerts}
        return said | {name: value for name, value in may_be_said.items() if value is not None}


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


def command(name: str, time: str | None = None, **more: object) -> dict:
    """A control command."""
    base: dict[str, object] = {"command": name, "reason": "r", "issued_by": "dana"}
    return {**base, **({} if time is None else {"timestamp": moment(time)}), **more}


def envelope(document: dict | None, t: int = SECOND, i: int = 1, **more: object) -> dict:
    """The connector's envelope (RULE 1)."""
    base = {"source": "mongo", "operation": "insert", "namespace": "inventory.inventory"}
    return {**base, "cluster_time": {"t": t, "i": i}, "document": document, **more}


def said_by(connector: str, second: int, document: dict | None, /, *, i: int = 1, **more: object) -> dict:
    """The envelope of a connector of that name, at a second after 07:00."""
    return envelope(document, SECOND + second, i, **{"connector_id": connector, **more})


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


# Told 07:01, recovered 07:10, re-opened 07:30: waiting for the hour to end at 08:01.
WAITING = [[RULE_50_50, level(49, "07:01")], *moves(("07:10", 60), ("07:30", 40))]
WAITED = [*OPENED_LOW, "LOW_STOCK resolved recovered 07:10", "LOW_STOCK reopened breach 07:30"]
