"""Lists from the picture are those of the lake, row for row; and facts that are kept are of now, or asked for again."""

import asyncio

import pytest

from inventory_assets.console import questions
from inventory_assets.console.door import Door
from inventory_assets.console.facts import AGAIN_SECONDS, FRESH_SECONDS, OLDEST_SECONDS, Facts
from inventory_assets.console.pictured import Pictured, health_row
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.live import Live
from inventory_assets.queries.alerts import ORDERS
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


@pytest.fixture
def named(engine):
    """Five alerts in two warehouses: with names, with ids alone, and of a SKU of which nothing is known."""
    engine.commit_burst(
        messages(
            rule(10, 20),
            level(9, category_id="C-1", brand_id="B-1", department_id="D-1"),
            level(0, sku="S2", warehouse_id="W2", category_id="C-1", brand_id="B-2", department_id="D-1"),
            level(4, sku="S3", category_id="C-2", brand_id="B-1", department_id="D-2"),
            level(12, warehouse_id="W2", category_id="C-1", brand_id="B-1", department_id="D-1"),
            level(3, sku="s4", warehouse_id="W2"),
        ),
        inputs=BurstInputs(
            has_products=True,
            products=(
                Product("S1", product_name="Lamp Oslo", variant_name="red", brand_name="Nordlys",
                           category_name="Lamps", supplier_id="SUP-1"),
                Product("S2", product_name="Lamp Bergen", brand_name="Fjell", category_name="Lamps",
                           supplier_id="SUP-2"),
            ),
        ),
    )  # fmt: skip
    return engine


def without_age(row):
    """Read at another minute, it is another number."""
    return {name: value for name, value in row.items() if name != "age_minutes"}


CHOICES = (
    ({"category": "lamps"}, {"S1", "S2"}), ({"category": "c-1"}, {"S1", "S2"}), ({"brand": "FJELL"}, {"S2"}),
    ({"brand": "B-1"}, {"S1", "S3"}), ({"department": "D-2"}, {"S3"}), ({"supplier": "sup-1"}, {"S1"}),
    ({"q": "lamp NORD"}, {"S1"}), ({"q": "s4"}, {"s4"}), ({"q": "4 x"}, set()), ({"q": "%"}, set()),
    ({"category": "lamps", "warehouse": "W2", "sort": "available"}, {"S1", "S2"}),
    *[({"sort": sort}, {"S1", "S2", "S3", "s4"}) for sort in ORDERS],
)  # fmt: skip


def test_alerts_are_chosen_sorted_and_offered_as_the_lake_does(settings, named):
    """One lake for all of them: a filter costs little, a lake much."""

    async def what(pictured, picture, door):
        lists = [await pictured.list_alerts(picture, pictured.worst_alerts(picture, each)) for each, _ in CHOICES]
        return lists, pictured.choices(picture)

    lists, offered = within(settings, what)
    reader = LakeReader(settings)

    for (filters, skus), rows in zip(CHOICES, lists, strict=True):
        expected, total = questions.list_alerts(filters, 100)(reader)
        assert [without_age(row) for row in expected] == [without_age(row) for row in rows], filters
        assert total == len(rows)
        assert skus == {row["sku"] for row in rows}, filters
    assert questions.alert_choices(reader) == offered
    assert {"Fjell", "Nordlys", "B-1"} <= set(offered["brand"])
    assert {"C-2", "Lamps"} <= set(offered["category"])
    assert ["SUP-1", "SUP-2"] == offered["supplier"]


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
