"""The emulator across crashes, restarts and start-up mistakes.

Belongs here: what needs a process that is killed. Does not belong: the rules
that hold while it runs (`test_contract`).
"""

import contextlib
import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.api_core import exceptions

from tests.messaging.brokers import Broker, EmulatorProcess, bodies, eventually


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[tuple[EmulatorProcess, Broker]]:
    emulator = EmulatorProcess(data_dir)
    broker = Broker(emulator.host, project="project")
    try:
        yield emulator, broker
    finally:
        broker.close()
        if emulator.process.poll() is None:
            emulator.stop()


def test_what_was_confirmed_is_delivered_after_a_kill_and_what_was_acked_is_not(tmp_path):
    with running(tmp_path) as (emulator, broker):
        broker.create()
        broker.publish(b"kept", warehouse="WH-1")
        broker.publish(b"acked")
        received = broker.pull(count=2)
        broker.acknowledge([each for each in received if each.message.data == b"acked"])
        emulator.kill()
    with running(tmp_path) as (_, broker):
        [again] = broker.pull()

        assert (again.message.data, again.message.attributes["warehouse"]) == (b"kept", "WH-1")
        assert broker.pull_now() == []


@pytest.mark.big
def test_a_kill_in_the_middle_of_publishing_loses_nothing_confirmed(tmp_path):
    """The confirmation is the promise: an id returned means stored."""
    confirmed: list[str] = []
    with running(tmp_path) as (emulator, broker):
        broker.create()

        def publish_until_killed() -> None:
            with contextlib.suppress(exceptions.GoogleAPICallError):
                while True:
                    confirmed.extend(broker.publish(*[b"x" * 500] * 20))

        publishers = [threading.Thread(target=publish_until_killed) for _ in range(3)]
        for publisher in publishers:
            publisher.start()
        eventually(lambda: len(confirmed) > 1_000)
        emulator.kill()
        for publisher in publishers:
            publisher.join(timeout=60)
    with running(tmp_path) as (_, broker):
        found: set[str] = set()
        while received := broker.pull_now(count=1000):
            found.update(each.message.message_id for each in received)

    assert len(confirmed) == len(set(confirmed))
    assert set(confirmed) <= found


@pytest.mark.big
def test_resources_order_attempts_and_snapshots_outlive_a_kill(tmp_path):
    with running(tmp_path) as (emulator, broker):
        broker.create("dead", "dead-sub")
        policy = {"dead_letter_topic": broker.topic_path("dead"), "max_delivery_attempts": 5}
        broker.create(enable_message_ordering=True, dead_letter_policy=policy)
        broker.publish(b"1", b"2", key="k")
        broker.modify(broker.pull(count=1), 0)
        broker.subscriber.create_snapshot(
            name="projects/project/snapshots/snap",
            subscription=broker.subscription_path("sub"),
            timeout=30,
        )
        broker.publish(b"3", key="k")
        emulator.kill()
    with running(tmp_path) as (_, broker):
        received = broker.pull(count=3)
        broker.acknowledge(received)
        broker.subscriber.seek(
            request={
                "subscription": broker.subscription_path("sub"),
                "snapshot": "projects/project/snapshots/snap",
            },
            timeout=30,
        )

        assert bodies(received) == [b"1", b"2", b"3"]
        assert received[0].delivery_attempt == 2
        assert bodies(broker.pull(count=3)) == [b"1", b"2", b"3"]


def test_an_ack_id_from_before_a_restart_still_acknowledges(tmp_path):
    """A consumer commits, the emulator restarts, the consumer acks: no redelivery needed."""
    with running(tmp_path) as (emulator, broker):
        broker.create()
        broker.publish(b"x")
        received = broker.pull()
        emulator.kill()
    with running(tmp_path) as (_, broker):
        broker.acknowledge(received)

        assert broker.pull_now() == []


@pytest.mark.big
def test_ids_and_times_go_on_after_a_restart(tmp_path):
    with running(tmp_path) as (emulator, broker):
        broker.create()
        [first] = broker.publish(b"x")
        broker.acknowledge(broker.pull())
        emulator.stop()
    with running(tmp_path) as (_, broker):
        [second] = broker.publish(b"y")

    assert int(second) > int(first)


@pytest.mark.big
def test_a_seek_after_a_restart_finds_acknowledged_messages(tmp_path):
    start = datetime.now(UTC) - timedelta(seconds=5)
    with running(tmp_path) as (emulator, broker):
        broker.create(retain_acked_messages=True, filter="attributes:wanted")
        broker.publish(b"other")
        broker.publish(b"x", wanted="1")
        broker.acknowledge(broker.pull())
        emulator.kill()
    with running(tmp_path) as (_, broker):
        broker.subscriber.seek(request={"subscription": broker.subscription_path("sub"), "time": start}, timeout=30)

        assert bodies(broker.pull()) == [b"x"]
        assert broker.pull_now() == []


@pytest.mark.big
def test_acknowledged_messages_leave_the_database(tmp_path):
    """Without retention a row is gone with the last acknowledgement."""
    with running(tmp_path) as (emulator, broker):
        broker.create(subscription="one")
        broker.create(subscription="two")
        broker.publish(*[b"x" * 1000] * 100)
        broker.acknowledge(broker.pull("one", count=100), "one")
        broker.acknowledge(broker.pull("two", count=100), "two")
        emulator.stop()

    with contextlib.closing(sqlite3.connect(tmp_path / "emulator.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM backlog").fetchone() == (0,)


def test_two_emulators_do_not_share_a_directory(tmp_path):
    with running(tmp_path), pytest.raises(RuntimeError, match=r"in use by another emulator"):
        EmulatorProcess(tmp_path)


def test_a_killed_emulator_leaves_no_lock_behind(tmp_path):
    with running(tmp_path) as (emulator, _):
        emulator.kill()

    EmulatorProcess(tmp_path).stop()


def test_a_busy_port_is_a_clear_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(RuntimeError, match=rf"127.0.0.1:{port} is in use.*--port"):
            EmulatorProcess(None, port=port)


def test_sigterm_ends_it_and_the_pulls_under_way(tmp_path):
    """A pull without messages waits for its deadline; an end that waited for it too would come with its answer."""
    with running(tmp_path) as (emulator, broker), ThreadPoolExecutor(1) as waiting:
        broker.create()
        pull = waiting.submit(
            broker.subscriber.pull,
            subscription=broker.subscription_path("sub"),
            max_messages=1,
            retry=None,
            timeout=240,
        )

        assert emulator.stop() == 0
        assert isinstance(pull.exception(), exceptions.GoogleAPICallError)
        assert not isinstance(pull.exception(), exceptions.DeadlineExceeded)
