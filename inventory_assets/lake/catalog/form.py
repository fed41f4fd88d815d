"""Change the lake's form by hand: back to that of before journals, or on with a new journal."""

import time
import uuid

import duckdb

from inventory_assets.lake.catalog.connect import connect, lake_lock
from inventory_assets.lake.durable import commit_written
from inventory_assets.lake.journal.open import drop_journal, make_journal
from inventory_assets.lake.tables import CATALOG, LANDED, WATERMARKS
from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings


def downgrade(settings: Settings) -> int:
    """Land everything, and make `meta.watermarks` the table that an earlier release writes to; the version.

    Raises:
        LakeError, duckdb.Error: Something could not be landed. Nothing was changed.
    """
    lake = Lake(settings)
    try:
        with lake.exclusive(), lake.journal.exclusive():
            lake.land()
            connection, landed = lake.connection, lake.landed()
            began = time.time()
            connection.execute("BEGIN")
            try:
                connection.execute(f"DROP VIEW {CATALOG}.{WATERMARKS.full_name}")
                connection.execute(
                    f"CREATE TABLE {CATALOG}.{WATERMARKS.full_name} (name VARCHAR, epoch BIGINT, version BIGINT)"
                )
                connection.execute(
                    f"INSERT INTO {CATALOG}.{WATERMARKS.full_name} VALUES ('lake', ?, ?)",
                    [landed.epoch, landed.version],
                )
                connection.execute(f"DROP TABLE {CATALOG}.{LANDED.full_name}")
                commit_written(connection, settings, began)
            except BaseException:
                lake.abandon()
                raise
        drop_journal(settings)
        return landed.version
    finally:
        lake.forget()


def begin_new_journal(settings: Settings) -> int:
    """Give the lake a new journal that begins where it stands; the version.

    Raises:
        LakeError, duckdb.Error: The lake cannot be written.
    """
    connection = connect(settings)
    try:
        with lake_lock(settings):
            row = connection.execute(f"SELECT epoch, version FROM {CATALOG}.{LANDED.full_name}").fetchone()
            assert row is not None  # made with the tables
            # Whoever has versions in memory that were given up must not take new ones of these numbers for them.
            epoch, version = row[0] + 1, row[1]
            journal_id = uuid.uuid4().hex
            # The lake names it before it is there: killed in between, there is none, and that is said.
            drop_journal(settings)
            _name_journal(connection, settings, journal_id, epoch)
            make_journal(settings, journal_id, epoch=epoch, version=version)
        return version
    finally:
        connection.close()


def _name_journal(connection: duckdb.DuckDBPyConnection, settings: Settings, journal_id: str, epoch: int) -> None:
    began = time.time()
    connection.execute("BEGIN")
    connection.execute(f"UPDATE {CATALOG}.{LANDED.full_name} SET journal_id = ?, epoch = ?", [journal_id, epoch])
    commit_written(connection, settings, began)
