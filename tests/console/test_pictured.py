"""Lists from the picture are those of the lake, row for row; and facts that are kept are of now, or asked for again."""

import asyncio

import pytest

from inventory_assets.console import questions
from inventory_assets.console.door import Door
from inventory_assets.console.facts import AGAIN_SECONDS, FRESH_SECONDS, OLDEST_SECONDS, Facts
from inventory_assets.console.pictured import Pictured, health_row
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.live import Live
from tests.builders import level, messages, rule, transaction


@pytest.fixture
def traded(engine):
    """Two warehouses, two alerts, a shelf without one, product data of none."""
    engine.commit_burst(
        messages(rule(10, 20), level(100), level(50, sku="S2", warehouse_id="W2"), level(70, warehouse_id="W2"))
    )
    engine.commit_burst(
        messages(transaction("T1", quantity=-95), transaction("T2", quantity=-50, sku="S2", warehouse_id="W2"))
    )
    return engine


def within(settings, what):
    """Run something over a picture and a way to the lake of its own."""

    async def run():
        live, door = Live(settings), Door(settings, keep_seconds=0)
        try:
            pictured = Pictured(settings, live, Facts(door, is_exact=True), is_exact=True)
            return await what(pictured, await pictured.picture(), door)
        finally:
            live.close()
            door.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "filters",
    [{}, {"warehouse": "W2"}, {"sku": "S1"}, {"type": "STOCKOUT"}, {"priority": "HIGH"}, {"unacknowledged": "true"}],
)
def test_alerts_are_those_of_the_lake_in_its_order(settings, traded, filters):
    async def what(pictured, picture, door):
        alerts = pictured.worst_alerts(picture, filters)
        return await pictured.list_alerts(picture, alerts), len(alerts), pictured.summarize(picture)

    rows, total, counts = within(settings, what)
    reader = LakeReader(settings)

    assert questions.list_alerts(filters, 100)(reader) == (rows, total)
    assert questions.summarize(reader) == counts


@pytest.mark.parametrize("place", [{"sku": "S1"}, {"warehouse": "W2"}, {"sku": "S2", "warehouse": "W2"}, {"sku": "-"}])
def test_stock_is_that_of_the_lake(settings, traded, place):
    asked = {"sku": None, "warehouse": None, "limit": 200} | place

    async def what(pictured, picture, door):
        return await pictured.list_stock(picture, **asked)

    rows = within(settings, what)
    expected = questions.list_stock(**asked)(LakeReader(settings))

    assert [{name: row[name] for name in (rows or [{}])[0]} for row in expected] == rows


@pytest.mark.parametrize("text", ["s", "S1", "2", "none"])
def test_what_is_found_is_what_the_lake_finds(settings, traded, text):
    async def what(pictured, picture, door):
        return pictured.search_stock(picture, text)

    assert questions.search_stock(text)(LakeReader(settings)) == within(settings, what)


def test_a_page_says_the_pictures_version(settings, traded):
    async def what(pictured, picture, door):
        return health_row(pictured.shown(picture))

    row, lake = within(settings, what), questions.health(LakeReader(settings))

    assert [lake[name] for name in ("lake_version", "committed_at")] == [row["lake_version"], row["committed_at"]]
    assert (0, 0) == (row["versions_behind"], row["ms_behind"])


def test_without_a_lake_there_is_no_picture(settings):
    async def what(pictured, picture, door):
        return picture

    assert within(settings, what) is None


@pytest.fixture
def clock():
    class Clock:
        now = 100.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def test_facts_are_asked_for_once_together_and_again_when_they_are_old(settings, traded, clock):
    asked = []

    class Counted(Door):
        async def ask_now(self, question):
            asked.append(1)
            return await super().ask_now(question)

    async def run():
        door = Counted(settings)
        facts = Facts(door, clock=clock)
        try:
            both = await asyncio.gather(facts.of({"S1": 1}), facts.of({"S2": 1}), facts.of({"S1": 1, "S2": 1}))
            assert {"S1", "S2"} == set(both[2]) and len(asked) <= 2
            count = len(asked)
            await facts.of({"S1": 1})
            assert len(asked) == count
            # Newer than what is known: told what is known, and asked for beside it, once.
            clock.now += AGAIN_SECONDS + 0.1
            assert {"S1"} == set(await facts.of({"S1": 99})) == set(await facts.of({"S1": 99}))
            await asyncio.wait_for(facts._begin(), 20)
            assert len(asked) <= count + 2
            clock.now += OLDEST_SECONDS + FRESH_SECONDS
            count = len(asked)
            await facts.of({"S1": 1})
            assert len(asked) == count + 1
        finally:
            door.close()

    asyncio.run(run())
