"""Which routes an alert takes, and when a maintenance window is open."""

from inventory_assets.domain.notify.policy import (
    Destination,
    Match,
    Policy,
    Route,
    Window,
    destinations,
)
from tests.domain.notify.test_routing import SECOND, channel, subject


def test_a_rules_own_channel_and_recipients_come_before_the_routes():
    chosen = Policy({"mail": channel()}, (Route(Match(), ("mail",)),), (), {"EMAIL": "mail"})

    found = destinations(chosen, subject("a", rule_channel="email", rule_recipients=("x@example.com",)))

    assert [Destination("mail", recipients=("x@example.com",))] == found


def test_routes_are_asked_from_the_top_until_one_does_not_go_on():
    stockouts = Match((("severity", ("CRITICAL",)),))
    routes = (Route(stockouts, ("pager",), goes_on=True), Route(Match(), ("mail",)), Route(Match(), ("never",)))
    chosen = Policy({name: channel(name) for name in ("pager", "mail", "never")}, routes)

    critical = [each.channel for each in destinations(chosen, subject("a", severity="CRITICAL"))]
    high = [each.channel for each in destinations(chosen, subject("a"))]

    assert (["pager", "mail"], ["mail"]) == (critical, high)


def test_a_weekly_window_runs_past_midnight():
    window = Window("w", Match(), days=("SUN",), opens=23 * 60, minutes=120)
    sunday = 1_767_484_800 * SECOND  # 2026-01-04T00:00Z

    hours = {hour: window.open_until(sunday + hour * 3600 * SECOND) for hour in (0, 22, 23, 24, 25)}

    assert {0, 22, 25} == {hour for hour, end in hours.items() if end is None}
    assert hours[23] == hours[24] == sunday + 25 * 3600 * SECOND
