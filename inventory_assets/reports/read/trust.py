"""Read how far a report can be believed: fresh feeds, refused messages, late events, failed checks."""

from datetime import UTC, datetime, timedelta

from inventory_assets.domain.quality.results import QualityResult, ResultStatus
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.quality.judge import latest_results
from inventory_assets.reports.read.model import Basis, FailedCheck, LateDay, Refused, Trust, WarehouseFeed
from inventory_assets.words.text import clean

# A night without trade is nothing to tell of; a day without any event may be a closed shop or a lost feed.
QUIET_HOURS = 12
SILENT_HOURS = 24


def read_trust(reader: Reader, basis: Basis) -> Trust:
    """Read it, from the recorded results of the checks too: none is run here."""
    results = latest_results(reader)
    failing = [each for each in results if each.status is ResultStatus.FAIL]
    since = 0 if basis.earlier is None else basis.earlier.version
    dates = reader.query(
        "SELECT (SELECT max(as_of_date) FROM core.coverage) AS coverage, "
        f"(SELECT coalesce(sum(messages), 0)::BIGINT FROM meta.versions WHERE version > {since}) AS messages, "
        "(SELECT count(*) FROM out.alerts WHERE state = 'firing' AND is_untrusted) AS untrusted"
    ).row(0, named=True)
    return Trust(
        feeds=tuple(read_feeds(reader, basis)), refused=tuple(_read_refused(reader, since)),
        late=tuple(_read_late(reader, basis)), checks=tuple(map(_failed, failing)) if results else None,
        checks_run=sum(each.status is not ResultStatus.NOT_JUDGED for each in results), messages=dates["messages"],
        coverage_date=dates["coverage"], untrusted_alerts=dates["untrusted"],
    )  # fmt: skip


def _failed(result: QualityResult) -> FailedCheck:
    return FailedCheck(
        rule=result.rule, severity=str(result.severity), text=result.text, failures=result.failing_count,
        example=next(iter(result.sample_ids), ""), what_to_do=result.what_to_do,
        checked_at=result.checked_at.astimezone(UTC).replace(tzinfo=None),
    )  # fmt: skip


def read_feeds(reader: Reader, basis: Basis) -> list[WarehouseFeed]:
    """Each warehouse's sums over its active keys and its last event, the longest silent first."""
    rows = reader.query(
        """
        SELECT warehouse_id, count(*) FILTER (is_active) AS shelves,
            count(*) FILTER (is_active AND available <= 0) AS empty,
            coalesce(sum(on_hand) FILTER (is_active), 0)::BIGINT AS on_hand,
            coalesce(sum(reserved) FILTER (is_active), 0)::BIGINT AS reserved,
            coalesce(sum(available) FILTER (is_active), 0)::BIGINT AS available,
            coalesce(sum(inbound) FILTER (is_active), 0)::BIGINT AS inbound, max(last_event_at) AS last_event_at
        FROM core.sku_state GROUP BY 1 ORDER BY last_event_at NULLS FIRST, warehouse_id
        """
    )
    return [WarehouseFeed(**row, **_freshness(row["last_event_at"], basis.as_of)) for row in rows.iter_rows(named=True)]


def _freshness(last_event_at: datetime | None, as_of: datetime) -> dict:
    if last_event_at is None:
        return {"lag_hours": None, "state": "silent"}
    hours = max(0.0, (as_of - last_event_at) / timedelta(hours=1))
    state = "silent" if hours >= SILENT_HOURS else "quiet" if hours >= QUIET_HOURS else "fresh"
    return {"lag_hours": round(hours, 2), "state": state}


def _read_refused(reader: Reader, since: int) -> list[Refused]:
    rows = reader.query(
        "SELECT reason, count(*) AS messages, arg_min(detail, (version, seq)) AS example FROM core.dead_letters "
        f"WHERE version > {since} GROUP BY 1 ORDER BY messages DESC, reason"
    )
    return [Refused(reason=row[0], messages=row[1], example=clean(row[2] or "")) for row in rows.iter_rows()]


def _read_late(reader: Reader, basis: Basis) -> list[LateDay]:
    # Without an earlier report nobody has seen the numbers of those days yet.
    if basis.earlier is None:
        return []
    rows = reader.query(
        "SELECT event_date, count(*) AS events, count(DISTINCT (warehouse_id, sku)) AS shelves FROM core.events "
        f"WHERE version > {basis.earlier.version} AND event_date < ? AND kind IN {STOCK_KINDS} "
        "GROUP BY 1 ORDER BY 1 DESC",
        [basis.period.first_date],
    )
    return [LateDay(**row) for row in rows.iter_rows(named=True)]
