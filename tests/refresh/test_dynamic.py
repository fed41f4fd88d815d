"""Dynamic thresholds in the lake: computed for dynamic rules only, applied in one commit, reproduced."""

from datetime import date

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.events.kinds import DynamicSettings, Rejection
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.events.parse_threshold import read_limits
from inventory_assets.queries.explain import explain_alert
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.products import import_products
from tests.builders import level, message, rule, transaction
from tests.domain.histories import LATER
from tests.facts import differences, rows, warm

AS_OF = date(2022, 5, 20)
DYNAMIC = {"mode": "dynamic", "service_level": 0.95}
LIMITS = "SELECT sku, min_threshold_qty, reorder_threshold_qty FROM core.resolved_thresholds ORDER BY sku"


def take(engine, *documents):
    engine.commit_burst([message(document, published_at=LATER) for document in documents])


def trade(sku, stock):
    """Thirty days of 8 and 12 units in turn, from 2022-04-20 on."""
    found = [level(stock, "2022-04-19T07:00:00Z", sku=sku)]
    for number in range(30):
        at = f"2022-04-{20 + number:02d}T08:00:00Z" if number < 11 else f"2022-05-{number - 10:02d}T08:00:00Z"
        found.append(transaction(f"{sku}-{number}", quantity=-(8 + 4 * (number % 2)), at=at, sku=sku))
    return found


@pytest.fixture
def engine(open_filled):
    """S1 and S2 under a static GLOBAL rule, S1 with a lead time; 45 units left of each."""
    return open_filled(_sell)


def _sell(engine):
    import_products(engine, [Product(sku="S1", lead_time_days=3)])
    take(engine, rule(1, 2), *trade("S1", 345), *trade("S2", 345))


def test_a_dynamic_rule_takes_computed_limits_and_its_keys_are_judged_in_that_commit(engine):
    """Demand 40 in 4 days, deviation 2 a day: 40 + 1.645 x 4.07 = 47 > 45 in stock."""
    take(engine, rule(None, None, level_type="SKU", level_id="S1", **DYNAMIC))
    assert [("S1", None, None), ("S2", 1, 2)] == rows(engine.lake, LIMITS)

    (commit,) = refresh_dynamic(engine, engine.lake, AS_OF)

    assert [("S1", 7, 47), ("S2", 1, 2)] == rows(engine.lake, LIMITS)
    assert (1, 1) == (commit.counts["thresholds"], commit.counts["notified"])
    assert [("S1", "REORDER", 47.0)] == rows(engine.lake, "SELECT sku, alert_type, threshold FROM out.alerts")
    assert [] == refresh_dynamic(engine, engine.lake, AS_OF)


def test_replay_reload_and_explain_reproduce_it(engine):
    take(engine, rule(None, None, level_type="SKU", level_id="S1", **DYNAMIC))
    refresh_dynamic(engine, engine.lake, AS_OF)
    ((alert_id,),) = rows(engine.lake, "SELECT alert_id FROM out.alerts")
    before = warm(engine.state)

    found = explain_alert(engine.lake, alert_id, meaning=engine.meaning)

    assert [] == found.differences == differences(engine)
    assert "dynamic for 0.95 service" in found.rules[0].limits
    shown = found.body["lineage"]["rule"]["dynamic"]
    assert (47, 4, "mean") == (shown["reorder_qty"], shown["protection_days"], shown["model"])
    engine.drop_state()
    assert before == warm(engine.state)
    assert [] == refresh_dynamic(engine, engine.lake, AS_OF)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [({"floor_qty": 10}, (10, 47)), ({"ceiling_qty": 30}, (7, 30)), ({"floor_qty": 60}, (60, 60))],
)
def test_floor_and_ceiling_bound_the_limits(engine, bounds, expected):
    take(engine, rule(None, None, level_type="SKU", level_id="S1", **DYNAMIC, **bounds))

    refresh_dynamic(engine, engine.lake, AS_OF)

    assert ("S1", *expected) == rows(engine.lake, LIMITS)[0]


def test_without_a_lead_time_the_rules_own_numbers_hold_else_its_floor(engine):
    take(engine, rule(5, None, level_type="SKU", level_id="S2", floor_qty=9, **DYNAMIC))

    assert [] == refresh_dynamic(engine, engine.lake, AS_OF)
    assert ("S2", 5, 9) == rows(engine.lake, LIMITS)[1]


