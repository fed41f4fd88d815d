"""Planning: nothing lost, nothing in two notifications, within the limits; whatever comes in which order."""

from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.notify.policy import (
    ChannelKind,
    ChannelPolicy,
    Limit,
    Match,
    Policy,
    Route,
    Subject,
    Window,
)
from inventory_assets.domain.notify.routing import ChannelState, Planned, plan_channel, route
from tests.hunting import some

SECOND = 1_000_000
NIGHT = Window("night", Match((("warehouse", ("W2",)),)), start_at=0, end_at=100 * SECOND)


def subject(alert_id: str, *, number: int = 1, severity: str = "HIGH", **more) -> Subject:
    base = {"alert_type": "LOW_STOCK", "department": ("D",), "category": ("C",), "brand": ("B",), "warehouse": "W1"}
    return Subject(alert_id, number, severity, **{**base, **more})


def channel(name: str = "mail", limit: Limit | None = None) -> ChannelPolicy:
    return ChannelPolicy(name, ChannelKind.CONSOLE, {}, limit)


def policy(*windows: Window, limit: Limit | None = None, threshold: int = 5, **route_fields) -> Policy:
    fields = {"match": Match(), "channels": ("mail",), "group_by": ("category",), "group_threshold": threshold}
    return Policy({"mail": channel(limit=limit)}, (Route(**{**fields, **route_fields}),), windows)


def plan(chosen: Policy, subjects, *, held=(), used=0, now=0, known=()) -> list[Planned]:
    routed = route(chosen, subjects, chosen.channels)["mail"]
    by_id = {each.alert_id: each for each in [*subjects, *known]}
    return plan_channel(chosen.channels["mail"], chosen, routed, ChannelState(held, used, by_id), now=now)


def test_five_hundred_breaches_in_one_category_are_one_notification_that_lists_them():
    rows = plan(policy(), [subject(f"a{number:03}") for number in range(500)])

    assert [("group", "category C", 500)] == [(row.kind, row.reason, len(row.members)) for row in rows]


def test_fewer_than_the_threshold_stay_single():
    rows = plan(policy(), [subject(f"a{number}") for number in range(4)])

    assert ["single"] * 4 == [row.kind for row in rows]


def test_the_worst_come_first_and_overflow_is_one_digest():
    subjects = [subject(f"a{n}", category=(f"C{n}",)) for n in range(9)]
    subjects.append(subject("z", severity="CRITICAL", category=("X",)))

    rows = plan(policy(limit=Limit(3, 60)), subjects)

    assert ["single", "single", "digest"] == [row.kind for row in rows]
    assert (("z", 1),) == rows[0].members
    assert 8 == len(rows[2].members)


def test_a_spent_limit_holds_and_the_next_room_tells_all_of_it():
    chosen = policy(limit=Limit(3, 60))
    alerts = [subject("a"), subject("b")]

    held = plan(chosen, alerts, used=3)
    waiting = plan(chosen, [], held=held, used=3, known=alerts)
    told = plan(chosen, [], held=held, used=2, known=alerts)

    assert ["held"] == [row.kind for row in held]
    assert [] == waiting
    assert [("digest", (held[0].notification_id,))] == [(row.kind, row.covers) for row in told]
    assert {("a", 1), ("b", 1)} == set(told[0].members)


def test_maintenance_holds_until_its_end_then_tells_what_still_fires():
    chosen = policy(NIGHT)
    alerts = [subject("a", warehouse="W2"), subject("b", warehouse="W2"), subject("c")]

    first = plan(chosen, alerts, now=SECOND)
    held = [row for row in first if row.kind == "held"]
    during = plan(chosen, [], held=held, now=99 * SECOND, known=alerts)
    now_over = [msgspec.structs.replace(alerts[0], is_firing=False), alerts[1]]
    after = plan(chosen, [], held=held, now=100 * SECOND, known=now_over)

    assert {"held", "single"} == {row.kind for row in first}
    assert 100 * SECOND == held[0].due_at
    assert [] == during
    assert [("dismissed", (("a", 1),)), ("digest", (("b", 1),))] == [(row.kind, row.members) for row in after]
    assert all(row.covers == (held[0].notification_id,) for row in after)


WAITING = {"group_wait_seconds": 60, "threshold": 3}


def trickle(chosen: Policy, *steps) -> list[Planned]:
    """Plan at moments, in seconds; (moment, subjects)."""
    life = Channel(chosen)
    for now, subjects in steps:
        life.step(subjects, now)
    assert {} == life.held
    return life.rows


def test_a_trickle_is_one_group_when_the_first_has_waited_long_enough():
    rows = trickle(
        policy(**WAITING), (0, [subject("a")]), (20, [subject("b")]), (59, [subject("c")]), (60, []), (61, [])
    )

    assert [("held", 60 * SECOND)] * 3 == [(row.kind, row.due_at) for row in rows[:3]]
    assert [("group", "category C", 3)] == [(row.kind, row.reason, len(row.members)) for row in rows[3:]]
    assert 3 == len(rows[3].covers)


def test_what_waited_in_vain_for_a_group_is_told_alone_and_what_ended_is_not():
    over = msgspec.structs.replace(subject("b"), is_firing=False)
    rows = trickle(policy(**WAITING), (0, [subject("a"), subject("b")]), (60, []))
    assert ["held", "single", "single"] == [row.kind for row in rows]

    life = Channel(policy(**WAITING))
    life.step([subject("a"), subject("b")], 0)
    life.alerts["b"] = over
    life.step([], 60)

    assert [("dismissed", "resolved_while_grouping"), ("single", "")] == [
        (row.kind, row.reason) for row in life.rows[1:]
    ]
    assert {} == life.held


