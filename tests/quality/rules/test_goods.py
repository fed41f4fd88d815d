"""What RULES 16 flags: a transfer that arrives as another quantity, and goods sent to an inactive key.

Both follow from the events taken in, so no order of arrival hides them.
"""

from itertools import permutations
from typing import Any

from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Engine
from inventory_assets.quality.judge import judge_rules
from inventory_assets.quality.rules import RULES
from tests.builders import PUBLISHED_AT, envelope, level, messages, transaction

SEVEN = 7 * 3600


def found(engine: Engine, name: str) -> list[dict[str, Any]]:
    """The rows that one rule finds."""
    [judged] = judge_rules(
        engine.lake, engine.settings, [rule for rule in RULES if rule.name == name], now=to_microseconds(PUBLISHED_AT)
    )
    return [dict(row) for row in judged.result.rows]


def transfer(status: str, quantity: int, at: str, name: str = "T1", **more: Any) -> dict[str, Any]:
    """A version of a transfer from W1 to W2."""
    return transaction(name, "TRANSFER", quantity, at, status=status, **{"to_warehouse_id": "W2", **more})


def numbers(rows: list[dict[str, Any]]) -> list[tuple]:
    """Who sent and got how many."""
    return [
        (row["warehouse_id"], row["to_warehouse_id"], row["transaction_id"], row["line_id"], row["shipped"],
         row["arrived"], row["flag"])
        for row in rows
    ]  # fmt: skip


SHORT = ("W1", "W2", "T1", None, 10, 7, "transfer_quantity_changed")


def test_a_short_receipt_is_flagged_with_both_numbers_in_any_order(engine):
    """SHIPPED 10 and COMPLETED 7 gives the sender 3 back; nobody would see it in the stock."""
    engine.commit_burst(messages(transfer("SHIPPED", 10, "08:00"), transfer("COMPLETED", 7, "09:00", "T2")))
    engine.commit_burst(messages(transfer("COMPLETED", 7, "09:00"), transfer("SHIPPED", 10, "08:00", "T2")))

    assert [SHORT, (*SHORT[:2], "T2", *SHORT[3:])] == numbers(found(engine, "transfers_arrive_whole"))


def test_what_was_shipped_and_what_arrived_are_the_versions_that_count(engine):
    """Each warehouse numbers on its own, each line is a transfer, and a later version of a status replaces it."""
    engine.commit_burst(
        messages(
            transfer("SHIPPED", 10, "08:00"),
            envelope(transfer("COMPLETED", 9, "08:59"), SEVEN + 7300),
            envelope(transfer("COMPLETED", 7, "09:00"), SEVEN + 7200),
            transfer("SHIPPED", 4, "08:00", warehouse_id="W3"),
            transfer("COMPLETED", 4, "09:00", warehouse_id="W3"),
            transfer("SHIPPED", 6, "08:00", line_id="1"),
            transfer("COMPLETED", 5, "09:00", line_id="2"),
            transfer("SHIPPED", 5, "08:00", line_id="2"),
            transfer("COMPLETED", 8, "09:00", line_id="1"),
            transfer("SHIPPED", 3, "08:00", "T2"),
            transfer("COMPLETED", 2, "09:00", "T2"),
            transfer("CANCELLED", 3, "10:00", "T2"),
        )
    )

    assert [(*SHORT[:5], 9, SHORT[6]), ("W1", "W2", "T1", "1", 6, 8, SHORT[6])] == sorted(
        numbers(found(engine, "transfers_arrive_whole")), key=str, reverse=True
    )


def opening(sku: str = "S1", at: int = SEVEN - 60) -> dict[str, Any]:
    """A level of the receiver."""
    return envelope(level(20, warehouse_id="W2", sku=sku), at)


def deleted(sku: str = "S1", at: int = SEVEN) -> dict[str, Any]:
    """The receiver's stock document is deleted."""
    return envelope(None, at, operation="delete", document_key={"warehouse_id": "W2", "sku": sku})


def goods(engine: Engine) -> list[tuple]:
    """Goods that went to inactive keys: which, from where, to where, how many."""
    names = ("sku", "from_warehouse_id", "warehouse_id", "event_id", "quantity")
    return sorted(tuple(row[name] for name in names) for row in found(engine, "goods_go_to_active_keys"))


def test_goods_sent_to_an_inactive_key_are_flagged_in_any_order(engine):
    """A SKU for each order."""
    orders = {f"S{n}": order for n, order in enumerate(permutations(range(3)))}
    for place in range(3):
        engine.commit_burst(
            messages(
                *((opening(sku), deleted(sku), transfer("COMPLETED", 7, "09:00", f"T-{sku}", sku=sku))[order[place]]
                  for sku, order in orders.items())
            )
        )  # fmt: skip

    assert [(sku, "W1", "W2", f"transaction:W1:T-{sku}:COMPLETED", 7) for sku in orders] == goods(engine)


def test_whatever_brings_goods_to_an_inactive_key_is_flagged_and_nothing_else(engine):
    """A SKU for each case, deleted at 07:00; what is still on its way counts whenever it left."""

    def at_w2(type_: str, quantity: int, at: str = "09:00", **more: Any) -> tuple[dict[str, Any], ...]:
        return (transaction("T1", type_, quantity, at, warehouse_id="W2", **more),)

    flagged = {
        "restock": at_w2("RESTOCK", 7),
        "return": at_w2("RETURN", 7),
        "found": at_w2("ADJUSTMENT", 7),
        "announced": at_w2("RESTOCK", 7, status="PENDING"),
        "announced before": at_w2("RESTOCK", 7, "06:00", status="PENDING"),
        "shipped before": (transfer("SHIPPED", 7, "06:00"),),
        "deleted again": (
            opening(at=SEVEN + 60), deleted(at=SEVEN + 120), *at_w2("RESTOCK", 7, "08:00"),
            deleted(at=SEVEN + 7200),
        ),
    }  # fmt: skip
    sound = {
        "before": at_w2("RESTOCK", 7, "06:00"),
        "arrived before": (transfer("SHIPPED", 7, "05:00"), transfer("COMPLETED", 7, "06:00")),
        "came back": (transfer("SHIPPED", 7, "09:00"), transfer("CANCELLED", 7, "10:00")),
        "not sent yet": (transfer("PENDING", 7, "09:00"),),
        "sold": at_w2("ORDER", -7),
        "promised": at_w2("RESERVE", 7),
        "another warehouse": (transaction("T1", "RESTOCK", 7, "09:00"),),
        "in use again": (*at_w2("RESTOCK", 7), opening(at=SEVEN + 9000)),
        "between two lives": (opening(at=SEVEN + 3600), *at_w2("RESTOCK", 7), deleted(at=SEVEN + 9000)),
    }
    for number, (name, documents) in enumerate({**flagged, **sound}.items()):
        engine.commit_burst(messages(opening(name), deleted(name), *(named(each, name, number) for each in documents)))

    assert sorted(flagged) == [row[0] for row in goods(engine)]


def named(document: dict[str, Any], sku: str, number: int) -> dict[str, Any]:
    """The same for another SKU."""
    if "operation" not in document:
        return document | {"sku": sku, "transaction_id": f"T{number}"}
    part = "document" if document["document"] else "document_key"
    return document | {part: document[part] | {"sku": sku}}
