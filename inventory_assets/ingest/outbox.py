"""Tell the world what commits owe it: alerts and dead letters, at least once each.

What is owed is in the lake (a notified alert, a dead letter), what was told is
in `out.deliveries`; the difference is the outbox. A crash between telling and
recording tells again, with the same id. What was committed as the past (`Engine.past`)
is not owed: it stands there as such.
"""

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from inventory_assets.clock import machine_now
from inventory_assets.domain.events.refusals import class_of
from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest.burst_rows import PAST, letter_id
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.messaging.client import OutgoingMessage, Publisher, PublishError

logger = logging.getLogger(__name__)

MAX_DETAIL = 500
# Pub/Sub takes 1,024 bytes an attribute, and refuses the whole request for one that has more.
MAX_DETAIL_BYTES = 1000
# Told, or history.
_SETTLED = f"status IN ('sent', '{PAST}')"
# What the service takes in a request, less room for attributes.
MAX_DATA_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Owed:
    """One message owed: which alert telling or dead letter it is, and what to send."""

    subject_id: str
    notification: int
    message: OutgoingMessage


def owed_alert(alert_id: str, number: int, body: bytes, ordering_key: str) -> Owed:
    """The message that tells of an alert for the `number`-th time."""
    attributes = {"alert_id": alert_id, "notification": str(number)}
    return Owed(alert_id, number, OutgoingMessage(Topic.ALERTS, body, attributes, ordering_key))


def owed_dead_letter(
    message_id: str, topic: str, reason: str, detail: str, data: bytes, data_bytes: int | None = None,
    position: str | None = None, trace: str | None = None,
) -> Owed:  # fmt: skip
    """The message that hands a dead letter on, its payload unchanged; `data_bytes` where that is only a beginning."""
    attributes = {
        "message_id": message_id, "topic": topic, "reason": reason, "error_class": str(class_of(reason)),
        "detail": _shown(detail),
    }  # fmt: skip
    if position is not None:
        attributes["position"] = _shown(position)
    if trace is not None:
        # Its end says what broke; the lake has all of it.
        attributes["trace"] = trace.encode()[-MAX_DETAIL_BYTES:].decode(errors="ignore")
    if data_bytes is not None:
        attributes["truncated_from_bytes"] = str(data_bytes)
    elif len(data) > MAX_DATA_BYTES:
        # Whole it would be refused for ever, and the batch with it; the lake has all of it.
        attributes["truncated_from_bytes"] = str(len(data))
        data = data[:MAX_DATA_BYTES]
    return Owed(letter_id(topic, message_id), 0, OutgoingMessage(Topic.DEAD_LETTERS, data, attributes))


def _shown(text: str) -> str:
    return text.encode()[:MAX_DETAIL_BYTES].decode(errors="ignore")


def owed_incident(incident_id: str, number: int, body: dict[str, object]) -> Owed:
    """The message that tells of an incident's opening, or of its end."""
    data = msgspec.json.encode({"type": "incident", "incident_id": incident_id, **body})
    attributes = {"type": "incident", "incident_id": incident_id, "notification": str(number)}
    return Owed(incident_id, number, OutgoingMessage(Topic.STATUS, data, attributes))


def load_incidents(reader: Reader) -> list[tuple[int, Owed]]:
    """What is owed of incidents, each with the version that owes it."""
    rows = reader.query(
        f"""
        SELECT i.version, i.incident_id, i.notification_count, i.kind, i.subject, i.state, i.priority, i.title,
            i.warehouse_id, i.sku, i.opened_at, i.resolved_at, i.members, i.arithmetic
        FROM out.incidents i LEFT JOIN (
            SELECT subject_id, max(notification) AS told FROM out.deliveries
            WHERE {_SETTLED} AND channel = ? GROUP BY subject_id
        ) d ON d.subject_id = i.incident_id
        WHERE i.notification_count > coalesce(d.told, 0) ORDER BY i.opened_at, i.incident_id
        """,
        [Topic.STATUS],
    )
    owed = []
    for row in rows.iter_rows(named=True):
        version, incident_id, number = row.pop("version"), row.pop("incident_id"), row.pop("notification_count")
        for name in ("members", "arithmetic"):
            row[name] = msgspec.Raw(row[name].encode())
        for name in ("opened_at", "resolved_at"):
            row[name] = None if row[name] is None else row[name].isoformat(timespec="milliseconds") + "Z"
        owed.append((version, owed_incident(incident_id, number, row)))
    return owed


