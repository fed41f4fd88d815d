"""Read a routing policy from a parsed document, and say everything that is wrong with it at once.

Here: names, types and references. Not here: opening the file, environment variables.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from inventory_assets.domain.alerts.incidents import Kind
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.notify.policy import (
    DAY_NAMES,
    GROUP_KEYS,
    ChannelKind,
    ChannelPolicy,
    Limit,
    Match,
    Policy,
    ReportMail,
    Route,
    Window,
)
from inventory_assets.domain.values import midnight, to_microseconds
from inventory_assets.ranges import FIRST_DAY, LAST_DAY, MAX_DAYS, MAX_PORT


class _Whole(NamedTuple):
    """A number's range, both ends allowed."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"a whole number from {self.least:,} to {self.most:,}"


_TEXT, _LIST, _FLAG = "a text", "a list of texts", "true or false"
_COMMON = {"kind", "limit", "send_resolved"}
# One that does not answer keeps its channel's queue waiting for so long.
_TIMEOUT = _Whole(1, 600)
_HTTP: dict[str, str | _Whole] = {"timeout_seconds": _TIMEOUT, "allow_hosts": _LIST}
_LIMIT = {"count": _Whole(1, 1_000_000), "seconds": _Whole(1, MAX_DAYS * 86_400)}
# One alert is no group.
_GROUP_THRESHOLD = _Whole(2, 1_000_000)
# What may wait longer than an hour is a digest, not a group.
_GROUP_WAIT_SECONDS = _Whole(1, 3_600)
_WINDOW_MINUTES = _Whole(1, 7 * 24 * 60)
# kind -> setting -> what it holds; those in _REQUIRED must be there.
_SETTINGS: dict[ChannelKind, dict[str, str | _Whole]] = {
    ChannelKind.EMAIL: {
        "host": _TEXT, "port": _Whole(1, MAX_PORT), "security": _TEXT, "from": _TEXT, "to": _LIST, "ca_file": _TEXT,
        "username_env": _TEXT, "password_env": _TEXT, "timeout_seconds": _TIMEOUT,
    },
    ChannelKind.WEBHOOK: {"url": _TEXT, "url_env": _TEXT, "secret_env": _TEXT, **_HTTP},
    ChannelKind.SLACK: {"url": _TEXT, "url_env": _TEXT, **_HTTP},
    ChannelKind.SMS: {"url": _TEXT, "url_env": _TEXT, "token_env": _TEXT, "from": _TEXT, "to": _LIST, **_HTTP},
    ChannelKind.PAGERDUTY: {"url": _TEXT, "routing_key_env": _TEXT, **_HTTP},
    ChannelKind.PUBSUB: {"topic": _TEXT},
    ChannelKind.CONSOLE: {},
}  # fmt: skip
_REQUIRED: dict[ChannelKind, tuple[tuple[str, ...], ...]] = {
    ChannelKind.EMAIL: (("host",), ("from",), ("to",)),
    ChannelKind.WEBHOOK: (("url", "url_env"), ("secret_env",)),
    ChannelKind.SLACK: (("url", "url_env"),),
    ChannelKind.SMS: (("url", "url_env"), ("to",)),
    ChannelKind.PAGERDUTY: (("routing_key_env",),),
    ChannelKind.PUBSUB: (("topic",),),
    ChannelKind.CONSOLE: (),
}
_CHECKS: dict[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: type(value) is str and bool(value.strip()) and value.isprintable(),
    _LIST: lambda value: type(value) is list and bool(value) and all(_CHECKS[_TEXT](each) for each in value),
    _FLAG: lambda value: type(value) is bool,
}
_REPORTS = ("nightly", "weekly")
_SECURITY = ("none", "starttls", "tls")
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_TYPES = (*Condition, *Kind)
_WORDS: dict[str, tuple[str, ...]] = {"severity": _SEVERITIES, "alert_type": _TYPES, "type": _TYPES}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(r"[^\s/@:]+|[0-9A-Fa-f:.]+(%\w+)?")
_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[^/\s@:?#\\\[\]]+)(:(?P<port>\d{1,5}))?([/?#][^\s\\]*)?", re.IGNORECASE
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_policy(document: Mapping[str, Any]) -> tuple[Policy, list[str]]:
    """Read a policy.

    Returns:
        (policy, problems): use the policy only where there are no problems;
        each names its place and what was expected.
    """
    return _Reading().read(document)


class _Reading:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, document: Mapping[str, Any]) -> tuple[Policy, list[str]]:
        self._known("the file", document, {"channels", "routes", "maintenance", "rule_channels", "reports"})
        channels = {
            name: channel
            for name, table in self._table("channels", document.get("channels", {})).items()
            if (channel := self._channel(name, table)) is not None
        }
        declared = set(document.get("channels", {})) if isinstance(document.get("channels", {}), dict) else set()
        routes = tuple(
            self._route(f"routes[{number}]", table, declared)
            for number, table in enumerate(self._tables("routes", document.get("routes", [])), 1)
        )
        windows = tuple(
            self._window(f"maintenance[{number}]", table)
            for number, table in enumerate(self._tables("maintenance", document.get("maintenance", [])), 1)
        )
        rule_channels = {
            str(name).upper(): self._reference(f"rule_channels.{name}", channel, declared)
            for name, channel in self._table("rule_channels", document.get("rule_channels", {})).items()
        }
        reports = self._reports(document["reports"], channels, declared) if "reports" in document else None
        used = {channel for route in routes for channel in route.channels} | set(rule_channels.values())
        used |= {reports.channel} if reports is not None else set()
        self.problems += [f"channels.{name}: no route and no rule channel uses it" for name in sorted(declared - used)]
        return Policy(channels, routes, windows, rule_channels, reports), self.problems

    # ---- parts

    def _channel(self, name: str, table: Any) -> ChannelPolicy | None:
        place = f"channels.{name}"
        table = self._table(place, table)
        if not _NAME.fullmatch(name):
            self._problem(place, f"the name was {name!r}, expected letters, digits, '.', '_' and '-', at most 64")
        if table.get("kind") not in list(ChannelKind):
            self._problem(f"{place}.kind", f"was {table.get('kind')!r}, expected one of {', '.join(ChannelKind)}")
            return None
        kind = ChannelKind(table["kind"])
        kinds = _SETTINGS[kind]
        self._known(place, table, _COMMON | set(kinds))
        settings = {key: value for key, value in table.items() if key in kinds}
        for key, value in settings.items():
            self._check(f"{place}.{key}", value, kinds[key])
        for either in _REQUIRED[kind]:
            if not any(key in settings for key in either):
                self._problem(place, f"{' or '.join(either)} is missing")
        self._check_settings(place, kind, settings)
        resolved = table.get("send_resolved", kind is ChannelKind.PAGERDUTY)
        self._check(f"{place}.send_resolved", resolved, _FLAG)
        return ChannelPolicy(name, kind, settings, self._limit(place, table.get("limit")), resolved is True)

    def _check_settings(self, place: str, kind: ChannelKind, settings: dict[str, Any]) -> None:
        url = settings.get("url")
        if isinstance(url, str) and not _is_url(url):
            self._problem(
                f"{place}.url", "expected http:// or https://, a host, a port to 65535, no user name or password"
            )
        if isinstance(host := settings.get("host"), str) and not _HOST.fullmatch(host):
            # Not shown: what is more than a host may be a password.
            self._problem(f"{place}.host", "expected a host name or an address, and nothing beside it")
        for key, value in settings.items():
            if key.endswith("_env") and isinstance(value, str) and not _VARIABLE.fullmatch(value):
                # The value is not shown: it is likely the secret itself.
                self._problem(f"{place}.{key}", "expected the name of an environment variable, not a secret")
        if kind is ChannelKind.EMAIL:
            addresses = [settings.get("from"), *_texts(settings.get("to"))]
            for address in addresses:
                if isinstance(address, str) and not _ADDRESS.fullmatch(address):
                    self._problem(place, f"{address!r} is no mail address")
            if settings.get("security", "starttls") not in _SECURITY:
                self._problem(f"{place}.security", f"expected one of {', '.join(_SECURITY)}")
            if settings.get("security") == "none" and "password_env" in settings:
                self._problem(f"{place}.security", "a password would be sent in the clear; use starttls or tls")
            if ("username_env" in settings) != ("password_env" in settings):
                self._problem(place, "username_env and password_env go together")

    def _limit(self, place: str, table: Any) -> Limit | None:
        if table is None:
            return None
        table = self._table(f"{place}.limit", table)
        self._known(f"{place}.limit", table, set(_LIMIT))
        good = [self._check(f"{place}.limit.{key}", table.get(key), expected) for key, expected in _LIMIT.items()]
        return Limit(table["count"], table["seconds"]) if all(good) else None

    def _route(self, place: str, table: Any, declared: set[str]) -> Route:
        table = self._table(place, table)
        self._known(
            place,
            table,
            {*GROUP_KEYS, "channels", "group_by", "group_threshold", "group_wait", "group_wait_critical", "continue"},
        )
        names = table.get("channels")
        if self._check(f"{place}.channels", names, _LIST):
            names = [self._reference(f"{place}.channels", name, declared) for name in names]
        group_by = table.get("group_by", [])
        if group_by and self._check(f"{place}.group_by", group_by, _LIST):
            for key in group_by:
                if key not in GROUP_KEYS:
                    self._problem(f"{place}.group_by", f"{key!r} is none of {', '.join(GROUP_KEYS)}")
        threshold = table.get("group_threshold", 5 if group_by else 0)
        if "group_threshold" in table:
            self._check(f"{place}.group_threshold", threshold, _GROUP_THRESHOLD)
            if not group_by:
                self._problem(f"{place}.group_threshold", "means nothing without group_by")
        goes_on = table.get("continue", False)
        self._check(f"{place}.continue", goes_on, _FLAG)
        whole = threshold if type(threshold) is int else 0
        return Route(
            self._match(place, table), tuple(_texts(names)), tuple(_texts(group_by)), whole, goes_on is True,
            *self._group_wait(place, table, bool(group_by)),
        )  # fmt: skip

    def _group_wait(self, place: str, table: Mapping[str, Any], is_grouped: bool) -> tuple[int, bool]:
        """How many seconds a group waits, 0 as a rule, and whether CRITICAL waits as well."""
        if "group_wait" not in table:
            if "group_wait_critical" in table:
                self._problem(f"{place}.group_wait_critical", "means nothing without group_wait")
            return 0, False
        wait, is_critical = table["group_wait"], table.get("group_wait_critical", False)
        good = self._check(f"{place}.group_wait", wait, _GROUP_WAIT_SECONDS)
        if not is_grouped:
            self._problem(f"{place}.group_wait", "means nothing without group_by")
        self._check(f"{place}.group_wait_critical", is_critical, _FLAG)
        return wait if good else 0, is_critical is True

    def _window(self, place: str, table: Any) -> Window:
        table = self._table(place, table)
        self._known(place, table, {*GROUP_KEYS, "name", "start", "end", "days", "from", "minutes"})
        name, match = str(table.get("name", place)), self._match(place, table)
        if "start" in table or "end" in table:
            if "days" in table or "from" in table or "minutes" in table:
                self._problem(place, "start/end and days/from/minutes were both given; choose one")
            start_at, end_at = (self._moment(f"{place}.{key}", table.get(key)) for key in ("start", "end"))
            if start_at is not None and end_at is not None and start_at >= end_at:
                self._problem(place, "start is not before end")
            return Window(name, match, start_at or 0, end_at or 0)
        days = [day.upper()[:3] for day in _texts(table.get("days", list(DAY_NAMES)))]
        if not days or any(day not in DAY_NAMES for day in days):
            self._problem(f"{place}.days", f"expected a list of {', '.join(DAY_NAMES)}")
        clock = _CLOCK.fullmatch(table["from"]) if isinstance(table.get("from"), str) else None
        if clock is None:
            self._problem(f"{place}.from", "expected a time of day in UTC such as '02:00'")
        minutes = table.get("minutes")
        good = self._check(f"{place}.minutes", minutes, _WINDOW_MINUTES)
        opens = 0 if clock is None else int(clock[1]) * 60 + int(clock[2])
        return Window(name, match, None, None, tuple(days), opens, minutes if good else 0)

    def _reports(self, table: Any, channels: Mapping[str, ChannelPolicy], declared: set[str]) -> ReportMail:
        table = self._table("reports", table)
        self._known("reports", table, {"channel", "recipients", "send"})
        name = self._reference("reports.channel", table.get("channel"), declared)
        if name in channels and channels[name].kind is not ChannelKind.EMAIL:
            self._problem("reports.channel", f"{name!r} is of kind {channels[name].kind}, expected email")
        recipients, kinds = table.get("recipients", []), table.get("send", list(_REPORTS))
        if "recipients" in table:
            self._check("reports.recipients", recipients, _LIST)
        for address in _texts(recipients):
            if not _ADDRESS.fullmatch(address):
                self._problem("reports.recipients", f"{address!r} is no mail address")
        if self._check("reports.send", kinds, _LIST):
            for kind in kinds:
                if kind not in _REPORTS:
                    self._problem("reports.send", f"{kind!r} is none of {', '.join(_REPORTS)}")
        return ReportMail(name, tuple(_texts(recipients)), tuple(_texts(kinds)))

    def _match(self, place: str, table: Mapping[str, Any]) -> Match:
        wanted = []
        for key in GROUP_KEYS:
            if key in table and self._check(f"{place}.{key}", table[key], _LIST):
                values = tuple(table[key])
                known = _WORDS.get(key)
                for value in values:
                    if known is not None and value not in known:
                        self._problem(f"{place}.{key}", f"{value!r} is none of {', '.join(known)}")
                wanted.append((key, values))
        return Match(tuple(wanted))

    # ---- values

    def _problem(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {text}")

    def _check(self, place: str, value: Any, kind: str | _Whole) -> bool:
        if isinstance(kind, _Whole):
            good = type(value) is int and kind.least <= value <= kind.most
        else:
            good = _CHECKS[kind](value)
        if good:
            return True
        # A text is not shown: it may be a secret at the wrong place.
        is_shown = type(value) in (int, float) and abs(value) < 10**30
        shown = "missing" if value is None else str(value) if is_shown else f"of type {type(value).__name__}"
        self._problem(place, f"was {shown}, expected {kind}")
        return False

    def _reference(self, place: str, name: Any, declared: set[str]) -> str:
        if name not in declared:
            self._problem(place, f"there is no channel {name!r}; declared are {', '.join(sorted(declared)) or 'none'}")
        return str(name)

    def _known(self, place: str, table: Mapping[str, Any], names: set[str]) -> None:
        for name in table:
            if name not in names:
                self._problem(place, f"{name!r} is not known; expected {', '.join(sorted(names))}")

    def _table(self, place: str, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._problem(place, f"was of type {type(value).__name__}, expected a table")
        return {}

    def _tables(self, place: str, value: Any) -> list[Any]:
        if isinstance(value, list):
            return value
        self._problem(place, f"was of type {type(value).__name__}, expected an array of tables: [[{place}]]")
        return []

    def _moment(self, place: str, value: Any) -> int | None:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, datetime.min.time())
        if not isinstance(value, datetime):
            self._problem(place, "expected a time such as 2026-03-01T02:00:00Z")
            return None
        moment = to_microseconds(value if value.tzinfo else value.replace(tzinfo=UTC))
        if not midnight(str(FIRST_DAY)) <= moment < midnight(str(LAST_DAY)):
            self._problem(place, f"was {value}, expected a time from {FIRST_DAY} to {LAST_DAY}")
            return None
        return moment


def _is_url(url: str) -> bool:
    match = _URL.fullmatch(url)
    return match is not None and 0 < int(match["port"] or 80) <= MAX_PORT


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
