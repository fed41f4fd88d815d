"""A day's figures leave at most one a key and day, at most a hundred a second, and from where they stood."""

import json
from collections import Counter
from datetime import date, timedelta

import pytest

from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.ingest.outgoing.metrics import PAUSE_SECONDS, Pace, load_making, newest_making
from inventory_assets.ingest.outgoing.outbox import Outbox
from inventory_assets.lake.stages import Stage
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.velocity import refresh_velocity
from tests.builders import level, message, transaction
from tests.domain.histories import LATER
from tests.facts import rows
from tests.fakes import Crash

DAY = date(2022, 4, 25)
KEYS = 250


def take(engine, *documents):
    engine.commit_burst([message(document, published_at=LATER) for document in documents])


def shop(engine):
    """So many shelves, of which every other has sold something."""
    documents = [level(10, "2022-04-20T07:00:00Z", sku=f"S{n:03d}") for n in range(KEYS)]
    documents += [
        transaction(f"T{n}", quantity=-4, at="2022-04-22T08:00:00Z", sku=f"S{n:03d}") for n in range(0, KEYS, 2)
    ]
    take(engine, *documents)


def measure(engine, day=DAY):
    """What the daily run does."""
    refresh_velocity(engine, day)
    refresh_coverage(engine, engine.lake, day)


def measured(engine):
    """The shop, and a day's figures of it."""
    shop(engine)
    measure(engine)


@pytest.fixture
def engine(open_filled):
    return open_filled(measured)


class Seconds:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def figures(broker):
    """What analytics-events carries."""
    return [m for m in broker.published if m.topic == Topic.ANALYTICS]


def send_all(engine, broker, *, seconds=None):
    """An outbox of a process that finds its debts in the lake, a second after another; its attempts are recorded."""
    seconds = seconds or Seconds()
    outbox = Outbox(broker, seconds)
    outbox.reload([], load_making(engine.lake))
    while outbox.figures_left:
        outbox.send()
        seconds.now += 1.0
        engine.commit_note(Stage.DELIVERIES, outbox.record)
        outbox.recorded(outbox.unrecorded_count)
        if not outbox.figures_left:
            outbox.reload([], load_making(engine.lake))
    return outbox


def test_no_more_leave_in_a_second_than_the_manifest_says(engine, broker):
    seconds = Seconds()
    outbox = Outbox(broker, seconds)
    outbox.reload([], load_making(engine.lake))

    counts = []
    for now in (0.0, 0.5, 0.999, 1.0, 1.5, 2.0, 2.1, 3.0):
        seconds.now = 100.0 + now
        outbox.send()
        counts.append(len(figures(broker)))

    assert [100, 100, 100, 200, 200, 250, 250, 250] == counts
    assert 0 == outbox.figures_left


def test_a_key_has_one_message_a_day_with_its_velocity_and_cover(engine, broker):
    send_all(engine, broker)

    bodies = [json.loads(m.data) for m in figures(broker)]
    assert {f"S{n:03d}": 1 for n in range(KEYS)} == Counter(body["sku"] for body in bodies)
    first = bodies[0]
    assert ("S000", 4 / 28, 6, "2022-04-25", 0) == tuple(
        first[name] for name in ("sku", "velocityUnitsPerDay", "available", "referenceId", "quantityChange")
    )
    assert (1.0, 6.0) == (first["demandUnitsPerDay"], first["coverDays"])
    assert (None, None) == (bodies[1]["velocityUnitsPerDay"], bodies[1]["coverDays"])
    assert {m.attributes["event_id"] for m in figures(broker)} == {body["eventId"] for body in bodies}
    assert {"INVENTORY_METRICS"} == {m.attributes["kind"] for m in figures(broker)}


def test_figures_made_again_on_their_day_are_not_sent_again(engine, broker):
    """Nor those of a day before: who measures an earlier day looks something up."""
    send_all(engine, broker)
    take(engine, transaction("LATE", quantity=-1, at="2022-04-21T08:00:00Z", sku="S001"))
    measure(engine)
    measure(engine, DAY - timedelta(days=2))

    send_all(engine, broker)

    assert KEYS == len(figures(broker))


def test_two_days_that_wait_leave_one_after_the_other(engine, broker):
    measure(engine, DAY + timedelta(days=1))

    send_all(engine, broker)

    found = [json.loads(m.data) for m in figures(broker)]
    assert ["2022-04-25"] * KEYS + ["2022-04-26"] * KEYS == [body["referenceId"] for body in found]
    assert 2 * KEYS == len({body["eventId"] for body in found})


