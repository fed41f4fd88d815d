"""What is at stake with an alert that fires: how long stock lasts, money at risk by the plan, what is on its way.

Stock, what is sold a day and the lead time are of now; money and arrivals are of the newest plan's line,
where the shelf has one that asks for something. Not here: what to do about it (`replenish.present`).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from inventory_assets.domain.picture.rows import PlanLine, Product, Stock
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import VELOCITY
from inventory_assets.queries.alerts import ASKING_LINES

FIELDS = (
    "cover_days", "revenue_at_risk", "lead_time_days", "inbound_now", "arriving", "arrives_on", "overdue",
    "overdue_since",
)  # fmt: skip
NOT_KNOWN: dict[str, Any] = dict.fromkeys(FIELDS)
"""Of an alert that is over, or of a shelf of which nothing is known."""
_DAY = date(1970, 1, 1)


def stake_of(
    stock: Stock, *, daily_units: float | None, line: PlanLine | None, product: Product | None
) -> dict[str, Any]:  # fmt: skip
    """`FIELDS` of a shelf: units, days, and money in the price list's currency; None is unknown.

    Args:
        stock: Of now.
        daily_units: Sold a day, as `core.velocity` has it.
        line: Of the newest plan.
        product: What is known of the SKU.
    """
    lead_time_days = None if product is None else product.lead_time_days
    found: dict[str, Any] = {
        **NOT_KNOWN,
        "cover_days": cover_days(stock.available, daily_units),
        "lead_time_days": lead_time_days,
        "inbound_now": stock.inbound,
    }
    if line is not None:
        found |= {
            "lead_time_days": line.lead_time_days if lead_time_days is None else lead_time_days,
            "revenue_at_risk": line.revenue_at_risk, "arriving": line.arriving, "arrives_on": _day(line.arrives_day),
            "overdue": line.overdue, "overdue_since": _day(line.overdue_since_day),
        }  # fmt: skip
    return found


def cover_days(available: int, daily_units: float | None) -> float | None:
    """How long stock lasts; None where nothing is known to be sold."""
    return available / daily_units if daily_units else None


def read_stakes(reader: Reader, alert_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`FIELDS` of the firing ones among some alerts, and `available_now`, by id, from the lake."""
    rows = reader.query(
        f"""
        SELECT alert_id, s.available AS available_now,
            s.available / nullif(v.daily_units, 0) AS cover_days,
            l.revenue_at_risk, coalesce(p.lead_time_days, l.lead_time_days) AS lead_time_days, s.inbound AS inbound_now,
            l.arriving,
            l.arrives_on, l.overdue, l.overdue_since
        FROM out.alerts a JOIN core.sku_state s USING (warehouse_id, sku)
        LEFT JOIN core.velocity v USING (warehouse_id, sku)
        LEFT JOIN core.products p USING (sku)
        LEFT JOIN {ASKING_LINES} l USING (warehouse_id, sku)
        WHERE a.state = 'firing' AND alert_id IN ({IDS})
        """,
        [id_list(alert_ids)],
    )
    return {row.pop("alert_id"): row for row in rows.iter_rows(named=True)}


def newest_version(reader: Reader) -> int:
    """The newest that the reader sees; 0 before the first."""
    return int(reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item())


def is_velocity_newer(reader: Reader, version: int) -> bool:
    """Whether velocity was computed after a version; files of before are not opened, as each says of which it is."""
    return bool(reader.query(f"SELECT count(*) FROM {VELOCITY.changes} WHERE version > {version:d}").item())


def iter_daily_units(reader: Reader) -> Iterator[tuple[str, str, float]]:
    """Warehouse, SKU and units sold a day of every shelf that sells."""
    sql = f"SELECT warehouse_id, sku, daily_units FROM {VELOCITY.full_name} WHERE daily_units > 0"
    yield from reader.query(sql).iter_rows()


def _day(number: int | None) -> date | None:
    return None if number is None else _DAY + timedelta(number)
