"""Time's part at the lake: sweeps that commit only what is due, and replay."""

import json
from dataclasses import replace

import msgspec
import pytest

from inventory_assets.clock import FILE, Pace, clock_of, set_clock
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState, Newest
from inventory_assets.domain.values import DAY_US, read_time, to_datetime
from inventory_assets.ingest.sweep import is_in_grace, is_sweep_due, is_telling_due, moments_of, sweep
from tests.builders import command, level, messages, moment, rule, transaction
from tests.facts import differences, rows, value

HOUR_US = DAY_US // 24
TRANSITIONS = "SELECT transition, reason, actor FROM out.alert_transitions ORDER BY version, seq"


def at(time):
    return read_time("time", moment(time))


def live(engine):
    """As if each event had been committed as it happened: a sweep's moment is then the clock."""
    newest = engine.state.newest
    newest.update({warehouse_id: Newest(each.event_at, each.event_at) for warehouse_id, each in newest.items()})


def low(name="T1", time="08:00", **more):
    return transaction(name, quantity=-95, at=time, **more)


def test_a_sweep_records_its_moment_and_policy_and_replays(open_engine, settings):
    engine = open_engine(chosen=replace(settings, escalate_after=(("HIGH", 60),)))
    engine.commit_burst(messages(rule(10, 20), level(100), low()))
    live(engine)

    assert sweep(engine, at("08:59")) == []
    assert len(sweep(engine, at("09:00"))) == 1
    assert sweep(engine, at("09:00")) == []

    assert rows(engine.lake, TRANSITIONS)[2:] == [
        ("escalated_level", "unacknowledged", "policy"), ("notified", "escalated_level", "policy"),
    ]  # fmt: skip
    inputs = json.loads(value(engine.lake, "SELECT inputs FROM meta.versions WHERE stage = 'sweep'"))
    assert (inputs["sweep_at"], inputs["moments"]) == (at("09:00"), {"W1": at("09:00")})
    assert inputs["policy"] == {"escalate": {"HIGH": 60}}
    assert differences(engine) == []
    assert rows(engine.lake, "SELECT escalated_level, notification_count FROM out.alerts") == [(1, 2)]


def test_a_paused_or_inhibited_alert_is_not_swept_for_ever(engine):
    """It stays due, and no version is made of that every ten seconds."""
    engine.commit_burst(messages(rule(10, 20), level(100), level(100, sku="S2"), command("pause", sku="S1")))
    engine.commit_burst(messages(command("inhibit", warehouse_id="W1"), low(), low("T2", sku="S2")))

    assert engine.state.due_alerts
    assert not is_sweep_due(engine, at("23:00"))


def warm(*documents):
    """A state after a burst for each document, committed at once."""
    state = InventoryState()
    for version, document in enumerate(documents, start=1):
        result = process_burst(state, parse_burst(messages(document), ParseSettings()), version=version)
        result.draft.merge(version, at("12:00"))
    return state


TOLD_AND_BACK = (rule(10, 20), level(100), low(), transaction("T2", "RESTOCK", 95, "08:10"), low("T3", "08:20"))


@pytest.mark.parametrize(("now", "is_due"), [("08:59:59.999999", False), ("09:00", True), ("09:01", True)])
def test_a_withheld_telling_is_due_at_the_end_of_its_cooldown(now, is_due):
    """RULES 28: told 08:00, open again at 08:20, the hour ends at 09:00."""
    assert is_due == is_telling_due(warm(*TOLD_AND_BACK), {"W1": at(f"2022-04-20T{now}Z" if "." in now else now)})


@pytest.mark.parametrize(
    "hold",
    [command("pause", sku="S1"), command("silence", sku="S1", minutes=240), command("inhibit", warehouse_id="W1")],
    ids=lambda hold: hold["command"],
)
def test_what_is_held_is_not_due(hold):
    """RULES 36."""
    held = warm(*TOLD_AND_BACK, hold | {"timestamp": moment("08:30")})

    assert not is_telling_due(held, {"W1": at("09:00")})


def test_what_was_paused_is_due_once_it_is_resumed():
    """RULES 28, 36: at the cooldown's end, where that is later."""
    commands = [
        command(name, sku="S1", timestamp=moment(time)) for name, time in (("pause", "08:30"), ("resume", "08:40"))
    ]

    assert is_telling_due(warm(*TOLD_AND_BACK, *commands), {"W1": at("09:00")})


