"""`stock_at(moment)` is the oracle's fold of exactly what had happened by then, in any order of arrival (RULES 12-17)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.recompute.moment import read_stock_at, show_stock_at
from inventory_assets.settings import Settings
from tests.builders import DAY, cut, level, messages, transaction
from tests.conftest import copy_home
from tests.rules.days import EDGES, MINUTES, accepted, streams_of_days
from tests.rules.folding import is_active, is_unstated, keys_of, state_of

WORLDS = 16
BUCKETS = ("on_hand", "reserved", "available", "inbound")


@st.composite
def many_worlds(draw):
    """Several streams at once: a lake takes a second to open."""
    return [document for number in range(WORLDS) for document in draw(streams_of_days(f".{number}"))]


def expected_at(events, moment):
    """By key: the buckets, whether active, whether unstated, events, the last of them; from the set of events."""
    known = [event for event in events if event.at <= moment]
    found = {}
    for key in keys_of(known):
        own = [event for event in known if key in event.keys]
        state = state_of(own, key)
        found[key] = (
            *(state[name] for name in BUCKETS), is_active(own, key), is_unstated(own, key), len(own),
            max(event.at for event in own),
        )  # fmt: skip
    return found


def found_at(reader, moment):
    rows = read_stock_at(reader.connection, moment).iter_rows(named=True)
    return {
        (row["warehouse_id"], row["sku"]): (
            *(row[name] for name in BUCKETS), row["is_active"], row["is_unstated"], row["event_count"],
            row["last_event_at"].replace(tzinfo=UTC),
        )
        for row in rows
    }  # fmt: skip


# A lake for each try is dear, and the worlds are many.
@settings(max_examples=1, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
@given(many_worlds(), st.integers(3, 60), st.lists(MINUTES, min_size=2, max_size=3))
def test_stock_at_a_moment_is_the_oracles_of_what_had_happened(tmp_path_factory, empty_home, documents, size, minutes):
    """Transfers at both ends, levels, deletions, late events, two clocks in one key, equal times."""
    home = copy_home(empty_home, tmp_path_factory.mktemp("moments") / "home")
    sent, events = accepted(documents)
    engine = Engine(Settings(home=home))
    for burst in cut(sent, size):
        engine.commit_burst(burst)
    engine.close()
    reader = LakeReader(Settings(home=home))

    for minute in (*minutes, *EDGES[:2]):
        moment = DAY + timedelta(minutes=minute)
        assert expected_at(events, moment) == found_at(reader, moment)


def trade(engine):
    """A transfer of 30 shipped at 09:00 and received at 11:00; a count at 10:00; at last a sale of 08:30, late."""
    sent = {"quantity": 30, "to_warehouse_id": "W2"}
    engine.commit_burst(messages(level(100), level(5, warehouse_id="W2"), transaction("T1", at="08:00")))
    engine.commit_burst(messages(transaction("M1", "TRANSFER", at="09:00", status="SHIPPED", **sent)))
    engine.commit_burst(messages(level(64, "10:00")))
    engine.commit_burst(messages(transaction("M1", "TRANSFER", at="11:00", **sent)))
    engine.commit_burst(messages(transaction("T2", quantity=-3, at="08:30")))


@pytest.fixture(scope="module")
def shop_home(filled, tmp_path_factory):
    return filled(trade, tmp_path_factory.mktemp("moments"))


@pytest.fixture
def shop(shop_home):
    reader = LakeReader(Settings(home=shop_home))
    yield reader
    reader.connection.close()


@pytest.mark.parametrize(
    ("time", "sender", "receiver"),
    [
        ("07:00", 100, (5, 0)), ("08:00", 99, (5, 0)),
        # Late, and right all the same.
        ("08:30", 96, (5, 0)), ("09:00", 66, (5, 30)),
        # Counted: whatever was before.
        ("10:00", 64, (5, 30)), ("11:00", 64, (35, 0)),
    ],
)  # fmt: skip
def test_a_shelf_by_hand(shop, time, sender, receiver):
    rows = read_stock_at(shop.connection, datetime.fromisoformat(f"2022-04-20T{time}Z"))

    assert [sender, receiver[0]] == rows["on_hand"].to_list()
    assert receiver[1] == rows["inbound"][1]


def test_what_an_event_left_is_the_senders_and_as_it_arrived(shop):
    """Why core.events.available is no answer: of the receiver it says nothing, of what came late today's stock."""
    rows = shop.query("SELECT available FROM core.events WHERE transaction_id IN ('M1', 'T2') ORDER BY version")

    assert [69, 64, 64] == rows["available"].to_list()


def test_a_version_knows_what_had_arrived(shop):
    """By event time and as then known: before the late sale, half past eight looked otherwise."""
    show_version(shop.connection, 4)

    assert [99, 5] == read_stock_at(shop.connection, datetime(2022, 4, 20, 8, 30, tzinfo=UTC))["on_hand"].to_list()


@pytest.mark.parametrize(
    "moment",
    ["'2022-04-20 08:30'", "'2022-04-20T08:30:00Z'", "'2022-04-20T10:30:00+02:00'", "'2022-04-20 03:30:00-05'",
     "TIMESTAMP '2022-04-20 08:30'", "TIMESTAMPTZ '2022-04-20 10:30:00+02'",
     "(SELECT event_at FROM core.events WHERE transaction_id = 'T2')"],
)  # fmt: skip
def test_a_moment_may_be_spelt_in_any_way(shop, moment):
    show_stock_at(shop.connection)
    shop.connection.execute("SET TimeZone = 'America/New_York'")

    assert [(96,)] == shop.query(f"SELECT on_hand FROM stock_at({moment}) WHERE warehouse_id = 'W1'").rows()


@pytest.mark.parametrize("moment", ["'2022-04-20'", "DATE '2022-04-20'", "NULL"])
def test_a_day_is_its_midnight(shop, moment):
    show_stock_at(shop.connection)

    assert [] == shop.query(f"FROM stock_at({moment})").rows()
