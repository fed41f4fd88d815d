"""Messages that must end as dead letters, each wrong in one named way.

Every defect starts from a valid document about a real key under an id used nowhere else, so
that a reader who repairs, clamps or guesses is caught by the ledger.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

TRANSACTIONS = "inventory-transactions-topic"
LEVELS = "inventory-updates-topic"
RULES = "thresholds-topic"
CONTROL = "control-topic"

Document = dict[str, Any]


class Defect(NamedTuple):
    """How to spoil a document of `kind` (the topic it belongs on)."""

    kind: str
    spoil: Callable[[Document], bytes]
    topic: str | None = None  # Where it is sent instead.


def _encode(document: object) -> bytes:
    return msgspec.json.encode(document)


def _with(**changes: object) -> Callable[[Document], bytes]:
    return lambda document: _encode({**document, **changes})


def _without(*names: str) -> Callable[[Document], bytes]:
    return lambda document: _encode({k: v for k, v in document.items() if k not in names})


def _raw_quantity(literal: bytes) -> Callable[[Document], bytes]:
    # Literals that no JSON encoder writes.
    return lambda document: _encode({**document, "quantity": "@"}).replace(b'"@"', literal)


def _envelope(document: Document) -> bytes:
    return _encode({"source": "mongodb", "operation": "insert", "document": "see attachment"})


_TRANSACTION_DEFECTS: dict[str, Defect] = {
    name: Defect(TRANSACTIONS, spoil)
    for name, spoil in {
        "empty_body": lambda document: b"",
        "truncated_json": lambda document: _encode(document)[:-17],
        "not_an_object": lambda document: _encode([document]),
        "trailing_data": lambda document: _encode(document) * 2,
        "byte_order_mark": lambda document: b"\xef\xbb\xbf" + _encode(document),
        "bad_utf8": lambda document: _encode({**document, "user_id": "@@"}).replace(b"@@", b"\xff\xc3"),
        "duplicate_keys": lambda document: _encode(document)[:-1] + b',"quantity":-9}',
        "deep_nesting": lambda document: _encode(document)[:-1] + b',"x":' + b"[" * 500 + b"]" * 500 + b"}",
        "nan_quantity": _raw_quantity(b"NaN"),
        "infinite_quantity": _raw_quantity(b"-Infinity"),
        "overflow_quantity": _raw_quantity(b"-9223372036854775809"),
        "exponent_quantity": _raw_quantity(b"-1e400"),
        "quantity_over_limit": _with(quantity=-(10**12) - 1),
        "fractional_quantity": _with(quantity=-1.5),
        "boolean_quantity": _with(quantity=True),
        "text_quantity": _with(quantity="two"),
        "zero_quantity": _with(quantity=0),
        "wrong_sign": _with(quantity=3),
        "missing_quantity": _without("quantity"),
        "missing_status": _without("status"),
        "missing_timestamp": _without("timestamp"),
        "null_warehouse": _with(warehouse_id=None),
        "unknown_status": _with(status="completed"),
        "unknown_type": _with(transaction_type="SALE"),
        "impossible_time": _with(timestamp="2025-13-45T25:61:00Z"),
        "far_future": _with(timestamp="2999-01-01T00:00:00Z"),
        "before_history": _with(timestamp="1999-12-31T23:59:59Z"),
        "number_id": _with(sku=4711),
        "empty_id": _with(sku=""),
        "long_id": _with(sku="S" * 257),
        "padded_id": _with(warehouse_id=" WH-EAST-1"),
        "path_id": _with(warehouse_id="../../../etc/passwd\u0000.parquet"),
        "sql_id": _with(sku="x'; DROP TABLE sku_state; --\n"),
        "terminal_id": _with(sku="\u001b[2J\u001b]0;owned\u0007"),
        "lone_surrogate_id": lambda document: _encode({**document, "sku": "@@"}).replace(b"@@", b"\\ud800"),
        "document_not_an_object": _envelope,
        "unknown_shape": lambda document: _encode({"hello": "world", "sku": document["sku"]}),
    }.items()
}

DEFECTS: dict[str, Defect] = _TRANSACTION_DEFECTS | {
    "transaction_on_rules_topic": Defect(TRANSACTIONS, _encode, RULES),
    "transaction_on_levels_topic": Defect(TRANSACTIONS, _encode, LEVELS),
    "level_on_transactions_topic": Defect(LEVELS, _encode, TRANSACTIONS),
    "level_without_time": Defect(LEVELS, _without("last_updated")),
    "level_with_text_stock": Defect(LEVELS, _with(current_stock="12 pcs")),
    "level_with_null_stock": Defect(LEVELS, _with(current_stock=None)),
    "rule_min_over_reorder": Defect(RULES, _with(min_threshold_qty=90, reorder_threshold_qty=10)),
    "rule_negative": Defect(RULES, _with(min_threshold_qty=-5)),
    "rule_sets_nothing": Defect(RULES, _without("min_threshold_qty", "reorder_threshold_qty")),
    "rule_unknown_level": Defect(RULES, _with(level_type="SHELF")),
}


def spoiled(
    name: str, *, transaction_id: str, object_id: str, sku: str, warehouse_id: str, event_time: str
) -> tuple[str, bytes]:
    """Return (topic, body) of the defect called `name`, about the given key."""
    defect = DEFECTS[name]
    documents: dict[str, Document] = {
        TRANSACTIONS: {
            "_id": object_id,
            "transaction_id": transaction_id,
            "transaction_type": "ORDER",
            "sku": sku,
            "warehouse_id": warehouse_id,
            "quantity": -2,
            "order_id": f"ORD-{transaction_id}",
            "timestamp": event_time,
            "user_id": "web",
            "status": "COMPLETED",
        },
        LEVELS: {
            "_id": object_id,
            "sku": sku,
            "warehouse_id": warehouse_id,
            "current_stock": 7777,
            "reserved_stock": 0,
            "last_updated": event_time,
        },
        RULES: {
            "_id": object_id,
            "level_type": "SKU",
            "level_id": sku,
            "warehouse_id": warehouse_id,
            "min_threshold_qty": 500_000,
            "reorder_threshold_qty": 600_000,
            "updated_at": event_time,
        },
    }
    return defect.topic or defect.kind, defect.spoil(documents[defect.kind])
