"""Stock that a check finds wrong: its alerts are untrusted and held until the check passes again."""

import json

import pytest

from inventory_assets.assets.checks import hold_findings, run_check
from inventory_assets.control.untrusted import hold_untrusted
from inventory_assets.domain.alerts.lifecycle import in_force
from inventory_assets.domain.values import read_time
from inventory_assets.quality.rules import INVARIANTS
from tests.builders import level, messages, moment, rule
from tests.facts import differences, rows, value

UNTRUSTED = "SELECT warehouse_id, sku FROM out.alerts WHERE is_untrusted ORDER BY ALL"
[ROLLUPS] = [check for check in INVARIANTS if check.name == "rollups_equal_leaves"]
[KEYS] = [check for check in INVARIANTS if check.name == "no_key_lost"]
[OUTCOMES] = [check for check in INVARIANTS if check.name == "outcomes_sum_to_messages"]


@pytest.fixture
def shop(open_filled):
    """Two warehouses, with an alert each."""
    return open_filled(_fill)


def _fill(engine):
    engine.commit_burst(messages(rule(10, 20), *(level(5, warehouse_id=f"W{n}") for n in (1, 2))))


def wrong(engine, by=1):
    """Make the sums that the first version wrote for W1 wrong; with -1, right again."""
    engine.lake.connection.execute(
        f"UPDATE lake.core.rollups_changes SET on_hand = on_hand + {by} WHERE warehouse_id = 'W1' AND version = 1"
    )


def check_and_hold(engine, check):
    """What a run of a check does."""
    finding = run_check(engine.lake, check)
    hold_findings(engine, [finding])
    return finding.rows


def at(time):
    return read_time("time", moment(time))


def test_a_failed_check_holds_its_warehouse_and_a_passed_one_lets_go(shop):
    wrong(shop)
    found = check_and_hold(shop, ROLLUPS)
    assert json.loads(json.dumps(found)) == found == check_and_hold(shop, ROLLUPS)
    assert {("W1", "S1")} == set(rows(shop.lake, UNTRUSTED))
    [commit] = shop.commit_burst(messages(*(level(0, "09:00", warehouse_id=f"W{n}") for n in (1, 2))))

    assert {("W1", "S1")} == set(rows(shop.lake, UNTRUSTED))
    assert ["W2"] == [n.alert_id.split("-")[2] for n in commit.notifications]
    assert 1 == value(shop.lake, "SELECT count(*) FROM meta.versions WHERE stage = 'command'")

    # That burst has written the sums anew.
    wrong(shop, -1)
    assert [] == check_and_hold(shop, ROLLUPS)
    assert ([], []) == (rows(shop.lake, UNTRUSTED), in_force(shop.state.inhibitions))
    assert [("W1", 1)] == rows(
        shop.lake, "SELECT warehouse_id, notification_count FROM out.alerts WHERE alert_id LIKE '%-W1-%STOCKOUT%'"
    )
    assert [] == differences(shop)


def test_checks_that_pass_and_that_are_not_of_stock_change_nothing(shop):
    version = shop.state.version
    for check in INVARIANTS:
        assert [] == check_and_hold(shop, check)
    shop.lake.connection.execute("UPDATE lake.meta.versions SET messages = messages + 1 WHERE version = 1")

    assert check_and_hold(shop, OUTCOMES)
    assert version == shop.state.version


def test_each_check_holds_its_own(shop):
    """One that passes does not lift what another has found."""
    hold_untrusted(shop, "one", [("W1", None), ("W2", "S1")], now=at("09:00"))
    hold_untrusted(shop, "other", [("W1", None)], now=at("09:01"))
    hold_untrusted(shop, "one", [], now=at("09:02"))

    assert [("W1", "S1")] == rows(shop.lake, UNTRUSTED)
    assert ["data-quality:other"] == [command.source for command in in_force(shop.state.inhibitions)]


def test_a_lost_key_holds_itself_and_not_its_warehouse(shop):
    shop.commit_burst(messages(level(0, sku="S2", at="09:00")))
    shop.lake.connection.execute("DELETE FROM lake.core.sku_state_changes WHERE sku = 'S2'")

    assert check_and_hold(shop, KEYS)

    assert [("W1", "S2")] == [(c.warehouse_id, c.sku) for c in in_force(shop.state.inhibitions)]
    assert [("W1", "S2")] == rows(shop.lake, UNTRUSTED)
