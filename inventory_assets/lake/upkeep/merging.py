"""Decide which landings' files become one.

Each landing leaves a file a table. Adjacent ones of like size are put
together, sixteen at a time, so that a row is rewritten a few times ever,
however long the lake lives and whatever its traffic.
"""

from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple

import duckdb

from inventory_assets.lake.tables import CATALOG, VERSIONS

RUN = 16
# Larger than so many messages is large enough: to sort more would spill.
LARGEST_LEVEL = 3
LARGEST = 300_000


class Range(NamedTuple):
    """Versions whose rows lie in one file of each table, and how many messages they had."""

    first: int
    last: int
    messages: int

    @property
    def level(self) -> int:
        """Ranges of one level are within sixteen times of each other."""
        return int(log(max(self.messages, self.last - self.first + 1), RUN))


def read_ranges(connection: duckdb.DuckDBPyConnection) -> list[Range]:
    """The ranges of a lake: `meta.versions` has a row a version, and a file a landing or merge of landings."""
    rows = connection.execute(
        f"SELECT min(version), max(version), sum(messages)::BIGINT FROM {CATALOG}.{VERSIONS.full_name} "
        "GROUP BY filename ORDER BY 1"
    ).fetchall()
    return [Range(*row) for row in rows]


def plan_merges(ranges: Iterable[Range], *, run: int = RUN) -> list[Range]:
    """What to put together now: each one whole ranges that are adjacent.

    Args:
        ranges: All there are, by version.
        run: How many like ones make it worth while.
    """
    known = list(ranges)
    for level in range(LARGEST_LEVEL + 1):
        # Smaller ones between them come along, and never make a large one be written anew by themselves.
        due = [group for group in _runs(known, level) if sum(each.level == level for each in group) >= run]
        merged = [part for group in due for part in _cut(group)]
        if merged:
            return merged
    return []


def _runs(ranges: Sequence[Range], level: int) -> list[list[Range]]:
    runs: list[list[Range]] = [[]]
    for each in ranges:
        if each.level > level:
            runs.append([])
        else:
            runs[-1].append(each)
    return runs


def _cut(group: Sequence[Range]) -> list[Range]:
    """One range of many, or several where one would be too large."""
    parts: list[list[Range]] = [[]]
    for each in group:
        if parts[-1] and sum(r.messages for r in parts[-1]) + each.messages > LARGEST:
            parts.append([])
        parts[-1].append(each)
    return [Range(p[0].first, p[-1].last, sum(r.messages for r in p)) for p in parts if len(p) > 1]
