"""A day's figures of every key on their way out: slowly, and from where they stood after a crash.

What `refresh_coverage` found new is owed as a whole, by one row of `out.deliveries`
with how many messages that makes. What left is a count: the keys have an order, so
a row says up to which. Not here: sending (`outbox`), the figures (`refresh`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.metrics import METRICS_PREFIX, METRICS_SEVERITY, metrics
from inventory_assets.ingest.burst_rows import OWED
from inventory_assets.ingest.outgoing.owed import event_message
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import current_rows_query
from inventory_assets.lake.tables import COVERAGE, VELOCITY
from inventory_assets.messaging.messages import OutgoingMessage

# A topic that fails is asked again after this.
PAUSE_SECONDS = 30.0

_MAKINGS = f"""
    SELECT subject_id, min(version) FILTER (status = '{OWED}') AS version,
        max(notification) FILTER (status = '{OWED}') AS count,
        coalesce(max(notification) FILTER (status = 'sent'), 0) AS sent
    FROM out.deliveries WHERE channel = ? AND starts_with(subject_id, '{METRICS_PREFIX}')
    GROUP BY subject_id HAVING bool_or(status = '{OWED}') ORDER BY subject_id
"""


@dataclass(slots=True)
class Making:
    """The figures of one day: a row a key, in an order that stays, and how many of them have left."""

    subject_id: str
    rows: pl.DataFrame
    sent: int

    @property
    def left(self) -> int:
        """How many are still to leave."""
        return self.rows.height - self.sent

    def messages(self, count: int) -> list[OutgoingMessage]:
        """The next messages."""
        day = datetime.strptime(self.subject_id.removeprefix(METRICS_PREFIX), "%Y%m%d").date()
        rows = self.rows.slice(self.sent, count).iter_rows(named=True)
        return [event_message(Topic.ANALYTICS, metrics(day, row), METRICS_SEVERITY) for row in rows]


def newest_making(reader: Reader) -> tuple[str, int]:
    """The newest day's subject whose figures were owed, and the version that owes them; ("", 0) for none."""
    found = reader.query(_MAKINGS, [Topic.ANALYTICS])
    return ("", 0) if not found.height else (found["subject_id"][-1], found["version"][-1])


def load_making(reader: Reader) -> Making | None:
    """The oldest day's figures of which some have not left; None where all have."""
    after = 0
    for subject_id, version, count, sent in reader.query(_MAKINGS, [Topic.ANALYTICS]).iter_rows():
        if sent < count:
            making = Making(subject_id, _read_rows(reader, after, version).head(count), sent)
            if making.left > 0:
                return making
        after = version
    return None


def _read_rows(reader: Reader, after: int, version: int) -> pl.DataFrame:
    """What is new since the making before, as of the version that owes it."""
    velocity = current_rows_query(reader, VELOCITY, version)
    return reader.query(
        f"""
        SELECT c.warehouse_id, c.sku, v.daily_units AS velocity, c.daily_units, c.cover_days, c.cover_days_low,
            c.cover_days_high, c.available, c.in_stock_days, c.stockout_days
        FROM (
            SELECT * FROM {COVERAGE.changes} WHERE version > {after} AND version <= {version} {latest(*COVERAGE.key)}
        ) c LEFT JOIN ({velocity}) v USING (warehouse_id, sku)
        ORDER BY c.warehouse_id, c.sku
        """
    )


class Pace:
    """At most so many messages in any second, and none for a while after a failure."""

    def __init__(self, per_second: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start with a second's room.

        Args:
            per_second: 0 is no limit.
            monotonic: Seconds.
        """
        self.per_second = per_second
        self._monotonic = monotonic
        self._next_at = 0.0

    @property
    def room(self) -> int:
        """How many may leave now."""
        if self._monotonic() < self._next_at:
            return 0
        return self.per_second or 1_000

    def took(self, *, has_failed: bool = False) -> None:
        """Note that some have left just now, or could not."""
        pause = PAUSE_SECONDS if has_failed else 1.0 if self.per_second else 0.0
        self._next_at = self._monotonic() + pause
