"""What a source database should look like: R0's indexes, and what its documents must hold.

Here: the definitions. Not here: how they get into a database (`init_db`).

The validators refuse what the lake would dead-letter whoever wrote it, and no more (RULES 3-8, 22):
a number may be a double, an instant may be text, and further fields are welcome.
"""

from typing import Any, NamedTuple


class Index(NamedTuple):
    """One index; `keys` ascending."""

    collection: str
    keys: tuple[str, ...]
    is_unique: bool = False


INDEXES = (
    Index("inventory", ("warehouse_id", "sku"), is_unique=True),
    Index("inventory", ("warehouse_id", "category_id")),
    Index("inventory", ("warehouse_id", "brand_id")),
    Index("inventory", ("available_stock",)),
    Index("inventory", ("last_updated",)),
    Index("transactions", ("sku", "timestamp")),
    Index("transactions", ("warehouse_id", "timestamp")),
    Index("transactions", ("order_id",)),
    Index("transactions", ("transaction_type", "timestamp")),
    # Not R0's. With the status, because a version of a transaction may be a document of its own:
    # RULES 10 tells versions apart by just these three.
    Index("transactions", ("warehouse_id", "transaction_id", "status"), is_unique=True),
)

_ID = {"bsonType": "string", "minLength": 1, "maxLength": 256}
_TIME = {"bsonType": ["date", "string"]}
_NUMBERS = ["int", "long", "double"]
_INTEGER = {"bsonType": _NUMBERS, "multipleOf": 1, "minimum": -(10**12), "maximum": 10**12}
_COUNT = {"bsonType": [*_NUMBERS, "null"], "minimum": 0}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema["bsonType"]
    return {**schema, "bsonType": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}


def _documents(required: tuple[str, ...], properties: dict[str, Any]) -> dict[str, Any]:
    return {"$jsonSchema": {"bsonType": "object", "required": list(required), "properties": properties}}


VALIDATORS: dict[str, dict[str, Any]] = {
    "inventory": _documents(
        ("sku", "warehouse_id", "current_stock", "last_updated"),
        {
            "sku": _ID,
            "warehouse_id": _ID,
            "current_stock": _INTEGER,
            "reserved_stock": _or_null(_INTEGER),
            "last_updated": _TIME,
            "restock_in_progress": {"bsonType": ["bool", "null"]},
            **{f"{parent}_id": _or_null(_ID) for parent in ("product", "brand", "category", "department")},
        },
    ),
    "transactions": _documents(
        ("transaction_id", "transaction_type", "status", "sku", "warehouse_id", "quantity", "timestamp"),
        {
            "transaction_id": _ID,
            "transaction_type": {
                "enum": ["ORDER", "RESTOCK", "RETURN", "ADJUSTMENT", "TRANSFER", "RESERVE", "RELEASE"]
            },
            "status": {"enum": ["PENDING", "SHIPPED", "COMPLETED", "CANCELLED"]},
            "sku": _ID,
            "warehouse_id": _ID,
            "to_warehouse_id": _or_null(_ID),
            "quantity": {**_INTEGER, "not": {"enum": [0]}},
            "timestamp": _TIME,
        },
    ),
    "thresholds": _documents(
        ("level_type",),
        {
            "level_type": {"enum": ["GLOBAL", "DEPARTMENT", "CATEGORY", "BRAND", "PRODUCT", "SKU"]},
            "level_id": _or_null(_ID),
            "warehouse_id": _or_null(_ID),
            "min_threshold_qty": {**_COUNT, "multipleOf": 1},
            "reorder_threshold_qty": {**_COUNT, "multipleOf": 1},
            "min_threshold_days": _COUNT,
            "reorder_threshold_days": _COUNT,
        },
    ),
}
