"""The plan of a shelf: hand-made sums, what people get wrong, and laws over random networks (RULES 42-43)."""

import math
from dataclasses import replace
from datetime import date
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.replenish.plan import REASONS, Unknown, make_plan
from inventory_assets.domain.replenish.projection import NEVER
from inventory_assets.domain.replenish.shelves import PlanSettings, Shelves
from inventory_assets.domain.thresholds.forecast import limits_from
from tests.domain.replenish.network import Shelf, network, row_of
from tests.hunting import some

DAY = date(2026, 11, 30)  # a Monday
SETTINGS = PlanSettings()
# Ten a day and nothing else: a deviation of 0.
STEADY = (10.0,)
UNEVEN = (8.0, 12.0)


def plan_of(*shelves, day=DAY, **asked):
    return make_plan(network(*shelves), day, PlanSettings(**asked))


def line_of(*shelves, **asked):
    found = row_of(plan_of(*shelves, **asked))
    return found | {"reason": REASONS[found["reason"]]}


def test_a_lines_sum_is_the_one_of_the_rules():
    """Ten a day, five days of lead and seven to the next review: 120, less 31 there, 20 coming and 10 accepted."""
    found = line_of(Shelf(available=31, arrivals=[(3, 20)], accepted=10))

    assert (12, 120, 0, 59, 59) == tuple(
        found[name] for name in ("horizon_days", "target", "safety_stock", "needed", "order_quantity")
    )
    assert (31 + 20 + 10 - 120, 6, 1) == tuple(found[name] for name in ("projected", "runs_out", "order_by"))


def test_uncertain_demand_asks_for_safety_stock():
    """Deviation 2 a day is 6.97 in twelve days (the sample's n - 1): 1.645 of them are 11.5."""
    found = line_of(Shelf(available=0, sales=UNEVEN))
    bolder, careful = line_of(Shelf(sales=UNEVEN), service_level=0.5), line_of(Shelf(sales=UNEVEN, service_level=0.999))

    assert (12, 132) == (found["safety_stock"], found["target"])
    assert (0, 120) == (bolder["safety_stock"], bolder["target"])
    assert careful["target"] > found["target"]


def test_it_is_the_limits_forecast():
    """A dynamic limit and a plan must not disagree about one shelf: the same days, the same numbers."""
    shelf = Shelf(sales=(4, 4, 4, 4, 4, 11, 11), lead_time_days=8)
    limits = limits_from(
        network(shelf).forecasts, 0, next_weekday=DAY.weekday(), lead_time_days=8, service_level=0.95
    )  # fmt: skip

    assert limits is not None
    assert limits.reorder_qty == line_of(shelf, review_days=1)["target"]
    assert limits.min_qty == line_of(shelf, review_days=1)["safety_stock"]


@pytest.mark.parametrize(
    ("more", "quantity"),
    [
        ({}, 59), ({"pack_multiple": 12}, 60), ({"min_order_qty": 100}, 100), ({"min_order_qty": 30}, 59),
        ({"pack_multiple": 12, "min_order_qty": 100}, 108), ({"order_up_to": 200}, 139), ({"order_up_to": 80}, 59),
        ({"announced": 15}, 44), ({"accepted": 59}, 0), ({"accepted": 500}, 0),
    ],
)  # fmt: skip
def test_packs_least_orders_and_an_order_up_to_as_a_floor(more, quantity):
    assert quantity == line_of(Shelf(available=61, **more))["order_quantity"]


def test_the_day_it_runs_out_and_the_last_day_to_order():
    found = line_of(Shelf(available=131))
    assert (13, 8, "due") == (found["runs_out"], found["order_by"], line_of(Shelf(available=119))["reason"])

    late = line_of(Shelf(available=49))
    assert (4, -1, "too_late", 100) == (late["runs_out"], late["order_by"], late["reason"], late["risk_percent"])
    # An order that comes on the day the last unit is asked for is in time.
    assert 0 == line_of(Shelf(available=51))["order_by"]
    assert "enough" == found["reason"]


