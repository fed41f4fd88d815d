"""Derive lines of a plan again, from what their version knew, and say what differs (RULES 42)."""

from typing import Any

import msgspec
import numpy as np
import polars as pl

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import IDS, LakeReader, Reader, id_list
from inventory_assets.lake.tables import PLANS
from inventory_assets.queries.history import last_event_at, read_demand, read_histories, read_keys
from inventory_assets.replenish.lines import current_line_id, read_line, read_state
from inventory_assets.replenish.make import SAYS, plan_lines
from inventory_assets.replenish.read import Place, place_of
from inventory_assets.replenish.season import POOL_ID, POOL_TYPE, measure_again
from inventory_assets.settings import Settings
from inventory_assets.words.times import to_minute

# More SKUs than this and reading all of them is quicker than naming each.
MAX_NAMED_SKUS = 500
_STOCK = {
    "key": pl.Int32, "events": pl.Int64, "first_at": pl.Int64, "at": pl.Int64,
    "on_hand": pl.Int64, "reserved": pl.Int64, "stated_inbound": pl.Int64,
}  # fmt: skip


class Sold(msgspec.Struct, frozen=True):
    """What the forecast was made of: units on the days that count, and how many these are, of the last 84.

    `history_days`: from the shelf's first event to the plan's date. `season`: what two years of its pool's sales
    show, a row of core.seasons; None where there are not two years, or nobody has measured.
    """

    units: int
    counted_days: int
    days_with_sales: int
    history_days: int
    season: dict[str, Any] | None = None


class Stated(msgspec.Struct, frozen=True):
    """Stock by the shelf's own events, folded again."""

    events: int
    last_event_at: str
    on_hand: int
    reserved: int
    inbound: int


class LineExplanation(msgspec.Struct, frozen=True):
    """A line as recorded, what it was made of, and what differs when it is derived again.

    `decided`: what was decided on it, as `replenish.lines.STATE` names it. `superseded_by`: the id of the line that
    came after it, or empty; `is_over`: the shelf is in no plan any more.
    """

    line: dict[str, Any]
    stock: Stated
    sold: Sold | None
    superseded_by: str
    is_over: bool
    differences: tuple[str, ...]
    decided: dict[str, Any]


def explain_line(settings: Settings, line_id: str) -> LineExplanation:
    """Explain a line by its id.

    Raises:
        UnknownLineError: No plan has it.
    """
    now = LakeReader(settings)
    try:
        line = read_line(now, line_id)
        current = current_line_id(now, line["warehouse_id"], line["sku"])
        decided = read_state(now, line)
        # Of the same id another line may have come, on the same day.
    finally:
        now.connection.close()
    then = LakeReader(settings)
    try:
        pin_version(then.connection, line["as_of_version"])
        place, key = place_of(line["as_of_version"], [line["sku"]]), (line["warehouse_id"], line["sku"])
        stock = read_stock(then, place)
        differences = compare_lines(then, pl.DataFrame([line], schema=PLANS.types), stock).get(key, ())
        sold = _read_sold(then, line, place, _history_days(stock, line))
    finally:
        then.connection.close()
    superseded_by = "" if current in (None, line_id) else str(current)
    return LineExplanation(line, _stated(stock, key), sold, superseded_by, current is None, tuple(differences), decided)


def compare_lines(reader: Reader, lines: pl.DataFrame, stock: pl.DataFrame) -> dict[Key, list[str]]:
    """Derive lines of one making again, all at once; what differs, of those of which anything does.

    Args:
        reader: Shows the version that they were made of.
        lines: Rows of out.plans of one `as_of_version`, date and settings; not empty.
        stock: `read_stock` of that version.
    """
    found: dict[Key, list[str]] = {}
    told = lines.join(stock, on=list(PLANS.key), how="left").with_columns(pl.col(*list(_STOCK)[1:]).fill_null(0))
    said = told.with_columns(stated_available=pl.col("on_hand") - pl.col("reserved"))
    for name in ("available", "inbound"):
        of_events = f"stated_{name}"
        differing = said.filter(pl.col(name) != pl.col(of_events)).select(*PLANS.key, name, of_events)
        for *key, was, value in differing.iter_rows():
            found.setdefault((key[0], key[1]), []).append(f"{name} was {was:,}, its events say {value:,}")
    one, skus = lines.row(0, named=True), named_skus(lines)
    asked = PlanSettings(
        one["review_days"], one["default_service_level"], one["least_transfer"], one["season_method"], one["method"]
    )  # fmt: skip
    again = plan_lines(reader, one["as_of_version"], one["plan_date"], asked, skus=skus)
    given = lines.select(SAYS).cast(dict(again.select(SAYS).schema))  # type: ignore[arg-type]
    differing = given.join(again, on=SAYS, how="anti", nulls_equal=True)
    others = again.join(differing, on=list(PLANS.key), how="semi")
    by_key = {(row["warehouse_id"], row["sku"]): row for row in others.iter_rows(named=True)}
    for line in differing.iter_rows(named=True):
        key_ = (line["warehouse_id"], line["sku"])
        found.setdefault(key_, []).extend(_differences(line, by_key.get(key_)))
    for *key, pool in _of_other_seasons(reader, lines):
        found.setdefault((key[0], key[1]), []).append(f"the season of {pool} is another one by its two years of sales")
    return found


