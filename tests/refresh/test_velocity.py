"""Velocity is what was sold in the last 28 complete UTC days, per day (RULES 23)."""

from datetime import date

import pytest

from inventory_assets.refresh.velocity import refresh_velocity
from tests.builders import level, message, transaction
from tests.domain.histories import LATER
from tests.facts import differences

AS_OF = date(2022, 5, 20)
FIRST, LAST = "2022-04-22T00:00:00Z", "2022-05-19T23:59:59.999999Z"
DURING = "2022-05-01T12:00:00Z"
KEY = ("W1", "S1")


def take(engine, *documents):
    engine.commit_burst([message(document, published_at=LATER) for document in documents])


def sold(name, units, at, **more):
    return transaction(name, quantity=-units, at=at, **more)


def test_the_window_is_28_complete_days_and_today_is_none(engine):
    """Half of today counted as a day would halve the cover of a shop that opens at noon."""
    take(
        engine,
        level(1000, "2022-04-01T00:00:00Z"),
        sold("BEFORE", 1000, "2022-04-21T23:59:59.999999Z"),
        sold("FIRST", 7, FIRST),
        sold("LAST", 21, LAST),
        sold("TODAY", 300, "2022-05-20T00:00:00Z"),
    )

    (_,) = refresh_velocity(engine, AS_OF)

    assert {KEY: 1.0} == {key: units for key, units in engine.state.velocities.items() if units}
    assert [] == refresh_velocity(engine, AS_OF) == differences(engine)


@pytest.mark.parametrize(
    "other",
    [
        transaction("T", "RETURN", 28, DURING),
        transaction("T", "ADJUSTMENT", -28, DURING),
        transaction("T", "TRANSFER", 28, DURING, to_warehouse_id="W2"),
        sold("T", 28, DURING, status="PENDING"),
        sold("T", 28, DURING, status="CANCELLED"),
    ],
    ids=["return", "adjustment", "transfer", "pending", "cancelled"],
)
def test_only_completed_orders_count(engine, other):
    take(engine, other, sold("SOLD", 14, DURING))

    refresh_velocity(engine, AS_OF)

    assert 0.5 == engine.state.velocities[KEY]


def test_of_a_transaction_the_version_that_counts_is_sold(engine):
    """RULES 13: cancelled afterwards is not sold, and completed by another quantity is that quantity."""
    later = "2022-05-02T12:00:00Z"
    take(engine, sold("T1", 28, DURING), sold("T1", 28, later, status="CANCELLED"))
    take(engine, sold("T2", 14, later), sold("T2", 56, LAST, status="PENDING"))

    refresh_velocity(engine, AS_OF)

    assert 0.5 == engine.state.velocities[KEY]


def test_who_sells_no_more_has_no_velocity(engine):
    take(engine, sold("T1", 28, FIRST))
    refresh_velocity(engine, AS_OF)

    refresh_velocity(engine, date(2022, 5, 21))

    assert not engine.state.velocities.get(KEY)
    assert [] == differences(engine)