def test_a_rule_that_turns_static_takes_its_computed_limits_away(engine):
    take(engine, rule(None, None, level_type="SKU", level_id="S1", **DYNAMIC))
    refresh_dynamic(engine, engine.lake, AS_OF)
    take(engine, rule(3, 4, level_type="SKU", level_id="S1", updated_at="2022-05-21T00:00:00Z"))

    assert ("S1", 3, 4) == rows(engine.lake, LIMITS)[0]
    assert 1 == len(refresh_dynamic(engine, engine.lake, AS_OF))
    assert [] == rows(engine.lake, "SELECT * FROM core.dynamic_thresholds")
    assert [] == differences(engine)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"mode": "clever"}, "mode was 'clever'"),
        ({**DYNAMIC, "service_level": 1.0}, "service_level was 1.0"),
        ({**DYNAMIC, "service_level": True}, "service_level was True"),
        ({**DYNAMIC, "service_level": 0.0}, "service_level was 0.0, expected above 0 and below 1"),
        ({**DYNAMIC, "service_level": "high"}, "service_level was 'high'"),
        ({**DYNAMIC, "service_level": {"$numberDecimal": "NaN"}}, "service_level was {"),
        ({"mode": "dynamic"}, "needs service_level"),
        ({**DYNAMIC, "service_level": None}, "needs service_level"),
        ({**DYNAMIC, "floor_qty": 3}, "floor_qty was 3, expected at most the fixed reorder's 2"),
        ({**DYNAMIC, "floor_qty": -1}, "floor_qty was -1"),
        ({**DYNAMIC, "floor_qty": 9, "ceiling_qty": 3}, "at most the ceiling's 3"),
    ],
)
def test_an_invalid_dynamic_rule_is_refused(fields, problem):
    """RULES 22: dead-lettered with the reason; the earlier version stays."""
    from inventory_assets.domain.ingest.process import parse_burst

    (found,) = parse_burst([message(rule(1, 2, **fields))], ParseSettings())

    assert isinstance(found, Rejection) and "invalid_threshold" == found.reason
    assert problem in found.detail


def test_all_that_is_wrong_with_a_dynamic_rule_is_told_at_once():
    problems = []

    read_limits({"mode": "dynamic", "reorder_threshold_qty": 2, "floor_qty": 3, "ceiling_qty": 1}, problems)

    assert 3 == len(problems)


@pytest.mark.parametrize(
    ("level", "expected"), [(0.3, 0.3), (1e-9, 1e-9), (0.5, 0.5), ({"$numberDecimal": "0.999"}, 0.999)]
)
def test_a_dynamic_rule_needs_no_numbers_and_any_service_level_will_do(level, expected):
    """RULES 22: anywhere in (0, 1), written as MongoDB writes numbers. Its floor may be the fixed reorder itself."""
    from inventory_assets.domain.ingest.process import parse_burst

    one, other = parse_burst(
        [
            message(rule(None, None, mode="dynamic", service_level=level, floor_qty=2)),
            message(rule(1, 2, mode="dynamic", service_level=level, floor_qty=2)),
        ],
        ParseSettings(),
    )

    assert DynamicSettings(expected, 2, None) == one.dynamic == other.dynamic


def test_static_is_the_default_and_reads_no_dynamic_fields():
    from inventory_assets.domain.ingest.process import parse_burst

    one, other = parse_burst([message(rule(1, 2)), message(rule(1, 2, mode="static", floor_qty=9))], ParseSettings())

    assert one.dynamic is other.dynamic is None


def test_a_rule_recorded_before_its_floor_was_judged_is_loaded_and_still_holds(engine):
    """An older lake's rule stays what it was (RULES 37a), until another one replaces it."""
    take(engine, rule(1, 20, level_type="SKU", level_id="S2", floor_qty=9, **DYNAMIC))
    for table, column in (("threshold_rules_changes", "details"), ("events", "details")):
        engine.lake.connection.execute(
            f"UPDATE lake.core.{table} SET {column} = replace({column}, '\"floor_qty\":9', '\"floor_qty\":90')"
        )
    engine.drop_state()

    take(engine, level(44, "2022-05-20T09:00:00Z", sku="S2"))

    assert 90 == engine.state.rules["SKU", "S2", None].rule.dynamic.floor_qty
    assert ("S2", 1, 20) == rows(engine.lake, LIMITS)[1]
