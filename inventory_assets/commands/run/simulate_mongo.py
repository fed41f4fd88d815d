"""`inventory simulate --mongo`: the simulated shop on a MongoDB database, as its own application writes it."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import click
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from inventory_assets.commands.output import notes
from inventory_assets.commands.stopping import stop_event
from inventory_assets.simulator.mongo import DEFAULT_DATABASE, MongoShop, ShopDatabaseError, shop_settings


def trade_into_mongo(
    uri: str, database: str | None, options: dict[str, Any], *, events: int, is_live: bool
) -> MongoShop:
    """Write the opening stock, then trade: `events` steps, or at the settings' rate until stopped.

    SIGTERM and Ctrl-C end it between two steps, so that the ledger is that of the database.

    Args:
        uri: Of a replica set; transactions need one.
        database: None is the URI's own, else `inventory`.
        options: Of `shop_settings`; `start_at` is now where the trade is live.
        events: Steps after the opening stock; not for live trade.
        is_live: Trade in real time.
    """
    if is_live:
        options = {**options, "start_at": datetime.now(UTC)}
    try:
        client: MongoClient = MongoClient(uri, appname="inventory-simulate")
        with client, stop_event() as stop:
            name = database or client.get_default_database(DEFAULT_DATABASE).name
            shop = MongoShop(client, name, shop_settings(**options))
            notes.print(f"opened the shop in {name!r}: {shop.open():,} documents", style="dim")
            rate = shop.simulation.settings.events_per_second
            _trade(shop, stop, rate if is_live else None, events)
    except (ShopDatabaseError, PyMongoError) as error:
        # Never the URI itself: it may hold a password.
        raise click.ClickException(f"{error}") from error
    notes.print(f"{shop.steps:,} steps, {len(shop.deleted):,} products deleted at the end", style="green")
    return shop


def _trade(shop: MongoShop, stop: threading.Event, rate: float | None, events: int) -> None:
    if rate is None:
        steps = shop.play()
        while shop.steps < events and not stop.is_set():
            next(steps)
        return
    steps = shop.play(now=lambda: datetime.now(UTC))
    started = time.monotonic()
    while not stop.is_set():
        # A slow database makes it fall behind, and it catches up: the rate is kept over time.
        if shop.steps < (time.monotonic() - started) * rate:
            next(steps)
        else:
            stop.wait(1 / rate)
