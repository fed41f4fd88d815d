"""Land what has not landed, for who must see everything."""

import time
from contextlib import closing

from inventory_assets.lake.catalog.connect import is_writable
from inventory_assets.lake.catalog.older import OLDER
from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.journal.open import has_journal, open_journal
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import CATALOG, LANDED
from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings

# A landing is done in a second; on a starved machine in ten.
WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.05


def land_all(settings: Settings) -> None:
    """Bring everything committed into the lake, which is opened to write only where nobody does who lands.

    Where somebody lives who lands, as beside `make run`, it waits for him: two that write wait for each other.

    Raises:
        LakeError, duckdb.Error: It cannot be written; what was committed is safe in the journal.
    """
    if not has_journal(settings):
        _check_older(settings)
        return
    behind = find_behind(settings)
    if behind is not None and behind.versions == 0:
        return
    if behind is None and not is_writable(settings):
        return  # nobody here can know, or do anything about it
    if behind is not None and behind.is_being_landed and _is_landed_by_another(settings, behind.newest):
        return
    lake = Lake(settings)
    try:
        lake.land()
    finally:
        lake.close()


def _is_landed_by_another(settings: Settings, version: int) -> bool:
    """Whether a version lands within a while by who lives to land; False at once where one has died."""
    with closing(open_journal(settings, read_only=True)) as journal:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            head = journal.head()
            if head.landed >= version:
                return True
            if head.barrier is not None or not journal.has_lander():
                return False
            time.sleep(LOOK_SECONDS)
    return False


def _check_older(settings: Settings) -> None:
    """Refuse a lake whose journal is gone; an earlier release's has none, and all of it is in the lake."""
    with closing(LakeReader(settings).connection) as connection:
        named = connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name IN (?, ?) AND (schema_name, table_name) = (?, ?)",
            [CATALOG, OLDER, LANDED.schema, LANDED.name],
        ).fetchone()
    if named is not None:
        open_journal(settings, read_only=True).close()  # says what may be lost
