"""Plan what the policy's channels owe, and write it down before anything is sent.

Reads new tellings and resolutions of alerts and incidents from the lake, calls `domain.notify.routing`, and
appends `out.notifications`. The greatest `planned_version` there is how far
planning has come; the journal's head has it as a mark, which whoever adds to it checks, so two
planners never plan one alert twice. A channel that owes nothing yet starts
with the alerts that fire when it is first seen.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.notify.policy import Policy, Subject
from inventory_assets.domain.notify.routing import UNSENT_KINDS, ChannelState, Planned, plan_channel, resolved, route
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.lake.query.clauses import latest, listed
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import NOTIFICATIONS
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.notify.contacts import RuleContacts
from inventory_assets.notify.incidents import (
    ended_incidents,
    is_news,
    new_incidents,
    open_incidents,
    spellings,
    subjects_of,
)

PLANNED = "planned_version"
"""The mark of the journal's head that says how far planning has come."""

NOT_SENT = f"kind IN {listed(UNSENT_KINDS)}"
ALERT_COLUMNS = "alert_id, sku, body, state, notification_count"
# Alerts whose last telling is not history.
IS_NEWS = is_news("alert_id", "notification_count")
# Held rows that nothing has settled, and what a resolution may have to end.
UNSETTLED = f"""
SELECT * FROM out.notifications n WHERE kind = 'held' AND NOT EXISTS (
    SELECT 1 FROM (
        SELECT unnest(from_json(covers, '["VARCHAR"]')) AS id FROM out.notifications
        WHERE kind <> 'resolved' AND covers <> '[]'
    ) c WHERE c.id = n.notification_id
) OR NOT {NOT_SENT}
    AND planned_at > (SELECT max(planned_at) - INTERVAL 30 DAY FROM out.notifications)
ORDER BY version, seq
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one step of planning adds: rows, and the version it has looked at."""

    rows: list[Planned]
    planned_version: int
    planned_at: int
    follows: int


@dataclass(slots=True)
class _Open:
    """A sent notification whose end its channel wants to hear of, and the alerts that still fire."""

    row: Planned
    firing: set[str] = field(default_factory=set)


