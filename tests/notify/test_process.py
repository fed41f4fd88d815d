"""Delivery beside the burst loop: records ride along, and the loop is held up by nobody."""

import time
from multiprocessing import Pipe
from threading import Thread

import pytest

from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.notify.delivery import Delivery
from inventory_assets.notify.process import Courier, CourierEnd
from tests.builders import level, outgoing, transaction
from tests.facts import rows, value
from tests.notify.delivering import Box, make_policy


@pytest.fixture
def loop(engine, broker, settings):
    """A burst loop on the broker with a courier, whose other end runs on a thread and not in a process."""
    engine.lake.watermark()  # makes the lake
    couriers = []

    def open_(policy, **senders) -> tuple[Ingest, Courier, Delivery]:
        ours, theirs = Pipe()
        delivery = Delivery(LakeReader(settings), policy, senders)
        delivery.start()
        courier, end = Courier(ours), Thread(target=CourierEnd(delivery, theirs).run)
        couriers.append((courier, end, delivery))
        end.start()
        ingest = Ingest(engine, broker, broker)
        ingest.rider = courier
        return ingest, courier, delivery

    yield open_
    for courier, end, delivery in couriers:
        courier.close()
        end.join()
        delivery.close()


def run_until(ingest: Ingest, condition, *, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        ingest.run(max_seconds=0.3, wait_seconds=0.1)


def test_an_alert_reaches_its_channel_and_its_record_rides_with_bursts(loop, broker, engine):
    box = Box()
    ingest, _, delivery = loop(make_policy("mail"), mail=box)
    broker.publish([outgoing(level(100, min_threshold=50)), outgoing(transaction("T1", quantity=-60))])

    run_until(ingest, lambda: box.ids)
    for number in range(40):
        broker.publish([outgoing(transaction(f"N{number}", "RESTOCK", 1, at="09:00"))])
    run_until(ingest, lambda: delivery.unrecorded_count == 0)

    assert [("sent",)] == rows(engine.lake, "SELECT status FROM out.deliveries WHERE subject_id LIKE 'ntf-%'")
    assert {"burst", "deliveries"} >= {
        stage for (stage,) in rows(engine.lake, "SELECT DISTINCT stage FROM meta.versions")
    }
    # The topic was served by the loop itself, as without a policy.
    assert 1 == sum(message.topic == "alerts-topic" for message in broker.published)


def test_a_dead_channel_holds_up_neither_bursts_nor_the_other_channel(loop, broker, engine):
    dead, alive = Box(), Box()
    dead.is_dead = True
    ingest, _, delivery = loop(make_policy("dead", "alive"), dead=dead, alive=alive)
    broker.publish([outgoing(level(100, min_threshold=50)), outgoing(transaction("T1", quantity=-60))])

    run_until(ingest, lambda: alive.ids)

    assert [] == dead.ids
    assert 1 == delivery.lanes["dead"].owed_count
    assert 0 == broker.pending


@pytest.mark.big
def test_a_crash_after_the_plan_is_written_sends_it_from_the_next_process(loop, broker, engine, settings):
    ingest, courier, delivery = loop(make_policy("mail"), mail=Box())
    delivery.lanes["mail"].close()  # dies before it sends
    broker.publish([outgoing(level(100, min_threshold=50)), outgoing(transaction("T1", quantity=-60))])
    owed = "SELECT count(*) FROM out.notifications"
    run_until(ingest, lambda: value(engine.lake, owed) == 1)
    courier.close()
    box = Box()

    again, *_ = loop(make_policy("mail"), mail=box)
    run_until(again, lambda: box.ids)

    assert 1 == value(engine.lake, owed)