def test_a_restock_in_time_puts_it_off():
    assert 5 == line_of(Shelf(available=51, arrivals=[(6, 100)]))["runs_out"]
    assert 15 == line_of(Shelf(available=51, arrivals=[(5, 100)]))["runs_out"]
    assert 15 == line_of(Shelf(available=51, arrivals=[(0, 100)]))["runs_out"]
    assert "on_its_way" == line_of(Shelf(available=51, arrivals=[(2, 100)]))["reason"]


# ---- what is urgent (docs/adr/0032)


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        # Ten a day, 2 of deviation: 132 are aimed at for twelve days. 120 last to the end of the twelfth, when an
        # order of the next review, seven days on, is not there yet; 121 do not end before the thirteenth, when it is.
        # Demand of the twelve is 120, give or take 6.97: one in five is 0.842 of these, 5.86 units more.
        (120, ("due", 11, 6, 12, True, True)),
        (121, ("at_risk", 12, 7, 11, True, True)),
        (125, ("at_risk", 12, 7, 7, True, True)),
        (126, ("not_yet", 12, 7, 6, False, False)),
        (131, ("not_yet", 13, 8, 1, False, False)),
        (132, ("enough", 13, 8, 0, False, False)),
    ],
)
def test_what_an_order_of_the_next_review_is_in_time_for_can_wait(available, expected):
    names = ("reason", "runs_out", "order_by", "order_quantity", "is_urgent", "is_order_urgent")
    found = line_of(Shelf(available=available, sales=UNEVEN))

    assert expected == tuple(found[name] for name in names)
    # Lines of releases before: whatever is below its target.
    was = line_of(Shelf(available=available, sales=UNEVEN), method=None)
    assert (expected[3], available < 132) == (was["order_quantity"], was["is_urgent"])
    assert ("due" if available < 132 else "enough") == was["reason"]


def test_the_risk_of_waiting_is_of_running_out_before_an_order_of_the_next_review_comes():
    """126 there, 120 asked for in twelve days, give or take 6.97: the chance of 0.861 deviations more; 125: of 0.717."""
    found, likely = (line_of(Shelf(available=left, sales=UNEVEN)) for left in (126, 125))

    assert (19, 0) == (found["waiting_risk_percent"], found["risk_percent"])
    assert (24, "at_risk") == (likely["waiting_risk_percent"], likely["reason"])


def test_one_in_five_is_before_rounding():
    """Ten a day give or take σ, 122 there: the 2 more are 0.842 deviations of twelve days where σ is 0.6860."""
    shelves = network(Shelf(available=122))

    for deviation, reason in ((0.690, "at_risk"), (0.680, "not_yet")):
        forecasts = shelves.forecasts._replace(deviation=np.array([deviation]))
        found = row_of(make_plan(Shelves(**shelves._asdict() | {"forecasts": forecasts}), DAY, SETTINGS))
        assert (reason, 20) == (REASONS[found["reason"]], found["waiting_risk_percent"])


def test_what_is_above_its_target_is_at_no_risk_that_an_order_would_end():
    """At a service of 70 % the target itself, 124, is empty in one of 3.5 times; nobody asked for more."""
    asked = {"sales": UNEVEN, "service_level": 0.7}

    assert ("enough", 28) == tuple(
        line_of(Shelf(available=124, **asked))[name] for name in ("reason", "waiting_risk_percent")
    )
    assert "at_risk" == line_of(Shelf(available=123, **asked))["reason"]
    topped = line_of(Shelf(available=124, order_up_to=200, **asked))
    assert ("fill_up", False) == (topped["reason"], topped["is_order_urgent"])


def test_what_comes_in_time_lowers_the_risk_of_waiting():
    """126 in all, or 125, for 120: as if they were there, but for what may happen until they come."""
    assert "not_yet" == line_of(Shelf(available=46, arrivals=[(2, 80)], sales=UNEVEN))["reason"]
    assert "at_risk" == line_of(Shelf(available=46, arrivals=[(2, 79)], sales=UNEVEN))["reason"]
    # Until the 11 come 110 are asked for, give or take 6.63: the chance of 0.754 deviations more.
    assert "at_risk" == line_of(Shelf(available=115, arrivals=[(11, 11)], sales=UNEVEN))["reason"]


