"""Read what the console's Overview says of the lake and the marts, by warehouse: what changed since yesterday, fills.

"Changed", "ran out" and "fill rate" are those of the reports and the marts. Null is unknown; moments are naive UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

import duckdb

from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.lake.catalog.marts import MARTS, attach_marts, newest_build
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish.decided import read_decisions
from inventory_assets.replenish.lines import read_made
from inventory_assets.replenish.moment import moment_of
from inventory_assets.reports.period import Kind, period_of
from inventory_assets.reports.read.changes import count_shelf_changes
from inventory_assets.reports.read.collect import find_basis
from inventory_assets.reports.read.stock import RanOut, count_ran_out, count_restocked
from inventory_assets.settings import Settings

MEMORY = "128MB"

AlertCounts = dict[str, dict[str, int]]
"""By warehouse and condition, how many fire."""


class Arrived(NamedTuple):
    """What came: receipts of suppliers' goods and of moves, and their units."""

    receipts: int
    units: int


class Accepted(NamedTuple):
    """Who accepted how much of the plan."""

    author: str
    lines: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is another than when yesterday began, by warehouse. Moments are naive UTC.

    Attributes:
        since: When yesterday began, by the clock of the business.
        as_of: The moment that the lake speaks from.
        version: The lake's.
        steps: By (warehouse, step), the shelves whose alert is another (`reports.read.lines.ShelfChange`).
        ran_out, restocked: Shelves, as their alerts say.
        arrived: Goods that were booked in.
        accepted: Lines of plans; who accepted most first.
        plan_day: Of the newest plan; null where there is none.
        at_risk: By warehouse, the sales that the newest plan expects to lose until orders arrive.
    """

    since: datetime
    as_of: datetime
    version: int
    steps: Mapping[tuple[str, str], int]
    ran_out: Mapping[str, RanOut]
    restocked: Mapping[str, int]
    arrived: Mapping[str, Arrived]
    accepted: tuple[Accepted, ...]
    plan_day: date | None
    at_risk: Mapping[str, float]


class Fill(NamedTuple):
    """Of the units ordered in a warehouse in 28 days, those that were there; null where none was judged."""

    rate: float | None
    in_stock_share: float | None


class Fills(NamedTuple):
    """What the marts say: of which build, through which day, the whole, and by warehouse."""

    built_at: datetime
    through: date | None
    rate: float | None
    by_warehouse: Mapping[str, Fill]


def read_alerts(reader: LakeReader) -> AlertCounts:
    """Open alerts by warehouse and condition."""
    found: AlertCounts = {}
    rows = reader.query("SELECT warehouse_id, alert_type, count(*) FROM out.alerts WHERE state = 'firing' GROUP BY ALL")
    for warehouse_id, alert_type, count in rows.iter_rows():
        found.setdefault(warehouse_id, {})[alert_type] = count
    return found


_ARRIVED = """
    SELECT place, count(*) AS receipts, sum(units)::BIGINT AS units FROM (
        SELECT CASE type WHEN 'TRANSFER' THEN to_warehouse_id ELSE warehouse_id END AS place,
            max(abs(quantity)) AS units
        FROM core.events
        WHERE kind = 'transaction' AND type IN ('RESTOCK', 'TRANSFER') AND status = 'COMPLETED'
            AND event_date >= ? AND event_at <= ?
        GROUP BY place, sku, transaction_id, line_id
    ) WHERE place IS NOT NULL GROUP BY place
"""
_AT_RISK = """
    SELECT p.warehouse_id, sum(p.revenue_at_risk) FROM out.plans p
    JOIN core.sku_state s ON s.warehouse_id = p.warehouse_id AND s.sku = p.sku
    WHERE p.line_id IS NOT NULL AND s.is_active AND p.revenue_at_risk IS NOT NULL GROUP BY 1
"""


def read_changes(reader: LakeReader, today: date) -> Changes | None:
    """What changed since the day before a version's own began; None before the first version.

    Args:
        reader: The lake.
        today: The day of a lake that knows no event of stock.
    """
    version = reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item()
    if not version:
        return None
    moment = moment_of(reader, version)
    day = today if moment is None else moment.date()
    period = period_of(Kind.NIGHTLY, day - timedelta(days=1))
    basis = find_basis(reader, period, version, CODE_VERSION, None)
    arrived = reader.query(_ARRIVED, [period.first_date, moment or basis.as_of])
    made = read_made(reader)
    return Changes(
        since=period.start_at, as_of=moment or basis.as_of, version=version,
        steps=count_shelf_changes(reader, basis), ran_out=count_ran_out(reader, basis),
        restocked=count_restocked(reader, basis),
        arrived={row[0]: Arrived(row[1], row[2]) for row in arrived.iter_rows()},
        accepted=tuple(_read_accepted(reader, period.start_at)), plan_day=None if made is None else made.day,
        at_risk={} if made is None else dict(reader.query(_AT_RISK).iter_rows()),
    )  # fmt: skip


def _read_accepted(reader: LakeReader, since: datetime) -> list[Accepted]:
    first = to_microseconds_naive(since)
    found: dict[str, Accepted] = {}
    for _, decision in read_decisions(reader, since=since.date()):
        command = decision.command
        if command.command != "plan-accept" or command.event_at < first:
            continue
        before = found.get(command.issued_by, Accepted(command.issued_by, 0, 0))
        found[command.issued_by] = before._replace(
            lines=before.lines + 1, units=before.units + (command.quantity or 0)
        )  # fmt: skip
    return sorted(found.values(), key=lambda each: (-each.lines, each.author))


def read_fills(settings: Settings) -> Fills | None:
    """What the newest build of the marts says; None where none has ended, or it cannot be read."""
    try:
        reader = LakeReader(replace(settings, duckdb_memory_limit=MEMORY))
    except (LakeError, duckdb.Error):
        return None
    try:
        attach_marts(reader.connection, settings, read_only=True)
        _, built_at, through = newest_build(reader.connection)
        rows = reader.query(f"SELECT warehouse_id, month_fill_rate, month_in_stock_share FROM {MARTS}.warehouses")
        # As `warehouses` has it of one.
        rate = reader.query(
            f"SELECT 1 - sum(short_units)::DOUBLE / nullif(sum(judged_units), 0) FROM {MARTS}.fill_rates"
        ).item()
        return Fills(built_at, through, rate, {row[0]: Fill(row[1], row[2]) for row in rows.iter_rows()})
    except (LakeError, duckdb.Error, AssertionError):
        return None
    finally:
        reader.connection.close()
