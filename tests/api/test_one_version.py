"""No answer mixes two versions, though the lake goes on between any two of them."""

import asyncio

from inventory_assets.api.app import Api
from inventory_assets.api.door import Door
from inventory_assets.api.http import answer
from inventory_assets.api.routes import Route
from tests.api.asking import ask_within, stock, sums

BATCH = "/v1/batch/stock"
PATHS = ("/v1/stock?warehouse=W1", "/v1/inventory/product/P", "/v1/rollups?level=CATEGORY_BRAND&id=C/B&children=true")


def _rows(version):
    """Two SKUs that always have the same, and their sums."""
    return {
        "stock": [stock("W1", sku, version, version) for sku in ("S1", "S2")],
        "sums": [sums("CATEGORY_BRAND", "C/B", 2 * version, version, count=2), sums("PRODUCT", "P", 2 * version, version),
                 sums("SKU", "S1", version, version), sums("SKU", "S2", version, version)],
    }  # fmt: skip


def _mixes(found):
    """Whether what was answered was never so."""
    if "stocks" in found:
        return len({*found["stocks"].values(), found["version"]}) != 1
    if "total" in found:
        return found["total"]["on_hand"] != sum(each["total"]["on_hand"] for each in found["skus"])
    if "node" in found:
        return found["node"]["on_hand"] != sum(each["on_hand"] for each in found["children"])
    return len({row["on_hand"] for row in found["items"]}) != 1


async def _asked_while_it_goes_on(served, ask):
    answered = []
    is_done = False

    async def go_on():
        while not is_done:
            served.step(**_rows(served.picture.version + 1))
            await asyncio.sleep(0)

    going = asyncio.create_task(go_on())
    for number in range(60):
        answered.append((await ask(number)).json)
        await asyncio.sleep(0)
    is_done = True
    await going
    return answered


def test_no_answer_is_of_two_versions(served):
    app = served.start(**_rows(1)).app

    async def ask(number):
        if number % 4 == 3:
            return await ask_within(app, "POST", BATCH, {"skus": ["S1", "S2"], "warehouse_id": "W1"})
        return await ask_within(app, "GET", PATHS[number % 4])

    answered = asyncio.run(_asked_while_it_goes_on(served, ask))
    assert served.picture.version > 30
    assert [] == [each for each in answered if _mixes(each)]


def test_a_handler_that_waited_in_between_would_be_seen(served):
    served.start(**_rows(1))

    async def waits(service, asked):
        first = service.picture.stock.get(("W1", "S1"))
        await asyncio.sleep(0)
        second = service.picture.stock.get(("W1", "S2"))
        return answer({"items": [{"on_hand": each.on_hand} for each in (first, second)]})

    app = Api(served.service, Door(), [Route("GET", "/waits", waits, "Waits.")])

    answered = asyncio.run(_asked_while_it_goes_on(served, lambda number: ask_within(app, "GET", "/waits")))
    assert any(_mixes(each) for each in answered)
