"""What a rule of data quality is, and what judging one needs and gives.

Not here: the rules themselves (`rules`), or what becomes of a finding (`judge`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from inventory_assets.clock import clock_of
from inventory_assets.control.untrusted import Place
from inventory_assets.domain.quality.results import Severity
from inventory_assets.domain.values import to_datetime, to_microseconds_naive
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import Table
from inventory_assets.settings import Settings

# A metadata table in the UI and a row of the history stay readable; the count is exact.
SAMPLE_ROWS = 20
# Arrivals and days that a rule about recent data looks at.
RECENT = timedelta(days=7)
# Beyond this, "now" says nothing of a lake: it holds a history, and is judged as of its last event.
LIVE = timedelta(days=7)
# What names a row of stock.
KEY = ("warehouse_id", "sku")
REBUILD = "Run `inventory verify`; where it differs, `inventory rebuild` derives every table from raw.messages anew."


@dataclass(frozen=True, slots=True)
class Found:
    """What judging a rule gave: the exact count, some offending rows, and the places whose stock is wrong."""

    count: int
    rows: list[dict[str, Any]]
    checked: int | None = None
    places: list[Place] = field(default_factory=list)
    not_judged: str = ""


class Pass:
    """One look at the lake by several rules; what several of them need is read once.

    Args:
        reader: Where to read; in a transaction of its own, so that all rules see one version.
        settings: Of the product.
        now: Microseconds.
    """

    def __init__(self, reader: Reader, settings: Settings, now: int) -> None:
        self.reader = reader
        self.settings = settings
        self.now = now
        self.shared: dict[str, Any] = {}

    @cached_property
    def version(self) -> int:
        """The lake version that is judged."""
        return self.reader.query("SELECT coalesce(max(version), 0) AS v FROM meta.versions").item()

    @cached_property
    def as_of(self) -> int:
        """Until when the data should go, in microseconds: now, or a history's last event."""
        last = self.reader.query(f"SELECT max(event_at) AS at FROM core.events WHERE kind IN {STOCK_KINDS}").item()
        if last is None:
            return self.now
        last_at = to_microseconds_naive(last)
        return last_at if self.now - last_at > LIVE / timedelta(microseconds=1) else self.now

    @cached_property
    def recent_version(self) -> int:
        """The last version before the recent ones."""
        # Versions are committed by the machine's clock.
        bound = clock_of(self.settings).machine_at(self.now - RECENT // timedelta(microseconds=1))
        return self.reader.query(
            "SELECT coalesce(max(version), 0) AS v FROM meta.versions WHERE committed_at < ?",
            [to_datetime(bound).replace(tzinfo=None)],
        ).item()

    def sql(self, query: str) -> str:
        """Fill in a rule's moments. Literals, so that DuckLake can skip files of other versions."""
        if "{as_of}" in query:
            query = query.replace("{as_of}", f"TIMESTAMP '{to_datetime(self.as_of).replace(tzinfo=None)}'")
        if "{published_at}" in query:
            query = query.replace("{published_at}", self._published_at)
        return query.replace("{recent_version}", str(self.recent_version)) if "{recent_version}" in query else query

    @property
    def _published_at(self) -> str:
        pace = clock_of(self.settings).pace
        if pace is None:
            return "r.publish_time"
        begun = f"TIMESTAMP '{to_datetime(pace.shown).replace(tzinfo=None)}'"
        passed = f"({pace.speed} * greatest(0, epoch_us(r.publish_time) - {pace.real}))::BIGINT"
        # Before it began it stood still: what came then was loaded, and how late nobody can say.
        shown = f"least(r.publish_time, {begun} + to_microseconds({passed}))"
        return f"CASE WHEN epoch_us(r.publish_time) < {pace.real} THEN e.event_at ELSE {shown} END"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that should hold of a table.

    Attributes:
        table: What it judges.
        name: Says what holds where it passes.
        id_columns: Name a row.
        text: One plain sentence, what holds.
        query: SQL whose rows are the offending ones; `{as_of}` and `{recent_version}` are filled in, and
            `{published_at}`, when the message `r` of the event `e` was published as the home's clock showed it.
        judge: A function instead, where SQL does not do.
        severity: ERROR where a number of ours is wrong; WARN where what came in looks wrong.
        what_to_do: For whoever sees it fail; a number of ours is derived anew.
        is_of_stock: Its rows name a `warehouse_id` and maybe a `sku` whose stock, and so alerts, are wrong.
        is_invariant: The sensor's report checks it as well (RULES 35).
        is_light: Cheap enough for every hour.
        needs: A table without rows in which it is not judged, and what to say then.
    """

    table: Table
    name: str
    id_columns: Sequence[str]
    text: str
    query: str = ""
    _: KW_ONLY
    judge: Callable[[Pass], Found] | None = None
    severity: Severity = Severity.ERROR
    what_to_do: str = REBUILD
    is_of_stock: bool = False
    is_invariant: bool = False
    is_light: bool = False
    needs: tuple[str, str] | None = None


def judge_query(rule: Rule, look: Pass) -> Found:
    """Run a rule's SQL: the exact count, the first rows by id, and all places where stock is wrong."""
    if rule.needs is not None:
        table, reason = rule.needs
        if not look.reader.query(f"SELECT 1 FROM {table} LIMIT 1").height:
            return Found(0, [], not_judged=reason)
    query = look.sql(rule.query)
    order = ", ".join(rule.id_columns)
    frame = look.reader.query(
        f"SELECT *, count(*) OVER () AS found_rows FROM ({query}) ORDER BY {order} LIMIT {SAMPLE_ROWS}"
    )
    checked = look.reader.query(f"SELECT count(*) AS n FROM {rule.table.full_name}").item()
    if not frame.height:
        return Found(0, [], checked)
    count = frame["found_rows"][0]
    rows = list(frame.drop("found_rows").iter_rows(named=True))
    found = look.reader.query(f"FROM ({query})").iter_rows(named=True) if rule.is_of_stock else ()
    return Found(count, rows, checked, places_of(found))


def places_of(rows: Iterable[dict[str, Any]]) -> list[Place]:
    """The places that rows of wrong stock name."""
    return [(row["warehouse_id"], row.get("sku")) for row in rows if row["warehouse_id"] is not None]


def to_rows(found: Sequence[dict[str, Any]], checked: int | None, *, is_of_stock: bool = False) -> Found:
    """What a function found, as `judge_query` would say it; rows in their order."""
    return Found(len(found), list(found[:SAMPLE_ROWS]), checked, places_of(found) if is_of_stock else [])
