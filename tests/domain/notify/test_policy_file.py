"""The policy's file: every problem at once, each with its place; never a secret in a message."""

import tomllib

import pytest

from inventory_assets.domain.notify.policy import Limit
from inventory_assets.domain.notify.policy_file import read_policy

GOOD = """
[channels.mail]
kind = "email"
host = "mail.example.com"
from = "alerts@example.com"
to = ["planner@example.com"]
username_env = "SMTP_USER"
password_env = "SMTP_PASSWORD"
limit = { count = 30, seconds = 60 }
[channels.pager]
kind = "pagerduty"
routing_key_env = "PAGER_KEY"
[[routes]]
severity = ["CRITICAL"]
channels = ["pager", "mail"]
group_by = ["category"]
group_threshold = 10
continue = true
[[maintenance]]
warehouse = ["W1"]
days = ["SUN"]
from = "02:00"
minutes = 90
[[maintenance]]
start = 2026-03-01T02:00:00Z
end = 2026-03-01T04:00:00Z
[rule_channels]
email = "mail"
"""


def problems(text: str) -> list[str]:
    return read_policy(tomllib.loads(text))[1]


def test_a_good_policy_is_read():
    policy, found = read_policy(tomllib.loads(GOOD))

    assert [] == found
    assert Limit(30, 60) == policy.channels["mail"].limit
    assert (True, False) == (policy.channels["pager"].is_told_resolved, policy.channels["mail"].is_told_resolved)
    assert {"EMAIL": "mail"} == policy.rule_channels
    assert policy.routes[0].goes_on


def test_every_problem_is_listed_at_once():
    found = problems(
        """
        [channels.a]
        kind = "pigeon"
        [channels.b]
        kind = "email"
        host = ""
        to = ["not an address"]
        colour = "red"
        [channels."c d"]
        kind = "console"
        limit = { count = 0, second = 60 }
        [[routes]]
        severity = ["URGENT"]
        channels = ["nobody"]
        group_by = ["moon"]
        group_threshold = 1
        [[maintenance]]
        days = ["SOMEDAY"]
        from = "25:00"
        [rule_channels]
        EMAIL = "gone"
        """
    )

    for place in (
        "channels.a.kind", "channels.b.host", "channels.b: from is missing", "'not an address'", "'colour'",
        "channels.c d", "channels.c d.limit.count", "channels.c d.limit.seconds", "'second'", "routes[1].severity",
        "no channel 'nobody'", "routes[1].group_by", "routes[1].group_threshold", "maintenance[1].days",
        "maintenance[1].from", "maintenance[1].minutes", "rule_channels.EMAIL", "no route and no rule channel uses it",
    ):  # fmt: skip
        assert any(place in problem for problem in found), place


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('secret_env = "whsec-8f3/2+hunter2"', "environment variable"),
        ('url = "https://user:hunter2@example.com/"', "no user name or password"),
        ('url = "file:///etc/passwd?hunter2"', "expected http"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(line, word):
    found = problems(f'[channels.hook]\nkind = "webhook"\n{line}\n[[routes]]\nchannels = ["hook"]')

    assert any(word in problem for problem in found)
    assert not any("hunter2" in problem for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "channels = 3", 'routes = "x"', "[channels]\na = 1", "[[routes]]\nchannels = 7", "maintenance = 1",
        "rule_channels = []", "[[maintenance]]\nstart = 3", '[channels.a]\nkind = ["x"]', "unknown = 1",
        '[[maintenance]]\nstart = 2026-01-02\nend = 2026-01-01', "[[routes]]\nchannels = [[]]",
        "[channels.a]\nkind = 'console'\nlimit = 3", "[[routes]]\nchannels=['x']\ngroup_threshold = true",
    ],
)  # fmt: skip
def test_malformed_shapes_are_problems_never_tracebacks(text):
    assert problems(text)


def test_a_type_that_is_none_is_a_problem():
    """A route for `STOCKOUTS` would never match, and nobody would hear of it."""
    route = '[channels.a]\nkind = "console"\n[[routes]]\nchannels = ["a"]\n'

    assert [] == problems(route + 'type = ["STOCKOUT", "CATEGORY_STOCKOUTS"]')
    assert ["routes[1].type"] == [each.partition(":")[0] for each in problems(route + 'type = ["STOCKOUTS"]')]


