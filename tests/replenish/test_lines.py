"""The most urgent lines come first, and of one day the greatest loss; when a plan was made is by the home's own clock."""

import contextlib
import json

import pytest

from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.lines import read_lines, read_made
from tests.replenish.shop import fill, plan


@pytest.fixture
def engine(open_filled):
    def planned(engine):
        fill(engine)
        plan(engine)

    return open_filled(planned)


def set_lines(engine, *found):
    """Set the lines of S1 at W1, S1 at W2 and S2 at W1: day, revenue at risk, units."""
    for (warehouse_id, sku), (day, revenue, units) in zip(
        (("W1", "S1"), ("W2", "S1"), ("W1", "S2")), found, strict=True
    ):
        engine.lake.connection.execute(
            "UPDATE lake.out.plans_changes SET is_urgent = true, is_order_urgent = true, supplier_id = 'ACME', "
            "order_by = ?, revenue_at_risk = ?, order_quantity = ? WHERE warehouse_id = ? AND sku = ?",
            [day, revenue, units, warehouse_id, sku],
        )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([("2022-05-21", 5, 9), ("2022-05-21", 9, 1), ("2022-05-21", None, 99)], ["W2 S1", "W1 S1", "W1 S2"]),
        ([("2022-05-21", 5, 9), ("2022-05-21", 5, 10), ("2022-05-20", None, 1)], ["W1 S2", "W2 S1", "W1 S1"]),
        # Both are shown as to be ordered on the day before the review, whatever the forecast says of later days.
        ([("2022-06-21", 5, 9), ("2022-05-28", 4, 9), ("2022-05-26", 4.5, 9)], ["W1 S1", "W1 S2", "W2 S1"]),
    ],
)  # fmt: skip
def test_of_one_day_the_greatest_loss_comes_first(engine, found, expected):
    set_lines(engine, *found)

    assert expected == [f"{row['warehouse_id']} {row['sku']}" for row in read_lines(engine.lake)]


def test_of_suppliers_with_one_day_the_greater_loss_comes_first(engine):
    set_lines(engine, ("2022-05-21", 5, 9), ("2022-05-21", 9, 1), ("2022-05-21", 10, 9))
    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET supplier_id = 'A' WHERE sku = 'S2'")

    assert ["ACME", "ACME", "A"] == [row["supplier_id"] for row in read_lines(engine.lake)]


def test_a_plan_was_made_when_the_homes_clock_said_so(engine):
    """A demo in July whose plan was made 'in November' looked months old."""
    path = engine.settings.home / "clock.json"
    path.write_text(json.dumps({"real": "2020-01-01T00:00:00Z", "shown": "2010-07-01T00:00:00Z", "speed": 1}))

    engine.land()
    reader = LakeReader(engine.settings)
    with contextlib.closing(reader.connection):
        made = read_made(reader)

    assert made.at.year < read_made(engine.lake).at.year - 8
