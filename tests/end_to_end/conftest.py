"""Fixtures of the end-to-end tests: those of the connector's suite that need a MongoDB server."""

from tests.connector.conftest import database, mongo, mongo_client

__all__ = ["database", "mongo", "mongo_client"]
