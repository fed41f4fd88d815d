"""A back-test gives the alerts that the live engine would have made (RULES 25-28)."""

from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.backtest.days import add_velocity_points
from inventory_assets.domain.backtest.replay import resolve_keys, run_rules
from inventory_assets.domain.events.kinds import UNKNOWN_PARENTS, ThresholdRule
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import BurstInputs, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.thresholds.resolve import StoredRule, ThresholdDefaults
from inventory_assets.domain.values import DAY_US, format_time
from tests.builders import level, message, messages, moment, rule, transaction
from tests.domain.histories import LATER, accepted, documents, history_of, live
from tests.hunting import tried

UNTIL = 1_650_585_600_000_000  # 2022-04-22, after all of them


def intervals_of(events, rules, until, *, with_days=False):
    """The back-test's intervals by key."""
    frame, keys = history_of(events)
    stored = {each.scope: StoredRule(each, 1) for each in rules}
    limits = resolve_keys(keys, [UNKNOWN_PARENTS] * len(keys), stored, ThresholdDefaults())
    stock, ids, velocity = run_stock(frame), frame["event_id"], None
    if with_days:
        stock, ids, velocity = add_velocity_points(stock, ids, limits.has_days(), until)
    return [each for found in run_rules(stock, keys, limits, ids, velocity=velocity, until=until) for each in found]


def spans(transitions):
    """Live transitions as (id, opened at, is reopened, closed at, reason), in order of opening."""
    found, open_ = [], {}
    for t in transitions:
        if t.transition in ("opened", "reopened"):
            open_[t.alert_id] = [t.alert_id, t.at, t.transition == "reopened", None, None]
            found.append(open_[t.alert_id])
        elif t.transition == "resolved":
            open_[t.alert_id][3:] = [t.at, t.reason]
    return sorted(map(tuple, found), key=repr)


def as_spans(intervals):
    return sorted(((i.alert_id, i.opened_at, i.is_reopened, i.closed_at, i.reason) for i in intervals), key=repr)


@tried(80)
@given(documents())
def test_the_lakes_own_rules_give_the_alerts_the_live_engine_made(found):
    result = live(found, UNTIL)
    rules = [event for event in result.draft.new_events if isinstance(event, ThresholdRule)]

    intervals = intervals_of(accepted(result), rules, UNTIL)

    assert spans(t for _, t in result.transitions) == as_spans(intervals)
    told = {alert.alert_id for alert in result.changed_alerts.values() if alert.notification_count}
    assert told == {interval.alert_id for interval in intervals if interval.is_notified}


@tried(30)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1400), st.integers(1, 9)), min_size=1, max_size=14),
       st.sampled_from(((2, 4), (None, 7), (0.5, None), (10, 10))))  # fmt: skip
def test_days_of_cover_follow_the_velocity_of_each_day(orders, limits):
    """RULES 23: velocities change when a day is complete, and the keys concerned are judged then."""
    low, reorder = limits
    text = rule(None, None, min_threshold_days=low, reorder_threshold_days=reorder)
    by_day: dict[int, list] = {0: [level(40, 0)]}
    for number, (day, minute, units) in enumerate(sorted(orders)):
        at = f"2022-04-{20 + day:02d}T{minute // 60:02d}:{minute % 60:02d}:30Z" if day < 11 else None
        at = at or f"2022-05-{day - 10:02d}T{minute // 60:02d}:{minute % 60:02d}:30Z"
        by_day.setdefault(day, []).append(transaction(f"T{number}", quantity=-units, at=at))
    state = InventoryState()
    start = int(parse_burst(messages(level(1, 0)), ParseSettings())[0].event_at)  # type: ignore[union-attr]
    events, transitions, sold = [], [], []

    def commit(sent, inputs):
        result = process_burst(state, sent, version=state.version + 1, inputs=inputs)
        result.draft.merge(state.version + 1)
        transitions.extend(t for _, t in result.transitions)
        return accepted(result)

    rules = parse_burst(messages(text), ParseSettings())
    commit(rules, None)
    last = 15
    for day in range(last + 1):
        velocity = sum(units for at, units in sold if at < start + day * DAY_US) / 28
        before = state.velocities.get(("W1", "S1"), 0.0)
        changed = (("W1", "S1", velocity or None),) if velocity != before else ()
        commit([], BurstInputs(velocity_date=format_time(start + day * DAY_US)[:10], velocities=changed))
        parsed = [
            each
            for document in by_day.get(day, [])
            for each in parse_burst([message(document, published_at=LATER)], ParseSettings())
        ]
        taken = commit(parsed, None)
        sold += [(event.event_at, -event.quantity) for event in taken if event.kind == "transaction"]
        events += taken
    until = start + last * DAY_US

    assert spans(transitions) == as_spans(intervals_of(events, rules, until, with_days=True))


def test_a_cooldown_that_ends_unseen_is_told_by_the_stock_before_the_next_event():
    """RULES 28: who finds it leaves no trace."""
    found = [
        rule(None, 20, alert_settings={"cooldown_period_minutes": 60}),
        level(30, "07:00"),
        transaction("T1", quantity=-11, at="08:00"),
        transaction("T2", "RETURN", 9, "08:10"),
        transaction("T3", quantity=-9, at="08:20"),
        transaction("T4", "RETURN", 30, "10:00"),
    ]
    result = live(found, UNTIL)
    rules = [event for event in result.draft.new_events if isinstance(event, ThresholdRule)]

    first, again = intervals_of(accepted(result), rules, UNTIL)

    assert first.alert_id == again.alert_id
    assert (False, True) == (first.is_reopened, again.is_reopened)
    assert again.is_notified
    assert moment("10:00") == format_time(again.closed_at, digits=3).replace(".000", "")
