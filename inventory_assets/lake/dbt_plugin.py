"""What dbt-duckdb is told before it builds: extensions from wheels, the lake read-only, the marts to write.

dbt's profile names this module; it needs no path and no secret then. Settings
come from the environment, as everywhere. Does not belong here: any model.
"""

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

from inventory_assets.lake.catalog.connect import attach_at_snapshot, duckdb_config
from inventory_assets.lake.catalog.marts import attach_marts, build_lock, tidy_marts
from inventory_assets.lake.files.partition_files import attach_views
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.settings import Settings, load_settings

# The build sorts and groups the whole history; a burst's bounds would make it spill all the time.
BUILD_MEMORY = "3GB"
# Bursts and the UI come first on a busy machine.
NICENESS = 10


class Plugin(BasePlugin):
    """Prepares the connection of a dbt process."""

    _held: ExitStack | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Start DuckDB as the product does, with all cores."""
        config.update(duckdb_config(_build_settings()))

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Attach the lake as of one snapshot, the snapshot files and the marts.

        Raises:
            LakeMissingError: There is no lake.
            LakeBusyError: Another build runs.
        """
        settings = _build_settings()
        os.nice(max(0, NICENESS - os.nice(0)))
        self._held = ExitStack()
        self._held.enter_context(build_lock(settings))
        self._held.enter_context(hold_snapshots(settings))
        # Every model reads the same moment, however many bursts commit during the build.
        attach_at_snapshot(conn, settings)
        attach_views(conn, settings.snapshots_uri)
        attach_marts(conn, settings, read_only=False)
        tidy_marts(conn)


def _build_settings() -> Settings:
    settings = load_settings()
    return replace(
        settings,
        duckdb_threads=max(settings.duckdb_threads, os.cpu_count() or 1),
        duckdb_memory_limit=BUILD_MEMORY,
    )
