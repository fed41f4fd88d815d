"""What is owed: each message that a commit owes, and what earlier processes committed and did not record as sent.

What is owed is in the lake (a notified alert, a dead letter, an incident, a debt noted
with a plan or an order), what left is in `out.deliveries`; the difference is read here.
Not here: sending it (`outbox`), and a day's figures, which leave slowly (`metrics`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Command, Condition
from inventory_assets.domain.events.refusals import class_of
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox import reorders
from inventory_assets.domain.outbox.alerts import (
    ALERT_SCHEMA,
    LOW_STOCK_SCHEMA,
    SECOND_TOPICS,
    SERVICE_SCHEMA,
    alert_attributes,
    low_stock_alert,
    reorder_trigger,
    second_topic,
    severity_of,
)
from inventory_assets.domain.outbox.envelope import attributes_of, lane_of
from inventory_assets.domain.outbox.size import fit
from inventory_assets.ingest.burst_rows import OWED, PAST, letter_id
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import PLANS
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.messaging.topology import topic_spec

# Pub/Sub takes 1,024 bytes an attribute, and refuses the whole request for one that has more.
MAX_DETAIL_BYTES = 1000
# Sent, or history.
SETTLED = f"status IN ('sent', '{PAST}')"


@dataclass(frozen=True, slots=True)
class Owed:
    """One message owed: what it is about, the how many-th of that, and what to send."""

    subject_id: str
    notification: int
    message: OutgoingMessage


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert to be sent: its message, and the how many-th time it is."""

    alert_id: str
    number: int
    body: bytes
    alert_type: str
    warehouse_id: str
    sku: str


def owed_alert(told: Notification) -> list[Owed]:
    """The messages that an alert's notification owes: on alerts-topic, and for who subscribes to events."""
    return [owed_on_alerts(told), owed_second(told)]


def owed_on_alerts(told: Notification) -> Owed:
    """The message on alerts-topic."""
    message = _message(Topic.ALERTS, told.body, _of_alert(told, ALERT_SCHEMA), f"{told.warehouse_id}:{told.sku}")
    return Owed(told.alert_id, told.number, message)


def owed_second(told: Notification) -> Owed:
    """The message on low-stock-alerts, or of a reorder point on reorder-events."""
    topic, wire = second_topic(told.alert_type), msgspec.json.decode(told.body)
    if topic is Topic.REORDERS:
        event = reorder_trigger(wire, told.number)
        return _owed_event(told.alert_id, told.number, topic, event, severity_of(told.alert_type))
    body = msgspec.json.encode(low_stock_alert(wire, told.number))
    message = _message(topic, body, _of_alert(told, LOW_STOCK_SCHEMA), lane_of(told.sku))
    return Owed(told.alert_id, told.number, message)


def _of_alert(told: Notification, schema: str) -> dict[str, str]:
    return alert_attributes(
        schema, alert_id=told.alert_id, number=told.number, alert_type=told.alert_type, warehouse_id=told.warehouse_id
    )


def _owed_event(subject_id: str, number: int, topic: Topic, event: dict[str, Any], severity: str) -> Owed:
    return Owed(subject_id, number, event_message(topic, event, severity))


def event_message(topic: Topic, event: dict[str, Any], severity: str) -> OutgoingMessage:
    """A service event as a message."""
    attributes = attributes_of(
        schema=SERVICE_SCHEMA, kind=event["eventType"], severity=severity, warehouse_id=event["warehouseId"],
        event_id=event["eventId"],
    )  # fmt: skip
    return _message(topic, msgspec.json.encode(event), attributes, lane_of(event["sku"]))


def _message(topic: Topic, body: bytes, attributes: dict[str, str], ordering_key: str = "") -> OutgoingMessage:
    """A message of a JSON object, shortened where its topic takes less."""
    most = topic_spec(topic).max_message_bytes
    if len(body) > most:
        body, attributes = fit(msgspec.json.decode(body), most), attributes | {"truncated": "true"}
    return OutgoingMessage(topic, body, attributes, ordering_key)


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
    most = topic_spec(Topic.DEAD_LETTERS).max_message_bytes
    if data_bytes is not None:
        attributes |= {"truncated": "true", "truncated_from_bytes": str(data_bytes)}
    elif len(data) > most:
        # Whole it would be refused for ever, and the batch with it; the lake has all of it.
        attributes |= {"truncated": "true", "truncated_from_bytes": str(len(data))}
        data = data[:most]
    return Owed(letter_id(topic, message_id), 0, OutgoingMessage(Topic.DEAD_LETTERS, data, attributes))