def test_a_silences_end_makes_a_telling_due():
    """RULES 36: from 08:30 for 120 minutes; until is not within."""
    silenced = warm(*TOLD_AND_BACK, command("silence", sku="S1", minutes=120, timestamp=moment("08:30")))

    assert [False, True] == [is_telling_due(silenced, {"W1": at(now)}) for now in ("10:29:59", "10:30")]


NEXT_DAY = 24 * 60 + 8 * 60


def test_a_graces_end_is_due_where_nobody_has_judged_since():
    """RULES 24: a day after 08:00, to the microsecond."""
    state, end = warm(low()), at(NEXT_DAY)

    assert [False, True] == [is_telling_due(state, {"W1": now}) for now in (end - 1, end)]
    assert [True, False] == [is_in_grace(state, ("W1", "S1"), now) for now in (end - 1, end)]
    # An event at that very moment has judged it.
    judged = warm(low(), transaction("T2", quantity=-1, at=NEXT_DAY))
    assert not is_telling_due(judged, {"W1": end})
    # And what was closed by hand since is not judged anew by every sweep.
    [opened] = judged.alerts["W1", "S1"].values()
    closing = messages(command("resolve", alert_id=opened.alert_id, timestamp=moment(NEXT_DAY + 1)))
    published = [msgspec.structs.replace(each, publish_at=end) for each in closing]
    process_burst(judged, parse_burst(published, ParseSettings()), version=9).draft.merge(9, end)
    assert not judged.alerts["W1", "S1"][opened.condition].is_firing
    assert not is_telling_due(judged, {"W1": end + 1})


@pytest.mark.parametrize(
    ("committed", "now", "expected"),
    [
        ("08:00", "08:00", "08:00"), ("08:00", "08:10", "08:10"),
        # A backlog: 08:00 and the ten minutes since.
        ("12:00", "12:10", "08:10"), ("12:00", "12:00", "08:00"),
        # Events of a clock that is ahead, and a clock that went back.
        ("07:50", "07:55", "07:55"), ("12:00", "11:50", "08:00"),
    ],
)  # fmt: skip
def test_a_sweeps_moment_is_the_warehouses_own(committed, now, expected):
    """RULES 28: the newest event's time plus the wall time since its commit, never later than the clock."""
    state = InventoryState()
    state.newest["W1"] = Newest(at("08:00"), at(committed))

    assert {"W1": at(expected)} == moments_of(state, at(now))


@pytest.mark.parametrize(
    ("committed_s", "now_s", "expected_s"),
    [
        # Event and commit as one: the clock.
        (0, 0, 0), (0, 600, 86_400),
        # Committed a second late, which is 144 there.
        (1, 601, 86_400),
        # Committed before the clock was set anew: it stood still.
        (-900, 600, 86_400), (-900, 0, 0),
    ],
)  # fmt: skip
def test_on_a_clock_of_its_own_wall_time_is_what_that_has_run(tmp_path, committed_s, now_s, expected_s):
    """RULES 28: what a machine's minute makes due there is due after a minute of that clock, and not 144 later."""
    begun = at("08:00") + 150 * DAY_US
    pace = Pace(real=begun, shown=at("08:00"), speed=144)
    state = InventoryState()
    state.newest["W1"] = Newest(at("08:00"), begun + committed_s * 1_000_000)

    found = moments_of(state, pace.shown_at(begun + now_s * 1_000_000), pace.shown_at)

    assert {"W1": at("08:00") + expected_s * 1_000_000} == found


def test_a_sweep_goes_by_the_homes_clock_and_replays_without_one(open_engine, settings):
    """An hour of that clock is over in 25 s of ours; whoever replays it has the recorded moments."""
    engine = open_engine(chosen=replace(settings, escalate_after=(("HIGH", 60),)))
    engine.commit_burst(messages(rule(10, 20), level(100), low()))
    # Set after the commit: until then that clock stood still.
    set_clock(engine.settings, shown=to_datetime(at("08:00")), speed=144)
    now = clock_of(engine.settings).microseconds()

    assert sweep(engine, now) == []
    assert len(sweep(engine, now + HOUR_US)) == 1

    (engine.settings.home / FILE).unlink()
    assert differences(engine) == []
    inputs = json.loads(value(engine.lake, "SELECT inputs FROM meta.versions WHERE stage = 'sweep'"))
    assert inputs["moments"] == {"W1": now + HOUR_US}
