"""A key has one event a day of its figures, and it moves no stock."""

from datetime import date

from inventory_assets.domain.outbox.metrics import metrics, metrics_subject

ROW = {
    "warehouse_id": "W1", "sku": "S1", "velocity": 2.5, "daily_units": 2.25, "cover_days": 8.0, "cover_days_low": 6.0,
    "cover_days_high": 11.0, "available": 18, "in_stock_days": 80, "stockout_days": 4,
}  # fmt: skip
DAY = date(2022, 5, 20)


def test_an_event_is_of_a_key_and_a_day():
    later = metrics(date(2022, 5, 21), ROW)

    assert metrics(DAY, ROW) == metrics(DAY, ROW)
    # Of one day there is one, whatever its figures are when they are looked at again.
    assert metrics(DAY, ROW)["eventId"] == metrics(DAY, ROW | {"velocity": 9.0})["eventId"]
    assert 3 == len({metrics(DAY, ROW)["eventId"], later["eventId"], metrics(DAY, ROW | {"sku": "S2"})["eventId"]})


def test_it_has_velocity_and_cover_and_moves_nothing():
    found = metrics(DAY, ROW)

    assert ("INVENTORY_METRICS", 0, "2022-05-20") == (found["eventType"], found["quantityChange"], found["referenceId"])
    assert (2.5, 8.0, 18) == (found["velocityUnitsPerDay"], found["coverDays"], found["available"])


def test_days_have_names_in_their_order():
    assert metrics_subject(date(2022, 5, 9)) < metrics_subject(date(2022, 5, 20)) < metrics_subject(date(2022, 12, 1))