def test_an_order_that_only_fills_up_can_wait():
    found = line_of(Shelf(available=150, order_up_to=300))

    assert ("fill_up", 150, False, False) == tuple(
        found[name] for name in ("reason", "order_quantity", "is_urgent", "is_order_urgent")
    )


# ---- what is overdue is in doubt (docs/adr/0032)

DOUBT = ("reason", "is_urgent", "overdue", "overdue_since", "order_quantity", "order_without_overdue")


def test_a_late_supplier_is_not_believed():
    """Empty, 72 should have come 29 days ago: five days of ten are lost, and 120 are to be ordered without them."""
    lamp = Shelf(available=0, arrivals=[(-29, 72)])
    found = line_of(lamp)

    assert ("out", True, 72, -29, 48, 120) == tuple(found[name] for name in DOUBT)
    assert (100.0, 100, -50 - 70, None) == tuple(
        found[name] for name in ("revenue_at_risk", "risk_percent", "projected", "arrives")
    )
    # Releases before took them to come on the plan's date.
    was = line_of(lamp, method=None)
    assert (0.0, 72 - 120, 48) == tuple(was[name] for name in ("revenue_at_risk", "projected", "order_quantity"))


def test_what_only_overdue_goods_can_save_is_urgent_though_nothing_is_to_be_ordered():
    late = line_of(Shelf(available=20, arrivals=[(-1, 100)]))
    assert ("too_late", True, 100, -1, 0, 100) == tuple(late[name] for name in DOUBT)

    # Five days left: an order of today would come in time, one of the next review would not.
    found = line_of(Shelf(available=51, arrivals=[(-40, 100)]))
    assert ("overdue", True, 100, -40, 0, 69) == tuple(found[name] for name in DOUBT)
    assert (5, 0, False) == tuple(found[name] for name in ("runs_out", "order_by", "is_order_urgent"))


def test_overdue_goods_that_a_shelf_can_do_without_make_nothing_urgent():
    found = line_of(Shelf(available=140, arrivals=[(-3, 30)]))

    assert ("enough", False, 30, -3, 0, 0) == tuple(found[name] for name in DOUBT)


def test_the_earliest_of_what_is_overdue_is_said_and_the_first_that_still_comes():
    found = line_of(Shelf(available=0, arrivals=[(-2, 10), (-7, 5), (0, 4), (3, 9)]))

    assert (15, -7, 0, 4) == tuple(found[name] for name in ("overdue", "overdue_since", "arrives", "arriving"))


@pytest.mark.parametrize(
    "more",
    [
        {"arrivals": [(0, 100)]},  # of today: it comes today
        {"on_the_road": [(-3, 100)]},  # nobody has said how long a van takes
        {"announced": 100},
    ],
)
def test_what_no_supplier_is_late_with_is_not_in_doubt(more):
    found = line_of(Shelf(available=51, **more))

    assert ("on_its_way", False, 0, None, 0, None) == tuple(found[name] for name in DOUBT)


def test_overdue_goods_are_moved_here_from_elsewhere():
    """The taker lacks what is in doubt, so another warehouse gives it."""
    taker, giver = Shelf(available=0, arrivals=[(-9, 500)]), Shelf(warehouse=2, available=500)

    assert 50 == row_of(plan_of(taker, giver))["taken"]
    assert 0 == row_of(plan_of(taker, giver, method=None))["taken"]


# ---- empty shelves


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        # Nobody knows the hour at which they come: of today no sale is sure.
        ([(0, 200)], (20.0, 0, False)),
        ([(2, 200)], (40.0, 0, False)),
        # What comes lasts until an order of the next review is there, be it with a part of the safety stock: 132 are
        # aimed at. Of 125, five are left, and one time in four they are not.
        ([(2, 126)], (40.0, 6, False)),
        ([(2, 125)], (40.0, 7, True)),
        ([(2, 30)], (40.0, 102, True)),
        ([], (100.0, 132, True)),
    ],
)
def test_an_empty_shelf_loses_sales_until_goods_come(arrivals, expected):
    found = line_of(Shelf(available=0, arrivals=arrivals, sales=UNEVEN))

    assert ("out", True, *expected) == tuple(
        found[name] for name in ("reason", "is_urgent", "revenue_at_risk", "order_quantity", "is_order_urgent")
    )