class Planner:
    """Plans for the channels of one policy. Used by one thread at a time."""

    def __init__(self, reader: Reader, policy: Policy) -> None:
        self._reader = reader
        self._policy = policy
        self._contacts = RuleContacts(reader)
        self._is_loaded = False
        self._cursor = self._persisted = 0
        self._known: set[str] = set()
        self._held: dict[str, Planned] = {}
        self._open: dict[str, dict[str, _Open]] = {}

    def forget(self) -> None:
        """Read the lake anew: another planner was here."""
        self._is_loaded = False

    def plan(self, used: Mapping[str, int], *, now: int) -> Plan | None:
        """Plan what has become due; None where nothing has.

        Args:
            used: By channel, what counts towards its limit already.
            now: Microseconds.
        """
        if not self._is_loaded:
            self._load()
        version = self._latest()
        fresh, ended = self._news(version)
        rows: list[Planned] = []
        routed = route(self._policy, fresh, self._known)
        if new := set(self._policy.channels) - self._known:
            routed |= route(self._policy, self._firing(), new)
        held = self._held_subjects(used, now)
        for name, channel in sorted(self._policy.channels.items()):
            waiting = [row for row in self._held.values() if row.channel == name]
            if routed[name] or waiting:
                state = ChannelState(waiting, used.get(name, 0), held)
                rows += plan_channel(channel, self._policy, routed[name], state, now=now)
        states = {subject.alert_id: subject for subject in (*fresh, *held.values())}
        states |= {each.subject.alert_id: each.subject for tellings in routed.values() for each in tellings}
        rows += self._ended(rows, states, ended)
        if not rows:
            self._cursor = version
            self._known = set(self._policy.channels)
            return None
        return Plan(rows, version, now, self._persisted)

    def written(self, plan: Plan) -> None:
        """Go on from a plan that is in the lake."""
        self._cursor = self._persisted = plan.planned_version
        self._known = set(self._policy.channels)
        for row in plan.rows:
            self._take(row)

    # ---- reading

    def _load(self) -> None:
        self._held, self._open = {}, {}
        self._persisted = self._reader.query(
            "SELECT coalesce(max(planned_version), 0) AS v FROM out.notifications"
        ).item()
        self._known = set(self._reader.query("SELECT DISTINCT channel FROM out.notifications")["channel"])
        self._known &= set(self._policy.channels)
        # Nothing owed yet: history is not news, so planning starts with what fires now.
        self._cursor = self._persisted or self._latest()
        for row in self._reader.query(UNSETTLED).iter_rows(named=True):
            self._take(to_planned(row))
        self._forget_ended()
        self._is_loaded = True

    def _forget_ended(self) -> None:
        """Of open notifications, drop the alerts that had ended by the cursor; later ends come as news."""
        ids = sorted({alert_id for opened in self._open.values() for alert_id in opened})
        if not ids:
            return
        ended = self._reader.query(
            "SELECT alert_id FROM (SELECT alert_id, state FROM out.alerts_changes "
            f"WHERE alert_id IN ({IDS}) AND version <= {self._cursor} "
            f"{latest('alert_id')}) WHERE state = 'resolved'",
            [id_list(ids)],
        )
        for alert_id in [*ended["alert_id"], *ended_incidents(self._reader, ids, self._cursor)]:
            for opened in self._open.values():
                if alert_id in opened:
                    opened.pop(alert_id).firing.discard(alert_id)

    def _latest(self) -> int:
        found = self._reader.query("SELECT version FROM meta.watermarks WHERE name = 'lake'")
        return found.item() if found.height else 0

    def _news(self, version: int) -> tuple[list[Subject], list[str]]:
        """Alerts and incidents told since the cursor, and ids of those that ended."""
        if version <= self._cursor:
            return [], []
        span = f"version > {self._cursor} AND version <= {version}"
        rows = self._reader.query(
            f"""
            SELECT {ALERT_COLUMNS}, s.is_told FROM (
                SELECT * FROM out.alerts_changes WHERE {span}
                {latest("alert_id")}
            ) JOIN (
                SELECT alert_id, bool_or(transition = 'notified') AS is_told FROM out.alert_transitions
                WHERE {span} AND transition IN ('notified', 'resolved') GROUP BY 1
            ) s USING (alert_id) WHERE {IS_NEWS} ORDER BY alert_id
            """
        )
        told = self._subjects(rows.filter("is_told"))
        ended = rows.filter(pl.col("state") == "resolved")["alert_id"].to_list()
        opened, over = new_incidents(self._reader, self._cursor, version)
        return [*told, *opened], [*ended, *over]

    def _firing(self) -> list[Subject]:
        rows = self._reader.query(
            f"SELECT {ALERT_COLUMNS} FROM out.alerts WHERE state = 'firing' AND notification_count > 0 "
            f"AND {IS_NEWS} ORDER BY alert_id"
        )
        return [*self._subjects(rows), *open_incidents(self._reader)]

    def _held_subjects(self, used: Mapping[str, int], now: int) -> dict[str, Subject]:
        """The alerts of held rows that may be released, as they stand now."""
        ids = {
            alert_id
            for row in self._held.values()
            if (channel := self._policy.channels.get(row.channel)) is not None
            and (
                row.due_at <= now
                if row.due_at is not None
                else channel.limit is None or used.get(row.channel, 0) < channel.limit.count
            )
            for alert_id, _ in row.members
        }
        if not ids:
            return {}
        rows = self._reader.query(f"SELECT {ALERT_COLUMNS} FROM out.alerts WHERE alert_id IN ({IDS})", [id_list(ids)])
        incidents = subjects_of(self._reader, [id_ for id_ in ids if is_incident_id(id_)])
        return {subject.alert_id: subject for subject in (*self._subjects(rows), *incidents)}

    def _subjects(self, rows: pl.DataFrame) -> list[Subject]:
        if not rows.height:
            return []
        decode = msgspec.json.Decoder().decode
        parents = self._parents(sorted(set(rows["sku"])))
        return [
            to_subject(alert_id, decode(body), state == "firing", count, self._contacts, parents.get(sku))
            for alert_id, sku, body, state, count in rows.select(ALERT_COLUMNS.split(", ")).iter_rows()
        ]

    def _parents(self, skus: list[str]) -> dict[str, tuple[str, ...]]:
        """Department, category and brand by SKU: a wire body names them where it can, a route may say the id."""
        rows = self._reader.query(
            "SELECT sku, department_id, category_id, brand_id FROM core.sku_state_changes "
            f"WHERE sku IN ({IDS}) {latest('sku')}",
            [id_list(skus)],
        )
        return {sku: tuple(parents) for sku, *parents in rows.iter_rows()}

    # ---- resolutions

    def _take(self, row: Planned) -> None:
        for covered in row.covers:
            self._held.pop(covered, None)
        if row.kind == "held":
            self._held[row.notification_id] = row
            return
        if not self._is_told_resolved(row.channel):
            return
        opened = self._open.setdefault(row.channel, {})
        if row.kind == "resolved":
            for alert_id in [id_ for id_, each in opened.items() if each.row.notification_id in row.covers]:
                del opened[alert_id]
        elif row.is_sent:
            entry = _Open(row, {alert_id for alert_id, _ in row.members})
            opened.update(dict.fromkeys(entry.firing, entry))

    def _ended(self, rows: Iterable[Planned], states: Mapping[str, Subject], ended: list[str]) -> list[Planned]:
        """Resolutions to tell: of notifications all of whose alerts have ended."""
        found: list[Planned] = []
        for name in sorted(self._policy.channels):
            if not self._is_told_resolved(name):
                continue
            for row in rows:
                if row.channel == name and row.is_sent and not any(states[id_].is_firing for id_, _ in row.members):
                    found.append(resolved(name, row))
            renewed = {id_ for row in rows if row.channel == name and row.is_sent for id_, _ in row.members}
            for alert_id in ended:
                entry = self._open.get(name, {}).get(alert_id)
                if entry is None or alert_id in renewed:
                    continue
                entry.firing.discard(alert_id)
                if not entry.firing:
                    found.append(resolved(name, entry.row))
        return found

    def _is_told_resolved(self, name: str) -> bool:
        channel = self._policy.channels.get(name)
        return channel is not None and channel.is_told_resolved


