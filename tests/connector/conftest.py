"""Fixtures of the connector's tests: a MongoDB server per session, a database per test."""

from collections.abc import Iterator

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.connector.mongo import ExternalMongo, MongoServer, external_uri, new_database_name


@pytest.fixture(scope="session")
def mongo() -> Iterator[MongoServer | ExternalMongo]:
    """The server of this session; tests that kill one start their own."""
    uri = external_uri()
    server = ExternalMongo(uri) if uri else MongoServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def mongo_client(mongo: MongoServer | ExternalMongo) -> Iterator[MongoClient]:
    """The tests' own way in, beside the connector's."""
    with mongo.client(tz_aware=True) as client:
        yield client


@pytest.fixture
def database(mongo_client: MongoClient) -> Iterator[Database]:
    """A database of the test's own, dropped afterwards."""
    name = new_database_name()
    yield mongo_client[name]
    mongo_client.drop_database(name)
