"""Trade by a clock: each message once its time has come, the same after a stop, and nothing announced twice."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from inventory_assets.clock import Clock
from inventory_assets.demo.chunks import chunks_of
from inventory_assets.demo.retailer import (
    SPEED,
    DemoError,
    incidents_path,
    new_retailer,
    read_retailer,
    retailer_path,
    write_retailer,
)
from inventory_assets.demo.trade import publish_due, tell_notes, to_outgoing
from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import Message, parse_burst
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.settings import Settings
from inventory_assets.simulator.pulse import Pulse
from tests.demo.retail import RETAILER, build_small, small
from tests.facts import rows, value

DAY = timedelta(days=1)
OPENS_AT = RETAILER.opens_at


def drain(engine, broker):
    return Ingest(engine, broker, broker).run(max_seconds=60, wait_seconds=0, until_empty=True)


def trade(retailer, pulse, engine, broker, *, days: range) -> list:
    """Some days at a time; the records of how far it was."""
    records = [retailer]
    for day in days:
        now = OPENS_AT + day * DAY
        records += publish_due(records[-1], pulse, now, lambda lot: broker.publish(to_outgoing(lot)))
        drain(engine, broker)
    return records


def told(broker) -> list:
    return [m.attributes for m in broker.published if m.topic == Topic.ALERTS]


def test_a_restart_goes_on_where_it_was_and_announces_nothing_twice(open_filled, open_engine, broker):
    """Killed between a publish and its record: the lot comes again, as duplicates."""
    engine = open_filled(build_small)
    taken = value(engine.lake, "SELECT count(*) FROM raw.messages")
    retailer = msgspec.structs.replace(RETAILER, published=taken, shown=OPENS_AT)
    records = trade(retailer, Pulse(retailer.simulation(), taken=taken), engine, broker, days=range(0, 12, 4))
    engine.close()

    # As of the record before the last.
    known = records[-2]
    assert known.published < records[-1].published
    again = open_engine(chosen=Settings(home=engine.settings.home))
    trade(known, Pulse(known.simulation(), taken=known.published), again, broker, days=range(12, 24, 4))

    assert len(told(broker)) > 0
    assert len(told(broker)) == len({(each["alert_id"], each["notification"]) for each in told(broker)})
    outcomes = dict(rows(again.lake, "SELECT outcome, count(*) FROM raw.messages GROUP BY ALL"))
    repeated = records[-1].published - known.published
    assert outcomes["duplicate"] >= repeated
    straight = Pulse(RETAILER.simulation())
    straight.take(OPENS_AT + 20 * DAY, 1_000_000)
    assert value(again.lake, "SELECT count(*) FROM raw.messages") == straight.taken + repeated


def test_what_is_due_is_published_in_lots_each_recorded_with_the_time(monkeypatch):
    retailer = small(history_days=2)
    pulse = Pulse(retailer.simulation())
    now = retailer.opens_at
    lots: list[int] = []

    records = list(publish_due(retailer, pulse, now, lambda lot: lots.append(len(lot))))

    assert [record.published for record in records] == [sum(lots[: n + 1]) for n in range(len(lots))]
    assert {now} == {record.shown for record in records}
    assert [] == list(publish_due(records[-1], pulse, now, lambda lot: lots.append(len(lot))))


def test_a_lot_that_is_not_published_is_not_recorded():
    """The broker is away: the process ends, and the next one publishes it."""
    retailer = small(history_days=2)

    def refuse(lot):
        raise ConnectionError("nobody there")

    reached = publish_due(retailer, Pulse(retailer.simulation()), retailer.opens_at, refuse)
    with pytest.raises(ConnectionError):
        next(reached)


def test_no_message_of_a_day_of_running_is_refused_for_its_time(tmp_path):
    """RULES 6, by the demo's clock and ours, for 24 hours and the two after in which it catches up."""
    begins = datetime(2026, 11, 30, 12, 34, 56, tzinfo=UTC)
    retailer = new_retailer(now=begins, skus=8, warehouses=2, messages_per_day=40, history_days=5)
    clock_file = tmp_path / "clock.json"
    stated = {"real": begins.isoformat(), "shown": retailer.opens_at.isoformat(), "speed": SPEED}
    clock_file.write_text(json.dumps(stated))
    machine = [begins]
    clock = Clock(clock_file, machine=lambda: machine[0])
    pulse = Pulse(retailer.simulation())
    pulse.take(retailer.opens_at, 1_000_000)
    parsing = meaning_of(Settings(home=tmp_path)).parsing

    published, refused, latest = 0, [], retailer.opens_at
    for minute in range(26 * 60):
        machine[0] = begins + timedelta(minutes=minute)
        now = clock.now()
        assert latest <= now <= machine[0]
        assert now < machine[0] or minute > 24 * 60
        latest = now
        lot = pulse.take(now, 1_000_000)
        published += len(lot)
        at = to_microseconds(machine[0])
        burst = [Message("m", each.topic, at, "", each.attributes, each.data) for each in lot]
        refused += [item.reason for item in parse_burst(burst, parsing) if isinstance(item, Rejection)]

    assert published == pytest.approx(40 * 150, rel=0.2)
    assert "event_time_out_of_range" not in refused
    # Caught up, it goes as ours does.
    assert clock.now() == machine[0]


