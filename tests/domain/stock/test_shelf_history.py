"""A ledger's stock after each event is the fold of what had happened by then, and what it marks is so (RULES 12-17)."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.stock.shelf_history import (
    LEDGER_SCHEMA,
    LimitStep,
    kind_of,
    ledger_of,
    limit_steps,
    limits_at,
    sold_by_week,
    stock_after,
    together,
    until,
)
from inventory_assets.domain.values import DAY_US, to_microseconds
from tests.builders import DAY, level, messages, transaction
from tests.domain.histories import history_of
from tests.hunting import tried
from tests.rules.days import accepted, streams_of_days

HOUR = 3_600_000_000
SEVEN = to_microseconds(DAY) + 7 * HOUR


def history(documents):
    """Each event of a version of its own, in the order of arrival."""
    parsed = parse_burst(documents, ParseSettings())
    events, keys = history_of(parsed)
    versions = {event.event_id: number for number, event in enumerate(parsed, start=1)}
    return events.with_columns(version=pl.col("event_id").replace_strict(versions, return_dtype=pl.Int64)), keys


def ledger(*documents):
    return ledger_of(history(messages(*documents))[0])


@tried(20)
@given(streams_of_days().filter(bool), st.integers(0, 10**6))
def test_stock_after_all_by_a_moment_is_the_fold_of_what_had_happened(documents, place):
    """Whatever the order of arrival and of the clocks; and every event stands beside its own stock."""
    events, _ = history(accepted(documents)[0])
    found = ledger_of(events)
    moment = events["at"].sort()[place % events.height]
    known = events.filter(pl.col("at") <= moment)
    stock = run_stock(known)
    expected = {key: (on_hand, reserved, inbound) for key, on_hand, reserved, inbound in zip(
        *(getattr(stock, name).tolist() for name in ("key", "on_hand", "reserved", "inbound")), strict=True)}  # fmt: skip

    rows = stock_after(until(found, moment))

    assert expected == {key: (row["on_hand"], row["reserved"], row["inbound"]) for key, row in rows.items()}
    assert sorted(events.select("key", "event_id").rows()) == sorted(found.select("key", "event_id").rows())


def test_a_shelf_by_hand():
    """A sale that came late stands where it happened; what a count contains, and what was cancelled, changed nothing."""
    found = ledger(
        level(100, "07:00"), transaction("T2", quantity=-2, at="09:00"), transaction("T1", quantity=-1, at="08:00"),
        transaction("R1", "RESTOCK", 10, at="10:00"), transaction("C1", quantity=-5, at="11:00", status="CANCELLED"),
        level(90, "12:00"),
    )  # fmt: skip

    assert [100, 99, 97, 107, 107, 90] == found["available"].to_list()
    assert [100, -1, -2, 10, 0, -17] == found["change"].to_list()
    assert [1] == [place for place, late in enumerate(found["is_late"]) if late]
    assert [3] == [place for place, comes in enumerate(found["is_arrival"]) if comes]
    assert [4] == [place for place, none in enumerate(found["is_without_effect"]) if none]
    kinds = [kind_of(row) for row in found.iter_rows(named=True)]
    assert [("LEVEL", ""), ("ORDER", "COMPLETED"), ("RESTOCK", "COMPLETED")] == [kinds[0], kinds[1], kinds[3]]


def test_no_events_are_an_empty_ledger():
    events, _ = history(messages(level(1)))

    assert LEDGER_SCHEMA == dict(ledger_of(events.clear()).schema)


def test_shelves_together_count_each_once():
    """What one shelf did at a moment is added to what the others have."""
    found = ledger(
        level(100, "07:00"), level(5, "08:00", warehouse_id="W2"),
        transaction("M1", "TRANSFER", 30, at="09:00", to_warehouse_id="W2"), transaction("T1", quantity=-4, at="10:00"),
    )  # fmt: skip

    assert [(SEVEN, 100), (SEVEN + HOUR, 105), (SEVEN + 2 * HOUR, 105), (SEVEN + 3 * HOUR, 101)] == together(found)


def test_weeks_begin_on_mondays_and_none_is_left_out():
    """20 April 2022 was a Wednesday."""
    found = ledger(level(100, "07:00"), transaction("T1", quantity=-4), transaction("T2", quantity=-3, at="09:00"))
    monday = to_microseconds(DAY) - 2 * DAY_US

    weeks = sold_by_week(found, SEVEN - 8 * DAY_US, SEVEN + 5 * DAY_US)

    assert [(monday - 7 * DAY_US, 0), (monday, 7), (monday + 7 * DAY_US, 0)] == weeks


def limits(version, low, reorder, changed_at=None, **more):
    return {
        "version": version, "min_threshold_qty": low, "reorder_threshold_qty": reorder, "min_threshold_days": None,
        "reorder_threshold_days": None, "is_enabled": True, "rule_level_type": "GLOBAL", "rule_level_id": None,
        "rule_warehouse_id": None, "changed_at": changed_at,
    } | more  # fmt: skip


def test_limits_are_steps_at_the_time_of_events_or_of_their_rule():
    found = ledger(level(100, "07:00"), transaction("T1", at="08:00"), transaction("T2", at="09:00"))
    rows = [
        limits(1, 10, 20), limits(2, 10, 20), limits(3, 11, 20), limits(4, 12, 20, changed_at=SEVEN + 5 * HOUR),
        limits(5, 12, 20, is_enabled=False),
    ]  # fmt: skip

    steps = limit_steps(rows, found)

    by = ("GLOBAL", None, None)
    assert [
        LimitStep(0, 10, 20, by=by), LimitStep(SEVEN + 2 * HOUR, 11, 20, by=by),
        LimitStep(SEVEN + 5 * HOUR, None, None, by=by),
    ] == steps  # fmt: skip
    assert (10, 11) == (limits_at(steps, SEVEN).low, limits_at(steps, SEVEN + 3 * HOUR).low)
    assert limits_at([], SEVEN) is None
