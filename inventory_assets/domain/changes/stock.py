"""What a client says of one SKU's stock in one warehouse, as R0's documents in an envelope.

Here: a counted level, an adjustment, a reservation. Not here: whether the document is a good one (`checked`), which
the reader of all messages says.

A level is no CloudEvent: that has neither parents nor limits, and a level is taken whole (RULES 19, 21), so a count
would take its SKU out of its category.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import UNKNOWN_PARENTS, Key, ParentIds
from inventory_assets.domain.events.reading import Document, check_sign
from inventory_assets.domain.values import InvalidValue, format_time, read_integer, read_remark

SOURCE = "stock-service"
"""Whose clock the positions of these documents are of (RULES 12)."""
NAMES = ("warehouse_id", "sku", "product_id")
LEVEL_FIELDS = ("quantity_on_hand", "quantity_available", "quantity_reserved", "last_updated")
_MOVES = {"quantity_change": "ADJUSTMENT", "reserve": "RESERVE", "release": "RELEASE"}
ADJUSTMENT_FIELDS = (*_MOVES, "timestamp", "reason")
_PARENTS = ("department_id", "category_id", "brand_id", "product_id")


class Carried(NamedTuple):
    """What a count does not say and must not change: it is taken over from what is known."""

    parents: ParentIds = UNKNOWN_PARENTS
    min_threshold: int | None = None
    reorder_threshold: int | None = None
    is_restock_in_progress: bool = False


NOTHING = Carried()


class Stated(NamedTuple):
    """A document in its envelope, and what it comes to, for the answer."""

    body: bytes
    said: dict[str, Any]


def read_key(body: Mapping[str, Any], given: Key | None) -> Key:
    """Whose stock is meant: as the address says, or else the body; where both do, they agree.

    Raises:
        InvalidValue: Nobody says it, or they differ.
    """
    sku = body.get("sku") if body.get("sku") is not None else body.get("product_id")
    named = {"warehouse_id": body.get("warehouse_id"), "sku": sku}
    if given is None:
        if missing := [name for name, value in named.items() if value is None]:
            raise InvalidValue(
                "missing_field",
                f"required and absent or null: {', '.join(missing)}; or put /v1/inventory/WAREHOUSE/SKU in the address",
                ", ".join(missing),
            )
        return named["warehouse_id"], named["sku"]  # type: ignore[return-value]  # the reader judges what it is
    for (name, value), expected in zip(named.items(), given, strict=True):
        if value is not None and value != expected:
            raise InvalidValue(
                "invalid_value", f"{name} was {_shown(value)} in the body and {expected!r} in the address", name
            )
    return given


def state_level(body: Mapping[str, Any], key: Key, carried: Carried, *, at: int) -> Stated:
    """A counted level.

    Args:
        body: `quantity_on_hand`, or else `quantity_available` with `quantity_reserved` (absent: 0, RULES 38). On
            hand alone says nothing of reservations: they stay as they are.
        key: Whose.
        carried: What it does not say.
        at: When it was counted, where the body does not say, in microseconds.

    Raises:
        InvalidValue: It says no quantity, too many, or something else.
    """
    _check_known(body, LEVEL_FIELDS)
    on_hand, reserved = _quantities(body)
    warehouse_id, sku = key
    document: Document = {
        "sku": sku, "warehouse_id": warehouse_id, "current_stock": on_hand,
        "last_updated": format_time(at) if body.get("last_updated") is None else body["last_updated"],
        "restock_in_progress": carried.is_restock_in_progress,
    }  # fmt: skip
    if reserved is not None:
        document["reserved_stock"] = reserved
    document |= {
        name: value for name, value in zip(_PARENTS, carried.parents, strict=True) if value != UNKNOWN_PARENTS[0]
    }
    limits = {"min_threshold": carried.min_threshold, "reorder_threshold": carried.reorder_threshold}
    document |= {name: value for name, value in limits.items() if value is not None}
    return Stated(_envelope(document), {"quantity_on_hand": on_hand, "quantity_reserved": reserved})


def _quantities(body: Mapping[str, Any]) -> tuple[int, int | None]:
    on_hand, available, reserved = (
        None if body.get(name) is None else read_integer(name, body[name]) for name in LEVEL_FIELDS[:3]
    )
    if on_hand is None and available is None:
        raise InvalidValue(
            "missing_field", "required and absent or null: quantity_on_hand, or else quantity_available",
            "quantity_on_hand",
        )  # fmt: skip
    if available is None:
        assert on_hand is not None
        return on_hand, reserved
    if on_hand is None:
        reserved = reserved or 0
        return read_integer("quantity_available + quantity_reserved", available + reserved), reserved
    if reserved is not None and on_hand - reserved != available:
        raise InvalidValue(
            "invalid_value",
            f"quantity_available was {available}, expected quantity_on_hand - quantity_reserved = {on_hand - reserved}",
            "quantity_available",
        )
    return on_hand, read_integer("quantity_on_hand - quantity_available", on_hand - available)


def state_move(body: Mapping[str, Any], key: Key, *, transaction_id: str, author: str, at: int) -> Stated:
    """An adjustment, or a reservation or its release.

    Args:
        body: Exactly one of `quantity_change`, `reserve` and `release`; and when and why.
        key: Of what.
        transaction_id: Its own: two changes are two transactions.
        author: Who.
        at: When, where the body does not say, in microseconds.

    Raises:
        InvalidValue: It says none, several, one of the wrong sign, or something else.
    """
    _check_known(body, ADJUSTMENT_FIELDS)
    given = [name for name in _MOVES if body.get(name) is not None]
    if len(given) != 1:
        raise InvalidValue(
            "missing_field", f"expected exactly one of {', '.join(_MOVES)}; there was {', '.join(given) or 'none'}",
            given[1] if given else "quantity_change",
        )  # fmt: skip
    (field,) = given
    quantity, type_ = read_integer(field, body[field]), _MOVES[field]
    check_sign(type_, quantity, field)
    warehouse_id, sku = key
    document: Document = {
        "transaction_id": transaction_id, "transaction_type": type_, "status": "COMPLETED", "sku": sku,
        "warehouse_id": warehouse_id, "quantity": quantity, "user_id": author,
        "timestamp": format_time(at) if body.get("timestamp") is None else body["timestamp"],
    }  # fmt: skip
    if body.get("reason") is not None:
        document["adjustment_reason"] = read_remark("reason", body["reason"])
    return Stated(_envelope(document), {field: quantity, "transaction_id": transaction_id})


def _check_known(body: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    # A misspelt field would be a count of something else.
    if unknown := sorted(set(body) - {*fields, *NAMES}):
        shown = ", ".join(map(_shown, unknown[:5]))
        raise InvalidValue("invalid_value", f"unknown field {shown}; expected {', '.join((*fields, *NAMES))}", shown)


def _envelope(document: Document) -> bytes:
    return json.dumps({"source": SOURCE, "operation": "update", "document": document}, ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
