"""Seasons of the year in the lake: which pool a shelf is of, measured from its sales, and read for a plan.

A pool is a category over all warehouses, else a department, else the SKU: of one
shelf most weeks are chance (docs/adr/0030-a-season-of-the-year.md). Not here:
how a season is found (`domain.stock.season`).
"""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.stock.history import Stock
from inventory_assets.domain.stock.season import YEAR_WEEKS, PoolSales, yearly_seasons
from inventory_assets.domain.values import DAY_US
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import SEASONS
from inventory_assets.queries.history import KEYS, numbered_keys, read_runs

KEPT_DAYS = 28
"""A season older than this says nothing of a plan: whoever measures has stopped."""
RENEWED_DAYS = 7
"""Its weeks move on by whole ones: measured more often it says the same."""
_EPOCH = date(1970, 1, 1)
_FIRST_KNOWN = "CASE WHEN category_id <> 'UNKNOWN' THEN {} WHEN department_id <> 'UNKNOWN' THEN {} ELSE {} END"
POOL_TYPE = _FIRST_KNOWN.format("'CATEGORY'", "'DEPARTMENT'", "'SKU'")
POOL_ID = _FIRST_KNOWN.format("category_id", "department_id", "sku")
"""SQL over a key's parents: the pool that it is of."""
_POOLS = f"SELECT key, {POOL_TYPE} AS level_type, {POOL_ID} AS level_id FROM ({{keys}}) ORDER BY key"
_SAYS = [name for name in SEASONS.columns if name not in ("as_of_version", "version")]


class SeasonSales:
    """The sales of all pools as their keys' histories go by; `rows` then says what there is of seasons."""

    def __init__(self, reader: Reader, as_of_date: date, version: int, *, keys: str = KEYS) -> None:
        """Begin; nothing that a version after `version` brings is to be taken in.

        Args:
            reader: Shows that version or a later one.
            as_of_date: Two years end before it.
            version: For the rows.
            keys: As in `queries.history.read_histories`.
        """
        found = reader.query(_POOLS.format(keys=keys))
        pools = found.select("level_type", "level_id").unique(maintain_order=True).with_row_index("pool")
        places = found.join(pools, on=["level_type", "level_id"], maintain_order="left")["pool"].to_numpy()
        self._pools, self._as_of_date, self._version = pools, as_of_date, version
        self._sales = PoolSales(places.astype(np.int64), (as_of_date - _EPOCH).days)

    def add(self, stock: Stock) -> None:
        """Take in some keys' histories."""
        self._sales.add(stock.key, stock.at // DAY_US, stock.sold)

    def rows(self) -> pl.DataFrame:
        """A row of core.seasons for each pool that has sold for two years."""
        old = np.flatnonzero(self._sales.is_old_enough)
        found = yearly_seasons(self._sales.units[old])
        pools = self._pools[old.tolist()]
        return SEASONS.frame(
            level_type=pools["level_type"], level_id=pools["level_id"],
            first_sale_date=[_EPOCH + timedelta(days=day) for day in self._sales.first_day[old].tolist()],
            units=self._sales.units[old].sum(axis=1).astype(np.int64),
            agreement=pl.Series(found.agreement, nan_to_null=True).round(6), weight=found.weight.round(6),
            factors=[json.dumps(np.round(each, 6).tolist()) for each in found.factors],
        ).with_columns(
            as_of_date=pl.lit(self._as_of_date), as_of_version=pl.lit(self._version, pl.Int64)
        )  # fmt: skip


def is_due(reader: Reader, as_of_date: date) -> bool:
    """Whether seasons are to be measured as of a day: those there are, are of another week."""
    newest = reader.query(f"SELECT max(as_of_date) AS day FROM {SEASONS.full_name}").item()
    return newest is None or not 0 <= (as_of_date - newest).days < RENEWED_DAYS


class Season(NamedTuple):
    """What a plan of a day takes from core.seasons: the factors of the weeks from that day on, a pool a row."""

    names: list[str]
    factors: np.ndarray
    place_of: dict[tuple[str, str], int]


def read_seasons(reader: Reader, source: str, plan_date: date) -> Season:
    """The seasons that hold on a plan's date: measured by then, at most `KEPT_DAYS` before, and agreed on by two years.

    Args:
        reader: The lake.
        source: SQL of core.seasons as of a version.
        plan_date: From when on.
    """
    found = reader.query(
        f"SELECT level_type, level_id, as_of_date, factors FROM {source} WHERE weight > 0 "
        f"AND as_of_date BETWEEN DATE '{plan_date - timedelta(days=KEPT_DAYS)}' AND DATE '{plan_date}' ORDER BY ALL"
    )
    rows = list(found.iter_rows(named=True))
    factors = [
        # Whole weeks, the nearest: seven days of a plan have one factor.
        np.roll(json.loads(row["factors"]), -(((plan_date - row["as_of_date"]).days + 3) // 7))
        for row in rows
    ]
    pools = [(row["level_type"], row["level_id"]) for row in rows]
    table = np.array(factors, dtype=np.float64).reshape(len(rows), YEAR_WEEKS)
    return Season([" ".join(pool) for pool in pools], table, {pool: place for place, pool in enumerate(pools)})


def measure_again(reader: Reader, state: str, rows: pl.DataFrame) -> dict[tuple[str, str], pl.DataFrame]:
    """Derive rows of core.seasons again from the events that their version knew: by pool, those that differ.

    Args:
        reader: Shows the version they were read at.
        state: SQL of core.sku_state as of it.
        rows: Rows of core.seasons.
    """
    found: dict[tuple[str, str], pl.DataFrame] = {}
    for (day, version), same in rows.group_by("as_of_date", "as_of_version"):
        pools = set(same.select("level_type", "level_id").iter_rows())
        keys = numbered_keys(f"(SELECT * FROM {state} WHERE ({POOL_TYPE}, {POOL_ID}) IN {_listed(pools)})")
        sales = SeasonSales(reader, day, version, keys=keys)  # type: ignore[arg-type]
        for stock in read_runs(reader, day, chosen=f"AND e.version <= {version}", keys=keys):  # type: ignore[arg-type]
            sales.add(stock)
        again = sales.rows().select(_SAYS)
        for row in (
            same.select(_SAYS)
            .join(again, on=_SAYS, how="anti", nulls_equal=True)
            .partition_by("level_type", "level_id")
        ):
            found[row["level_type"][0], row["level_id"][0]] = row
    return found


def _listed(pools: Iterable[tuple[str, str]]) -> str:
    quoted = (tuple("'" + part.replace("'", "''") + "'" for part in pool) for pool in sorted(pools))
    return "(" + ", ".join(f"({type_}, {id_})" for type_, id_ in quoted) + ")"
