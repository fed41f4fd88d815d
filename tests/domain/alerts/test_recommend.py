"""What to do about a breach: move before buying, never empty a giver, invent nothing (RULES 19, 30)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.alerts.alert import Alert, Product, usable
from inventory_assets.domain.alerts.recommend import Claim, Supply, WarehouseStock, recommend, served_before
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.thresholds.resolve import Thresholds

SHORT = WarehouseStock("EAST", 45, 10, daily_units=9.0)
SUPPLY = Supply(200, "SUPP-1", 12, 10, 20.0)


def test_transfer_first_then_order_whole_packs():
    west = WarehouseStock("WEST", 160, reorder_qty=100)

    found = recommend(SHORT, [west], SUPPLY)

    assert 145 == found.needed
    assert [("WEST", 60, 100)] == [(t.warehouse_id, t.quantity, t.available_after) for t in found.transfers]
    assert 90 == found.order_quantity


@pytest.mark.parametrize(
    ("stock", "target", "because"),
    [
        (WarehouseStock("EAST", 40, 0, min_qty=50), 30, "order_up_to 30 is below the threshold 50"),
        (WarehouseStock("EAST", 20, 10, min_qty=50), 30, "order_up_to 30 is below the threshold 50"),
        (WarehouseStock("EAST", 40, 60, min_qty=50), 100, "what is inbound fills the shelf"),
        (WarehouseStock("EAST", 40, 0, min_days=9.0), 30, "the 40 available reach the target stock 30"),
        (WarehouseStock("EAST", 40, 0, min_qty=50), 100, ""),
    ],
)
def test_where_nothing_is_needed_its_cause_is_named(stock, target, because):
    """It said that what is inbound fills the shelf where nothing was inbound."""
    found = recommend(stock, [], Supply(target))

    assert (because == "") == (found.nothing_because == "")
    assert found.nothing_because.startswith(because)


@pytest.mark.parametrize(
    ("field", "last", "beyond"),
    [("lead_time_days", 3_650, 10**9), ("order_up_to", 10**12, 9 * 10**18), ("pack_multiple", 10**6, 0),
     ("unit_price", 1e9, float("inf")), ("unit_price", 0.0, float("nan")), ("lead_time_days", 0, -1)],
)  # fmt: skip
def test_a_number_that_cannot_be_meant_is_unknown_and_named(field, last, beyond):
    """A lake of before may hold it: one such spoilt the sums of all."""
    assert (Product("S1", **{field: last}), ()) == usable(Product("S1", **{field: last}))
    assert (Product("S1"), (field,)) == usable(Product("S1", **{field: beyond}))


def test_what_is_left_out_of_the_sums_is_said_in_them():
    found = recommend(SHORT, [], Supply(200, unusable=("lead_time_days",)))

    assert "lead_time_days of its product data is beyond 0 to 3,650, so it is not used" == found.arithmetic[0]
    assert found.order_quantity == 145


def test_an_absurd_number_of_days_keeps_ten_years_and_no_more():
    stock = WarehouseStock("WEST", 10**9, reorder_days=1e308, daily_units=9.0)

    assert 3_650 * 9 == stock.keeps()[0]


def test_days_to_stockout_and_revenue_at_risk_have_their_sums():
    found = recommend(SHORT, [], SUPPLY)

    assert 5.0 == found.days_to_stockout
    assert 9.0 * 7 * 20.0 == found.revenue_at_risk
    assert any("revenue at risk 1260.00 = 9 a day × 7.0 days" in line for line in found.arithmetic)


def test_what_is_unknown_stays_absent():
    found = recommend(WarehouseStock("EAST", 45), [WarehouseStock("WEST", 500)], Supply())

    assert (None, (), None, None, None) == (
        found.needed, found.transfers, found.order_quantity, found.days_to_stockout, found.revenue_at_risk,
    )  # fmt: skip


def test_a_warehouse_without_thresholds_gives_nothing_as_its_need_is_unknown():
    found = recommend(SHORT, [WarehouseStock("WEST", 500), WarehouseStock("OFF", 500, 0, False, 1, 2)], SUPPLY)

    assert () == found.transfers


def test_a_warehouse_keeps_its_days_of_cover_too():
    found = recommend(SHORT, [WarehouseStock("WEST", 160, reorder_qty=50, reorder_days=14, daily_units=10)], SUPPLY)

    assert [(20, 140)] == [(t.quantity, t.keeps) for t in found.transfers]


@pytest.mark.parametrize(
    ("giver", "lead_time_days", "expected", "why"),
    [
        ({"min_qty": 20}, 12, 20, "its minimum"),
        ({"min_qty": 20, "daily_units": 9.0}, 12, 108, "12 days of lead time × 9 sold a day"),
        ({"min_qty": 20, "daily_units": 9.0}, None, 126, "14 days, as no lead time is known, × 9 sold a day"),
        ({"reorder_qty": 120, "daily_units": 9.0}, 12, 120, "its reorder threshold"),
        ({"min_days": 20, "daily_units": 9.0}, 12, 180, "20 minimum days × 9 sold a day"),
        ({"min_qty": 1, "daily_units": 18 / 28}, 42, 27, "42 days of lead time × 0.642857 sold a day"),
    ],
)
def test_a_giver_keeps_what_it_sells_until_an_order_arrives(giver, lead_time_days, expected, why):
    """A fast seller with a low minimum was drained to a fraction of a day."""
    assert (expected, why) == WarehouseStock("WEST", 160, **giver).keeps(lead_time_days)


def test_what_was_given_to_others_is_not_given_again_and_the_sums_say_so():
    """W1 was told 195 and W3 197 of the same 280."""
    west, lacking = WarehouseStock("W2", 300, min_qty=20), WarehouseStock("W3", 3)

    found = recommend(lacking, [west], Supply(200), before=[Claim("W1", 195)])

    assert [(85, 195, 20)] == [(t.quantity, t.promised, t.available_after) for t in found.transfers]
    assert 112 == found.order_quantity
    assert (
        "transfer 85 from W2: available 300 − 195 for W1 − 85 = 20, keeps at least 20, its minimum" in found.arithmetic
    )
    none_left = recommend(lacking, [west], Supply(200), before=[Claim("W1", 195), Claim("W4", 95)])
    assert () == none_left.transfers
    assert any("nothing from W2: available 300 − 195 for W1 − 85 for W4 = 20" in line for line in none_left.arithmetic)


STOCKS = st.builds(
    WarehouseStock,
    st.text("ABC", min_size=1, max_size=3),
    st.integers(-50, 500),
    reorder_qty=st.none() | st.integers(0, 300),
    min_qty=st.none() | st.integers(0, 300),
)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-50, 100),
    st.integers(0, 50),
    st.lists(STOCKS, max_size=6, unique_by=lambda each: each.warehouse_id),
    st.integers(0, 1000),
    st.none() | st.integers(1, 24),
)
def test_the_target_is_reached_and_no_giver_falls_below_its_threshold(available, inbound, others, target, pack):
    found = recommend(WarehouseStock("X", available, inbound), others, Supply(target, pack_multiple=pack))

    moved = sum(transfer.quantity for transfer in found.transfers)
    assert found.order_quantity is not None
    assert 0 == found.order_quantity % (pack or 1)
    assert 0 <= available + inbound + moved + found.order_quantity - max(target, available + inbound) < (pack or 1)
    for transfer in found.transfers:
        assert transfer.quantity > 0
        assert transfer.available_after >= transfer.keeps > 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=5),
    st.lists(STOCKS, max_size=6, unique_by=lambda each: each.warehouse_id),
    st.none() | st.integers(0, 30),
)
def test_all_alerts_of_a_sku_together_leave_every_giver_what_it_keeps(needs, givers, lead_time_days):
    claims = [Claim(f"X{n}", needed) for n, needed in enumerate(needs)]
    supply = Supply(300, lead_time_days=lead_time_days)

    given_away = dict.fromkeys((each.warehouse_id for each in givers), 0)
    for place, claim in enumerate(claims):
        short = WarehouseStock(claim.warehouse_id, 300 - claim.needed)
        for transfer in recommend(short, givers, supply, before=claims[:place]).transfers:
            given_away[transfer.warehouse_id] += transfer.quantity

    for giver in givers:
        assert 0 <= given_away[giver.warehouse_id] <= giver.spare(lead_time_days)


def an_alert(warehouse_id, available, condition="LOW_STOCK", at=0):
    limits = Thresholds("GLOBAL", "", None, 50, 100, None, None, 60, True, None, None)
    return Alert(
        f"alt-{warehouse_id}", Condition(condition), warehouse_id, "S1", "e", at, at, False, available, 0, 0, 50, "",
        False, limits, "e", (), 1,
    )  # fmt: skip


def test_the_worst_alert_is_served_first_then_the_oldest_then_by_id():
    alerts = [
        an_alert("A", 9, at=5), an_alert("B", 9, at=4), an_alert("C", 9, at=4), an_alert("D", 0, "STOCKOUT", at=9),
        an_alert("E", 60, "REORDER"),
    ]  # fmt: skip

    def names(alert, firing=alerts):
        return [each.warehouse_id for each in served_before(alert, firing)]

    assert [["D", "B", "C"], ["D"], ["D", "B"], [], ["D", "B", "C", "A"]] == [names(each) for each in alerts]
    assert names(alerts[2]) == names(alerts[2], alerts[::-1])
    # What was over by the end of its version takes nothing from those that are not.
    assert ["D", "B", "C", "A", "E"] == names(an_alert("Z", 0, "STOCKOUT"))