def write_plan(transaction: LakeTransaction, rows: pl.DataFrame, follows: int, planned_version: int) -> bool:
    """Append a plan's rows, unless another planner has written since version `follows`; whether it did.

    A journal that has no mark yet has seen no plan: the planner has read all of them in the lake.
    """
    if transaction.marks.get(PLANNED, follows) != follows:
        return False
    transaction.marks[PLANNED] = planned_version
    transaction.append(NOTIFICATIONS, rows)
    return True


def to_subject(
    alert_id: str, body: dict[str, Any], is_firing: bool, number: int, contacts: RuleContacts,
    parents: tuple[str, ...] | None,
) -> Subject:  # fmt: skip
    """What routes ask of an alert, from its wire body."""
    places = body["hierarchy"]
    department_id, category_id, brand_id = parents or (None, None, None)
    contact = contacts.of(body["lineage"]["rule"])
    return Subject(
        alert_id, number, body["priority"], body["alert_type"],
        spellings((places.get("department"), department_id)),
        spellings((places.get("category"), category_id)),
        spellings((places.get("brand"), brand_id)),
        body["warehouse_id"], is_firing, contact.channel, contact.recipients,
    )  # fmt: skip


def to_frame(plan: Plan) -> pl.DataFrame:
    """The rows of a plan, in order."""
    rows = plan.rows
    dump = lambda value: msgspec.json.encode(value).decode()  # noqa: E731
    return NOTIFICATIONS.frame(
        rows,
        seq=range(len(rows)),
        planned_version=[plan.planned_version] * len(rows),
        planned_at=[plan.planned_at] * len(rows),
        **{name: [dump(getattr(row, name)) for row in rows] for name in ("members", "recipients", "covers")},
    )


def to_planned(row: dict[str, Any]) -> Planned:
    """Read a row of `out.notifications`."""
    return Planned(
        row["notification_id"], row["channel"], row["kind"], row["severity"], row["reason"],
        tuple((alert_id, number) for alert_id, number in json.loads(row["members"])),
        tuple(json.loads(row["recipients"])), tuple(json.loads(row["covers"])),
        None if row["due_at"] is None else to_microseconds_naive(row["due_at"]),
    )  # fmt: skip
