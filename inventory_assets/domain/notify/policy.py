"""Who is told of which alerts, how grouped, how often, and when not: the routing policy as a value.

Here: the shape of the policy and the choice of routes and maintenance windows.
Not here: reading it from a document (`policy_file`), planning (`routing`).
"""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from inventory_assets.domain.values import to_datetime, to_microseconds

DAY_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# `type` is another word for `alert_type`, as an incident's kind is no type of an alert.
GROUP_KEYS = ("severity", "alert_type", "type", "department", "category", "brand", "warehouse")


class ChannelKind(StrEnum):
    """The ways out of the system, one module of `notify.channels` each."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    SMS = "sms"
    PAGERDUTY = "pagerduty"
    PUBSUB = "pubsub"
    CONSOLE = "console"


class Limit(msgspec.Struct, frozen=True):
    """At most `count` notifications in any `seconds` on a channel."""

    count: int
    seconds: int


class ChannelPolicy(msgspec.Struct, frozen=True):
    """One channel: its kind, its kind's own settings, how much it takes.

    `settings` hold names of environment variables, never a secret. With
    `is_told_resolved` the end of an alert is told as well.
    """

    name: str
    kind: ChannelKind
    settings: dict[str, Any]
    limit: Limit | None = None
    is_told_resolved: bool = False


class Subject(msgspec.Struct, frozen=True):
    """What a route or a window can ask of an alert or an incident; ids and names both, as people write either.

    Of an incident `alert_type` is its kind, and `warehouse` each that it concerns.
    """

    alert_id: str
    number: int
    severity: str
    alert_type: str
    department: tuple[str, ...]
    category: tuple[str, ...]
    brand: tuple[str, ...]
    warehouse: str | tuple[str, ...]
    is_firing: bool = True
    rule_channel: str | None = None
    rule_recipients: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The alert's condition, or the incident's kind."""
        return self.alert_type

    def values(self, key: str) -> tuple[str, ...]:
        """Every spelling of this alert's value at `key`."""
        value = getattr(self, key)
        return value if isinstance(value, tuple) else (value,)


class Match(msgspec.Struct, frozen=True):
    """A condition on alerts: for every named key, one of its values. Empty matches all."""

    wanted: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def holds(self, subject: Subject) -> bool:
        """Whether an alert fulfils it."""
        return all(any(value in values for value in subject.values(key)) for key, values in self.wanted)

    def covers(self, subject: Subject) -> bool:
        """Whether it holds for every warehouse that an incident concerns."""
        places = [set(values) for key, values in self.wanted if key == "warehouse"]
        return self.holds(subject) and all(place.issuperset(subject.values("warehouse")) for place in places)


class Route(msgspec.Struct, frozen=True):
    """Where matching alerts go; `goes_on`: later routes are asked too.

    `group_threshold` alerts that agree on `group_by` are one notification. The
    first waits `group_wait_seconds` for others; a CRITICAL one only where
    `is_critical_waiting`.
    """

    match: Match
    channels: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    group_threshold: int = 0
    goes_on: bool = False
    group_wait_seconds: int = 0
    is_critical_waiting: bool = False


class Window(msgspec.Struct, frozen=True):
    """A maintenance window: once from `start_at` to `end_at`, or weekly on `days` from `opens` for `minutes`.

    All times UTC; microseconds, and `opens` in minutes after midnight.
    """

    name: str
    match: Match
    start_at: int | None = None
    end_at: int | None = None
    days: tuple[str, ...] = ()
    opens: int = 0
    minutes: int = 0

    def open_until(self, now: int) -> int | None:
        """When the window that is open at `now` ends, in microseconds; None if it is closed."""
        if self.start_at is not None and self.end_at is not None:
            return self.end_at if self.start_at <= now < self.end_at else None
        moment = to_datetime(now)
        # A window may have opened before midnight, and a week's has 7 days to choose from.
        for back in range(-(-self.minutes // 1440) + 1):
            day = (moment - timedelta(days=back)).date()
            if DAY_NAMES[day.weekday()] not in self.days:
                continue
            opened = datetime.combine(day, time(), moment.tzinfo) + timedelta(minutes=self.opens)
            closes = opened + timedelta(minutes=self.minutes)
            if opened <= moment < closes:
                return to_microseconds(closes)
        return None


class ReportMail(msgspec.Struct, frozen=True):
    """Who gets reports: through which mail channel, and which kinds. No recipients: the channel's own."""

    channel: str
    recipients: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("nightly", "weekly")


class Policy(msgspec.Struct, frozen=True):
    """The whole policy. `rule_channels`: what a rule's `notification_channel` means here."""

    channels: dict[str, ChannelPolicy] = {}
    routes: tuple[Route, ...] = ()
    windows: tuple[Window, ...] = ()
    rule_channels: dict[str, str] = {}
    reports: ReportMail | None = None


class Destination(msgspec.Struct, frozen=True):
    """One channel an alert goes to, and how it may be grouped there. No recipients: the channel's own."""

    channel: str
    group_by: tuple[str, ...] = ()
    group_threshold: int = 0
    recipients: tuple[str, ...] = ()
    group_wait_seconds: int = 0
    is_critical_waiting: bool = False


def _to(channel: str, route: Route, recipients: tuple[str, ...] = ()) -> Destination:
    return Destination(
        channel, route.group_by, route.group_threshold, recipients, route.group_wait_seconds, route.is_critical_waiting
    )


def destinations(policy: Policy, subject: Subject) -> list[Destination]:
    """Choose where an alert goes: its rule's channel, then the routes from the top; each channel once."""
    found: dict[str, Destination] = {}
    named = policy.rule_channels.get((subject.rule_channel or "").upper())
    taken = next((route for route in policy.routes if route.match.holds(subject)), None)
    if named is not None:
        found[named] = _to(named, taken or Route(Match(), ()), subject.rule_recipients)
    for route in policy.routes:
        if not route.match.holds(subject):
            continue
        for channel in route.channels:
            found.setdefault(channel, _to(channel, route))
        if not route.goes_on:
            break
    return list(found.values())


def held_until(policy: Policy, subject: Subject, now: int) -> int | None:
    """When the last of the maintenance windows over an alert ends; None outside of them.

    What happens elsewhere too is no maintenance: an incident of several warehouses is held if all of them are in it.
    """
    ends = [
        end for window in policy.windows if window.match.covers(subject) and (end := window.open_until(now)) is not None
    ]
    return max(ends, default=None)
