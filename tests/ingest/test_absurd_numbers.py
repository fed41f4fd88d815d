"""An absurd number that an earlier release took in ends no burst, no sweep, no answer: of its key, and of no other."""

from inventory_assets.backtest.run import present_rules, run_backtest, score
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.values import DAY_US
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.sweep import sweep
from inventory_assets.queries.explain import explain_alert
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.facts import rows


def orders(quantity, at):
    """Of both SKUs alike; a restock where it is above 0."""
    kind = "ORDER" if quantity < 0 else "RESTOCK"
    return messages(*(transaction(f"{at}/{sku}", kind, quantity, at, sku=sku) for sku in ("S1", "S2")))


def spoil(engine: Engine) -> None:
    """S1's rule has a cooldown of two million years and days without end, its level a position of the year 33658."""
    own = rule(
        50, 50, level_type="SKU", level_id="S1", min_threshold_days=7, reorder_threshold_days=7,
        alert_settings={"cooldown_period_minutes": 59},
    )  # fmt: skip
    engine.commit_burst(messages(rule(50, 50), own, level(60), level(60, sku="S2")))
    for quantity, at in ((-20, "09:00"), (40, "09:10"), (-50, "09:20")):
        engine.commit_burst(orders(quantity, at))
    for old, new in (
        ('"cooldown_minutes":59', f'"cooldown_minutes":{10**12}'),
        ('_days":7.0', '_days":1e300'),
    ):
        engine.lake.connection.execute(
            "UPDATE core.threshold_rules_changes SET details = replace(details, ?, ?)", [old, new]
        )
    engine.lake.connection.execute(
        "UPDATE core.resolved_thresholds_changes SET cooldown_minutes = 1000000000000, min_threshold_days = 1e300, "
        "reorder_threshold_days = 1e300 WHERE sku = 'S1'"
    )
    engine.lake.connection.execute(f"UPDATE core.events SET instant = {10**18} WHERE sku = 'S1' AND kind = 'level'")


def test_bursts_sweeps_and_explain_go_on(filled, home, open_engine):
    """A cooldown counts as ten years, the most there is, so that its alert is told again at all."""
    engine = open_engine(chosen=Settings(home=filled(spoil, home)))

    engine.commit_burst(orders(-1, "09:30"))
    day = engine.state.newest["W1"].committed_at + DAY_US
    next_day = sweep(engine, day)
    told = dict(rows(engine.lake, "SELECT sku, max(notification_count) FROM out.alerts GROUP BY sku"))
    ten_years_on = sweep(engine, day + 3_650 * DAY_US)

    assert 1 == len(next_day) == len(ten_years_on)
    assert {"S1": 1, "S2": 2} == told
    assert [(2,), (2,)] == rows(engine.lake, "SELECT max(notification_count) FROM out.alerts GROUP BY sku")
    for (alert_id,) in rows(engine.lake, "SELECT alert_id FROM out.alerts WHERE sku = 'S2'"):
        assert [] == explain_alert(engine.lake, alert_id, meaning=engine.meaning).differences
    for (alert_id,) in rows(engine.lake, "SELECT alert_id FROM out.alerts WHERE sku = 'S1'"):
        assert alert_id == explain_alert(engine.lake, alert_id, meaning=engine.meaning).body["alert_id"]


def test_a_back_test_counts_the_other_keys_as_ever(filled, home, open_engine):
    engine = open_engine(chosen=Settings(home=filled(spoil, home)))

    found = run_backtest(engine.lake, present_rules(engine.lake), days=90, meaning=Meaning())

    alerts = {row["rule"]: row["alerts"] for row in score(found).to_dicts() if row["kind"] == "rule"}
    assert 1 == alerts["GLOBAL"]
    assert {"GLOBAL", "SKU S1"} == alerts.keys()
