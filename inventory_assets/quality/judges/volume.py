"""Judge how much a warehouse sends: silent days and hours, unusual volumes."""

from datetime import date, datetime, timedelta

from inventory_assets.domain.quality.days import LEAST_WEEKS, WEEKS, Judged, Moments, find_silent, find_unusual_days
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.quality.rule import RECENT, Found, Pass, to_rows

HOUR = timedelta(hours=1)


def judge_volume(look: Pass) -> Found:
    """Find days with an unusual number of transactions."""
    return _found(find_unusual_days(_daily(look, "transactions"), _days(look), "transactions"))


def judge_quantity(look: Pass) -> Found:
    """Find days on which an unusual number of units moved."""
    return _found(find_unusual_days(_daily(look, "units"), _days(look), "units"))


def judge_silent_days(look: Pass) -> Found:
    """Find days without any stock event."""
    return _found(find_silent(_daily(look, "events"), _days(look), "date"))


def judge_silent_hours(look: Pass) -> Found:
    """Find hours without any stock event in the last 24, but for those of a silent day."""
    until = to_datetime(look.as_of).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    since = until - timedelta(weeks=WEEKS, hours=25)
    counts: dict[str, dict[datetime, int]] = {}
    rows = look.reader.query(
        "SELECT warehouse_id, date_trunc('hour', event_at) AS hour, count(*) AS events FROM core.events "
        f"WHERE kind IN {STOCK_KINDS} AND event_date >= DATE '{since.date()}' "
        f"AND warehouse_id IS NOT NULL AND event_at < TIMESTAMP '{until}' GROUP BY ALL"
    )
    for warehouse_id, hour, events in rows.iter_rows():
        counts.setdefault(warehouse_id, {})[hour] = events
    hours = [until - HOUR * number for number in range(1, 25)]
    judged = find_silent(counts, hours, "hour")
    # A whole day is one finding of another rule, not twenty-four of this one.
    dates = {warehouse_id: {hour.date() for hour in by_hour} for warehouse_id, by_hour in counts.items()}
    heard = [
        row
        for row in judged.rows
        if (day := date.fromisoformat(row["hour"][:10])) in dates[row["warehouse_id"]] or day == until.date()
    ]
    return _found(judged._replace(rows=heard))


def _days(look: Pass) -> list[date]:
    """The complete days that are judged."""
    today = to_datetime(look.as_of).date()
    return [today - timedelta(days=number) for number in range(1, RECENT.days + 1)]


def _daily(look: Pass, measure: str) -> Moments:
    if "daily" not in look.shared:
        today = to_datetime(look.as_of).date()
        since = today - timedelta(weeks=WEEKS, days=RECENT.days + 1)
        look.shared["daily"] = list(
            look.reader.query(
                "SELECT warehouse_id, event_date, count(*) AS events, "
                "count(*) FILTER (kind = 'transaction') AS transactions, "
                "coalesce(sum(abs(quantity)), 0)::BIGINT AS units FROM core.events "
                f"WHERE kind IN {STOCK_KINDS} AND warehouse_id IS NOT NULL "
                f"AND event_date >= DATE '{since}' AND event_date < DATE '{today}' GROUP BY ALL"
            ).iter_rows(named=True)
        )
    counts: dict[str, dict[date, int]] = {}
    for row in look.shared["daily"]:
        counts.setdefault(row["warehouse_id"], {})[row["event_date"]] = row[measure]
    return counts


def _found(judged: Judged) -> Found:
    if not judged.judged:
        return Found(
            0, [], 0,
            not_judged=f"not enough history: {LEAST_WEEKS} same weekdays are needed, there are {judged.weeks}",
        )  # fmt: skip
    return to_rows(judged.rows, judged.judged)
