"""What the marts hold of a small shop. The tricky ones have dbt's own unit tests beside the models."""

import pytest

from inventory_assets.lake.catalog.marts import MartsMissingError, show_marts
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.marts.build import load_manifest
from tests.marts.conftest import ODD_IDS
from tests.marts.test_queries import QUESTIONS


def asked(marts, query):
    return marts.execute(query).fetchall()


def test_every_model_and_test_passes(build):
    assert [(step.name, step.message) for step in build.failed] == []
    assert [step.name for step in build.steps if step.status == "skipped"] == []
    assert {"model", "test", "unit_test"} <= {step.kind for step in build.steps}


def test_every_model_and_column_is_described_and_there(marts):
    """A description that the table no longer has is as wrong as a column without one."""
    models = [node for node in load_manifest()["nodes"].values() if node["resource_type"] == "model"]
    described = {(node["schema"], node["name"]): {*node["columns"]} for node in models}
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in asked(
        marts, "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE database_name = 'marts'"
    ):
        found.setdefault((schema, table), set()).add(column)

    assert described == found
    for node in models:
        assert node["description"].strip().split(". ")[-1].startswith("One row per"), node["name"]
        assert all(column["description"].strip().endswith(".") for column in node["columns"].values()), node["name"]


def test_every_mart_has_a_tested_key():
    manifest = load_manifest()
    tested = {
        (node["attached_node"], node["test_metadata"]["name"], node["column_name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node.get("test_metadata")
    }
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "model" and node["schema"] in ("main", "marts"):
            key = next(iter(node["columns"]))
            assert key.endswith("_id"), unique_id
            assert {(unique_id, "unique", key), (unique_id, "not_null", key)} <= tested


def test_positions_have_stock_product_limits_and_alert(marts):
    query = """
        SELECT product_name, on_hand, available, min_threshold_qty, reorder_threshold_qty, unit_price,
            firing_alert_type FROM marts.stock_positions WHERE warehouse_id = 'W1' ORDER BY sku
    """

    assert [("Tea", -5, -5, 10, 20, 2.5, "STOCKOUT"), (None, 8, 8, 10, 20, None, "LOW_STOCK")] == asked(marts, query)


def test_every_question_can_be_asked(marts):
    """Of a shop so small some answers are empty: `test_queries` asks one that traded."""
    for question in QUESTIONS:
        assert marts.execute(question.code).description, question.place


def test_odd_ids_stay_apart_and_whole(marts):
    """`W/1,S` with `1` is not `W/1` with `S,1`."""
    odd = "SELECT warehouse_id, sku FROM marts.stock_positions WHERE warehouse_id <> 'W1'"

    assert sorted(ODD_IDS) == sorted(asked(marts, odd))
    keys = asked(marts, "SELECT count(*), count(DISTINCT daily_stock_snapshot_id) FROM marts.daily_stock_snapshots")
    assert [(40 * (2 + len(ODD_IDS)),) * 2] == keys


def test_stockouts_and_their_rates(marts):
    episodes = "SELECT stockout_days, stockout_hours, is_ongoing FROM marts.stockouts ORDER BY first_date"
    rates = """
        SELECT stockouts, stockout_hours, mean_stockout_hours, in_stock_share, is_out
        FROM marts.stockout_rates WHERE sku = 'S2'
    """

    assert [(1, 12, False), (2, 24, True)] == asked(marts, episodes)
    assert [(2, 36, 18, pytest.approx(1 - 1.5 / 40), True)] == asked(marts, rates)


def test_transactions_by_hour_day_and_week_agree(marts):
    for table in ("hourly_transactions", "daily_transactions", "weekly_transactions"):
        query = f"""
            SELECT sum(transaction_count), sum(sold_units), sum(restocked_units), sum(cancelled_count)
            FROM marts.{table}
        """
        assert [(42, 40, 40, 1)] == asked(marts, query), table


def test_value_is_at_the_price_and_revenue_at_risk_is_the_plans(marts):
    """The same number for each key that the plan has a line of, and none that the marts reckon."""
    columns = "daily_units, lead_time_days, unit_price, inventory_value"
    [found] = asked(marts, f"SELECT {columns} FROM marts.inventory_values WHERE warehouse_id = 'W1' AND sku = 'S1'")
    both = """
        SELECT v.warehouse_id, v.sku, v.plan_date, v.risk_percent, v.revenue_at_risk,
            p.plan_date, p.risk_percent, p.revenue_at_risk
        FROM marts.inventory_values v FULL JOIN out.plans p USING (warehouse_id, sku)
    """

    assert (pytest.approx(75 / 28), 5, 2.5, 0) == found
    lines = asked(marts, both)
    assert 2 + len(ODD_IDS) == len(lines)
    assert all(line[2:5] == line[5:] and line[2] is not None for line in lines)
    assert [100] == [line[3] for line in lines if line[:2] == ("W1", "S1")]


def test_a_restock_says_what_prompted_it_and_whether_it_came_in_time(marts):
    query = """
        SELECT ordered_units, available_when_ordered, available_before_receipt, is_in_time, alert_type,
            alert_to_order_hours, lead_days * 24 FROM marts.reorders
    """

    assert [(40, 5, 5, True, "LOW_STOCK", 1, 3)] == asked(marts, query)


def test_a_build_says_what_it_was_built_from(marts):
    query = "SELECT lake_version, as_of_date::VARCHAR, snapshot_days FROM marts.builds"

    assert [(6, "2026-03-31", 40)] == asked(marts, query)


def test_marts_of_a_later_version_are_not_shown_for_an_earlier_one(shop, build):
    """They would tell what nobody could know then."""
    connection = LakeReader(shop).connection

    with pytest.raises(MartsMissingError, match="version 6, later than 3"):
        show_marts(connection, shop, at_version=3)
    show_marts(connection, shop, at_version=6)
    assert connection.execute("SELECT lake_version FROM marts.builds").fetchall() == [(6,)]
