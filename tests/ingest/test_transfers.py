"""A transfer's two ends are judged each by its own stock, at the transfer's own moment (RULES 16, 25)."""

import json

import pytest

from tests.builders import level, message, rule, transaction
from tests.facts import rows


def test_a_transfer_is_judged_at_its_receiver_by_the_stock_it_brings(engine):
    """It ends the receiver's alert, at its own moment, with the number it leads to; the sender's is another."""
    more = {"to_warehouse_id": "W2"}
    engine.commit_burst(
        [message(each) for each in (rule(50, 50), level(100), level(60, warehouse_id="W2"))]
        + [message(transaction("T1", quantity=-20, at="08:10", warehouse_id="W2"))]
    )
    transfer = transaction("T2", "TRANSFER", 60, "09:00", **more)

    engine.commit_burst([message(transfer)])

    steps = rows(
        engine.lake,
        "SELECT warehouse_id, transition, reason, t.event_id LIKE '%T2%', strftime(event_at, '%H:%M') "
        "FROM out.alert_transitions t JOIN out.alerts USING (alert_id) WHERE transition IN ('opened', 'resolved') "
        "ORDER BY event_at, warehouse_id",
    )
    assert steps == [
        ("W2", "opened", "breach", False, "08:10"),
        ("W1", "opened", "breach", True, "09:00"),
        ("W2", "resolved", "recovered", True, "09:00"),
    ]
    bodies = {
        json.loads(body)["warehouse_id"]: json.loads(body)
        for (body,) in rows(engine.lake, "SELECT body FROM out.alerts")
    }
    assert (40, 40) == (bodies["W1"]["available_stock"], bodies["W2"]["available_stock"])
    assert [("W1", 40), ("W2", 100)] == rows(
        engine.lake, "SELECT warehouse_id, available FROM core.sku_state ORDER BY 1"
    )


def test_a_receiver_falls_below_its_threshold_by_the_transfer_that_is_taken_back(engine):
    """A COMPLETED transfer that is cancelled takes its units back from the receiver, whose shelf was full by them."""
    more = {"to_warehouse_id": "W2", "quantity": 30}
    engine.commit_burst([message(each) for each in (rule(50, 50), level(500), level(30, warehouse_id="W2"))])
    sent = transaction("T1", "TRANSFER", at="09:00", status="COMPLETED", **more)
    engine.commit_burst([message(sent)])
    cancelled = transaction("T1", "TRANSFER", at="10:00", status="CANCELLED", **more)

    engine.commit_burst([message(cancelled)])

    firing = rows(engine.lake, "SELECT body, warehouse_id FROM out.alerts WHERE state = 'firing'")
    assert [("W2", 30)] == [(place, json.loads(body)["available_stock"]) for body, place in firing]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_transfer_is_a_point_of_its_senders_trend_alone(engine, is_restarted):
    """The lake keeps one number with an event, the sender's: living and loading would have two trends else."""
    engine.commit_burst([message(each) for each in (rule(50, 50), level(90), level(60, warehouse_id="W2"))])
    engine.commit_burst([message(transaction("T1", "TRANSFER", 10, "08:30", to_warehouse_id="W2"))])
    if is_restarted:
        engine.drop_state()

    engine.commit_burst([message(transaction(f"O{w}", quantity=-40, at="09:00", warehouse_id=w)) for w in ("W1", "W2")])

    bodies = [json.loads(body) for (body,) in rows(engine.lake, "SELECT body FROM out.alerts ORDER BY warehouse_id")]
    assert [[90, 80, 40], [60, 30]] == [[point["available_stock"] for point in body["stock_trend"]] for body in bodies]
    assert [40, 30] == [body["available_stock"] for body in bodies]
