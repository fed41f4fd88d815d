"""Where Dagster's daily partitions begin: with the history, not with a date that happens to be the default.

Dagster lists every day since; one that no event is of would be a grey one for ever.
"""

import os
from contextlib import closing
from datetime import date, timedelta

import duckdb

from inventory_assets.clock import clock_of
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.counts import first_stock_day
from inventory_assets.settings import Settings

VARIABLE = "INVENTORY_PARTITIONS_START_DATE"
# A season needs two years. What is older is in the lake all the same, and Dagster's lists stay readable.
MOST_DAYS = 2 * 366


def partitions_environment(settings: Settings, first: date | None = None) -> dict[str, str]:
    """The variable by which Dagster's processes know the first day; none where the user has set it, or nobody knows.

    Args:
        settings: Whose lake is asked, where `first` is not given.
        first: The history's first day, where it is known before the lake has it.
    """
    if os.environ.get(VARIABLE):
        return {}
    first = first or first_day(settings)
    return {} if first is None else {VARIABLE: max(first, _earliest(settings)).isoformat()}


def first_day(settings: Settings) -> date | None:
    """The day of the lake's first event of stock; None where there is no lake yet, or no event in it."""
    try:
        reader = LakeReader(settings)
        with closing(reader.connection):
            return first_stock_day(reader)
    except (LakeError, duckdb.Error):
        # What is wrong with it, the first command that needs it says.
        return None


def _earliest(settings: Settings) -> date:
    return clock_of(settings).today() - timedelta(days=MOST_DAYS)