def test_a_giver_that_runs_short_by_giving_orders_before_the_next_review():
    """125 last twelve and a half days; 95 do not last until what is ordered in seven days comes."""
    found = plan_of(Shelf(available=20), Shelf(warehouse=2, available=125))

    assert (30, 25, True) == tuple(row_of(found, 1)[name] for name in ("given", "order_quantity", "is_order_urgent"))
    calm = row_of(plan_of(Shelf(available=20), Shelf(warehouse=2, available=160, order_up_to=200)), 1)
    assert (30, 70, True, False) == tuple(
        calm[name] for name in ("given", "order_quantity", "is_urgent", "is_order_urgent")
    )


@pytest.mark.parametrize(("available", "expected"), [(155, (7, True)), (156, (6, False))])
def test_a_giver_that_may_run_short_by_giving_orders_before_the_next_review(available, expected):
    """30 go: 125 left run out before an order of the next review comes one time in four, 126 one in five."""
    found = row_of(plan_of(Shelf(available=20), Shelf(warehouse=2, available=available, sales=UNEVEN)), 1)

    assert (30, *expected) == tuple(found[name] for name in ("given", "order_quantity", "is_order_urgent"))


def test_revenue_at_risk_is_of_the_days_without_stock_until_an_order_comes():
    """106 left, 36 a day, thirteen days: 362 are not sold. No alert is open, and the limit that sees it is named."""
    kettle = Shelf(available=106, sales=(36,), lead_time_days=13, unit_price=10.0, min_qty=20, reorder_qty=40)
    found = line_of(kettle)

    assert ("too_late", 2, -11, 3620.0) == tuple(
        found[name] for name in ("reason", "runs_out", "order_by", "revenue_at_risk")
    )
    assert 14 * 36 == found["seen_by_limit"]
    assert line_of(replace(kettle, reorder_qty=200))["seen_by_limit"] is None
    assert 14 * 36 == line_of(replace(kettle, reorder_qty=200, is_enabled=False))["seen_by_limit"]
    assert line_of(replace(kettle, available=5_000))["seen_by_limit"] is None


@pytest.mark.parametrize(
    ("shelf", "unknown"),
    [
        (Shelf(available=8, sales=(0,)), Unknown.DEMAND),
        (Shelf(available=8, days=13), Unknown.DEMAND),
        (Shelf(available=8, sales=(0,) * 83 + (5_000,)), Unknown.DEMAND),
        (Shelf(available=8, lead_time_days=None), Unknown.LEAD_TIME),
        (Shelf(available=8, lead_time_days=None, sales=(0,)), Unknown.DEMAND | Unknown.LEAD_TIME),
    ],
)
def test_what_is_not_known_is_said_and_nothing_is_made_of_it(shelf, unknown):
    found = line_of(replace(shelf, pack_multiple=1))

    assert unknown == found["unknown"]
    assert "unknown" == found["reason"]
    names = ("target", "order_quantity", "projected", "order_by", "revenue_at_risk", "risk_percent", "safety_stock")
    assert [None] * len(names) == [found[name] for name in names]


def test_every_other_unknown_is_said_too():
    bare = Shelf(available=8, unit_price=None, has_supplier=False, is_stated=False)
    found = line_of(bare)

    assert Unknown.PRICE | Unknown.SUPPLIER | Unknown.PACK | Unknown.OPENING_STOCK == found["unknown"]
    assert found["revenue_at_risk"] is None and 112 == found["order_quantity"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"order_up_to": 50}, ("fill_up", 42)),
        ({"order_up_to": 50, "min_qty": 10}, ("below_limit", 42)),
        ({"reorder_qty": 20}, ("below_limit", 32)),
        ({"reorder_qty": 20, "is_enabled": False}, ("unknown", None)),
        ({"reorder_qty": 8}, ("unknown", None)),
        ({"min_qty": 20}, ("below_limit", None)),
    ],
)
def test_without_demand_the_products_and_the_rules_own_words_hold(more, expected):
    found = line_of(Shelf(available=8, sales=(0,), **more))

    assert expected == (found["reason"], found["order_quantity"])