def test_incidents_are_told_once_each_with_time_kind_and_words(settings):
    settings.home.mkdir()
    retailer = small(messages_per_day=300.0, history_days=10)
    pulse = Pulse(retailer.simulation())
    for now in (retailer.opens_at + DAY, retailer.opens_at + 3 * DAY):
        pulse.take(now, 1_000_000)
        tell_notes(settings, pulse, now)
        tell_notes(settings, pulse, now)

    lines = [json.loads(line) for line in incidents_path(settings).read_text().splitlines()]
    kinds = ["late_delivery", "flash_sale", "silent_connector", "silent_connector", "bad_feed"]
    assert kinds == [line["kind"] for line in lines]
    assert all(line["text"] and datetime.fromisoformat(line["at"]) > retailer.opens_at for line in lines)


def test_the_record_of_a_retailer_is_read_as_it_was_written(settings):
    settings.home.mkdir()
    retailer = small(published=5, shown=OPENS_AT)

    assert None is read_retailer(settings)
    write_retailer(settings, retailer)
    assert retailer == read_retailer(settings)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"seed": "x"}'])
def test_a_damaged_record_is_an_error_that_says_what_to_do(settings, content):
    settings.home.mkdir()
    retailer_path(settings).write_text(content)

    with pytest.raises(DemoError, match=r"simulator\.json.*another home"):
        read_retailer(settings)


def test_a_new_retailer_opens_long_enough_ago_in_the_morning():
    now = datetime(2026, 11, 30, 3, tzinfo=UTC)
    retailer = new_retailer(now=now, skus=1, warehouses=1, messages_per_day=1, history_days=90)

    assert retailer.opens_at == datetime(2026, 7, 3, 8, tzinfo=UTC)
    assert retailer.opens_at - retailer.start_at == 90 * DAY
    assert now - retailer.opens_at >= 149 * DAY


def test_the_past_that_is_left_after_a_stop_has_its_nights_left_too():
    """What was computed before the stop is not computed again, nor what is left lost."""
    whole = list(chunks_of(RETAILER, Pulse(RETAILER.simulation())))
    place = next(n for n, chunk in enumerate(whole) if chunk.night)

    rest = list(chunks_of(RETAILER, Pulse(RETAILER.simulation(), taken=whole[place + 1].taken)))

    assert [c.night for c in rest if c.night] == [c.night for c in whole[place + 1 :] if c.night]
    assert rest[-1].taken == whole[-1].taken
