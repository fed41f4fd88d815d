"""As of when a lake version speaks: the day of advice that is asked for of a version, and of no day (docs/adr/0021)."""

from datetime import date, datetime, timedelta

from inventory_assets.clock import clock_of
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import LakeReader, Reader

# Before its commit: a live feed's newest event is of these days, and only their files are read.
_LOOK_BACK_DAYS = 2
_COMMITTED = "SELECT epoch_us(committed_at) AS at FROM meta.versions WHERE version = {version}"
_NEWEST = f"""
    WITH newest AS (
        SELECT epoch_us(max(event_at)) AS event_at, arg_min(version, (-epoch_us(event_at), version)) AS version
        FROM core.events WHERE kind IN {STOCK_KINDS} AND version <= {{version}} {{recent}}
    )
    SELECT event_at, (SELECT epoch_us(committed_at) FROM meta.versions v WHERE v.version = newest.version) AS commit
    FROM newest
"""
_LAST_DATE = f"SELECT max(event_date) AS day FROM core.events WHERE kind IN {STOCK_KINDS} AND version <= {{version}}"


def last_day(reader: Reader, version: int) -> date | None:
    """The day of a version's moment; None where there is none."""
    moment = moment_of(reader, version)
    return None if moment is None else moment.date()


def moment_of(reader: Reader, version: int) -> datetime | None:
    """As of when a version speaks: a naive UTC time; None where it knows no stock event.

    The time of its newest stock event plus what passed from that one's commit to
    its own, never later than its commit: as a sweep's moment (RULES 28). So
    history that was taken in at once speaks from its own end, and what a quiet
    night says after midnight is of the new day, as its report and its plan are.
    On a clock of the home's own, by that clock.
    """
    committed_at = reader.query(_COMMITTED.format(version=version))
    if not committed_at.height:
        return None
    commit = committed_at.item()
    event_at, event_commit = _newest_event(reader, version, to_datetime(commit).date())
    if event_at is None or event_commit is None:
        return None
    # Who writes has no home to ask; what it reads is a test's or its own, by the machine's clock.
    shown_at = clock_of(reader.settings).shown_at if isinstance(reader, LakeReader) else lambda machine: machine
    passed = max(0, shown_at(commit) - shown_at(event_commit))
    return to_datetime(min(event_at + passed, shown_at(commit))).replace(tzinfo=None)


def _newest_event(reader: Reader, version: int, day: date) -> tuple[int | None, int | None]:
    """The time of the newest stock event, and of the commit that brought it; nulls for none.

    All events are looked through, for their dates, only where none is of the time before the commit.
    """
    recent = f"AND event_date >= DATE '{day - timedelta(days=_LOOK_BACK_DAYS)}'"
    found = reader.query(_NEWEST.format(version=version, recent=recent)).row(0)
    if found[0] is not None:
        return found
    last = reader.query(_LAST_DATE.format(version=version)).item()
    return (
        (None, None)
        if last is None
        else reader.query(_NEWEST.format(version=version, recent=f"AND event_date = DATE '{last}'")).row(0)
    )
