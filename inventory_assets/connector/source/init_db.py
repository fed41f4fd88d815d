"""Prepare a source database: indexes, validators, images of changed documents.

Here: what a database should look like, adding what is missing, and saying so. Never: dropping anything,
or replacing what somebody else has set; that is left as it is, and reported. Running it again changes
nothing.

The validators refuse what the lake would dead-letter whoever wrote it, and no more (RULES 3-8, 22):
a number may be a double, an instant may be text, and further fields are welcome.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from pymongo.database import Database
from pymongo.errors import OperationFailure

from inventory_assets.connector.source.mongo_client import check_replica_set
from inventory_assets.connector.source.mongo_errors import translated

# What says that the database itself stands against it: two documents with one key, an index or
# options that contradict.
_CONTRADICTIONS = {11000: "two documents have the same key", 85: "another index has these options",
                   86: "another index has this name", 67: "the index cannot be created"}  # fmt: skip
_NAMESPACE_EXISTS = 48


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


class Action(StrEnum):
    """What became of one item."""

    CREATED = "created"
    CHANGED = "changed"
    KEPT = "kept"
    # Somebody else's setting stands in its place, or the server cannot have it.
    LEFT = "left"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """What was done about one item; `kind` is collection, images, validator or index."""

    action: Action
    kind: str
    name: str
    detail: str


def init_db(database: Database[Any], *, collections: Sequence[str]) -> list[Row]:
    """Prepare the watched collections.

    Args:
        collections: Those that are watched; of others than R0's only the images are turned on.

    Raises:
        SourceRefusedError, SourceUnavailableError: The server did not let itself be asked.
    """
    has_images = check_replica_set(database.client)
    rows: list[Row] = []
    with translated("was not prepared"):
        for name in collections:
            rows += _prepare(database, name, has_images)
        rows += [_ensure_index(database, index) for index in INDEXES if index.collection in collections]
    return rows


def _prepare(database: Database[Any], name: str, has_images: bool) -> Iterator[Row]:
    validator = VALIDATORS.get(name)
    options = _options(database, name)
    if options is None:
        options = _create(database, name, validator, has_images)
        yield Row(Action.CREATED, "collection", name, "with validator and images" if options else "as it was missing")
    else:
        yield Row(Action.KEPT, "collection", name, "is there")
    yield _ensure_images(database, name, options, has_images)
    if validator is not None:
        yield _ensure_validator(database, name, options, validator)


def _options(database: Database[Any], name: str) -> Mapping[str, Any] | None:
    found = list(database.list_collections(filter={"name": name}))
    return found[0].get("options", {}) if found else None


def _create(
    database: Database[Any], name: str, validator: dict[str, Any] | None, has_images: bool
) -> Mapping[str, Any]:
    options: dict[str, Any] = {}
    if validator is not None:
        options |= {"validator": validator, "validationLevel": "moderate"}
    if has_images:
        options["changeStreamPreAndPostImages"] = {"enabled": True}
    try:
        database.command("create", name, **options)
    except OperationFailure as error:
        # A writer was faster.
        if error.code != _NAMESPACE_EXISTS:
            raise
    return _options(database, name) or {}


def _ensure_images(database: Database[Any], name: str, options: Mapping[str, Any], has_images: bool) -> Row:
    if not has_images:
        return Row(Action.LEFT, "images", name, "the server has none before MongoDB 6.0: updates are looked up")
    if (options.get("changeStreamPreAndPostImages") or {}).get("enabled"):
        return Row(Action.KEPT, "images", name, "changeStreamPreAndPostImages is on")
    database.command("collMod", name, changeStreamPreAndPostImages={"enabled": True})
    return Row(Action.CHANGED, "images", name, "changeStreamPreAndPostImages turned on")


def _ensure_validator(database: Database[Any], name: str, options: Mapping[str, Any], validator: dict[str, Any]) -> Row:
    present = options.get("validator")
    if not present:
        # Moderate: a document that was invalid before may still be written, or a shop would stop.
        database.command("collMod", name, validator=validator, validationLevel="moderate")
        return Row(Action.CHANGED, "validator", name, "set; documents that were invalid before can still be updated")
    if present == validator:
        return Row(Action.KEPT, "validator", name, f"level {options.get('validationLevel', 'strict')}")
    return Row(Action.LEFT, "validator", name, "the collection has another validator, which stays as it is")


def _ensure_index(database: Database[Any], index: Index) -> Row:
    name = f"{index.collection}({', '.join(index.keys)})"
    wanted = [(key, 1) for key in index.keys]
    present = database[index.collection].index_information()
    same = [found for found in present.values() if list(found["key"]) == wanted]
    if same:
        if index.is_unique and not any(found.get("unique") for found in same):
            return Row(Action.LEFT, "index", name, "is there, but not unique: drop it, and run this again")
        return Row(Action.KEPT, "index", name, "unique" if index.is_unique else "is there")
    try:
        database[index.collection].create_index(wanted, unique=index.is_unique)
    except OperationFailure as error:
        if error.code not in _CONTRADICTIONS:
            raise
        return Row(Action.FAILED, "index", name, f"{_CONTRADICTIONS[error.code]}; nothing was changed")
    return Row(Action.CREATED, "index", name, "unique" if index.is_unique else "")
