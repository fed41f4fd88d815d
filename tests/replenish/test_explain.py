"""Every line can be derived again from what its version knew."""

from datetime import date

import pytest

from inventory_assets.replenish.explain import explain_line
from inventory_assets.replenish.lines import UnknownLineError, read_lines
from tests.builders import level, rule, transaction
from tests.replenish.shop import fill, plan, take


@pytest.fixture
def engine(open_filled):
    return open_filled(fill)


@pytest.mark.big
def test_all_lines_are_derived_again_and_stay_so_when_the_lake_goes_on(engine):
    """Of two plans, with a rule, a stock level and what is on its way between them."""
    plan(engine)
    first = read_lines(engine.lake, is_all=True)
    take(
        engine,
        rule(None, None, level_type="SKU", level_id="S1", mode="dynamic", service_level=0.9),
        transaction("R1", "RESTOCK", 50, "2022-05-18T08:00:00Z", status="PENDING"),
        transaction("X1", "TRANSFER", 5, "2022-05-19T08:00:00Z", status="SHIPPED", warehouse_id="W2", to_warehouse_id="W1"),
        level(3, "2022-05-20T06:00:00Z", sku="S'4", warehouse_id="W-2"),
    )  # fmt: skip
    plan(engine, date(2022, 5, 21))
    lines = [*first, *read_lines(engine.lake, is_all=True)]

    found = {line["line_id"]: explain_line(engine.settings, line["line_id"]) for line in lines}

    assert 7 == len(found)
    assert {()} == {each.differences for each in found.values()}
    assert "pln-20220521-W1-S1" == found["pln-20220520-W1-S1"].superseded_by
    assert 55 == found["pln-20220521-W1-S1"].stock.inbound


def test_stock_that_its_events_do_not_say_is_a_difference(engine):
    plan(engine)
    engine.land()
    engine.lake.connection.execute("UPDATE lake.core.sku_state_changes SET on_hand = on_hand + 1 WHERE sku = 'S1'")
    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET available = 21 WHERE line_id LIKE '%W1-S1'")

    found = explain_line(engine.settings, "pln-20220520-W1-S1")

    assert "available was 21, its events say 20" in found.differences


def test_an_id_of_no_line_is_refused(engine):
    with pytest.raises(UnknownLineError, match="no plan has a line 'pln-x'"):
        explain_line(engine.settings, "pln-x")
