"""`inventory connector reconcile` behind real processes: nothing where nothing is lost, else what and since when."""

import pytest

from tests.commands.conftest import Ran
from tests.end_to_end.connector_stage import PROJECT, Stage
from tests.end_to_end.mongo_effects import dead_letters_of
from tests.end_to_end.test_connector_chain import OpenWarehouse, Warehouse, open_warehouse, stage, streaming
from tests.messaging.brokers import Broker

__all__ = ["open_warehouse", "stage"]

pytestmark = pytest.mark.big


def lose(stage: Stage, *subscriptions: str) -> None:
    """Take what waits away from the lake: received, acknowledged, and taken in by nobody."""
    broker = Broker(stage.host, project=PROJECT)
    for name in subscriptions:
        [received] = broker.pull(name)
        broker.acknowledge([received], name)
    broker.close()


def take_in(stage: Stage) -> None:
    """Drain, and let go: a drain that stays open leases what comes next."""
    with stage.draining() as drain:
        drain()


def reconcile(stage: Stage, shop: Warehouse) -> Ran:
    return stage.command("connector", "reconcile", "--config", str(shop.connector.config), "--format", "json")


def test_a_lost_change_is_named_with_its_key_and_position(stage: Stage, open_warehouse: OpenWarehouse) -> None:
    """An order whose two messages were lost, between others that arrived."""
    shop = open_warehouse("shop")
    for sku in ("S1", "S2"):
        shop.level(sku, 100)
    with streaming(shop):
        shop.order("S1", 1)
        shop.await_published()
        until = shop.clock.last_change()
        take_in(stage)
        before = reconcile(stage, shop)

        shop.order("S1", 10)
        shop.await_published()
        lose(stage, "inventory-transactions-subscription", "inventory-updates-subscription")
        shop.order("S2", 1)
        shop.await_published()
        take_in(stage)
        after = reconcile(stage, shop)

    assert (before.code, before.rows) == (0, []), before.err
    assert after.code == 1, after.err
    assert {(row["warehouse_id"], row["sku"]) for row in after.rows} == {("W1", "S1")}
    [stock] = [row for row in after.rows if row["field"] == "on_hand"]
    assert (str(stock["source"]), str(stock["lake"])) == ("89", "99")
    # Up to there both agree: the order before it.
    assert until is not None
    assert stock["diverges_after"].endswith(f"+{until[1]}"), stock
    assert dead_letters_of(stage.settings) == []