def _shown(text: str) -> str:
    return text.encode()[:MAX_DETAIL_BYTES].decode(errors="ignore")


def owed_incident(incident_id: str, number: int, body: dict[str, object]) -> Owed:
    """The message that tells of an incident's opening, or of its end."""
    data = msgspec.json.encode({"type": "incident", "incident_id": incident_id, **body})
    attributes = {"type": "incident", "incident_id": incident_id, "notification": str(number)}
    return Owed(incident_id, number, _message(Topic.STATUS, data, attributes))


def status_message(kind: str, **fields: object) -> OutgoingMessage:
    """A message for the status topic."""
    return _message(Topic.STATUS, msgspec.json.encode({"type": kind, **fields}), {"type": kind})


_OTHERS = ", ".join(f"'{topic}'" for topic in SECOND_TOPICS)
_OTHER = " ".join(f"WHEN '{each}' THEN '{second_topic(each)}'" for each in Condition)
# A second message is owed where one was ever owed so: what a release before sent once, it sent.
_ALERTS = f"""
    WITH sent AS (
        SELECT subject_id, channel, max(notification) AS number, arg_max(version, notification) AS sent_in
        FROM out.deliveries WHERE {SETTLED} AND channel IN ($1, {_OTHERS}) GROUP BY ALL
    ),
    since AS (
        SELECT min(version) AS version FROM out.deliveries
        WHERE channel IN ({_OTHERS}) AND starts_with(subject_id, 'alt-')
    ),
    alerts AS (
        SELECT alert_id, notification_count AS number, body, alert_type, warehouse_id, sku, opened_at,
            CASE alert_type {_OTHER} END AS other_channel
        FROM out.alerts WHERE notification_count > 0
    )
    SELECT * EXCLUDE (opened_at) FROM (
        SELECT a.alert_id, a.number, a.body, a.alert_type, a.warehouse_id, a.sku, a.opened_at,
            a.number > coalesce(f.number, 0) AS owes_first,
            a.number > coalesce(s.number, 0)
                AND NOT (coalesce(f.number, 0) >= a.number AND coalesce(f.sent_in < since.version, true)) AS owes_second
        FROM alerts a CROSS JOIN since
        LEFT JOIN sent f ON f.subject_id = a.alert_id AND f.channel = $1
        LEFT JOIN sent s ON s.subject_id = a.alert_id AND s.channel = a.other_channel
    ) WHERE owes_first OR owes_second ORDER BY opened_at, alert_id
"""


def load_alerts(reader: Reader) -> list[Owed]:
    """What is owed of alerts."""
    owed = []
    rows = reader.query(_ALERTS, [Topic.ALERTS])
    for alert_id, number, body, alert_type, warehouse_id, sku, owes_first, owes_second in rows.iter_rows():
        told = Notification(alert_id, number, body.encode(), alert_type, warehouse_id, sku)
        owed += [owed_on_alerts(told)] if owes_first else []
        owed += [owed_second(told)] if owes_second else []
    return owed


def load_letters(reader: Reader) -> list[Owed]:
    """What is owed of dead letters."""
    letters = reader.query(
        f"""
        SELECT message_id, topic, reason, detail, data, data_bytes, position, trace FROM core.dead_letters
        WHERE topic || '/' || message_id NOT IN (
            SELECT subject_id FROM out.deliveries WHERE channel = ? AND {SETTLED}
        )
        ORDER BY version, seq
        """,
        [Topic.DEAD_LETTERS],
    )
    return [owed_dead_letter(*row) for row in letters.iter_rows()]


