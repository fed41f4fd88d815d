"""Land what has not landed, for who must see everything."""

from inventory_assets.lake.journal.behind import find_behind
from inventory_assets.lake.journal.open import has_journal
from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings


def land_all(settings: Settings) -> None:
    """Bring everything committed into the lake, which is opened to write only where there is anything.

    Raises:
        LakeError, duckdb.Error: It cannot be written; what was committed is safe in the journal.
    """
    if not has_journal(settings):
        return  # an earlier release's lake has all of it; a writer says where one is missing
    behind = find_behind(settings)
    if behind is not None and behind.versions == 0:
        return
    lake = Lake(settings)
    try:
        lake.land()
    finally:
        lake.close()
