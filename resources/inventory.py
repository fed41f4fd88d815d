"""The lake's resource: settings, and this process's session with the lake that they name."""

import os

from dagster import ConfigurableResource

from inventory_assets.session import SESSIONS, Session
from inventory_assets.settings import Settings, load_settings


class InventoryResource(ConfigurableResource):
    """Access to the lake and the broker that the environment names.

    Attributes:
        home: Overrides INVENTORY_HOME; for tests.
    """

    home: str = ""

    def session(self) -> Session:
        """What this process keeps open for the lake, made on first use."""
        return SESSIONS.of(self.settings())

    def settings(self) -> Settings:
        """The settings in force."""
        if self.home:
            return load_settings({**os.environ, "INVENTORY_HOME": self.home})
        return load_settings()
