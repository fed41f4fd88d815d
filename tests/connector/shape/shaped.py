"""Changes for tests of shaping, and the lake's own reading of what becomes of them."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from inventory_assets.connector.shape.masking import FieldRule, Masker, Treatment, build_masker, read_rule
from inventory_assets.connector.shape.routing import Router
from inventory_assets.connector.shape.schema_registry import SchemaRegistry, load_registry
from inventory_assets.connector.shape.shaping import Shaped, Shaper
from inventory_assets.connector.source.change import Change, Operation
from inventory_assets.domain.events.kinds import Event, Filtered, Rejection
from inventory_assets.domain.events.parse import ParseSettings, parse_message

ID = ObjectId("60b3f4d6c8e4b0e9b9f7c6e6")
AT = datetime(2022, 4, 20, 7, tzinfo=UTC)
SECOND = int(AT.timestamp())
NOW = datetime(2022, 4, 20, 7, 0, 1, tzinfo=UTC)
TOPICS = {
    "inventory": "inventory-updates-topic",
    "transactions": "inventory-transactions-topic",
    "thresholds": "thresholds-topic",
}
COLLECTIONS = {role: role for role in TOPICS}
KEY = b"a key of enough bytes"
REGISTRY: SchemaRegistry = load_registry()


def transaction(**more: Any) -> dict[str, Any]:
    """R0's transaction as pymongo reads it."""
    base = {
        "_id": ID, "transaction_id": "TRX-123456", "transaction_type": "ORDER", "sku": "S1", "warehouse_id": "W1",
        "quantity": -1, "order_id": "ORD-789012", "po_number": None, "timestamp": AT, "user_id": "dana",
        "status": "COMPLETED",
    }  # fmt: skip
    return base | more


def level(**more: Any) -> dict[str, Any]:
    """R0's inventory document as pymongo reads it."""
    base = {
        "_id": ID,
        "sku": "S1",
        "warehouse_id": "W1",
        "current_stock": 156,
        "reserved_stock": 12,
        "last_updated": AT,
    }
    return base | more


def rule(**more: Any) -> dict[str, Any]:
    """R0's threshold document as pymongo reads it."""
    base = {"_id": ID, "level_type": "SKU", "level_id": "S1", "warehouse_id": "W1", "min_threshold_qty": 5}
    return base | {"updated_at": AT} | more


def change(
    document: dict[str, Any] | None,
    collection: str = "transactions",
    operation: Operation = Operation.INSERT,
    **more: Any,
) -> Change:
    """One change, at R0's second."""
    key = {"_id": (document or {}).get("_id", ID)}
    base: dict[str, Any] = {"document_key": key, "cluster_time": (SECOND, 3), "token": {"_data": "8262"}}
    return Change(operation=operation, database="shop", collection=collection, document=document, **(base | more))


def delete(collection: str, *, image: dict[str, Any] | None = None, **key: Any) -> Change:
    """A deleted document."""
    return change(image, collection, Operation.DELETE, document_key={"_id": ID, **key})


def masker(**paths: Treatment) -> Masker:
    """A masker; in names `__` stands for the dot, and `ANY` for the asterisk."""
    rules: list[FieldRule] = [
        read_rule(name.replace("__", ".").replace("ANY", "*"), how) for name, how in paths.items()
    ]
    return build_masker(rules, KEY)


def shaper(**more: Any) -> Shaper:
    """A shaper with R0's names, at a clock that stands still."""
    base: dict[str, Any] = {
        "source": "mongodb:shop", "connector_id": "connector-1", "warehouse_id": None, "collections": COLLECTIONS,
        "router": Router(topics=TOPICS, ordering=16), "registry": REGISTRY, "clock": lambda: NOW,
    }  # fmt: skip
    return Shaper(**(base | more))


def read(shaped: Shaped) -> Event | Rejection | Filtered:
    """What the lake makes of a message."""
    message = shaped.message
    assert message is not None
    return parse_message(message.topic, message.data, message.attributes, (SECOND + 60) * 1_000_000, ParseSettings())