def test_an_empty_shelf_is_told_whatever_is_unknown():
    found = line_of(Shelf(available=0, sales=(0,), lead_time_days=None))

    assert ("out", 0, 100, None) == (
        found["reason"], found["runs_out"], found["risk_percent"], found["order_quantity"]
    )  # fmt: skip


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(available=-(10**12), sales=(10.0**12,), lead_time_days=3_650),
        Shelf(available=10**12, sales=(1, 0, 0, 0, 0, 0, 10.0**12), order_up_to=10**12, pack_multiple=10**6),
        Shelf(available=10**12, sales=(0.001,), lead_time_days=0),
        Shelf(available=9 * 10**17, arrivals=[(0, 10**12), (-3_000, 10**12)], min_order_qty=10**12),
        Shelf(available=5, sales=(0,) * 40 + (10_000,) * 4, min_days=3_650, reorder_days=1e300, daily_units=1e12),
    ],
)
@pytest.mark.parametrize("day", [DAY, date(9998, 12, 31), date(1970, 1, 1)])
def test_numbers_beyond_reason_end_in_a_line(shelf, day):
    with np.errstate(all="raise"):
        found = row_of(make_plan(network(shelf, Shelf(warehouse=2, available=3)), day, SETTINGS))

    assert found["order_quantity"] is None or 0 <= found["order_quantity"] < 2**53
    assert found["runs_out"] == NEVER or 0 <= found["runs_out"] <= 3_650
    assert found["risk_percent"] is None or 0 <= found["risk_percent"] <= 100


