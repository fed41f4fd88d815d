"""Derive a line of a plan again, from what its version knew, and say what differs (RULES 42)."""

from datetime import date
from typing import Any

import msgspec
import numpy as np

from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.queries.history import last_event_at, read_demand, read_histories, read_keys
from inventory_assets.replenish.lines import current_line_id, read_line
from inventory_assets.replenish.make import OF_ITS_MAKING, plan_lines
from inventory_assets.settings import Settings
from inventory_assets.words.times import to_minute


class Sold(msgspec.Struct, frozen=True):
    """What the forecast was made of: units on the days that count, and how many these are, of the last 84.

    `history_days`: from the shelf's first event to the plan's date, of which a yearly season would need two years.
    """

    units: int
    counted_days: int
    days_with_sales: int
    history_days: int


class Stated(msgspec.Struct, frozen=True):
    """Stock by the shelf's own events, folded again."""

    events: int
    last_event_at: str
    on_hand: int
    reserved: int
    inbound: int


class LineExplanation(msgspec.Struct, frozen=True):
    """A line as recorded, what it was made of, and what differs when it is derived again.

    `superseded_by`: the id of the line that came after it, or empty; `is_over`: the shelf is in no plan any more.
    """

    line: dict[str, Any]
    stock: Stated
    sold: Sold | None
    superseded_by: str
    is_over: bool
    differences: tuple[str, ...]


def explain_line(settings: Settings, line_id: str) -> LineExplanation:
    """Explain a line by its id.

    Raises:
        UnknownLineError: No plan has it.
    """
    now = LakeReader(settings)
    try:
        line = read_line(now, line_id)
        current = current_line_id(now, line["warehouse_id"], line["sku"])
        # Of the same id another line may have come, on the same day.
    finally:
        now.connection.close()
    then = LakeReader(settings)
    try:
        pin_version(then.connection, line["as_of_version"])
        stock, sold = _read_events(then, line)
        differences = [*_compare_stock(stock, line), *_compare(then, line)]
    finally:
        then.connection.close()
    superseded_by = "" if current in (None, line_id) else str(current)
    return LineExplanation(line, stock, sold, superseded_by, current is None, tuple(differences))


def _compare(reader: Reader, line: dict[str, Any]) -> list[str]:
    asked = PlanSettings(line["review_days"], line["default_service_level"], line["least_transfer"])
    again = plan_lines(reader, line["as_of_version"], line["plan_date"], asked, skus=[line["sku"]])
    found = [row for row in again.iter_rows(named=True) if row["warehouse_id"] == line["warehouse_id"]]
    if not found:
        return ["there is no such shelf among those of its version"]
    return [
        f"{name} was {line[name]!r}, derived again {value!r}"
        for name, value in found[0].items()
        if name not in OF_ITS_MAKING and line[name] != value
    ]


def _read_events(reader: Reader, line: dict[str, Any]) -> tuple[Stated, Sold | None]:
    keys, _ = read_keys(reader)
    number = keys.index((line["warehouse_id"], line["sku"]))
    chosen = "AND e.sku = '" + line["sku"].replace("'", "''") + "'"
    stated, history_days = Stated(0, "", 0, 0, 0), 0
    for events in read_histories(reader, last_event_at(reader) or 0, chosen=chosen):
        stock = run_stock(events)
        places = np.flatnonzero(stock.key == number)
        if len(places):
            last = places[-1]
            history_days = (line["plan_date"] - to_datetime(int(stock.at[places].min())).date()).days
            stated = Stated(
                len(places), to_minute(to_datetime(int(stock.at[last]))), int(stock.on_hand[last]),
                int(stock.reserved[last]), int(stock.inbound[last]),
            )  # fmt: skip
    return stated, _read_sold(reader, number, line["plan_date"], chosen, history_days)


def _read_sold(reader: Reader, number: int, plan_date: date, chosen: str, history_days: int) -> Sold | None:
    for demand in read_demand(reader, plan_date, chosen=chosen):
        for row in np.flatnonzero(demand.keys == number):
            units = np.where(demand.is_counted[row], demand.units[row], 0)
            return Sold(int(units.sum()), int(demand.is_counted[row].sum()), int((units > 0).sum()), history_days)
    return None


def _compare_stock(stock: Stated, line: dict[str, Any]) -> list[str]:
    found = {"available": stock.on_hand - stock.reserved, "inbound": stock.inbound}
    return [
        f"{name} was {line[name]:,}, its events say {value:,}" for name, value in found.items() if line[name] != value
    ]
