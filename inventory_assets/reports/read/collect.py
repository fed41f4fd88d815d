"""Put a nightly report together from the lake as of one version and the snapshot files. Reads, never writes."""

from datetime import date, datetime, timedelta

from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.clauses import ABSURD_PRODUCTS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.replenish.moment import moment_of
from inventory_assets.reports.period import Kind, Period, last_complete, period_of
from inventory_assets.reports.read.changes import (
    read_handling,
    read_incidents,
    read_shelf_changes,
    read_threshold_changes,
)
from inventory_assets.reports.read.lines import Planned
from inventory_assets.reports.read.model import Basis, Earlier, Figures, Nightly, Notice, Trade, Trust
from inventory_assets.reports.read.sales import Snapshots, read_trade
from inventory_assets.reports.read.stock import (
    count_back_again,
    read_empty,
    read_planned,
    read_shelves,
)
from inventory_assets.reports.read.trust import read_trust
from inventory_assets.words.text import listed, name
from inventory_assets.words.times import to_minute

# Two weeks: the day stands beside the same weekday before, and a trend shows.
SHOWN_DAYS = 14
# Keys that a notice names.
SHOWN_LEFT_OUT = 3

# A day counts as filled by events up to noon: shops are quiet in the evening.
HALF_A_DAY = timedelta(hours=12)


def choose_period(reader: Reader, kind: Kind, today: date) -> Period:
    """The last complete day or week; of a lake whose events end earlier, the last that they fill.

    A lake that a past history was just taken into is asked about that history.
    A lake that began today has no complete day: then it is today, so far.
    """
    newest = last_complete(kind, today)
    first, last = reader.query(
        "SELECT min(event_at), max(event_at) FROM core.events WHERE event_date <= ? AND kind <> 'threshold'", [today]
    ).row(0)
    if last is None or first.date() > newest.last_date:
        return period_of(kind, today)
    return min(newest, last_complete(kind, (last + HALF_A_DAY).date()), key=lambda period: period.first_date)


def find_basis(reader: Reader, period: Period, version: int, code_version: str, earlier: Earlier | None) -> Basis:
    """Say what a report is computed from; the reader shows `version`."""
    committed_at = reader.query("SELECT committed_at FROM meta.versions WHERE version = ?", [version]).item()
    last_event_at = reader.query("SELECT max(last_event_at) AS m FROM core.sku_state").item()
    as_of, moment = _as_of(period, committed_at, last_event_at), moment_of(reader, version)
    return Basis(
        period=period, version=version, committed_at=committed_at, code_version=code_version, as_of=as_of,
        last_event_at=last_event_at, today=max(as_of, moment or as_of).date(), earlier=earlier,
    )  # fmt: skip


def _as_of(period: Period, committed_at: datetime, last_event_at: datetime | None) -> datetime:
    # Not the commit alone: history taken in at once speaks from its own end, not from today.
    known = max(period.end_at, last_event_at or period.end_at)
    return min(known, committed_at).replace(microsecond=0)


def collect_nightly(reader: Reader, basis: Basis, snapshots: Snapshots, how: PlanSettings) -> Nightly:
    """Read all of a nightly report; `how` plans are made here."""
    shelves = read_shelves(reader, basis, how)
    planned = read_planned(shelves, basis)
    trade = read_trade(snapshots, basis, shown_days=SHOWN_DAYS)
    trust = read_trust(reader, basis)
    notices = [*find_notices(basis, trust, trade), *demand_notices(planned), *absurd_notices(reader)]
    return Nightly(
        basis=basis, shelves=sum(feed.shelves for feed in trust.feeds), empty=tuple(read_empty(reader, basis, shelves)),
        back_again=count_back_again(reader, basis), planned=planned, changes=tuple(read_shelf_changes(reader, basis)),
        threshold_changes=tuple(read_threshold_changes(reader, basis)),
        incidents=tuple(read_incidents(reader, basis)), trade=trade, handling=read_handling(reader, basis),
        trust=trust, notices=tuple(notices),
    )  # fmt: skip


def demand_notices(planned: Planned) -> list[Notice]:
    """That nobody knows what will run out, where that is so."""
    if planned.is_demand_known:
        return []
    return [Notice("no shelf has fourteen days with stock and three with a sale: what will run out is not known")]


def absurd_notices(reader: Reader) -> list[Notice]:
    """Products with a number that cannot be meant, as an older lake may hold them: it counts as unknown."""
    skus = reader.query(ABSURD_PRODUCTS)["sku"].to_list()
    if not skus:
        return []
    shown = listed([name(sku) for sku in skus[:SHOWN_LEFT_OUT]])
    more = f" and {len(skus) - SHOWN_LEFT_OUT:,} more" if len(skus) > SHOWN_LEFT_OUT else ""
    text = f"product data beyond all range count as unknown (lead time, target stock, pack or price): {shown}{more}"
    return [Notice(text, "inventory products import FILE")]


def find_notices(basis: Basis, trust: Trust, trade: Trade) -> list[Notice]:
    """What is missing or odd, in words."""
    notices = list(trade.missing)
    if basis.as_of >= basis.period.made_at + timedelta(days=1):
        notices.append(Notice(f"what is said of stock is as of {to_minute(basis.as_of)} UTC, long after the period"))
    if trust.checks is None:
        notices.append(Notice("no data quality checks were run yet", "inventory quality --record"))
    return notices


def nightly_figures(report: Nightly) -> Figures:
    """The figures that the next report compares with."""
    at_risk = [shelf.revenue_at_risk for shelf in report.empty if shelf.revenue_at_risk is not None]
    planned, is_known = report.planned, report.planned.is_demand_known
    values = [line.value for line in planned.orders if line.value is not None]
    return {
        "shelves": report.shelves, "empty": len(report.empty),
        "running_out_late": len(planned.late) if is_known else None,
        "running_out": len(planned.running_out) if is_known else None,
        "order_units": sum(line.quantity for line in planned.orders), "order_lines": len(planned.orders),
        "order_value": round(sum(values), 2) if values else None,
        "transfer_units": sum(line.quantity for line in planned.transfers), "transfer_lines": len(planned.transfers),
        "sold_units": report.trade.sold(report.basis.period.last_date),
        "revenue_at_risk": round(sum(at_risk), 2) if at_risk else None, "firing": report.handling.firing,
        "on_hand": sum(feed.on_hand for feed in report.trust.feeds),
    }  # fmt: skip
