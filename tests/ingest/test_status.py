"""How the loop fares is told once a period, from what it has at hand, and holds up nothing."""

import json
import threading
from datetime import timedelta

import msgspec
import pytest

from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.status import MAX_CONNECTORS, MAX_LAGS, Herald, Pulse
from inventory_assets.lake.journal.contract import Backlog
from inventory_assets.messaging.client import OutgoingMessage
from tests.builders import PUBLISHED_AT, heartbeat, level, message, outgoing, rule, transaction
from tests.docs.markdown import ROOT

AT = message(level(1)).publish_at


class Hands:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def now(self) -> int:
        return AT + int(self.seconds * 1e6)


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
def pulse(hands):
    return Pulse(60.0, clock=hands.clock, now=hands.now)


def told(pulse, connectors=(), backlog=None):
    sent = pulse.tell(
        7, {each.connector_id: each for each in connectors}, backlog, is_full=False, resting=1, owed=2, is_behind=True
    )
    assert (Topic.STATUS, {"type": "pipeline_status"}) == (sent.topic, sent.attributes)
    return json.loads(sent.data)


def test_a_period_has_its_own_counts(pulse, hands):
    hands.seconds = 2.0
    pulse.count([message(level(1)), message(level(2), published_at=PUBLISHED_AT + timedelta(seconds=1))], 0.25)
    hands.seconds = 59.9
    assert not pulse.is_due
    hands.seconds = 60.0
    assert pulse.is_due

    first, second = told(pulse, backlog=Backlog(3, 4_096, AT + 58_000_000)), told(pulse)

    assert (60.0, 7) == (first["period_seconds"], first["version"])
    assert {"median": 2.0, "p99": 2.0, "longest": 2.0} == first["lag_seconds"]
    assert {"count": 1, "largest": 2, "median_seconds": 0.25, "longest_seconds": 0.25} == first["bursts"]
    assert {
        "is_behind": True, "resting_messages": 1, "owed_messages": 2, "unlanded_versions": 3, "unlanded_bytes": 4_096,
        "unlanded_seconds": 2.0, "is_full": False,
    } == first["backlog"]  # fmt: skip
    assert (0, None, {}) == (second["bursts"]["count"], second["lag_seconds"], second["outcomes"])
    assert not pulse.is_due


def test_never_is_never(hands):
    never = Pulse(0, clock=hands.clock, now=hands.now)
    hands.seconds = 1e9

    assert not never.is_due


@pytest.mark.parametrize("period", [0.0, 86_400.0])
def test_what_is_counted_takes_no_more_room_with_each_burst(period, hands):
    """Never told, it would add up for as long as the process lives."""
    pulse = Pulse(period, clock=hands.clock, now=hands.now)

    def room() -> int:
        return sum(len(each) for each in vars(pulse).values() if hasattr(each, "__len__"))

    for _ in range(MAX_LAGS):
        pulse.count([message(b"x")], 0.1)
    before = room()
    for _ in range(MAX_LAGS):
        pulse.count([message(b"x")], 0.1)

    assert room() <= before
    assert {0.0: 0, 86_400.0: 2 * MAX_LAGS}[period] == told(pulse)["bursts"]["count"]


def test_a_day_of_messages_keeps_a_bounded_number_of_lags(pulse, hands):
    """And those of all the day: the first tenth of it, which was slow, shows in the 99th of a hundred."""
    for number in range(200):
        hands.seconds = 30.0 if number < 20 else 1.0
        pulse.count([message(b"x")] * 1_000, 0.1)

    assert len(pulse._lags) <= MAX_LAGS
    assert {"median": 1.0, "p99": 30.0, "longest": 30.0} == told(pulse)["lag_seconds"]


def test_the_longest_silent_connectors_are_named_and_all_counted(pulse, hands):
    hands.seconds = 500.0
    all_ = [
        Heard(connector_id=f"c{number:03}", heard_at=AT + number * 1_000_000, state="streaming")
        for number in range(MAX_CONNECTORS + 20)
    ]

    body = told(pulse, all_)

    assert (MAX_CONNECTORS + 20, MAX_CONNECTORS) == (body["connector_count"], len(body["connectors"]))
    assert ("c000", 500.0) == (body["connectors"][0]["connector_id"], body["connectors"][0]["heard_seconds_ago"])


def statuses(broker):
    return [json.loads(each.data) for each in broker.published if each.topic == Topic.STATUS]


def test_the_loop_tells_how_it_fares(engine, broker, hands):
    broker.publish(
        [
            outgoing(rule(10, 20)),
            outgoing(level(5)),
            outgoing(transaction("T", quantity="x")),
            outgoing(heartbeat(), topic="inventory-updates-topic"),
        ]
    )
    ingest = Ingest(engine, broker, broker)
    ingest.pulse = Pulse(60.0, clock=hands.clock)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert [] == statuses(broker)
    hands.seconds = 61.0

    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    [status] = statuses(broker)
    assert {"applied": 2, "dead_lettered": 1, "filtered": 1} == status["outcomes"]
    assert ({"invalid_value": 1}, 1, 4) == (status["refused"], status["notified"], status["throughput"]["messages"])
    assert engine.state.version >= status["version"] > 0
    assert 1 == status["connector_count"] == len(status["connectors"])
    assert documented() == {*status, *(f"{outer}.{inner}" for outer in NESTED for inner in status[outer])}


NESTED = ("throughput", "lag_seconds", "bursts", "backlog")


def documented() -> set[str]:
    """The fields that the guide names, but for those of a connector."""
    text = (ROOT / "docs" / "events.md").read_text().split("## Status")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    names = {name.strip().strip("`") for row in rows for name in row.split(",")}
    return {name for name in names if not name.startswith("connectors.")} | {*NESTED}


class Stuck:
    """A broker that answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self.count = 0

    def publish(self, messages):
        """Wait."""
        self.count += 1
        self.asked.set()
        self.answer.wait(30)
        raise OSError("the broker is gone")


def test_a_broker_that_does_not_answer_holds_up_nobody():
    stuck = Stuck()
    herald = Herald(stuck)

    herald.send(OutgoingMessage("t", b""))
    assert stuck.asked.wait(30) and herald.is_busy
    herald.send(OutgoingMessage("t", b""))
    herald.wait(0.01)

    assert (1, True) == (stuck.count, herald.is_busy)
    stuck.answer.set()
    herald.wait(30)
    assert not herald.is_busy


def test_counting_takes_next_to_nothing_of_a_burst(pulse, hands):
    """No query, no lock, nothing that grows: a period of ten thousand bursts is told in one small message."""
    burst = [message(b"x")] * 3
    for _ in range(10_000):
        pulse.count(burst, 0.01)

    assert len(msgspec.json.encode(told(pulse))) < 2_000
