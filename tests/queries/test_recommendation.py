"""What channels and `explain` say to do, out of the lake: nothing is promised twice."""

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.queries.explain import explain_alert
from inventory_assets.refresh.products import import_products
from tests.builders import command, level, messages, rule, transaction
from tests.facts import rows

FIRING = "SELECT warehouse_id, alert_id FROM out.alerts WHERE state = 'firing' ORDER BY 1"


@pytest.fixture
def shop(open_filled):
    """W1 and W3 low in one version; W2 has 300 and keeps 20, so 280 are to spare."""
    return open_filled(_fill)


def _fill(engine):
    import_products(engine, [Product(sku="S1", order_up_to=200, lead_time_days=5)])
    engine.commit_burst(messages(rule(10, 20), *(level(300, warehouse_id=f"W{n}") for n in (1, 2, 3))))
    engine.commit_burst(
        messages(*(transaction(f"T{n}", quantity=-q, warehouse_id=f"W{n}") for n, q in ((1, 295), (3, 297))))
    )


def told(engine):
    """Warehouse by warehouse, what is to be moved, and what `explain` finds wrong."""
    found = {}
    for warehouse_id, alert_id in rows(engine.lake, FIRING):
        said = explain_alert(engine.lake, alert_id, meaning=engine.meaning)
        assert said.recommendation is not None
        moved = [(t.warehouse_id, t.quantity) for t in said.recommendation.transfers]
        found[warehouse_id] = (moved, said.recommendation.order_quantity, said.differences)
    return found


def test_two_alerts_of_one_version_share_what_a_third_warehouse_can_spare(shop):
    assert {"W1": ([("W2", 195)], 0, []), "W3": ([("W2", 85)], 112, [])} == told(shop)


def test_an_earlier_recommendation_is_found_again_when_the_stock_has_changed_since(shop):
    shop.commit_burst(messages(transaction("T4", quantity=-280, warehouse_id="W2", at="09:00")))
    shop.commit_burst(messages(transaction("R1", "RESTOCK", 300, "09:30", warehouse_id="W1")))

    assert ([("W2", 85)], 112, []) == told(shop)["W3"]


def test_a_later_alert_takes_what_the_earlier_ones_left_also_when_they_are_held(shop):
    shop.commit_burst(
        messages(
            command("silence", sku="S1", minutes=600, timestamp="2022-04-20T08:30:00Z"),
            level(300, "08:40", warehouse_id="W4"),
        )
    )
    shop.commit_burst(messages(transaction("T5", quantity=-293, warehouse_id="W4", at="09:00")))

    # W1 and W3 came first and take 195 and 85.
    assert ([], 193, []) == told(shop)["W4"]


def test_who_has_an_alert_itself_gives_nothing(engine):
    """Hysteresis keeps an alert open above its threshold: that is no surplus."""
    import_products(engine, [Product(sku="S1", order_up_to=200, lead_time_days=5)])
    engine.commit_burst(messages(rule(50, 50), *(level(100, warehouse_id=f"W{n}") for n in (1, 2))))
    engine.commit_burst(
        messages(
            transaction("T1", quantity=-55, warehouse_id="W2"),
            transaction("T2", "RESTOCK", 9, "08:10", warehouse_id="W2"),
        )
    )
    engine.commit_burst(messages(transaction("T3", quantity=-60, warehouse_id="W1", at="09:00")))

    assert ([], 160, []) == told(engine)["W1"]
