"""The six-hourly reconciliation of alerts with stock: what it finds, and what it rightly does not."""

import json

import pytest

from inventory_assets.domain.quality.results import ResultStatus
from inventory_assets.domain.values import read_time
from inventory_assets.ingest.sweep import sweep
from inventory_assets.lake import transaction as transactions
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.tables import ALERTS
from inventory_assets.quality.judge import judge_rules
from inventory_assets.quality.rules import RULES
from tests.builders import command, cut, level, messages, moment, received, rule, simulated, transaction

[AGREES] = [each for each in RULES if each.name == "alerts_agree_with_stock"]


def at(time):
    return read_time("time", moment(time))


def found(engine, now="12:00"):
    """What the sweep finds: key, finding, what should fire, what does."""
    [judged] = judge_rules(engine.lake, engine.settings, [AGREES], now=at(now))
    return [
        (row["warehouse_id"], row["sku"], row["finding"], row["should_be"], row["is_now"])
        for row in judged.result.rows
    ]  # fmt: skip


def take(engine, *documents):
    engine.commit_burst(messages(*documents))


@pytest.fixture(autouse=True)
def as_it_happened(monkeypatch):
    """Commits are of the events' day: a sweep's moment is then the clock (RULES 28)."""
    monkeypatch.setattr(transactions, "clock", lambda: at("07:00"))


@pytest.fixture
def shop(open_filled):
    """Limits 10 and 20, cooldown an hour; a key with an alert, one without."""
    return open_filled(_fill)


def _fill(engine):
    take(engine, rule(10, 20), level(5), level(50, sku="S2"))


def test_what_the_stream_leaves_agrees(shop):
    assert [] == found(shop)


def test_a_missing_alert_is_found(shop):
    shop.lake.connection.execute("DELETE FROM lake.out.alerts_changes")

    assert [("W1", "S1", "missing", "LOW_STOCK", None)] == found(shop)


def test_an_alert_whose_stock_recovered_is_found(shop):
    shop.lake.connection.execute("DELETE FROM lake.core.sku_state_changes WHERE sku = 'S1'")
    assert [("W1", "S1", "over", None, "LOW_STOCK")] == found(shop)

    take(shop, level(15, "08:00"))
    shop.lake.connection.execute("DELETE FROM lake.out.alerts_changes WHERE version > 1")

    # Half way up its REORDER should fire instead.
    assert [("W1", "S1", "other", "REORDER", "LOW_STOCK")] == found(shop)
    take(shop, level(50, "09:00"))
    shop.lake.connection.execute("DELETE FROM lake.out.alerts_changes WHERE version > 1")
    assert [("W1", "S1", "over", None, "LOW_STOCK")] == found(shop)


def test_hysteresis_is_no_disagreement(shop):
    """10 in stock is no breach any more, and the alert stays until 11."""
    take(shop, level(10, "08:00"))

    assert [] == found(shop)


def test_a_cooldown_still_running_is_none_and_one_long_over_is(shop):
    take(shop, level(50, "07:10"), level(5, "07:20"))

    assert [] == found(shop, "07:50")
    # It ends at 08:00, and the sweep has five minutes and some.
    assert [] == found(shop, "08:10")
    assert [("W1", "S1", "untold", "LOW_STOCK", "LOW_STOCK")] == found(shop, "08:20")
    sweep(shop, at("08:21"))
    assert [] == found(shop, "08:30")


@pytest.mark.parametrize(
    "hold",
    [
        command("pause", warehouse_id="W1"),
        command("silence", warehouse_id="W1", until=moment("20:00")),
        command("inhibit", warehouse_id="W1", source="tests"),
    ],
    ids=["paused", "silenced", "inhibited"],
)
def test_what_is_withheld_is_not_missing(shop, hold):
    take(shop, hold)
    take(shop, level(2, "07:10", sku="S2"), level(50, "07:20"), level(5, "07:30"))

    assert [] == found(shop, "19:00")


def test_what_is_muted_or_closed_is_not_missing(shop):
    [alert_id] = current_rows(shop.lake, ALERTS)["alert_id"]
    take(shop, command("resolve", alert_id=alert_id, timestamp=moment("07:30")))
    assert [] == found(shop)

    take(
        shop,
        rule(10, 20, level_type="SKU", level_id="S2", alert_settings={"enabled": False}),
        level(1, "08:00", sku="S2"),
    )
    assert [] == found(shop)


def test_restock_on_its_way_mutes_a_reorder(shop):
    take(shop, level(15, "08:00", sku="S2"), transaction("T1", "RESTOCK", 9, "08:10", status="PENDING", sku="S2"))

    assert [] == found(shop)


def test_limits_that_are_not_those_of_the_rules_are_found(shop):
    shop.lake.connection.execute(
        "UPDATE lake.core.resolved_thresholds_changes SET min_threshold_qty = 4 WHERE sku = 'S1'"
    )

    assert [("W1", "S1", "limits", None, "LOW_STOCK")] == found(shop)


def test_rows_are_json(shop):
    """They are kept as such."""
    shop.lake.connection.execute("DELETE FROM lake.out.alerts_changes")
    [judged] = judge_rules(shop.lake, shop.settings, [AGREES], now=at("12:00"))

    assert judged.result.rows == tuple(json.loads(json.dumps(judged.result.rows)))


@pytest.mark.parametrize(("seed", "more"), [pytest.param(3, {}, marks=pytest.mark.big), pytest.param(8, {"disorder_rate": 0.3, "duplicate_rate": 0.2}, marks=pytest.mark.big), (
    21, {"malformed_rate": 0.2, "rule_change_rate": 0.02, "control_rate": 0.02, "cycle_count_rate": 0.1})])  # fmt: skip
def test_a_simulated_shop_has_no_error_of_any_rule(engine, seed, more):
    """Whatever the disorder, repeats and rubbish in what it is sent: else an error would be a false alarm."""
    _, sent = simulated(1_500, seed=seed, skus=30, warehouses=3, events_per_second=0.02, **more)
    for burst in cut(received(sent), 150):
        engine.commit_burst(burst)
    sweep(engine, at("2030-01-01T00:00:00Z"))

    judged = judge_rules(engine.lake, engine.settings, RULES, now=at("2030-01-01T00:00:00Z"))

    wrong = [each.result for each in judged if each.result.status is ResultStatus.FAIL]
    assert [] == [(each.rule, each.rows) for each in wrong if each.severity == "ERROR"]
    # What warnings there are is true of what was sent.
    assert {each.rule for each in wrong} <= {
        "few_messages_are_refused", "products_have_names", "levels_agree_with_the_ledger",
    }  # fmt: skip
