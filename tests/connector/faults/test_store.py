"""The token store fails: nothing is called saved that is not, somebody is told, and nothing is lost."""

import os
import sqlite3
from pathlib import Path

import pytest

from inventory_assets.connector.checkpoint import Checkpoint
from inventory_assets.connector.config import ConnectorConfig
from inventory_assets.connector.errors import StoreDamagedError
from inventory_assets.connector.ports import TokenStore
from inventory_assets.connector.runtime import Parts
from inventory_assets.connector.stores.sqlite_store import SqliteTokenStore


class FullDisk(Parts):
    """A store on a disk that can be filled up: SQLite's own error, by its own limit of pages."""

    def store(self, config: ConnectorConfig) -> TokenStore:
        self.made = SqliteTokenStore(config.token_path)
        return self.made