def test_what_was_found_later_on_a_day_is_the_next_days_news(engine, broker):
    """Also where the next day finds it as it was: nobody has heard of it."""
    take(engine, transaction("LATE", quantity=-1, at="2022-04-21T08:00:00Z", sku="S001"))
    measure(engine)
    newest, version = newest_making(engine.lake)
    changed = engine.lake.query(f"SELECT sku FROM core.coverage_changes WHERE version > {version}")["sku"].to_list()

    assert ("met-20220425", ["S001"]) == (newest, changed)
    measure(engine, DAY + timedelta(days=1))
    send_all(engine, broker)
    bodies = [json.loads(m.data) for m in figures(broker)]
    assert ["2022-04-25", "2022-04-26"] == [body["referenceId"] for body in bodies if body["sku"] == "S001"]


def test_a_loop_sends_the_next_day_that_waits_when_a_day_is_done(open_engine, broker):
    engine = open_engine()
    take(engine, level(10, "2022-04-20T07:00:00Z"))
    measure(engine)
    measure(engine, DAY + timedelta(days=1))
    ingest = Ingest(open_engine(), broker, broker)

    for _ in range(2):
        ingest.outbox._pace = Pace(100)  # a second is over
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert ["2022-04-25", "2022-04-26"] == [json.loads(m.data)["referenceId"] for m in figures(broker)]


@pytest.mark.parametrize("cue", [pytest.param("before_publish", marks=pytest.mark.big), "after_publish"])
def test_a_crash_repeats_a_hundred_at_most_under_the_same_ids(engine, open_engine, broker, cue):
    """The lake knows up to which key they left; what is not written down leaves again, the same bytes."""
    seconds = Seconds()
    outbox = Outbox(broker, seconds)
    outbox.reload([], load_making(engine.lake))
    outbox.send()
    engine.commit_note(Stage.DELIVERIES, outbox.record)
    seconds.now += 1.0
    broker.crash_on = cue
    with pytest.raises(Crash):
        outbox.send()

    send_all(open_engine(), broker)

    times = Counter((m.data, tuple(sorted(m.attributes.items())), m.ordering_key) for m in figures(broker))
    assert KEYS == len(times)
    assert (100 if cue == "after_publish" else 0) == sum(count - 1 for count in times.values())


def test_a_topic_that_fails_rests_and_loses_nothing(engine, broker):
    seconds = Seconds()
    broker.failing_topics.add(Topic.ANALYTICS)
    outbox = Outbox(broker, seconds)
    outbox.reload([], load_making(engine.lake))

    assert (0, 0) == (outbox.send(), outbox.send())
    assert (KEYS, 1) == (outbox.figures_left, outbox.unrecorded_count)

    broker.failing_topics.clear()
    seconds.now += PAUSE_SECONDS
    outbox.send()
    assert 100 == len(figures(broker))


def test_a_reload_goes_on_where_this_process_stands(engine, broker):
    """What left and is not written down yet, the lake still owes."""
    seconds = Seconds()
    outbox = Outbox(broker, seconds)
    outbox.reload([], load_making(engine.lake))
    outbox.send()

    outbox.reload([], load_making(engine.lake))
    seconds.now += 1.0
    outbox.send()

    assert 200 == len({m.data for m in figures(broker)})


def test_the_burst_loop_sends_what_a_run_beside_it_measured(open_engine, broker):
    loop = Ingest(open_engine(), broker, broker)
    other = open_engine()
    take(other, level(10, "2022-04-20T07:00:00Z"))
    loop.run(max_seconds=60, wait_seconds=0, until_empty=True)

    measure(other)
    loop.run(max_seconds=60, wait_seconds=0, until_empty=True)
    loop.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert ["S1"] == [json.loads(m.data)["sku"] for m in figures(broker)]
    sent = f"SELECT notification FROM out.deliveries WHERE channel = '{Topic.ANALYTICS}' AND status = 'sent'"
    assert [(1,)] == rows(other.lake, sent)


def test_figures_of_the_past_are_not_owed(open_engine):
    engine = open_engine()
    with engine.past():
        take(engine, level(10, "2022-04-20T07:00:00Z"))
        measure(engine)

    assert load_making(engine.lake) is None


def test_a_pace_of_none_is_no_bound_and_rests_after_a_failure():
    seconds = Seconds()
    pace = Pace(0, seconds)
    pace.took()
    assert pace.room > 0

    pace.took(has_failed=True)
    assert 0 == pace.room
