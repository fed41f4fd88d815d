"""What commands say of versions that are durable and not in the lake yet."""

import duckdb

from inventory_assets.commands.output import notes
from inventory_assets.errors import InventoryError
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.fresh import land_all
from inventory_assets.settings import Settings


def land_before_leaving(settings: Settings) -> None:
    """Land what processes that were ended could not; where that fails it is safe, and the next start does."""
    try:
        land_all(settings)
    except LakeMissingError:
        pass  # it was stopped before there was a lake
    except (InventoryError, duckdb.Error, OSError) as error:
        notes.print(f"what was committed last is safe in the journal, and not in the lake yet: {error}", style="yellow")


def land_or_say(settings: Settings) -> None:
    """Land what has not landed; where that fails, say so and go on with what has."""
    try:
        land_all(settings)
    except LakeMissingError:
        pass  # whoever reads next says so
    except (InventoryError, duckdb.Error, OSError) as error:
        notes.print(f"not everything is shown: what was committed last could not be landed. {error}", style="yellow")
