"""Which version a report reads: what was known when it was due, whenever it is built. Reads only.

Not here: what a version speaks of (`replenish.moment`), or what is read of it (`collect`).
"""

from datetime import date, datetime

from inventory_assets.clock import Clock
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.reports.period import Period, last_complete

_BY = "SELECT max(version) AS version FROM meta.versions WHERE committed_at <= ?"
_EVENTS_OF = f"""
    SELECT count(*) > 0 AS has_now, coalesce(bool_or(version <= ?), false) AS had_then
    FROM core.events WHERE kind IN {STOCK_KINDS} AND event_date = ?
"""
# The newest stock event that each version knows, and the version that brought it: commits of the machine's clock.
_MOMENTS = f"""
    WITH brought AS (
        SELECT version, epoch_us(max(event_at)) AS event_at FROM core.events
        WHERE kind IN {STOCK_KINDS} GROUP BY version
    ), known AS (
        SELECT v.version, epoch_us(v.committed_at) AS committed_at,
            max({{'at': coalesce(b.event_at, -1), 'before': -v.version}}) OVER (ORDER BY v.version) AS newest
        FROM meta.versions v LEFT JOIN brought b USING (version)
    )
    SELECT k.version, k.committed_at, k.newest.at AS event_at, epoch_us(n.committed_at) AS event_committed_at
    FROM known k JOIN meta.versions n ON n.version = -k.newest.before
    WHERE k.newest.at BETWEEN 0 AND ? ORDER BY k.version
"""


def choose_version(reader: Reader, period: Period, today: date, clock: Clock | None = None) -> int | None:
    """The version that a period's own report reads; None is the latest.

    The last that was there when the report was due, at 03:00 after the period;
    before that, the latest. Where the lake had nothing of the period by then
    and has now, it was filled with history afterwards, and the latest is all
    there is. `clock`: the home's, as versions are committed by the machine's.
    """
    if clock is not None and clock.pace is not None:
        # Its days pass in minutes, and whatever it showed before it was set anew nobody can ask it.
        return _last_of_moment(reader, period.made_at, clock)
    version = reader.query(_BY, [period.made_at]).item()
    if version is None or period.end_at.date() < last_complete(period.kind, today).end_at.date():
        return version
    has_now, had_then = reader.query(_EVENTS_OF, [version, period.last_date]).row(0)
    return None if has_now and not had_then else version


def _last_of_moment(reader: Reader, due_at: datetime, clock: Clock) -> int | None:
    """The last version whose moment is not after a time (`replenish.moment.moment_of`); None where there is none."""
    due = to_microseconds_naive(due_at)
    found = None
    for version, committed_at, event_at, event_committed_at in reader.query(_MOMENTS, [due]).iter_rows():
        passed = max(0, clock.shown_at(committed_at) - clock.shown_at(event_committed_at))
        if min(event_at + passed, clock.shown_at(committed_at)) <= due:
            found = version
    return found
