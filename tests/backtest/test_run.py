"""Back-tests over a lake: what they read, what they compare, what they leave alone."""

from datetime import UTC, datetime

import pytest

from inventory_assets.backtest.run import NoHistoryError, lay_over, present_rules, run_backtest, score
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from inventory_assets.thresholds.files import load_rules
from tests.builders import cut, level, messages, received, rule, simulated, transaction
from tests.conftest import copy_home
from tests.facts import rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(empty_home, tmp_path_factory):
    """Trade of a simulated retailer that comes in order and once. Read it only."""
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("shop"))))
    _, sent = simulated(
        1500, skus=40, warehouses=2, seed=3, duplicate_rate=0.0, disorder_rate=0.0, malformed_rate=0.0,
        envelope_rate=0.0, rule_change_rate=0.0, planning_lapse_rate=0.5, opening_breach_rate=0.4, cover_hours=0.01, events_per_second=1.0,
    )  # fmt: skip
    for burst in cut(received(sent), 400):
        engine.commit_burst(burst)
    yield engine
    engine.close()


def rules_of(tmp_path, text, name="rules.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return load_rules(path)


def scores(engine, rules, **more):
    found = run_backtest(engine.lake, rules, days=90, meaning=Meaning(), **more)
    return found, {row["kind"] if row["kind"] != "rule" else row["rule"]: row for row in score(found).to_dicts()}


def test_the_lakes_own_rules_give_the_lakes_own_alerts(shop):
    """RULES 25: back-tests use the same function. Only keys without late events are bound to agree."""
    found, by_rule = scores(shop, present_rules(shop.lake))
    late = rows(
        shop.lake,
        "SELECT DISTINCT warehouse_id || ':' || sku FROM out.alerts "
        "JOIN out.alert_transitions t USING (alert_id) WHERE t.is_late",
    )
    late_keys = {name for (name,) in late}

    live = {
        (alert_id, state, reason)
        for alert_id, place, state, reason in rows(
            shop.lake, "SELECT alert_id, warehouse_id || ':' || sku, state, resolved_reason FROM out.alerts"
        )
        if place not in late_keys
    }
    replayed = {
        (a.alert_id, "firing" if a.closed_at is None else "resolved", a.reason)
        for a in found.candidate.alerts
        if ":".join(found.keys[a.key]) not in late_keys
    }
    assert len(live) > 20
    assert live == replayed
    assert 0 == by_rule["total"]["gained"] == by_rule["total"]["lost"]


def test_a_backtest_leaves_the_lake_as_it_was(shop):
    before = rows(shop.lake, "SELECT max(version) FROM meta.versions")

    scores(shop, {})

    assert before == rows(shop.lake, "SELECT max(version) FROM meta.versions")


def test_a_stockout_is_foreseen_by_a_limit_above_it_and_missed_without(engine, tmp_path):
    engine.commit_burst(
        messages(
            level(50, "07:00", category_id="C1"),
            level(50, "07:00", sku="S2", category_id="C2"),
            transaction("T1", quantity=-35, at="08:00"),
            transaction("T2", quantity=-15, at="20:00"),
            transaction("T3", quantity=-50, at="21:00", sku="S2"),
        )
    )
    tried = rules_of(tmp_path, "- {level_type: CATEGORY, level_id: C1, min_threshold_qty: 20}")

    found, by_rule = scores(engine, lay_over(tried, {}))

    one, default = by_rule["CATEGORY C1"], by_rule["system default"]
    assert (1, 1, 1.0, 0.5) == (one["stockouts"], one["foreseen"], one["recall"], one["median_warning_days"])
    assert (1, 0, 0.0) == (default["stockouts"], default["foreseen"], default["recall"])
    assert (1, 0) == (by_rule["total"]["gained"], by_rule["total"]["lost"])
    assert 0.5 == by_rule["total"]["recall"]
    assert 0.0 == by_rule["present"]["recall"]
    assert {"S1": True, "S2": False} == {
        found.keys[s.key][1]: s.alert_id is not None for s in found.candidate.stockouts
    }


def test_a_false_alarm_ends_without_stockout_and_without_supply(engine, tmp_path):
    """A customer's return ended the first, a delivery the second; the third is still open."""
    documents = []
    for number, (sku, end) in enumerate({"S1": "RETURN", "S2": "RESTOCK", "S3": None}.items()):
        documents += [level(50, "07:00", sku=sku), transaction(f"T{number}", quantity=-35, at="08:00", sku=sku)]
        if end is not None:
            documents.append(transaction(f"R{number}", end, 30, "09:00", sku=sku))
    engine.commit_burst(messages(*documents))

    found, by_rule = scores(engine, lay_over(rules_of(tmp_path, "- {level_type: GLOBAL, min_threshold_qty: 20}"), {}))

    assert {"S1": "false alarm", "S2": "useful", "S3": "still open"} == {
        found.keys[w.key][1]: w.verdict for w in found.candidate.warnings
    }
    assert (0.5, None) == (by_rule["total"]["precision"], by_rule["total"]["recall"])


def test_merge_lays_a_file_over_the_lakes_rules_and_a_deletion_takes_one_away(engine, tmp_path):
    engine.commit_burst(messages(rule(10, 20), rule(5, 9, level_type="SKU", level_id="S1"), level(50)))
    tried = rules_of(
        tmp_path,
        "- {level_type: SKU, level_id: S1, deleted: true}\n- {level_type: SKU, level_id: S9,\n   min_threshold_qty: 1}",
    )

    assert {"GLOBAL", "SKU"} == {scope[0] for scope in present_rules(engine.lake)}
    assert {("GLOBAL", ""), ("SKU", "S9")} == {scope[:2] for scope in lay_over(tried, present_rules(engine.lake))}
    assert {("SKU", "S9")} == {scope[:2] for scope in lay_over(tried, {})}


def test_muted_keys_give_no_alert_and_their_stockouts_are_missed(engine, tmp_path):
    """RULES 21: a disabled rule mutes STOCKOUT too."""
    engine.commit_burst(messages(level(5, "07:00"), transaction("T1", quantity=-5, at="08:00")))
    tried = rules_of(tmp_path, "- {level_type: GLOBAL, min_threshold_qty: 9, enabled: false}")

    _, by_rule = scores(engine, lay_over(tried, {}))

    assert (0, 1, 0, 1) == tuple(by_rule["total"][name] for name in ("alerts", "stockouts", "foreseen", "lost"))


def test_a_lake_without_stock_events_is_named(engine):
    engine.commit_burst(messages(rule(10, 20)))

    with pytest.raises(NoHistoryError, match="no stock event yet"):
        scores(engine, {})


def test_yaml_times_and_lists_under_rules_are_read(tmp_path):
    (found,) = rules_of(
        tmp_path, "rules:\n- {level_type: GLOBAL, min_threshold_qty: 3, updated_at: 2022-04-15T00:00:00Z}"
    )

    assert found.min_threshold_qty == 3


def test_an_empty_window_gives_zeroes_not_errors(engine, tmp_path):
    engine.commit_burst(messages(level(50)))

    _, by_rule = scores(engine, {}, until=1_000_000_000_000_000)

    assert (0, None, None) == tuple(by_rule["total"][name] for name in ("alerts", "precision", "recall"))
