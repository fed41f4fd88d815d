"""Which demo `inventory run` shows, what it says of it, and what becomes of the demo's clock."""

import re
from datetime import datetime, timedelta

import click
import msgspec
import pytest

from inventory_assets.clock import clock_of
from inventory_assets.commands.run.demo import (
    OWN_DATA,
    DemoLines,
    choose_retailer,
    describe,
    refuse_demo,
    rest_clock,
    stop_clock,
)
from inventory_assets.demo.retailer import (
    Progress,
    incidents_path,
    read_retailer,
    retailer_path,
    write_progress,
    write_retailer,
)
from inventory_assets.messaging.topology import load_topology
from tests.builders import level, messages
from tests.demo.retail import small
from tests.domain.events.reading import read

SMALL = {"skus": 2_000, "warehouses": 5, "rate": 5.5}
MINUTE = timedelta(minutes=1)


def test_a_home_without_data_begins_a_demo_and_goes_on_with_it(settings):
    begun = choose_retailer(settings, **SMALL)

    assert begun is not None
    assert (begun.skus, begun.warehouses, begun.history_days, begun.shown) == (2_000, 5, 91, None)
    assert 3_300 == begun.messages_per_day
    # Whatever is asked for the next time.
    assert begun == choose_retailer(settings, skus=10, warehouses=1, rate=50)


def test_a_home_with_data_of_its_own_gets_no_demo(open_engine, settings):
    """A made-up retailer in somebody's stock would be a disaster."""
    open_engine().commit_burst(messages(level(5)))

    assert None is choose_retailer(settings, **SMALL)
    assert not retailer_path(settings).exists()


def test_a_home_with_a_demo_takes_no_data_of_ones_own(settings):
    refuse_demo(settings)
    choose_retailer(settings, **SMALL)

    with pytest.raises(click.ClickException, match=r"has a demo in it.*INVENTORY_HOME=.*DEMO=0"):
        refuse_demo(settings)


def test_a_busier_retailer_has_a_shorter_past(settings):
    """It is built within a minute or two, whatever is asked for."""
    large = choose_retailer(settings, skus=10_000, warehouses=20, rate=20)

    assert large is not None
    assert 20 < large.history_days < 40


def test_the_clock_stands_until_trade_begins_and_between_two_runs(settings):
    settings.home.mkdir()
    retailer = small()
    write_retailer(settings, retailer)
    rest_clock(settings)
    assert abs(clock_of(settings).now() - retailer.opens_at) < MINUTE

    # It trades, and is stopped a moment after it has written down where it was.
    traded = msgspec.structs.replace(retailer, published=7, shown=retailer.opens_at + timedelta(days=3))
    write_retailer(settings, traded)
    rest_clock(settings)
    stop_clock(settings)

    stopped = read_retailer(settings)
    assert stopped is not None and stopped.shown is not None and traded.shown is not None
    assert timedelta(0) <= stopped.shown - traded.shown < MINUTE
    assert stopped.published == 7


def test_progress_incidents_and_time_are_said_once_each(settings):
    settings.home.mkdir()
    retailer = small()
    write_retailer(settings, retailer)
    rest_clock(settings)
    lines = DemoLines(settings, retailer)
    assert [] == lines.new()
    assert "" == lines.moment()

    write_progress(settings, Progress(9, 22, 1_400))
    assert ["history: 9 of 22 days, 1,400 events"] == lines.new()
    assert [] == lines.new()
    write_progress(settings, Progress(22, 22, 2_000))
    assert "history: 22 of 22 days, 2,000 events" == lines.new()[0]
    assert lines.moment().startswith("Sun 26 Apr 08:00, ")

    told = b'{"at":"2026-04-26T10:00:00Z","kind":"bad_feed","text":"bad feed: \xc3\xa9"}\n'
    incidents_path(settings).write_bytes(told + told[:20])
    assert ["Sun 26 Apr 10:00  bad feed: é"] == lines.new()
    incidents_path(settings).write_bytes(told + told)
    assert 1 == len(lines.new())
    # Another run says nothing of what an earlier one said.
    assert [] == DemoLines(settings, retailer).new()[2:]


def test_what_is_said_of_a_retailer_is_where_it_stands():
    assert "12 SKUs in 2 warehouses, a day in ten minutes; its past of 22 days is built first" == describe(small())
    later = small(shown=datetime.fromisoformat("2026-07-14T09:40:00Z"))
    assert describe(later).endswith("goes on at Tue 14 Jul 09:40")


def test_without_a_demo_it_says_what_to_send_where():
    topics = {spec.name for spec in load_topology().topics}
    named = {word for word in OWN_DATA.split() if word.startswith(("inventory-", "thresholds-"))}

    assert {
        "inventory-updates-topic", "inventory-transactions-topic", "thresholds-topic", "inventory-topic", "inventory-events",
    } == named  # fmt: skip
    assert named <= topics
    sent = re.findall(r"echo '(.*?)' \| \S+ publish - --topic (\S+)", OWN_DATA % "2022-04-20T07:00:00Z")
    assert ["level", "transaction"] == [read(body.encode(), topic=topic).kind for body, topic in sent]