def load_owed(reader: Reader) -> list[Owed]:
    """What earlier processes committed and did not record as told."""
    alerts = reader.query(
        f"""
        SELECT a.alert_id, a.notification_count, a.body, a.warehouse_id || ':' || a.sku AS ordering_key
        FROM out.alerts a LEFT JOIN (
            SELECT subject_id, max(notification) AS told FROM out.deliveries
            WHERE {_SETTLED} AND channel = ? GROUP BY subject_id
        ) d ON d.subject_id = a.alert_id
        WHERE a.notification_count > coalesce(d.told, 0) ORDER BY a.opened_at
        """,
        [Topic.ALERTS],
    )
    letters = reader.query(
        f"""
        SELECT message_id, topic, reason, detail, data, data_bytes, position, trace FROM core.dead_letters
        WHERE topic || '/' || message_id NOT IN (
            SELECT subject_id FROM out.deliveries WHERE channel = ? AND {_SETTLED}
        )
        ORDER BY version, seq
        """,
        [Topic.DEAD_LETTERS],
    )
    return (
        [owed_alert(a, n, body.encode(), key) for a, n, body, key in alerts.iter_rows()]
        + [owed_dead_letter(*row) for row in letters.iter_rows()]
        + [owed for _, owed in load_incidents(reader)]
    )


class Outbox:
    """What one process owes and has not yet told or recorded."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._owed: deque[Owed] = deque()
        self._attempts: list[tuple[Owed, str, str | None, str | None, datetime]] = []

    def add(self, owed: Iterable[Owed]) -> None:
        """Owe more."""
        self._owed.extend(owed)

    def reload(self, owed: Iterable[Owed]) -> None:
        """Owe what the lake says and nothing else, but for what was told and waits to be written."""
        told = {(a[0].subject_id, a[0].notification) for a in self._attempts if a[1] == "sent"}
        self._owed = deque(each for each in owed if (each.subject_id, each.notification) not in told)

    @property
    def owed_count(self) -> int:
        """How many messages are still to be told."""
        return len(self._owed)

    @property
    def unrecorded_count(self) -> int:
        """How many attempts wait to be written."""
        return len(self._attempts)

    def send(self) -> int:
        """Publish everything owed; how many went out. What fails stays owed.

        A broker that is away is no error here: the next call tries again.
        """
        if not self._owed:
            return 0
        batch = list(self._owed)
        self._owed.clear()
        now = machine_now()
        try:
            ids: list[str | None] = list(self._publisher.publish([owed.message for owed in batch]))
            error = None
        except PublishError as failure:
            ids = [message_id or None for message_id in failure.message_ids]
            error = str(failure)[:MAX_DETAIL]
            logger.warning("%d of %d messages not published: %s", ids.count(None), len(batch), error)
        for owed, message_id in zip(batch, ids, strict=True):
            if message_id is None:
                self._owed.append(owed)
            self._attempts.append((owed, "sent" if message_id else "failed", message_id, error, now))
        return len(batch) - ids.count(None)

    def record(self, transaction: LakeTransaction) -> int:
        """Write the attempts so far into a transaction; call `recorded` after its commit."""
        attempts = self._attempts
        if attempts:
            transaction.append(
                DELIVERIES,
                DELIVERIES.frame(
                    [a[0] for a in attempts],
                    channel=[a[0].message.topic for a in attempts],
                    status=[a[1] for a in attempts],
                    message_id=[a[2] for a in attempts],
                    error=[None if a[1] == "sent" else a[3] for a in attempts],
                    attempted_at=[a[4].replace(tzinfo=None) for a in attempts],
                ),
            )
        return len(attempts)

    def recorded(self, count: int) -> None:
        """Forget the first `count` attempts: they are in the lake."""
        del self._attempts[:count]


def status_message(kind: str, **fields: object) -> OutgoingMessage:
    """A message for the status topic."""
    return OutgoingMessage(Topic.STATUS, msgspec.json.encode({"type": kind, **fields}), {"type": kind})
