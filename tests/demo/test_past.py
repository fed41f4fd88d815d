"""The past is a lake like any other, and nobody is told of it."""

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

import pytest

from inventory_assets.clock import machine_microseconds
from inventory_assets.demo.chunks import Chunk, chunks_of
from inventory_assets.demo.past import arrived, import_catalog, take_in
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.outgoing.owed import load_owed
from inventory_assets.ingest.sweep import is_sweep_due
from inventory_assets.refresh.incidents import refresh_incidents
from inventory_assets.refresh.products import import_products
from inventory_assets.settings import Settings
from inventory_assets.simulator import products_csv
from inventory_assets.simulator.pulse import Pulse
from tests.builders import messages, transaction
from tests.demo.retail import RETAILER, build_small
from tests.facts import ALERTS, STOCK, differences, ledger, rows, value


@pytest.fixture
def past(open_filled) -> Engine:
    """An engine on a lake with the small retailer's past."""
    return open_filled(build_small)


def test_the_past_is_the_retailers_books_and_verifies(past):
    simulation = RETAILER.simulation()
    taken = value(past.lake, "SELECT count(*) FROM raw.messages")
    # No further: the books are of what has been handed out.
    deque(islice(chain(simulation.opening(), simulation.stream()), taken), maxlen=0)

    assert rows(past.lake, STOCK) == ledger(simulation)
    assert [] == differences(past)
    assert {"burst", "dynamic", "products", "velocity"} == {
        stage for (stage,) in rows(past.lake, "SELECT DISTINCT stage FROM meta.versions")
    }


def test_alerts_of_the_past_are_there_and_told_in_their_day(past):
    told = "SELECT count(*) FROM out.alert_transitions WHERE transition = 'notified'"
    recorded = (
        f"SELECT count(*), count(attempted_at) FROM out.deliveries WHERE channel = '{Topic.ALERTS}' AND status = 'past'"
    )
    first = value(past.lake, "SELECT min(event_at) FROM out.alert_transitions WHERE transition = 'notified'")

    # Nothing was tried, so there is no time of a try: that would be the machine's (`lake.clocks`).
    assert [(value(past.lake, told), 0)] == rows(past.lake, recorded)
    assert value(past.lake, told) >= 2
    assert RETAILER.start_at - timedelta(hours=1) < first.replace(tzinfo=UTC) < RETAILER.opens_at


def test_incidents_that_are_open_when_the_past_ends_are_found_then_and_told_to_nobody(engine, broker):
    """The first look of the demo's own told of 170 overdue restocks at once."""
    import_products(engine, [Product(sku="S1", lead_time_days=5)])
    restock = transaction("R", "RESTOCK", 50, "2022-04-10T08:00:00Z", status="PENDING")
    with engine.past():
        engine.commit_burst(messages(restock))

    take_in(engine, Chunk([], 1, datetime(2022, 4, 20, 8, tzinfo=UTC), is_last=True))

    assert [("R", 1)] == rows(engine.lake, "SELECT subject, notification_count FROM out.incidents")
    assert [] == refresh_incidents(engine, to_microseconds(datetime(2022, 4, 20, 9, tzinfo=UTC)))
    Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)
    assert [] == [m for m in broker.published if m.topic == Topic.STATUS]


def test_nothing_of_the_past_is_owed_now_or_by_the_next_process(past, broker):
    """Neither on `alerts-topic` nor on `dead-letter-topic`, by whichever process looks first."""
    assert [] == past.take_untold()
    assert [] == load_owed(past.lake)
    # Nor does anything fall due when the demo begins.
    assert not is_sweep_due(past, to_microseconds(RETAILER.opens_at))

    Ingest(past, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)

    silent = (Topic.ALERTS, Topic.DEAD_LETTERS, Topic.LOW_STOCK, Topic.REORDERS, Topic.ANALYTICS)
    assert [] == [m for m in broker.published if m.topic in silent]


def test_a_past_that_was_broken_off_goes_on_and_is_the_same(open_engine, past):
    """A kill between a burst and the record of it takes the burst in again: duplicates."""
    engine = open_engine(chosen=Settings(home=past.settings.home.with_name("broken")))
    pulse = Pulse(RETAILER.simulation())
    import_catalog(engine, engine.settings, products_csv(pulse.simulation.catalog))
    chunks = chunks_of(RETAILER, pulse)
    first, second = next(chunks), next(chunks)
    take_in(engine, first)
    take_in(engine, second)
    known = first.taken

    import_catalog(engine, engine.settings, products_csv(pulse.simulation.catalog))
    for chunk in chunks_of(RETAILER, Pulse(RETAILER.simulation(), taken=known)):
        take_in(engine, chunk)

    for table in (STOCK, ALERTS, "SELECT * EXCLUDE (version, seq) FROM core.events ORDER BY event_id"):
        assert rows(past.lake, table) == rows(engine.lake, table)
    assert [] == load_owed(engine.lake)


def test_bursts_of_the_past_end_where_velocity_and_limits_are_computed():
    """So that rules of days and of demand judge as they would have."""
    chunks = list(chunks_of(RETAILER, Pulse(RETAILER.simulation())))

    nights = [(f"{c.night:%Y-%m-%d %H}", c.with_limits) for c in chunks if c.night]
    assert [("2026-04-14 00", False), ("2026-04-24 00", True), ("2026-04-26 08", True)] == nights
    days = [(c.messages[-1].event_time if c.messages else c.night).date() for c in chunks]
    assert days == sorted(days)
    assert chunks[-1].taken == sum(len(chunk.messages) for chunk in chunks)


def test_messages_of_the_past_are_published_now_and_numbered_through():
    """By publish times the pipeline judges how long messages take: months would be an alarm."""
    messages = next(chunks_of(RETAILER, Pulse(RETAILER.simulation()))).messages
    before = machine_microseconds()

    taken = arrived(messages, 7)

    assert {True} == {before <= message.publish_at <= machine_microseconds() for message in taken}
    assert [f"demo-{n}" for n in range(7, 7 + len(messages))] == [message.message_id for message in taken]