def test_a_critical_alert_waits_for_nobody_unless_the_policy_says_so():
    worst = subject("z", severity="CRITICAL")

    assert ["single", "held"] == sorted(
        (row.kind for row in plan(policy(**WAITING), [worst, subject("a")])), reverse=True
    )
    waiting = policy(**WAITING, is_critical_waiting=True)
    assert ["held"] == [row.kind for row in plan(waiting, [worst, subject("a")])]


def test_a_window_over_a_group_that_waits_holds_it_on():
    window = Window("w", Match(), start_at=30 * SECOND, end_at=100 * SECOND)
    rows = trickle(policy(window, **WAITING), (0, [subject("a")]), (60, []), (100, []))

    assert ["held", "held", "digest"] == [row.kind for row in rows]


# ---- laws


@dataclass
class Channel:
    """One channel's life: what is planned, what is held, what was sent when."""

    policy: Policy
    rows: list[Planned] = field(default_factory=list)
    held: dict[str, Planned] = field(default_factory=dict)
    sent_at: list[float] = field(default_factory=list)
    alerts: dict[str, Subject] = field(default_factory=dict)

    def step(self, fresh: list[Subject], now: float) -> None:
        self.alerts |= {each.alert_id: each for each in fresh}
        limit = self.policy.channels["mail"].limit
        used = 0 if limit is None else sum(at > now - limit.seconds for at in self.sent_at)
        planned = plan(
            self.policy, fresh, held=list(self.held.values()), used=used, now=int(now * SECOND),
            known=list(self.alerts.values()),
        )  # fmt: skip
        for row in planned:
            for covered in row.covers:
                self.held.pop(covered, None)
            if row.kind == "held":
                self.held[row.notification_id] = row
            if row.is_sent:
                self.sent_at.append(now)
        self.rows += planned


SUBJECTS = st.lists(
    st.builds(
        subject,
        st.integers(0, 60).map(lambda n: f"a{n:02}"),
        severity=st.sampled_from(["CRITICAL", "HIGH", "MEDIUM"]),
        category=st.sampled_from([("C1",), ("C2",)]),
        warehouse=st.sampled_from(["W1", "W2"]),
        rule_channel=st.sampled_from([None, "EMAIL"]),
        rule_recipients=st.sampled_from([(), ("a@example.com",), ("b@example.com",)]),
    ),
    max_size=40,
    unique_by=lambda each: each.alert_id,
)


@settings(max_examples=some(150), deadline=None)
@given(
    SUBJECTS,
    st.lists(st.integers(0, 40), max_size=4),
    st.none() | st.integers(1, 6),
    st.integers(2, 6),
    st.sampled_from([0, 10, 45]),
)
def test_no_alert_is_lost_and_none_is_told_twice(subjects, cuts, count, threshold, wait):
    """Any cut into steps, any limit, any wait for a group, a maintenance window in the middle."""
    limit = None if count is None else Limit(count, 60)
    grouped = policy(NIGHT, limit=limit, threshold=threshold, group_wait_seconds=wait)
    chosen = msgspec.structs.replace(grouped, rule_channels={"EMAIL": "mail"})
    life = Channel(chosen)
    places = [0, *sorted(min(cut, len(subjects)) for cut in cuts), len(subjects)]

    now = 0.0
    for start, end in pairwise(places):
        life.step(subjects[start:end], now)
        now += 7.0
    for _ in range(30):
        now += 30.0
        life.step([], now)

    told = [member for row in life.rows if row.is_sent for member in row.members]
    assert sorted((each.alert_id, each.number) for each in subjects) == sorted(told)
    assert {} == life.held
    ids = [row.notification_id for row in life.rows]
    assert len(ids) == len(set(ids))
    if limit is not None:
        for at in life.sent_at:
            assert limit.count >= sum(at - limit.seconds < other <= at for other in life.sent_at)


@settings(max_examples=some(80), deadline=None)
@given(SUBJECTS, st.randoms(), st.none() | st.integers(1, 5))
def test_the_order_of_input_changes_neither_grouping_nor_ids(subjects, rng, count):
    """A crash before the plan was written plans again, from rows in any order, and gets the same ids."""
    chosen = policy(limit=None if count is None else Limit(count, 60))
    shuffled = list(subjects)
    rng.shuffle(shuffled)

    expected = sorted(plan(chosen, subjects), key=lambda row: row.notification_id)

    assert expected == sorted(plan(chosen, shuffled), key=lambda row: row.notification_id)


def test_an_incident_is_never_a_member_of_a_group():
    """It is one already, and a list of alerts has no room for what it says."""
    alerts = [subject(f"a{n}") for n in range(5)]
    incident = subject("inc-1", severity="CRITICAL", alert_type="CATEGORY_STOCKOUTS", warehouse=("W1", "W2"))

    rows = plan(policy(group_by=("category",)), [*alerts, incident])

    assert [("incident", "CATEGORY_STOCKOUTS", 1), ("group", "category C", 5)] == [
        (row.kind, row.reason, len(row.members)) for row in rows
    ]


def test_an_incident_of_several_warehouses_is_held_only_if_all_are_in_maintenance():
    both = msgspec.structs.replace(NIGHT, match=Match((("warehouse", ("W1", "W2")),)))
    incident = subject("inc-1", warehouse=("W1", "W2"))

    assert ["incident"] == [row.kind for row in plan(policy(NIGHT), [incident])]
    assert ["held"] == [row.kind for row in plan(policy(both), [incident])]
