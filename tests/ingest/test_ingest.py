"""The loop of bursts: when it ends by itself, and that dying in it loses and doubles nothing.

RULES 18 and 33, DESIGN idea 4. An alert may be delivered twice, never with two ids; every effect in
the lake happens once.
"""

import time
from datetime import UTC, datetime

import pytest

from inventory_assets.control.issue import issue
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import read_time
from inventory_assets.ingest import ingest as ingest_module
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake.stages import Stage
from inventory_assets.messaging.client import OutgoingMessage
from tests.builders import heartbeat, level, message, moment, outgoing, rule, transaction
from tests.facts import OUTCOMES, STOCK, differences, doubled_events, rows, value
from tests.fakes import Crash, CrashingEngine
from tests.messaging.memory import InMemoryBroker


class Beating(InMemoryBroker):
    """A broker at which another heartbeat is there whenever somebody looks, and for some looks contents, too."""

    def __init__(self, contents: list[OutgoingMessage]) -> None:
        super().__init__()
        self._contents = contents

    def next_burst(self, **bounds):
        """Take what is there."""
        beat = outgoing(heartbeat(last_error=datetime.now(UTC).isoformat()), topic="inventory-updates-topic")
        self.publish([beat, *self._contents[:1]])
        del self._contents[:1]
        return super().next_burst(**bounds)


def test_heartbeats_do_not_keep_who_waits_for_the_end(engine):
    """`inventory drain` with some connectors running must end, and not before the contents do."""
    contents = [outgoing(level(number, f"07:0{number}")) for number in range(3)]
    broker = Beating(contents)

    summary = Ingest(engine, broker, broker).run(max_seconds=600, wait_seconds=0.1, until_empty=True)

    assert 3 == summary.contents == summary.outcomes["applied"]
    assert 0 == broker.leased


class Stuttering(InMemoryBroker):
    """A broker whose pulls are empty now and then while messages wait, and which waits for nobody."""

    def __init__(self, empty: int, *, is_asked: bool) -> None:
        super().__init__()
        self._empty, self._is_asked = empty, is_asked
        self._left = empty
        self.waits: list[float] = []

    def next_burst(self, *, max_messages, max_bytes, wait_seconds):
        """Nothing, or a message."""
        self.waits.append(wait_seconds)
        if self._left:
            self._left -= 1
            return []
        self._left = self._empty
        received = super().next_burst(max_messages=1, max_bytes=max_bytes, wait_seconds=0)
        if received:
            self.waits.clear()
        return received

    def has_more(self):
        """What it knows, where it can be asked."""
        return self._is_asked and super().has_more()


@pytest.mark.parametrize(("empty", "is_asked"), [(2, False), (40, True)], ids=["not asked", "asked"])
@pytest.mark.parametrize("wait_seconds", [0, 1.0])
def test_an_empty_pull_is_no_empty_subscription(engine, empty, is_asked, wait_seconds):
    """`inventory drain` left 9,612 of 83,112 messages waiting, on a busy machine."""
    broker = Stuttering(empty, is_asked=is_asked)
    broker.publish([outgoing(level(number, f"07:0{number}")) for number in range(3)])

    summary = Ingest(engine, broker, broker).run(max_seconds=600, wait_seconds=wait_seconds, until_empty=True)

    assert (3, 0, 0) == (summary.messages, broker.pending, broker.leased)
    # Who asked for a second has it, and at most two more at the end.
    assert wait_seconds <= sum(broker.waits) <= wait_seconds + 2


def test_who_has_somebody_riding_along_waits_as_long_as_was_asked(engine):
    """A rider that is busy makes pulls short; five short ones are what was asked for, one is not."""
    broker = Stuttering(0, is_asked=False)
    ingest = Ingest(engine, broker, broker)
    ingest.rider = BusyRider()

    ingest.run(max_seconds=600, wait_seconds=2.5, until_empty=True)

    assert 2.5 <= sum(broker.waits) <= 4.5