def _of_other_seasons(reader: Reader, lines: pl.DataFrame) -> list[tuple[str, str, str]]:
    """The lines whose season is not what its sales say, and its pool."""
    pools = set(lines["season_of"].drop_nulls())
    if not pools:
        return []
    used = reader.query(
        f"SELECT * FROM core.seasons WHERE concat_ws(' ', level_type, level_id) IN ({IDS})", [id_list(pools)]
    )
    others = {" ".join(pool) for pool in measure_again(reader, "core.sku_state", used)}
    return lines.filter(pl.col("season_of").is_in(others)).select(*PLANS.key, "season_of").rows()


def named_skus(lines: pl.DataFrame) -> list[str] | None:
    """The lines' SKUs; None where reading all there are is quicker."""
    skus = lines["sku"].unique()
    return skus.to_list() if len(skus) <= MAX_NAMED_SKUS else None


def _differences(line: dict[str, Any], again: dict[str, Any] | None) -> list[str]:
    if again is None:
        return ["there is no such shelf among those of its version"]
    return [f"{name} was {line[name]!r}, derived again {again[name]!r}" for name in SAYS if line[name] != again[name]]


def read_stock(reader: Reader, place: Place) -> pl.DataFrame:
    """Stock by the shelves' own events, folded again: a row for each shelf that has any.

    Args:
        reader: Shows a version.
        place: Of which SKUs.
    """
    parts = [pl.DataFrame(schema=_STOCK)]
    chosen, until = place.events.format(e="e."), last_event_at(reader) or 0
    for events in read_histories(reader, until, chosen=chosen, keys=place.keys, is_of_stock=True):
        stock = run_stock(events)
        ends = np.flatnonzero(np.append(stock.key[1:] != stock.key[:-1], True))
        columns = (stock.key, stock.at, stock.on_hand, stock.reserved, stock.inbound)
        key, *last = (values[ends] for values in columns)
        counts = np.diff(ends, prepend=-1)
        first_at = np.minimum.reduceat(stock.at, ends - counts + 1) if len(ends) else stock.at
        parts.append(pl.DataFrame([key, counts, first_at, *last], schema=_STOCK))
    return pl.concat(parts).join(reader.query(f"SELECT key, warehouse_id, sku FROM ({place.keys})"), on="key")


def _stated(stock: pl.DataFrame, key: Key) -> Stated:
    for row in stock.filter(pl.col("warehouse_id") == key[0]).iter_rows(named=True):
        at = to_minute(to_datetime(row["at"]))
        return Stated(row["events"], at, row["on_hand"], row["reserved"], row["stated_inbound"])
    return Stated(0, "", 0, 0, 0)


def _history_days(stock: pl.DataFrame, line: dict[str, Any]) -> int:
    for first_at in stock.filter(pl.col("warehouse_id") == line["warehouse_id"])["first_at"]:
        return (line["plan_date"] - to_datetime(first_at).date()).days
    return 0


def _read_sold(reader: Reader, line: dict[str, Any], place: Place, history_days: int) -> Sold | None:
    number = read_keys(reader, place.keys)[0].index((line["warehouse_id"], line["sku"]))
    for demand in read_demand(reader, line["plan_date"], chosen=place.events.format(e="e."), keys=place.keys):
        for row in np.flatnonzero(demand.keys == number):
            units = np.where(demand.is_counted[row], demand.units[row], 0)
            season = _read_season(reader, place, line)
            return Sold(
                int(units.sum()), int(demand.is_counted[row].sum()), int((units > 0).sum()), history_days, season
            )  # fmt: skip
    return None


def _read_season(reader: Reader, place: Place, line: dict[str, Any]) -> dict[str, Any] | None:
    pool = f"SELECT {POOL_TYPE} AS level_type, {POOL_ID} AS level_id FROM {place.state} WHERE warehouse_id = ?"
    found = reader.query(
        f"SELECT s.* EXCLUDE (version) FROM {place.seasons} s JOIN ({pool}) USING (level_type, level_id)",
        [line["warehouse_id"]],
    )
    return found.row(0, named=True) if found.height else None
