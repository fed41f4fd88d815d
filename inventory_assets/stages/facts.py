"""Make a planned notification ready to send: the alerts' bodies, states and recommendations, from the lake.

Everything is read as of the version it was planned at or of the alert's own, so
a second try says the same as the first.
"""

from dataclasses import dataclass

import msgspec

from inventory_assets.domain.alerts import Alert
from inventory_assets.domain.notifications import AlertFacts, Outgoing, describe_origin
from inventory_assets.domain.routing import Planned
from inventory_assets.stages.recommendation import recommend_for
from inventory_assets.stages.warm import Reader

# What a mail lists in full; the others go by id.
MAX_ALERTS = 1_000
# A digest gathers alerts of many versions, and each costs a look-up.
MAX_VERSIONS = 8


@dataclass(frozen=True, slots=True)
class Owed:
    """A planned notification with where and when it was planned, and what was tried so far."""

    planned: Planned
    planned_version: int
    planned_at: int
    attempts: int = 0
    last_attempt_at: float = 0.0


def to_outgoing(reader: Reader, owed: Owed) -> Outgoing:
    """Read everything a notification tells."""
    planned = owed.planned
    members = planned.members[:MAX_ALERTS]
    rows = reader.query(
        f"""
        SELECT alert_id, body, state, record FROM out.alerts_changes
        WHERE alert_id IN (SELECT unnest(?)) AND version <= {owed.planned_version}
        QUALIFY row_number() OVER (PARTITION BY alert_id ORDER BY version DESC) = 1
        """,
        [sorted({alert_id for alert_id, _ in members})],
    )
    found = {alert_id: (msgspec.json.decode(body), state, record) for alert_id, body, state, record in rows.iter_rows()}
    decode = msgspec.json.Decoder(Alert).decode
    alerts = {alert_id: decode(record) for alert_id, (_, _, record) in found.items()}
    versions = list(dict.fromkeys(alerts[alert_id].state_version for alert_id, _ in members if alert_id in alerts))
    chosen = set(versions[:MAX_VERSIONS])
    advice = (
        {}
        if planned.kind == "resolved"
        else recommend_for(reader, [alert for alert in alerts.values() if alert.state_version in chosen])
    )
    facts = tuple(
        AlertFacts(
            alert_id, number, found[alert_id][1] == "firing", found[alert_id][0],
            describe_origin(found[alert_id][0]["lineage"]["rule"]), advice.get(alert_id),
        )
        for alert_id, number in members
        if alert_id in found
    )  # fmt: skip
    return Outgoing(
        planned.notification_id, planned.kind, planned.severity, planned.reason, planned.recipients,
        tuple(dict.fromkeys(alert_id for alert_id, _ in planned.members)), facts, owed.planned_at,
        planned.covers[0] if planned.kind == "resolved" else None,
    )  # fmt: skip