@pytest.mark.parametrize(
    "asked",
    [{"review_days": 0}, {"review_days": 3_651}, {"service_level": 1.0}, {"service_level": 0.0},
     {"service_level": float("nan")}, {"least_transfer": 0}, {"method": 1}, {"method": 3}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(asked):
    with pytest.raises(ValueError, match="expected"):
        PlanSettings(**asked)


# ---- transfers


def test_a_transfer_covers_the_taker_until_the_order_and_no_longer():
    """Five days of ten, 20 there: 30, of a giver that has 500 and keeps its own five days and a safety stock."""
    found = plan_of(Shelf(available=20), Shelf(warehouse=2, available=500))

    assert [(1, 0, 30, 50)] == [tuple(each) for each in found.transfers]
    assert (30, 120 - 20 - 30) == (row_of(found)["taken"], row_of(found)["order_quantity"])
    assert 30 == row_of(found, 1)["given"]


def test_the_giver_orders_what_it_gave_if_it_needs_it():
    found = plan_of(Shelf(available=20), Shelf(warehouse=2, available=125))

    assert (30, 25) == (row_of(found, 1)["given"], row_of(found, 1)["order_quantity"])


@pytest.mark.parametrize(
    ("giver", "quantity"),
    [
        (Shelf(warehouse=2, available=60), 10),
        (Shelf(warehouse=2, available=60, reorder_qty=55), 5),
        (Shelf(warehouse=2, available=60, min_qty=60), 0),
        (Shelf(warehouse=2, available=60, reorder_days=5.5, daily_units=10.0), 5),
        (Shelf(warehouse=2, available=60, sales=(8, 12)), 0),  # a safety stock of 12
        (Shelf(warehouse=2, available=60, arrivals=[(3, 100)]), 30),
        # A unit that comes tomorrow does not feed it until the next one.
        (Shelf(warehouse=2, available=60, arrivals=[(1, 1)]), 11),
        (Shelf(warehouse=2, available=60, arrivals=[(-2, 500)]), 10),
        (Shelf(warehouse=2, available=60, accepted=500), 10),
        (Shelf(warehouse=2, available=60, sales=(0,), days=27), 0),
        (Shelf(warehouse=2, available=20, sales=(0,), days=29), 19),
        (Shelf(warehouse=3, available=60, sku=2), 0),
    ],
)
def test_a_giver_keeps_what_it_needs(giver, quantity):
    found = plan_of(Shelf(available=20), giver)

    assert quantity == row_of(found)["taken"] == row_of(found, 1)["given"]


@pytest.mark.parametrize(
    ("taker", "quantity"),
    [
        (Shelf(available=51), 0),
        (Shelf(available=50), 0),  # gone on the evening before the order comes, and nothing is lacking
        (Shelf(available=49), 1),
        (Shelf(available=-5), 55),
        (Shelf(available=20, arrivals=[(2, 30)]), 0),
        (Shelf(available=20, arrivals=[(3, 30)]), 10),
        (Shelf(available=20, announced=30), 0),
        (Shelf(available=20, accepted=25), 5),
        (Shelf(available=20, lead_time_days=None), 0),
        (Shelf(available=0, sales=(0,)), 0),
    ],
)
def test_a_taker_takes_only_what_it_would_lack(taker, quantity):
    assert quantity == row_of(plan_of(taker, Shelf(warehouse=2, available=5_000), least_transfer=1))["taken"]


def test_no_two_thousand_units_move_to_save_twenty_nine():
    """Order up to 2,200 is what an order fills; what sells until it comes is what a lorry carries."""
    shelf = Shelf(available=46, sales=(15,), lead_time_days=5, order_up_to=2_200)

    assert 29 == row_of(plan_of(shelf, Shelf(warehouse=2, available=90_000)))["taken"]


def test_no_van_drives_for_a_unit_or_two():
    giver = Shelf(warehouse=2, available=500)

    assert [0, 3] == [row_of(plan_of(Shelf(available=left), giver))["taken"] for left in (48, 47)]


def test_fewer_than_the_least_are_not_moved():
    shelves = Shelf(available=40), Shelf(warehouse=2, available=59)

    assert 9 == row_of(plan_of(*shelves, least_transfer=9))["taken"]
    assert 0 == row_of(plan_of(*shelves, least_transfer=10))["taken"]


# ---- laws

sales = st.sampled_from([(10,), (8, 12), (4, 4, 4, 4, 4, 11, 11), (0, 0, 6), (0,), (0, 1), (30, 0, 40)])
limit = st.none() | st.integers(0, 120)
shelf_words = st.fixed_dictionaries(
    {
        "available": st.integers(-20, 400), "sales": sales, "days": st.sampled_from([10, 27, 40, 84]),
        "arrivals": st.lists(st.tuples(st.integers(-4, 20), st.integers(1, 150)), max_size=3),
        "accepted": st.just(0) | st.integers(0, 90), "announced": st.just(0) | st.integers(0, 90),
        "reorder_qty": limit, "min_qty": limit, "min_days": st.none() | st.floats(0, 9),
        "daily_units": st.none() | st.floats(0, 12),
        "service_level": st.none() | st.sampled_from([0.3, 0.8, 0.99]), "is_enabled": st.booleans(),
    }
)  # fmt: skip
products = st.fixed_dictionaries(
    {
        "lead_time_days": st.none() | st.integers(0, 25), "pack_multiple": st.none() | st.integers(1, 24),
        "order_up_to": limit, "min_order_qty": limit,
    }
)  # fmt: skip


@st.composite
def networks(draw):
    found = []
    for sku in range(draw(st.integers(1, 3))):
        product = draw(products)
        for warehouse in range(draw(st.integers(1, 4))):
            found.append(Shelf(sku=sku, warehouse=warehouse, **draw(shelf_words), **product))
    return found


def keeps(shelves: Shelves, row: int, settings: PlanSettings) -> float:
    """RULES 43 for one shelf, by its words: demand until its own next arrival, safety stock, limits in force."""
    known = shelves.forecasts
    lead = int(shelves.lead_time_days[row])
    mine = shelves.arrivals.is_inbound & (shelves.arrivals.row == row) & (shelves.arrivals.day >= 0)
    until = int(min([lead, *shelves.arrivals.day[mine].tolist()]))
    week = known.factors[row]
    demand = sum(known.daily[row] * week[(DAY.weekday() + day) % 7] for day in range(until))
    level = shelves.service_level[row]
    factor = NormalDist().inv_cdf(settings.service_level if math.isnan(level) else level)
    safety = max(0, math.ceil(round(factor * known.deviation[row] * math.sqrt(lead + settings.review_days), 9)))
    days = max(np.nan_to_num([shelves.min_days[row], shelves.reorder_days[row]])) * np.nan_to_num(
        shelves.daily_units[row]
    )  # fmt: skip
    return max(demand + safety, days, *np.nan_to_num([shelves.min_qty[row], shelves.reorder_qty[row]]))


@settings(max_examples=some(120), deadline=None)
@given(networks(), st.integers(1, 6))
def test_nothing_is_promised_twice_nobody_is_harmed_and_nothing_moves_in_vain(given_shelves, least):
    asked = PlanSettings(least_transfer=least)
    shelves = network(*given_shelves)
    plan = make_plan(shelves, DAY, asked)

    gives: dict[int, int] = {}
    takes: dict[int, int] = {}
    for each in plan.transfers:
        assert shelves.sku[each.giver] == shelves.sku[each.taker] and each.quantity >= least
        gives[each.giver] = gives.get(each.giver, 0) + each.quantity
        takes[each.taker] = takes.get(each.taker, 0) + each.quantity
    for giver, quantity in gives.items():
        left = shelves.available[giver] - quantity
        assert left >= keeps(shelves, giver, asked) - 1e-6 and left > 0
        assert giver not in takes
    for taker, quantity in takes.items():
        line = row_of(plan, taker)
        # It would run out before an order comes, and is not given more than that lacks.
        assert line["order_by"] < 0
        less = [
            replace(each, available=each.available + (quantity - 1) * (row == taker))
            for row, each in enumerate(given_shelves)
        ]
        assert row_of(make_plan(network(*less), DAY, asked), taker)["order_by"] < 0


@settings(max_examples=some(60), deadline=None)
@given(networks(), st.randoms())
def test_the_order_of_the_shelves_and_the_other_skus_change_no_line(given_shelves, rng):
    whole = make_plan(network(*given_shelves), DAY, SETTINGS)
    rows = list(range(len(given_shelves)))
    rng.shuffle(rows)
    sku = given_shelves[0].sku
    own = [row for row in rows if given_shelves[row].sku == sku]

    for chosen in (rows, own):
        part = make_plan(network(*(given_shelves[row] for row in chosen)), DAY, SETTINGS)
        assert [row_of(whole, row) for row in chosen] == [row_of(part, place) for place in range(len(chosen))]
        moved = {(chosen[each.giver], chosen[each.taker], each.quantity) for each in part.transfers}
        assert moved == {(a, b, units) for a, b, units, _ in whole.transfers if a in chosen}


@settings(max_examples=some(60), deadline=None)
@given(networks())
def test_an_orders_sum_holds_and_its_size_is_in_packs(given_shelves):
    shelves = network(*given_shelves)
    plan = make_plan(shelves, DAY, SETTINGS)

    for row, shelf in enumerate(given_shelves):
        line = row_of(plan, row)
        if line["target"] is None:
            assert line["order_quantity"] is None
            continue
        position = shelf.available + shelf.inbound + shelf.announced + shelf.accepted - line["given"] + line["taken"]
        assert line["needed"] == max(0, line["target"] - position)
        assert line["order_quantity"] % (shelf.pack_multiple or 1) == 0
        assert line["needed"] <= line["order_quantity"]
        assert (line["order_quantity"] == 0) == (line["needed"] == 0)
        assert not line["needed"] or line["order_quantity"] >= (shelf.min_order_qty or 0)
        assert line["target"] >= (shelf.order_up_to or 0)


def test_no_shelves_are_no_plan():
    none = make_plan(network(), DAY, SETTINGS)

    assert [] == none.transfers and {0} == {len(values) for values in none.lines}
