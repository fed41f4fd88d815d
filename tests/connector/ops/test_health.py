"""When a connector is restarted, when somebody is told, and in which words."""

import pytest

from inventory_assets.connector.ops.health import Limits, judge
from inventory_assets.connector.ops.vitals import CircuitState, State, lag_of
from tests.connector.ops.vitals import NOW, ago, circuit, vitals

LIMITS = Limits()
ALL_RIGHT, NOT_READY, DEAD = (True, True), (True, False), (False, False)


@pytest.mark.parametrize(
    ("what", "fields", "expected", "said"),
    [
        ("a connector that is well says nothing", {}, ALL_RIGHT, []),
        ("an idle one neither", {"lag_seconds": None}, ALL_RIGHT, []),
        ("lag up to the limit is fine", {"lag_seconds": 120.0}, ALL_RIGHT, []),
        ("more is not", {"lag_seconds": 121.0}, NOT_READY, ["121 s behind"]),
        ("a token that does not move is told before it is lost", {"token_age_seconds": 301.0}, NOT_READY, ["301 s old"]),
        ("a copy under way is ready", {"state": State.COPYING, "copying": ("inventory",)}, ALL_RIGHT, []),
        ("and its lag is meant", {"state": State.COPYING, "lag_seconds": 9e3, "token_age_seconds": 9e3}, ALL_RIGHT, []),
        ("a start is alive and not ready", {"state": State.STARTING, "started_at": ago(5)}, NOT_READY, ["starting for 5 s"]),
        ("a slow one says its limit", {"state": State.STARTING, "started_at": ago(200)}, NOT_READY, ["limit 120 s"]),
        ("and what it waits for", {"state": State.STARTING, "last_error": "no primary"}, NOT_READY, ["no primary"]),
        ("recovery is not ready", {"state": State.RECOVERING, "last_error": "reset"}, NOT_READY, ["opened anew", "reset"]),
        ("an end on its way is alive", {"state": State.STOPPING, "last_turn_at": ago(900)}, NOT_READY, ["stopping"]),
        ("a stream that ended is dead", {"state": State.FAILED, "last_error": "no rights"}, DEAD, ["ended for good", "no rights"]),
        ("a thread that waits is alive", {"last_turn_at": ago(299)}, ALL_RIGHT, []),
        ("one that hangs is not", {"last_turn_at": ago(301)}, DEAD, ["not come round for 301 s"]),
        ("nor in a copy", {"state": State.COPYING, "last_turn_at": ago(301)}, DEAD, ["not come round"]),
        ("behind an open circuit a restart does not help", {"last_turn_at": ago(900), "circuits": (circuit(),)}, NOT_READY, ["pubsub is not asked since 40 s", "refused"]),
        ("nor behind one half open", {"last_turn_at": ago(900), "circuits": (circuit(CircuitState.HALF_OPEN),)}, NOT_READY, ["tried again"]),
        ("no heartbeat is told", {"last_heartbeat_at": ago(101)}, NOT_READY, ["no heartbeat was confirmed for 101 s"]),
        ("one that is late is not", {"last_heartbeat_at": ago(99)}, ALL_RIGHT, []),
        ("the first may take as long", {"last_heartbeat_at": None, "started_at": ago(50)}, ALL_RIGHT, []),
        ("and no longer", {"last_heartbeat_at": None, "started_at": ago(150)}, NOT_READY, ["150 s"]),
        ("all that is wrong is said", {"lag_seconds": 500.0, "circuits": (circuit(),), "last_heartbeat_at": ago(500)}, NOT_READY, ["pubsub", "behind", "heartbeat"]),
    ],
)  # fmt: skip
def test_the_verdict_is(what, fields, expected, said):
    found = judge(vitals(**fields), NOW, LIMITS)

    assert expected == (found.is_alive, found.is_ready), what
    assert bool(said) == bool(found.reasons)
    for words in said:
        assert any(words in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize(
    ("confirmed", "is_current", "expected"),
    [
        (None, False, None),
        (None, True, 0.0),
        ((int(NOW.timestamp()) - 30, 5), False, 30.0),
        # Idle for an hour and current: there is nothing to be behind of.
        ((int(NOW.timestamp()) - 3600, 1), True, 0.0),
        # The database's clock is ahead of ours.
        ((int(NOW.timestamp()) + 2, 1), False, 0.0),
    ],
)
def test_lag_is_the_age_of_the_last_confirmed_change_unless_there_is_nothing_more(confirmed, is_current, expected):
    assert expected == lag_of(confirmed, is_current=is_current, now=NOW)