def load_incidents(reader: Reader) -> list[tuple[int, Owed]]:
    """What is owed of incidents, each with the version that owes it."""
    rows = reader.query(
        f"""
        SELECT i.version, i.incident_id, i.notification_count, i.kind, i.subject, i.state, i.priority, i.title,
            i.warehouse_id, i.sku, i.opened_at, i.resolved_at, i.members, i.arithmetic
        FROM out.incidents i LEFT JOIN (
            SELECT subject_id, max(notification) AS number FROM out.deliveries
            WHERE {SETTLED} AND channel = ? GROUP BY subject_id
        ) d ON d.subject_id = i.incident_id
        WHERE i.notification_count > coalesce(d.number, 0) ORDER BY i.opened_at, i.incident_id
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


# Noted with the version that owes it, so that no earlier release's past is sent.
_DEBTS = f"""
    SELECT subject_id, min(version) AS version FROM out.deliveries
    WHERE channel = ? AND status = '{OWED}' AND subject_id NOT IN (
        SELECT subject_id FROM out.deliveries WHERE channel = ? AND {SETTLED}
    )
    GROUP BY subject_id ORDER BY version, subject_id
"""
_PLAN_COLUMNS = (
    "line_id, version, warehouse_id, sku, plan_date, reason, order_quantity, order_by, runs_out_on, supplier_id, "
    "lead_time_days, available, inbound, as_of_version, is_order_urgent"
)
_LINES = f"SELECT {_PLAN_COLUMNS} FROM {PLANS.changes} WHERE line_id IN ({IDS}) ORDER BY version, warehouse_id, sku"
_ORDERS = f"SELECT version, details FROM core.events WHERE kind = 'control' AND event_id IN ({IDS}) ORDER BY version"


def load_reorders(reader: Reader) -> list[tuple[int, Owed]]:
    """What is owed of plans and of decisions on their lines, each with the version that owes it.

    Made of what the lake had then, also where the plan has moved on since: a repeat is byte for byte the same.
    """
    debts = {row[0]: row[1] for row in reader.query(_DEBTS, [Topic.REORDERS, Topic.REORDERS]).iter_rows()}
    if not debts:
        return []
    prefix = reorders.ORDER_PREFIX
    commands = _read_commands(reader, [each.removeprefix(prefix) for each in debts if each.startswith(prefix)])
    named = [each for each in debts if not each.startswith(prefix)] + [c.plan_line_id or "" for c in commands]
    lines: dict[str, list[dict[str, Any]]] = {}
    for row in reader.query(_LINES, [id_list(named)]).iter_rows(named=True):
        lines.setdefault(row["line_id"], []).append(row)
    owed = []
    for subject_id, version in debts.items():
        for line in lines.get(subject_id, ()):
            if line["version"] == version and reorders.is_recommended(line):
                owed.append((version, _owed_line(subject_id, line)))
    for command in commands:
        subject_id = reorders.order_subject(command.event_id)
        decided = _line_of(command, lines.get(command.plan_line_id or "", ()), debts[subject_id])
        if decided is not None:
            event, severity = reorders.decision(command, decided), reorders.severity_of_line(decided)
            owed.append((debts[subject_id], _owed_event(subject_id, 1, Topic.REORDERS, event, severity)))
    return sorted(owed, key=lambda each: each[0])


def _read_commands(reader: Reader, event_ids: Sequence[str]) -> list[Command]:
    if not event_ids:
        return []
    rows = reader.query(_ORDERS, [id_list(event_ids)])
    return [msgspec.json.decode(details, type=Command) for _, details in rows.iter_rows()]


def _line_of(command: Command, lines: Iterable[dict[str, Any]], version: int) -> dict[str, Any] | None:
    """The line that a command was on: the newest of its id before it."""
    known = [
        line
        for line in lines
        if line["version"] < version
        and command.warehouse_id in (None, line["warehouse_id"])
        and command.sku in (None, line["sku"])
    ]
    return known[-1] if known else None


def _owed_line(subject_id: str, line: dict[str, Any]) -> Owed:
    event = reorders.recommendation(line)
    return _owed_event(subject_id, 1, Topic.REORDERS, event, reorders.severity_of_line(line))


def load_owed(reader: Reader) -> list[Owed]:
    """What earlier processes committed and did not record as sent, but for figures (`metrics`)."""
    return (
        load_alerts(reader)
        + load_letters(reader)
        + [owed for _, owed in load_incidents(reader)]
        + [owed for _, owed in load_reorders(reader)]
    )
