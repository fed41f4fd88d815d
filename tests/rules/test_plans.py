"""The reading of a plan against sums done by hand (RULES 36, 42, 43).

Belongs here: shelves, and what is right of them. Does not: the product's plan; that is compared in
`tests/replenish/test_oracle.py`.
"""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from tests.rules.plans import (
    Coming,
    Decided,
    Move,
    Restocked,
    Settings,
    Shelf,
    faults_of,
    line_of,
    standing,
    what_remains,
)

MONDAY = date(2022, 5, 16)
TEN_A_DAY = (Fraction(10),) * 7
SETTINGS = Settings(least_transfer=5)


def test_a_line_is_its_sum():
    """35 there and 20 on Wednesday last four days at ten and a half a day, and an order takes five."""
    # At 0.8413 service k is 1: 126 for twelve days, and 2 · √12 = 6.93 above it.
    shelf = Shelf(
        "W1", available=35, inbound=(Coming(2, 20),), demand=(Fraction(21, 2),) * 7, deviation=2.0, lead_time=5,
        price=Fraction(2), pack=12, service_level=0.8413447460685429,
    )  # fmt: skip
    line = line_of(shelf, MONDAY, SETTINGS)

    # Till Friday's end 52.5 are asked for; 55 are there, so it runs out on Saturday, and an order of today is in time.
    assert (12, 126, 5, 0) == (line.horizon, line.forecast, line.runs_out, line.order_by)
    assert (7, 133, 78, 84) == (line.safety_stock, line.target, line.needed, line.order)
    assert Fraction(35 + 20 - 126) == line.projected
    # The worst moment is Friday's end: 2.5 left is 0.559 of 2 · √5.
    assert (pytest.approx(28.8, abs=0.1), 0) == (line.risk, line.revenue)


def test_what_is_missing_until_an_order_arrives():
    """30 last until Wednesday's end; on Thursday and Friday 20 are asked for in vain."""
    line = line_of(Shelf("W1", available=30, demand=TEN_A_DAY, lead_time=5, price=Fraction(3)), MONDAY, SETTINGS)

    assert (2, -3, 60, 100) == (line.runs_out, line.order_by, line.revenue, line.risk)


def test_the_season_is_that_of_the_plans_date():
    shelf = Shelf("W1", available=10, demand=(*(Fraction(0),) * 5, Fraction(4), Fraction(6)), lead_time=1)

    assert 6 == line_of(shelf, MONDAY, SETTINGS).runs_out
    assert 1 == line_of(shelf, MONDAY + timedelta(5), SETTINGS).runs_out


# The taker lacks 20 until its order is here. The giver needs 50 until its own, and its rule asks for 60.
TAKER = Shelf("W1", available=30, demand=TEN_A_DAY, lead_time=5)
GIVER = Shelf("W2", available=90, demand=TEN_A_DAY, lead_time=5, reorder_qty=60)


@pytest.mark.parametrize(
    ("network", "moves", "expected"),
    [
        ([TAKER, GIVER], [Move(1, 0, 20)], []),
        ([TAKER, GIVER], [Move(1, 0, 21)], ["W1 takes 21 and lacks 20 until an order arrives"]),
        ([TAKER, GIVER], [Move(1, 0, 4)], ["Move(giver=1, taker=0, units=4): less than the minimum 5"]),
        # Promised twice: to two takers, and by two givers.
        ([TAKER, GIVER, Shelf("W3", demand=TEN_A_DAY, lead_time=5)], [Move(1, 0, 15), Move(1, 2, 16)], ["W2 gives 31 and can spare 30"]),
        ([TAKER, GIVER, GIVER], [Move(1, 0, 15), Move(2, 0, 15)], ["W1 takes 30 and lacks 20 until an order arrives"]),
        ([TAKER, Shelf("W2", available=69, demand=TEN_A_DAY, lead_time=5)], [Move(1, 0, 20)], ["W2 gives 20 and can spare 19"]),
        # What comes on Thursday feeds the giver from then on: by Wednesday's end it needs 30, by Saturday's 50 - 40.
        ([TAKER, Shelf("W2", available=50, inbound=(Coming(3, 40),), demand=TEN_A_DAY, lead_time=5)], [Move(1, 0, 20)], []),
        ([TAKER, Shelf("W2", available=50, inbound=(Coming(-3, 40),), demand=TEN_A_DAY, lead_time=5)], [Move(1, 0, 20)], ["W2 gives 20 and can spare 0"]),
        # Two days of cover at a velocity of 40.
        ([TAKER, Shelf("W2", available=90, demand=TEN_A_DAY, lead_time=5, min_days=Fraction(2), velocity=Fraction(40))], [Move(1, 0, 20)], ["W2 gives 20 and can spare 10"]),
        ([TAKER, Shelf("W2", available=90, demand=TEN_A_DAY)], [Move(1, 0, 20)], ["W2 gives 20 and can spare 0"]),
        ([Shelf("W1", available=51, demand=TEN_A_DAY, lead_time=5), GIVER], [Move(1, 0, 20)], ["W1 takes, and does not run out before an order arrives"]),
    ],
)  # fmt: skip
def test_a_transfer_that_is_wrong_is_named(network, moves, expected):
    assert expected == faults_of(network, moves, MONDAY, SETTINGS)


def accepted(day: int, place: int, units: int, name: str = "plan-accept", at: int = 0) -> Decided:
    """A decision on the line of a day."""
    return Decided(name, MONDAY + timedelta(day), (place, 0), units, at)


@pytest.mark.parametrize(
    ("decided", "restocks", "left", "lapsed"),
    [
        ([accepted(0, 3, 30)], [(4, 1, 10)], {0: 20}, 0),
        ([accepted(0, 3, 30)], [(2, 1, 10)], {0: 30}, 0),  # seen before it
        ([accepted(1, 5, 30), accepted(0, 3, 20)], [(6, 2, 25)], {1: 25}, 0),  # oldest first
        ([accepted(-8, 3, 30), accepted(0, 5, 20)], [(6, 3, 20)], {}, 30),  # the older has lapsed by then
        ([accepted(0, 3, 30), accepted(0, 4, 9, "plan-dismiss", 1)], [], {}, 0),
        ([accepted(0, 3, 30, at=1), accepted(0, 4, 9, "plan-dismiss", 0)], [], {0: 30}, 0),
        ([accepted(0, 3, 30), accepted(0, 4, 0, "plan-snooze", 1)], [], {0: 30}, 0),
        ([accepted(5, 3, 30)], [], {}, 0),  # of a later plan
    ],
)
def test_what_is_left_of_accepted_units(decided, restocks, left, lapsed):
    """On the fourth day of a lead time of five."""
    seen = [Restocked((place, 0), MONDAY + timedelta(day), units) for place, day, units in restocks]
    found = what_remains(standing(decided), seen, MONDAY + timedelta(4), 5)

    assert ({MONDAY + timedelta(day): units for day, units in left.items()}, lapsed) == found
