"""Incidents on the channels of the policy: routed like alerts, told once, ended, held, explained."""

import json

import pytest

from inventory_assets.domain.notify.policy import ChannelKind, ChannelPolicy, Limit, Match, Policy, Route, Window
from inventory_assets.domain.values import read_time
from inventory_assets.notify.delivery import Delivery
from inventory_assets.notify.explain import explain_notification
from inventory_assets.refresh.incidents import refresh_incidents
from tests.builders import level, messages, rule, transaction
from tests.facts import rows, value
from tests.notify.delivering import EPOCH, Box, Clock, make_policy, work

PLANNED = "SELECT kind, severity, reason FROM out.notifications WHERE members LIKE '%inc-%' ORDER BY version, seq"


def at(time):
    return read_time("time", f"2022-04-20T{time}:00Z")


def open_incident(engine):
    """Three SKUs of category C1 out of stock, found at noon."""
    engine.commit_burst(messages(rule(10, 20), *(level(100, sku=f"S{n}", category_id="C1") for n in range(4))))
    engine.commit_burst(messages(*(transaction(f"O{n}", quantity=-100, at=f"08:{n}0", sku=f"S{n}") for n in range(3))))
    refresh_incidents(engine, at("12:00"))


def end_incident(engine):
    engine.commit_burst(messages(*(transaction(f"R{n}", "RESTOCK", 200, "13:00", sku=f"S{n}") for n in range(3))))
    refresh_incidents(engine, at("14:00"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deliver(engine, clock):
    def open_(policy, **senders: Box) -> Delivery:
        return Delivery(engine.lake, policy, senders, clock=clock)

    return open_


def started(engine, deliver, policy, **senders):
    """A delivery that has told what there was before."""
    engine.commit_burst(messages(level(500, sku="X")))
    delivery = deliver(policy, **senders)
    work(delivery, engine)
    for sender in senders.values():
        sender.taken.clear()
    return delivery


def incidents_of(box: Box) -> list[tuple[str, str, int]]:
    return [(each.kind, each.incidents[0].kind, len(each.incidents[0].members)) for each in box.taken if each.incidents]


def test_an_incident_is_told_once_by_the_default_route_and_its_end_too(engine, deliver):
    mail, log = Box(), Box()
    delivery = started(engine, deliver, make_policy("mail", "log", resolved=["mail"]), mail=mail, log=log)

    open_incident(engine)
    work(delivery, engine)
    work(delivery, engine)
    end_incident(engine)
    work(delivery, engine)
    work(deliver(make_policy("mail", "log", resolved=["mail"]), mail=mail, log=log), engine)

    assert [("incident", "CATEGORY_STOCKOUTS", 3), ("resolved", "CATEGORY_STOCKOUTS", 3)] == incidents_of(mail)
    assert [("incident", "CATEGORY_STOCKOUTS", 3)] == incidents_of(log)
    opened, ended = (each for each in mail.taken if each.incidents)
    assert (ended.resolves, ended.incidents[0].is_open) == (opened.notification_id, False)
    for each in (opened, ended):
        explained = explain_notification(engine.lake, each.notification_id)
        assert [] == explained.differences
        assert "CATEGORY_STOCKOUTS" == explained.members[0]["alert_type"]


@pytest.mark.parametrize(
    ("wanted", "is_told"),
    [
        ({"type": ("CATEGORY_STOCKOUTS",)}, True),
        ({"alert_type": ("CATEGORY_STOCKOUTS", "STOCKOUT")}, True),
        pytest.param({"alert_type": ("STOCKOUT",)}, False, marks=pytest.mark.big),
        ({"severity": ("CRITICAL",), "category": ("C1",)}, True),
        pytest.param({"category": ("C2",)}, False, marks=pytest.mark.big),
        pytest.param({"warehouse": ("W1",)}, True, marks=pytest.mark.big),
        pytest.param({"warehouse": ("W9",)}, False, marks=pytest.mark.big),
    ],
)
def test_routes_choose_incidents_by_kind_severity_and_place(engine, deliver, wanted, is_told):
    box = Box()
    policy = make_policy("mail", match=Match(tuple(wanted.items())), group_by=("category",), group_threshold=2)
    delivery = started(engine, deliver, policy, mail=box)

    open_incident(engine)
    work(delivery, engine)

    assert is_told is bool(incidents_of(box))


@pytest.mark.big
def test_a_restarted_process_ends_what_an_earlier_one_told(engine, deliver):
    policy = make_policy("mail", resolved=["mail"])
    started(engine, deliver, policy, mail=Box())
    open_incident(engine)
    work(deliver(policy, mail=Box()), engine)
    end_incident(engine)
    box = Box()

    work(deliver(policy, mail=box), engine)

    assert [("resolved", "CATEGORY_STOCKOUTS", 3)] == incidents_of(box)


def test_a_new_channel_starts_with_the_incidents_that_are_open(engine, deliver):
    open_incident(engine)
    box = Box()

    work(deliver(make_policy("mail"), mail=box), engine)

    assert [("incident", "CATEGORY_STOCKOUTS", 3)] == incidents_of(box)


def test_a_channel_hears_nothing_of_an_incident_of_the_past_nor_of_its_end(engine, deliver):
    """Whether it is there before the past is taken in, or added when that is done."""
    mail, late = Box(), Box()
    early = started(engine, deliver, make_policy("mail", resolved=["mail"]), mail=mail)
    with engine.past():
        open_incident(engine)
    work(early, engine)
    work(deliver(make_policy("late", resolved=["late"]), late=late), engine)

    end_incident(engine)
    work(early, engine)

    assert ([], []) == (incidents_of(mail), incidents_of(late))
    assert [("resolved", 2)] == rows(engine.lake, "SELECT state, notification_count FROM out.incidents")


def test_over_the_limit_an_incident_waits_in_the_digest(engine, deliver, clock):
    box = Box()
    delivery = started(engine, deliver, make_policy("mail", limit=Limit(1, 60)), mail=box)
    open_incident(engine)

    work(delivery, engine)
    clock.now += 100
    work(delivery, engine)

    [digest] = [each for each in box.taken if each.incidents]
    assert ("digest", 1, 3) == (digest.kind, len(digest.incidents), len(digest.alerts))
    assert [] == explain_notification(engine.lake, digest.notification_id).differences


@pytest.mark.parametrize(("names", "kind"), [(("W1",), "held"), (("W9",), "incident")])
def test_maintenance_holds_an_incident_of_its_warehouse(engine, deliver, names, kind):
    ends = int(EPOCH + 3600) * 1_000_000
    window = Window("count", Match((("warehouse", names),)), start_at=0, end_at=ends)
    delivery = started(engine, deliver, make_policy("mail", windows=[window]), mail=Box())

    open_incident(engine)
    work(delivery, engine)

    assert kind == rows(engine.lake, PLANNED)[-1][0]


def test_an_incident_goes_to_one_channel_and_its_alerts_to_another(engine, deliver):
    boss, clerk = Box(), Box()
    channels = {name: ChannelPolicy(name, ChannelKind.CONSOLE, {}) for name in ("boss", "clerk")}
    routes = (Route(Match((("type", ("CATEGORY_STOCKOUTS",)),)), ("boss",)), Route(Match(), ("clerk",)))
    delivery = started(engine, deliver, Policy(channels, routes), boss=boss, clerk=clerk)

    open_incident(engine)
    work(delivery, engine)

    assert (1, 0) == (len(incidents_of(boss)), len(incidents_of(clerk)))
    assert 3 == len(clerk.taken)
    assert 3 == len(json.loads(value(engine.lake, "SELECT members FROM out.incidents")))
