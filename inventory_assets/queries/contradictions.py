"""Find rows of a file that say otherwise what is known already under the same id and time (RULES 10, 11).

Each row of a file is an event of its own, so a corrected row is no repeat of
the first: it contradicts it. Here: which rows do. Not here: what becomes of
them (`domain.ingest.dedupe`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inventory_assets.domain.events.kinds import Event, Level, Transaction
from inventory_assets.domain.ingest.dedupe import CORRECTION
from inventory_assets.domain.values import format_time, to_datetime
from inventory_assets.lake.query.events import EVENT_COLUMNS, to_event
from inventory_assets.lake.query.reader import IDS, Reader, id_list

Identity = tuple[str, ...]

HOW_TO_CORRECT = f"Of a transaction: {CORRECTION[Transaction.kind]}. Of a level: {CORRECTION[Level.kind]}."


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row, what it says, and what the row before it or the lake has."""

    line: int
    subject: str
    said: str
    known: str
    where: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.subject} is {self.said}; {self.where} has {self.known}"


@dataclass(slots=True)
class Contradictions:
    """Goes through a file's events, some at a time, and remembers what they said."""

    _seen: dict[Identity, tuple[int, tuple]] = field(default_factory=dict)

    def find(self, events: Sequence[tuple[int, Event]], reader: Reader | None) -> list[Contradiction]:
        """The contradictions among these events, to earlier ones of the file, and to the lake where there is one."""
        known = {} if reader is None else _known(reader, [event for _, event in events])
        found = []
        for line, event in events:
            identity = _identity(event)
            if identity is None:
                continue
            stored = known.get(identity, [])
            if event.content in stored:
                continue
            if stored:
                found.append(_contradiction(line, event, stored[0], "the lake"))
                continue
            first, content = self._seen.setdefault(identity, (line, event.content))
            if content != event.content:
                found.append(_contradiction(line, event, content, f"line {first}"))
        return found


def _identity(event: Event) -> Identity | None:
    if isinstance(event, Transaction):
        return ("transaction", *event.identity[:2], event.line_id or "", event.status, str(event.event_at))
    if isinstance(event, Level):
        return ("level", event.warehouse_id, event.sku, str(event.event_at))
    return None


def _contradiction(line: int, event: Event, known: tuple, where: str) -> Contradiction:
    at = format_time(event.event_at)
    if isinstance(event, Transaction):
        subject = f"{event.status} of transaction {event.transaction_id!r} at {event.warehouse_id!r}, {at},"
    else:
        assert isinstance(event, Level)  # nothing else has an identity here
        subject = f"the level of {event.sku!r} at {event.warehouse_id!r}, {at},"
    return Contradiction(line, subject, _said(event.content), _said(known), where)


def _said(content: tuple) -> str:
    return ", ".join("none" if part is None else str(part) for part in content)


def _known(reader: Reader, events: Iterable[Event]) -> dict[Identity, list[tuple]]:
    placed = [event for event in events if isinstance(event, Transaction | Level)]
    if not placed:
        return {}
    moments = [to_datetime(event.event_at).replace(tzinfo=None) for event in placed]
    rows = reader.query(
        f"""
        SELECT {EVENT_COLUMNS} FROM core.events
        WHERE event_date BETWEEN CAST(? AS DATE) AND CAST(? AS DATE) AND NOT has_cluster_time
            AND (kind = 'transaction' AND transaction_id IN ({IDS}) OR kind = 'level' AND sku IN ({IDS}))
        ORDER BY version, seq
        """,
        [
            min(moments), max(moments), id_list(e.transaction_id for e in placed if isinstance(e, Transaction)),
            id_list(e.sku for e in placed if isinstance(e, Level)),
        ],
    )  # fmt: skip
    found: dict[Identity, list[tuple]] = {}
    for event in map(to_event, rows.iter_rows(named=True)):
        if (identity := _identity(event)) is not None:
            found.setdefault(identity, []).append(event.content)
    return found
