"""What of a plan leaves: lines that cannot wait, and what people decide on lines."""

from datetime import date

import pytest

from inventory_assets.domain.events.kinds import Command
from inventory_assets.domain.outbox.reorders import decision, is_recommended, recommendation, severity_of_line

LINE = {
    "line_id": "pln-20220520-W1-S1", "version": 4, "warehouse_id": "W1", "sku": "S1", "plan_date": date(2022, 5, 20),
    "reason": "too_late", "order_quantity": 84, "order_by": None, "runs_out_on": date(2022, 5, 22),
    "supplier_id": "ACME", "lead_time_days": 5, "available": 20, "inbound": 0, "as_of_version": 3,
    "is_order_urgent": True,
}  # fmt: skip


def command(name, quantity=None):
    """A decision on the line."""
    return Command(
        f"{name}-1", name, None, None, "budget", "ann", 1_653_040_000_000_000, (0, 0, 0),
        plan_line_id=LINE["line_id"], quantity=quantity,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "quantity", "expected"),
    [
        ("out", 5, True), ("too_late", 5, True), ("due", 5, True), ("below_limit", 5, True),
        # Goods of another warehouse will do, or nobody knows how many.
        ("out", 0, False), ("out", None, False),
        # It can wait for the next review.
        ("fill_up", 5, False), ("unknown", None, False), ("enough", 0, False),
    ],
)  # fmt: skip
def test_a_recommendation_of_releases_before_is_a_line_of_a_reason_that_cannot_wait(reason, quantity, expected):
    line = LINE | {"reason": reason, "order_quantity": quantity, "is_order_urgent": None}

    assert expected is is_recommended(line)


@pytest.mark.parametrize(
    ("reason", "is_urgent", "expected"),
    [
        ("due", True, True), ("at_risk", True, True), ("not_yet", False, False),
        # What comes fills the shelf, and the order is for afterwards.
        ("out", False, False),
        # It orders again what it gives.
        ("enough", True, True),
    ],
)  # fmt: skip
def test_a_recommendation_is_an_order_that_cannot_wait_for_the_next_review(reason, is_urgent, expected):
    assert expected is is_recommended(LINE | {"reason": reason, "is_order_urgent": is_urgent})


def test_a_recommendation_is_a_service_event_of_its_line():
    found = recommendation(LINE)

    assert ("REORDER_RECOMMENDATION", "S1", "W1", 84, "2022-05-20T00:00:00.000Z", "pln-20220520-W1-S1") == tuple(
        found[name] for name in ("eventType", "sku", "warehouseId", "quantityChange", "timestamp", "referenceId")
    )
    assert (None, "2022-05-22", "ACME") == (found["orderBy"], found["runsOutOn"], found["supplierId"])
    assert "HIGH" == severity_of_line(LINE)


@pytest.mark.parametrize(("accepted", "expected"), [(None, 84), (60, 60)])
def test_an_accepted_line_is_a_purchase_order_of_what_was_accepted(accepted, expected):
    found = decision(command("plan-accept", accepted), LINE)

    assert ("PURCHASE_ORDER", expected, LINE["line_id"]) == tuple(
        found[name] for name in ("eventType", "quantityChange", "referenceId")
    )
    assert ("budget", "ann") == (found["notes"], found["issuedBy"])


def test_a_dismissed_line_takes_back_what_was_said_of_it():
    found = decision(command("plan-dismiss"), LINE)

    assert ("REORDER_CANCELLED", 0) == (found["eventType"], found["quantityChange"])


def test_each_decision_is_an_event_of_its_own():
    ids = {recommendation(LINE)["eventId"]} | {
        decision(command(name), LINE)["eventId"] for name in ("plan-accept", "plan-dismiss")
    }

    assert 3 == len(ids)