def test_a_wait_for_a_group_needs_a_group_and_has_bounds():
    waiting = GOOD.replace("group_threshold = 10", "group_threshold = 10\ngroup_wait = 120\ngroup_wait_critical = true")
    policy, found = read_policy(tomllib.loads(waiting))

    assert [] == found
    assert (120, True) == (policy.routes[0].group_wait_seconds, policy.routes[0].is_critical_waiting)
    for wrong in ("group_wait = 0", "group_wait = 7200", "group_wait_critical = true"):
        assert 1 == len(problems(GOOD.replace("group_threshold = 10", f"group_threshold = 10\n{wrong}"))), wrong
    alone = GOOD.replace('group_by = ["category"]\ngroup_threshold = 10', "group_wait = 60")
    assert any("means nothing without group_by" in each for each in problems(alone))


def test_a_channel_may_be_for_reports_alone():
    """And one that no route uses is no mistake then."""
    text = GOOD.replace('channels = ["pager", "mail"]', 'channels = ["pager"]').replace(
        '[rule_channels]\nemail = "mail"\n', ""
    )

    policy, found = read_policy(tomllib.loads(text + '[reports]\nchannel = "mail"\nsend = ["weekly"]\n'))

    assert [] == found
    assert policy.reports is not None
    assert ("mail", (), ("weekly",)) == (policy.reports.channel, policy.reports.recipients, policy.reports.kinds)


_MAIL = '[channels.a]\nkind = "email"\nhost = "h"\nfrom = "a@h"\nto = ["b@h"]\n'
_ROUTE = '[[routes]]\nchannels = ["a"]\n'
_NUMBERS = {
    "channels.a.port": (_MAIL + "port = {}\n" + _ROUTE, 1, 65_535),
    "channels.a.timeout_seconds": (_MAIL + "timeout_seconds = {}\n" + _ROUTE, 1, 600),
    "channels.a.limit.count": (_MAIL + "limit = {{ count = {}, seconds = 60 }}\n" + _ROUTE, 1, 1_000_000),
    "channels.a.limit.seconds": (_MAIL + "limit = {{ count = 9, seconds = {} }}\n" + _ROUTE, 1, 315_360_000),
    "routes[1].group_threshold": (
        _MAIL + _ROUTE + 'group_by = ["category"]\ngroup_threshold = {}\n', 2, 1_000_000
    ),
    "routes[1].group_wait": (_MAIL + _ROUTE + 'group_by = ["category"]\ngroup_wait = {}\n', 1, 3_600),
    "maintenance[1].minutes": (
        _MAIL + _ROUTE + '[[maintenance]]\nfrom = "02:00"\nminutes = {}\n', 1, 10_080
    ),
}  # fmt: skip


@pytest.mark.parametrize("place", _NUMBERS)
def test_every_number_has_a_range_and_one_beyond_it_is_told_with_it(place):
    """A digit too many would otherwise be a queue that waits for ever, or a port that no socket takes."""
    text, least, most = _NUMBERS[place]
    expected = f"expected a whole number from {least:,} to {most:,}"

    assert [] == problems(text.format(least)) + problems(text.format(most))
    for wrong in (least - 1, most + 1, -1, 10**18, 1.5, "true", "nan"):
        [problem] = problems(text.format(wrong))
        assert problem.startswith(f"{place}: was ") and problem.endswith(expected)
    assert f"{place}: was {most + 1}, {expected}" in problems(text.format(most + 1))


@pytest.mark.parametrize("wrong", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31"])
def test_a_window_is_within_the_calendar(wrong):
    good = f"{_MAIL}{_ROUTE}[[maintenance]]\nstart = {{}}\nend = 9998-12-30\n"

    assert [] == problems(good.format("1970-01-01"))
    assert any("expected a time from 1970-01-01 to 9998-12-31" in each for each in problems(good.format(wrong)))
