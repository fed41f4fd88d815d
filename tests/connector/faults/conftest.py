"""Fixtures of the fault tests: one broker for all that do not harm it, a connector that is ended in any case."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.connector.faults.rig import ConnectorProcess, Inbox, Running, Shop, settings_for
from tests.connector.mongo import ExternalMongo, MongoServer
from tests.end_to_end.mongo_effects import Observer
from tests.messaging.brokers import Broker, our_emulator

Start = Callable[..., Running]
StartProcess = Callable[..., ConnectorProcess]


@pytest.fixture(scope="package")
def emulator_host() -> Iterator[str]:
    """A broker that stays well."""
    with our_emulator() as host:
        yield host


@pytest.fixture
def broker(emulator_host: str) -> Iterator[Broker]:
    """A project of the test's own."""
    found = Broker(emulator_host)
    yield found
    found.close()


@pytest.fixture
def shop(mongo_client: MongoClient, database: Database) -> Shop:
    """A database with three levels, which trades."""
    return Shop(mongo_client, database)


@pytest.fixture
def inbox(broker: Broker) -> Inbox:
    """All that is published."""
    return Inbox(broker)


@pytest.fixture
def settings(
    mongo: MongoServer | ExternalMongo, shop: Shop, broker: Broker, tmp_path: Path
) -> Callable[..., dict[str, str]]:
    """Settings of a connector from `shop` to `broker`: `settings(HEARTBEAT_SECONDS=1)`."""

    def make(*, uri: str = mongo.uri, **more: Any) -> dict[str, str]:
        return settings_for(shop.database, uri, broker, tmp_path, **more)

    return make


@pytest.fixture
def start() -> Iterator[Start]:
    """Start connectors; those that still run are stopped afterwards."""
    running: list[Running] = []

    def begin(settings: dict[str, str], **more: Any) -> Running:
        running.append(Running(settings, **more))
        return running[-1]

    yield begin
    for each in running:
        each.abandon()


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[StartProcess]:
    """Start connectors as processes; those that still run are killed afterwards."""
    running: list[ConnectorProcess] = []

    def begin(settings: dict[str, str]) -> ConnectorProcess:
        directory = tmp_path / f"process-{len(running)}"
        directory.mkdir()
        running.append(ConnectorProcess(settings, directory))
        return running[-1]

    yield begin
    for each in running:
        each.close()


@pytest.fixture
def observe(mongo_client: MongoClient, database: Database) -> Callable[[], Observer]:
    """Begin to observe the database; nothing may write at that moment."""
    return lambda: Observer(mongo_client, database.name)
