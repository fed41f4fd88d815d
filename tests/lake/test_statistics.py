"""DuckLake's statistics of a column can be wrong; no answer of ours may follow from them."""

import pytest

from inventory_assets.lake.durable import METADATA
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import CORE_EVENTS
from inventory_assets.lake.upkeep.maintenance import Maintenance
from tests.builders import DAY, level, message, messages, rule, transaction
from tests.facts import differences

GREAT = 10**12


@pytest.fixture
def misjudged(engine):
    """A lake whose first commit of events holds a day without stock before a day with it, as most do.

    DuckLake forgets the second day's greatest and least values, and takes those of later commits for all. Of a lake
    that an earlier release made: of a new one's tables it is told how many rows they have, and keeps no values.
    """
    engine.lake.connection.execute(f"DELETE FROM {METADATA}.ducklake_table_stats")
    engine.commit_burst(messages(rule(10, 20), level(GREAT), level(100, sku="S2")))
    for day in (1, 2):
        sold = transaction(f"T{day}", quantity=-45, sku="S2", at=f"2022-04-2{day}T09:00:00Z")
        engine.commit_burst([message(sold, published_at=DAY.replace(day=20 + day))])
    return engine


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT available FROM core.events WHERE available IS NOT NULL ORDER BY version, seq", [GREAT, 100, 55, 10]),
        ("SELECT max(available) FROM core.events", [GREAT]),
        ("SELECT count(*) FROM core.events WHERE available > 99", [2]),
        ("SELECT available FROM core.events WHERE available > 0 GROUP BY 1 ORDER BY 1 DESC", [GREAT, 100, 55, 10]),
    ],
)
def test_sorting_filtering_and_grouping_find_every_value(misjudged, query, expected):
    reader = LakeReader(misjudged.settings)

    assert reader.query(query).to_series().to_list() == expected
    reader.connection.close()


def test_rewritten_files_hold_what_was_written(misjudged):
    """A merge sorts what it rewrites: a value that a sort gets wrong would be wrong for good."""
    maintenance = Maintenance(misjudged.lake)
    maintenance.rewriter.merge(CORE_EVENTS, 1, 3)

    assert differences(misjudged) == []
