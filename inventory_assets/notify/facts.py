"""Make a planned notification ready to send: the alerts' bodies, states and recommendations, from the lake.

Everything is read as of the version it was planned at, so a second try says the
same as the first, and what to do about all that it tells of comes in one look-up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from inventory_assets.domain.alerts.alert import Alert
from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.notify.notifications import (
    AlertFacts,
    Ending,
    IncidentFacts,
    Outgoing,
    Step,
    describe_origin,
)
from inventory_assets.domain.notify.routing import Planned
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.notify.incidents import read_facts
from inventory_assets.replenish.advise import advise
from inventory_assets.words.plan import Line

# What a mail lists in full; the others go by id.
MAX_ALERTS = 1_000
# What a telling's own row does not say: who raised the level or lifted the hold, and in which words.
_BEHIND = {"escalated_level": ("escalated_level",), "released": ("unsilenced", "uninhibited")}

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OwedNotification:
    """A planned notification with where and when it was planned, and what was tried so far.

    `last_attempt_at` is 0 where the last try failed through the channel's
    configuration: who starts anew has perhaps another.
    """

    planned: Planned
    planned_version: int
    planned_at: int
    attempts: int = 0
    last_attempt_at: float = 0.0
    # Seconds; since when its tries count again, where somebody asked for that.
    armed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Found:
    body: dict[str, Any]
    is_firing: bool
    alert: Alert
    telling: Step | None = None
    ending: Ending | None = None


def to_outgoings(reader: Reader, batch: Sequence[OwedNotification], how: PlanSettings) -> list[Outgoing]:
    """Read everything that notifications planned at one version tell: a look-up costs the same for one and for many."""
    version = batch[0].planned_version
    assert all(owed.planned_version == version for owed in batch)
    wanted = {alert_id for owed in batch for alert_id, _ in owed.planned.members[:MAX_ALERTS]}
    rows = reader.query(
        f"""
        SELECT alert_id, body, state, record FROM out.alerts_changes
        WHERE alert_id IN ({IDS}) AND version <= {version}
        {latest("alert_id")}
        """,
        [id_list(wanted)],
    )
    decode = msgspec.json.Decoder(Alert).decode
    found = {
        alert_id: _Found(msgspec.json.decode(body), state == "firing", decode(record))
        for alert_id, body, state, record in rows.iter_rows()
    }
    told = {
        found[alert_id].alert.sku
        for owed in batch
        if owed.planned.kind != "resolved"
        for alert_id, _ in owed.planned.members[:MAX_ALERTS]
        if alert_id in found
    }
    lines = advise(reader, told, how, version=version)
    incidents = read_facts(reader, [id_ for id_ in wanted if is_incident_id(id_)], version)
    return [_to_outgoing(owed, _with_steps(reader, owed, found, version), lines, incidents) for owed in batch]


def _with_steps(reader: Reader, owed: OwedNotification, found: dict[str, _Found], version: int) -> dict[str, _Found]:
    """Add why alerts are told again or how they ended; a first telling, as most are, costs no look-up."""
    members = [(id_, number) for id_, number in owed.planned.members[:MAX_ALERTS] if id_ in found]
    wanted = {id_ for id_, number in members if number > 1 or not found[id_].is_firing}
    if not wanted:
        return found
    steps = read_steps(reader, wanted, version)
    over = [found[id_].alert for id_ in wanted if not found[id_].is_firing]
    stock = read_stock(reader, over, version) if over else {}
    told = dict(found)
    for id_, number in members:
        if id_ in wanted:
            own, key = steps.get(id_, []), found[id_].alert.key
            ending = None if found[id_].is_firing else ending_of(own, stock.get(key))
            told[id_] = replace(found[id_], telling=telling_of(own, number) if number > 1 else None, ending=ending)
    return told


def _to_outgoing(
    owed: OwedNotification, found: dict[str, _Found], lines: dict[Key, Line], incidents: dict[str, IncidentFacts]
) -> Outgoing:
    planned = owed.planned
    facts = tuple(
        AlertFacts(
            alert_id, number, found[alert_id].is_firing, found[alert_id].body,
            describe_origin(found[alert_id].body["lineage"]["rule"]),
            None if planned.kind == "resolved" else lines.get(found[alert_id].alert.key),
            found[alert_id].telling, found[alert_id].ending,
        )
        for alert_id, number in planned.members[:MAX_ALERTS]
        if alert_id in found
    )  # fmt: skip
    return Outgoing(
        planned.notification_id, planned.kind, planned.severity, planned.reason, planned.recipients,
        tuple(dict.fromkeys(alert_id for alert_id, _ in planned.members)), facts, owed.planned_at,
        planned.covers[0] if planned.kind == "resolved" else None,
        tuple(
            msgspec.structs.replace(incidents[id_], number=number)
            for id_, number in planned.members[:MAX_ALERTS]
            if id_ in incidents
        ),
    )  # fmt: skip


# ---- why again, and how it ended


def read_steps(reader: Reader, alert_ids: Iterable[str], version: int) -> dict[str, Rows]:
    """The steps of alerts up to a version, by alert id, in order."""
    rows = reader.query(
        "SELECT alert_id, transition, reason, actor, event_id, event_at FROM out.alert_transitions "
        f"WHERE alert_id IN ({IDS}) AND version <= {version} ORDER BY version, seq",
        [id_list(alert_ids)],
    )
    found: dict[str, Rows] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["alert_id"], []).append(row)
    return found


def telling_of(steps: Rows, number: int) -> Step | None:
    """Why an alert was told the `number`-th time; null where the lake does not say."""
    places = [place for place, row in enumerate(steps) if row["transition"] == "notified"]
    if len(places) < number:
        return None
    told = steps[places[number - 1]]
    wanted = _BEHIND.get(told["reason"], ())
    behind = next((row for row in reversed(steps[: places[number - 1]]) if row["transition"] in wanted), None)
    if behind is None:
        return Step(told["reason"], to_microseconds_naive(told["event_at"]), told["actor"])
    return Step(told["reason"], to_microseconds_naive(told["event_at"]), behind["actor"], behind["reason"])


def ending_of(steps: Rows, stock: tuple[int, int, int] | None) -> Ending | None:
    """How an alert ended, and the stock since; null where it has not."""
    last = next((row for row in reversed(steps) if row["transition"] == "resolved"), None)
    if last is None:
        return None
    # A person's words are a note beside the reason, which is a word that queries count.
    notes = [row["reason"] for row in steps if row["transition"] == "note" and row["event_id"] == last["event_id"]]
    words = notes[-1] if notes and last["event_id"] is not None and last["actor"] is not None else ""
    on_hand, reserved, inbound = stock if stock is not None else (None, None, None)
    at = to_microseconds_naive(last["event_at"])
    return Ending(last["reason"], at, last["actor"], words, on_hand, reserved, inbound)


def read_stock(reader: Reader, alerts: Iterable[Alert], version: int) -> dict[Key, tuple[int, int, int]]:
    """On hand, reserved and inbound of alerts' keys as of a version."""
    rows = reader.query(
        "SELECT warehouse_id, sku, on_hand, reserved, inbound FROM core.sku_state_changes "
        f"WHERE sku IN ({IDS}) AND version <= {version} "
        f"{latest('warehouse_id', 'sku')}",
        [id_list({alert.sku for alert in alerts})],
    )
    return {(warehouse_id, sku): tuple(stock) for warehouse_id, sku, *stock in rows.iter_rows()}  # type: ignore[misc]