class BusyRider:
    """A rider that always is about to write and never does."""

    is_busy = True

    def wants_commit(self):
        """Never."""
        return False


class Resting(InMemoryBroker):
    """A broker at which a message rests, given back, while heartbeats go on coming."""

    resting = 1

    def next_burst(self, **bounds):
        """A heartbeat; when the clock has gone on, the message."""
        self.publish([outgoing(heartbeat(last_error=datetime.now(UTC).isoformat()), topic="inventory-updates-topic")])
        if self.resting and time.monotonic() > self.rested_at:
            self.resting = 0
            self.publish([outgoing(level(100))])
        return super().next_burst(**bounds)


def test_a_commit_that_takes_long_is_no_end(engine, monkeypatch):
    """On a busy machine one commit, or a look around, takes longer than heartbeats are waited for."""
    monkeypatch.setattr(ingest_module, "HEARTBEATS_ONLY_SECONDS", 0.0)
    broker = Stuttering(0, is_asked=True)
    broker.publish([outgoing(level(number, f"07:0{number}")) for number in range(3)])
    broker.publish([outgoing(heartbeat(), topic="inventory-updates-topic"), outgoing(level(9, "07:09"))])

    summary = Ingest(engine, broker, broker).run(max_seconds=600, wait_seconds=0, until_empty=True)

    assert (5, 0) == (summary.messages, broker.pending)


def test_heartbeats_do_not_end_it_while_what_was_given_back_rests(engine, monkeypatch):
    monkeypatch.setattr(ingest_module, "HEARTBEATS_ONLY_SECONDS", 0.0)
    broker = Resting()
    broker.rested_at = time.monotonic() + 0.3

    summary = Ingest(engine, broker, broker).run(max_seconds=600, wait_seconds=0, until_empty=True)

    assert 1 == summary.outcomes["applied"]


def test_a_loop_that_makes_room_for_others_leaves_landing_to_its_lander(engine, broker, monkeypatch):
    """It stops whenever a sensor wants the engine, some times a minute; a landing then held bursts up for seconds."""
    broker.publish([outgoing(level(100))])
    engine.lake.is_landed_by_others = True
    monkeypatch.setattr(engine, "land_beside", lambda: None)
    left = iter([1.0])

    Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, left=lambda: next(left, 0.0))

    head = engine.lake.head()
    assert head.landed < head.version

    Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    head = engine.lake.head()
    assert head.landed == head.version


def test_notes_of_others_owe_nothing(engine, broker, monkeypatch):
    """To look in the lake for what is owed lands first; a note is of what was done."""
    looks = []
    monkeypatch.setattr(ingest_module, "load_owed", lambda lake: looks.append(lake) or [])
    ingest = Ingest(engine, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    engine.commit_note(Stage.OPERATIONS, lambda transaction: None)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert 1 == len(looks)

    engine.commit_burst([message(level(100))])
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert 2 == len(looks)


@pytest.fixture
def bodies():
    return [rule(10, 20), level(100), *(transaction(f"T{i}", quantity=-19, at=f"08:0{i}") for i in range(5)), b"broken"]


def drain(engine, broker):
    return Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)


