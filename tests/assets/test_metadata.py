"""Metadata is what the UI shows of a table: of now, and in the words of the command line."""

from inventory_assets.assets.metadata import top_breaches
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from tests.builders import level, messages, rule, transaction


def test_the_worst_breaches_have_the_stock_of_now_and_what_to_do(engine):
    engine.commit_burst(messages(rule(50, 100), level(200), level(160, warehouse_id="W2")))
    engine.commit_burst(messages(transaction("T1", quantity=-151)))
    engine.commit_burst(messages(transaction("T2", quantity=-44, at="09:00")))

    [record] = [each.data for each in top_breaches(engine.lake, PLAN_DEFAULTS).records]

    assert (record["available"], record["what to do"]) == (5, "order 195")
