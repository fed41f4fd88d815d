"""Whoever commits an alert tells it, once: other processes look for what is owed only where nobody is at it.

A velocity computed at night opened alerts that waited for the next burst loop.
"""

from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.telling import telling
from inventory_assets.refresh.incidents import StockoutLook, refresh_incidents
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.session import Session
from tests.builders import level, message, messages, outgoing, rule, transaction
from tests.facts import differences, rows
from tests.messaging.memory import InMemoryBroker

AS_OF = date(2022, 4, 21)
NINE = to_microseconds(datetime(2022, 4, 20, 9, tzinfo=UTC))


def told(broker):
    """The tellings of alerts that left."""
    return [m.attributes["alert_id"] for m in broker.published if m.topic == Topic.ALERTS]


def alerts(engine):
    """The alerts there are."""
    return [alert_id for (alert_id,) in rows(engine.lake, "SELECT alert_id FROM out.alerts ORDER BY 1")]


def connector(broker):
    """What opens a publisher; None of it is no broker."""

    @contextmanager
    def connect():
        yield broker

    return connect if broker is not None else lambda: None


def nearly_out(engine):
    """A shelf that lasts for a day, once its velocity is known, and is to last for five."""
    days = rule(0, 0, min_threshold_days=8)
    engine.commit_burst(messages(days, level(100), transaction("T1", quantity=-80)))


def velocity(engine, broker):
    """What `inventory velocity` does; what it says of what is left."""
    left = []
    with telling(engine, connector(broker), left.append):
        assert refresh_velocity(engine, AS_OF)
    return left


def test_an_alert_that_a_velocity_opens_leaves_with_it(open_engine, broker):
    engine = open_engine()
    nearly_out(engine)
    engine.take_untold()

    assert [] == velocity(engine, broker)

    assert 1 == len(alerts(engine))
    assert alerts(engine) == told(broker)
    # Nobody tells it again, and it is written down.
    Ingest(open_engine(), broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert alerts(engine) == told(broker)
    sent = "SELECT channel, count(*) FROM out.deliveries WHERE status = 'sent' GROUP BY ALL ORDER BY ALL"
    assert [(Topic.ALERTS, 1), (Topic.LOW_STOCK, 1)] == rows(engine.lake, sent)
    assert [] == differences(engine)


@pytest.mark.parametrize("how", ["no broker", "a topic that fails"])
def test_what_cannot_leave_is_said_and_the_next_loop_sends_it(open_engine, broker, how):
    engine = open_engine()
    nearly_out(engine)
    engine.take_untold()
    broker.failing_topics.add(Topic.ALERTS)

    assert [2 if how == "no broker" else 1] == velocity(engine, None if how == "no broker" else broker)

    assert [] == told(broker)
    broker.failing_topics.clear()
    Ingest(open_engine(), broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert alerts(engine) == told(broker)


def test_two_processes_at_once_tell_an_alert_once(open_engine, broker):
    """The burst loop meets the other's version before that one has told it, and before it has written that down."""
    loop, other = open_engine(), open_engine()
    nearly_out(loop)
    loop.take_untold()
    ingest = Ingest(loop, broker, broker)

    def run():
        broker.publish([outgoing(level(500, "2022-04-20T09:00:00Z", sku="S2"))])
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    class Slow(InMemoryBroker):
        """A broker beside whose publishing the loop goes on."""

        def publish(self, asked):
            """The loop looks before and after."""
            run()
            found = broker.publish(asked)
            run()
            return found

    assert [] == velocity(other, Slow())

    run()
    assert 1 == len(alerts(loop))
    assert alerts(loop) == told(broker)


def test_a_process_that_died_before_it_told_is_told_for(open_engine, broker):
    engine = open_engine()
    nearly_out(engine)
    engine.telling.share()
    refresh_velocity(engine, AS_OF)
    ingest = Ingest(open_engine(), broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert [] == told(broker)

    engine.telling.release()  # as the kernel does
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert alerts(engine) == told(broker)


def test_a_second_loop_does_not_tell_what_the_first_has_told_and_not_written_down(open_engine, broker):
    first, second = open_engine(), open_engine()
    behind = Ingest(second, InMemoryBroker(), broker)

    def look(commit):
        behind.run(max_seconds=60, wait_seconds=0, until_empty=True)

    broker.publish([outgoing(rule(10, 20)), outgoing(level(100)), outgoing(transaction("T1", quantity=-95))])
    Ingest(first, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True, on_commit=look)
    look(None)

    assert 1 == len(alerts(first))
    assert alerts(first) == told(broker)


def test_a_run_tells_what_it_committed(settings, open_engine, broker):
    """A run of Dagster has a process of its own, and no burst loop."""
    nearly_out(open_engine())
    session = Session(settings)
    session.use(Ingest(session._engine, InMemoryBroker(), broker))

    with session.engine() as engine, session.engine():
        refresh_velocity(engine, AS_OF)
        assert [] == told(broker)

    assert alerts(engine) == told(broker)
    session.close()


def run_out(engine):
    """All shelves of a category are empty."""
    outages = [level(0, f"2022-04-20T08:0{n}:00Z", sku=f"S{n}", category_id="C1") for n in range(5)]
    engine.commit_burst([message(each) for each in outages])
    engine.take_untold()


def test_an_incident_leaves_with_who_found_it(open_engine, broker):
    engine = open_engine()
    run_out(engine)

    with telling(engine, connector(broker), pytest.fail):
        assert refresh_incidents(engine, NINE)

    [found] = [m.attributes["incident_id"] for m in broker.published if m.topic == Topic.STATUS]
    assert [(found,)] == rows(engine.lake, "SELECT incident_id FROM out.incidents")


def test_an_incident_leaves_with_the_loop_that_found_it_also_beside_another_loop(open_engine, broker):
    """Both tell what they commit, for hours: neither can read all that is owed."""
    engine, beside = open_engine(), open_engine()
    run_out(engine)
    engine.lake.land()
    beside.telling.share()

    def told_of():
        return [m.attributes["incident_id"] for m in broker.published if m.topic == Topic.STATUS]

    look = StockoutLook()
    loop = Ingest(engine, broker, broker, lambda each, now, run_id: look(each, NINE, run_id))
    loop.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert rows(engine.lake, "SELECT incident_id FROM out.incidents") == [(each,) for each in told_of()]
    assert 1 == len(told_of())
    Ingest(beside, InMemoryBroker(), broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert 1 == len(told_of())