@pytest.mark.parametrize(
    "cue",
    [
        "after_publish",
        *(
            pytest.param(cue, marks=pytest.mark.big)
            for cue in ("before_publish", "before_acknowledge", "after_acknowledge")
        ),
    ],
)
def test_a_process_that_dies_beside_its_commit_is_followed_by_one_that_finishes(open_engine, broker, bodies, cue):
    """After COMMIT before the publish, after it before the record, before and after the ack."""
    broker.publish([outgoing(body) for body in bodies])
    broker.crash_on = cue
    first = open_engine()
    with pytest.raises(Crash):
        drain(first, broker)
    first.close()
    broker.expire_leases()

    second = open_engine()
    drain(second, broker)

    assert rows(second.lake, STOCK) == [("W1", "S1", 5, 0, 5, 0)]
    assert doubled_events(second.lake) == []
    assert broker.pending == broker.leased == 0
    outcomes = dict(rows(second.lake, OUTCOMES))
    redelivered = cue != "after_acknowledge"
    assert outcomes == (
        {"applied": 7, "duplicate": 7, "dead_lettered": 2} if redelivered else {"applied": 7, "dead_lettered": 1}
    )
    told = [m.attributes["alert_id"] for m in broker.published if m.topic == Topic.ALERTS]
    assert sorted(set(told)) == [id_ for (id_,) in rows(second.lake, "SELECT alert_id FROM out.alerts ORDER BY 1")]
    # Told and not recorded is told again; told and recorded, or never told, is told once.
    assert len(told) == len(set(told)) * (1 if cue == "before_publish" else 2)
    assert differences(second) == []


def test_an_engine_that_survives_a_lost_answer_still_tells_the_alert(open_engine, broker):
    """The commit is in the journal, its notification only there: the next run must find it."""
    engine = open_engine(CrashingEngine)
    ingest = Ingest(engine, broker, broker)
    broker.publish([outgoing(level(100))])
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    broker.publish([outgoing(transaction("T1", quantity=-100))])
    engine.lake.journaling.fail_after_commit = True
    with pytest.raises(Crash):
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    broker.expire_leases()

    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")
    assert [m.attributes["alert_id"] for m in broker.published if m.topic == Topic.ALERTS] == [alert_id]
    sent = "SELECT subject_id, channel, status FROM out.deliveries ORDER BY channel"
    assert rows(engine.lake, sent) == [(alert_id, topic, "sent") for topic in (Topic.ALERTS, Topic.LOW_STOCK)]


def test_messages_come_in_any_subscription_order_after_a_crash(open_engine, broker):
    """Redelivery puts old messages behind new ones: the stock does not care."""
    broker.publish([outgoing(level(100)), outgoing(transaction("T1", quantity=-10, status="PENDING", at="07:10"))])
    broker.crash_on = "before_acknowledge"
    engine = open_engine()
    with pytest.raises(Crash):
        drain(engine, broker)
    engine.commit_burst([message(transaction("T1", quantity=-10, at="07:20"))])
    broker.expire_leases()

    drain(engine, broker)

    assert rows(engine.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]
    assert differences(engine) == []


def escalate(engine, alert_id):
    """What the command line does in a process of its own."""
    asked = {"command": "escalate", "alert_id": alert_id, "reason": "r", "issued_by": "dana"}
    issue(engine, [asked], now=read_time("now", moment("09:00")))


def test_a_command_of_another_process_is_told_by_the_one_that_runs(open_engine, broker, monkeypatch):
    """The CLI writes to the lake alone; the sensor's process finds what that owes."""
    monkeypatch.setattr(ingest_module, "SWEEP_EVERY_SECONDS", 0.0)
    broker.publish([outgoing(rule(10, 20)), outgoing(level(100)), outgoing(transaction("T1", quantity=-95))])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")

    escalate(open_engine(), alert_id)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [m.attributes["notification"] for m in broker.published if m.topic == Topic.ALERTS]
    assert told == ["1", "2"]


def test_a_command_between_two_bursts_is_told_with_the_second(open_engine, broker, monkeypatch):
    monkeypatch.setattr(ingest_module, "SWEEP_EVERY_SECONDS", 1e9)
    broker.publish([outgoing(rule(10, 20)), outgoing(level(100)), outgoing(transaction("T1", quantity=-95))])
    engine = open_engine()
    ingest = Ingest(engine, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts")
    escalate(open_engine(), alert_id)

    broker.publish([outgoing(level(2, sku="S2"))])
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [(m.attributes["alert_id"] == alert_id, m.attributes["notification"]) for m in broker.published
            if m.topic == Topic.ALERTS]  # fmt: skip
    assert sorted(told) == [(False, "1"), (True, "1"), (True, "2")]
