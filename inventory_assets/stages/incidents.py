"""Find business alerts in the lake and keep them in `out.incidents`.

One incident is open per kind and subject. It opens with a finding, is told,
follows its members, and resolves when the finding is gone. A category's
incident inhibits its members: they are held in its name, and what still fires
is told once when it is over.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.burst import Message
from inventory_assets.domain.burst_lifecycle import find_alert
from inventory_assets.domain.incidents import (
    DAY_US,
    HOUR_US,
    SEVERITY,
    Finding,
    IncidentPolicy,
    Kind,
    find_breach_trends,
    find_category_stockouts,
    find_overdue_restocks,
    find_unusual_depletion,
    make_incident_id,
)
from inventory_assets.domain.values import format_time, to_datetime
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.tables import INCIDENTS
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.stages.engine import Commit, Engine
from inventory_assets.stages.handling import CONTROL_TOPIC
from inventory_assets.stages.warm import Reader, to_microseconds_naive

ISSUER = "incidents"
# What a member shows: more would make a row of megabytes of a bad day.
MAX_MEMBERS = 500

# The version of a transaction that counts, RULES 13, among the columns a finding needs.
_LATEST = """
    SELECT transaction_id, warehouse_id, sku, type, status, quantity, event_at FROM core.events
    WHERE kind = 'transaction' AND type = ? AND event_at <= ?
    QUALIFY row_number() OVER (
        PARTITION BY transaction_id
        ORDER BY CASE status WHEN 'PENDING' THEN 0 WHEN 'SHIPPED' THEN 1 ELSE 2 END DESC,
            source_epoch DESC, instant DESC, increment DESC, status = 'CANCELLED' DESC, event_id DESC
    ) = 1
"""


class UnknownIncidentError(LakeError):
    """No incident has this id."""


def find_incidents(reader: Reader, now: int, policy: IncidentPolicy) -> list[Finding]:
    """Find everything that is an incident as of a moment, in microseconds; sorted by id.

    A pure function of the lake's rows and its arguments, so that `explain` finds
    the same again at the same version.
    """
    found = [
        *find_category_stockouts(_stockouts(reader, now, policy), policy),
        *find_unusual_depletion(_days(reader, now), policy),
        *find_overdue_restocks(_restocks(reader, now), now),
        *find_breach_trends(_weeks(reader, now), policy),
    ]
    return sorted(found, key=make_incident_id)


def _stockouts(reader: Reader, now: int, policy: IncidentPolicy) -> list[dict[str, Any]]:
    since = now - policy.window_hours * HOUR_US
    return _rows(
        reader,
        """SELECT s.category_id, a.warehouse_id, a.sku, a.alert_id, epoch_us(a.opened_at) AS opened_at
        FROM out.alerts a JOIN core.sku_state s USING (warehouse_id, sku)
        WHERE a.state = 'firing' AND a.alert_type = 'STOCKOUT' AND s.category_id <> 'UNKNOWN'
            AND epoch_us(a.opened_at) > ? AND epoch_us(a.opened_at) <= ?
        ORDER BY a.opened_at, a.alert_id""",
        [since, now],
    )


def _days(reader: Reader, now: int) -> list[dict[str, Any]]:
    today = to_datetime(now).date()
    day_at = now - now % DAY_US
    return _rows(
        reader,
        f"""
        WITH orders AS (
            SELECT warehouse_id, sku, CAST(event_at AS DATE) AS day, -quantity AS units, transaction_id
            FROM ({_LATEST}) WHERE status = 'COMPLETED' AND event_at >= CAST(? AS DATE) - INTERVAL 56 DAY
        ),
        sold AS (SELECT warehouse_id, sku, day, sum(units)::BIGINT AS units FROM orders GROUP BY ALL),
        today AS (
            SELECT warehouse_id, sku, sum(units)::BIGINT AS units,
                list_sort(list(transaction_id))[:{MAX_MEMBERS}] AS transaction_ids
            FROM orders WHERE day = ? GROUP BY ALL
        ),
        known AS (
            SELECT warehouse_id, sku, CAST(min(event_at) AS DATE) AS first_day FROM core.events
            WHERE kind IN ('level', 'transaction') GROUP BY ALL
        )
        SELECT t.warehouse_id, t.sku, CAST(? AS VARCHAR) AS date, ?::BIGINT AS day_at, t.units, t.transaction_ids,
            list(coalesce(s.units, 0) ORDER BY w.week DESC) AS history
        FROM today t JOIN known k USING (warehouse_id, sku)
        JOIN (SELECT unnest(range(1, 9)) AS week) w
            ON CAST(? AS DATE) - to_days(CAST(7 * w.week AS INTEGER)) >= k.first_day
        LEFT JOIN sold s ON s.warehouse_id = t.warehouse_id AND s.sku = t.sku
            AND s.day = CAST(? AS DATE) - to_days(CAST(7 * w.week AS INTEGER))
        GROUP BY ALL ORDER BY t.warehouse_id, t.sku
        """,
        ["ORDER", _time(now), today, today, today.isoformat(), day_at, today, today],
    )


def _restocks(reader: Reader, now: int) -> list[dict[str, Any]]:
    return _rows(
        reader,
        f"""SELECT t.transaction_id, t.warehouse_id, t.sku, t.quantity, epoch_us(t.event_at) AS ordered_at,
            p.lead_time_days
        FROM ({_LATEST}) t JOIN core.products p USING (sku) WHERE t.status = 'PENDING' ORDER BY t.transaction_id""",
        ["RESTOCK", _time(now)],
    )


def _weeks(reader: Reader, now: int) -> list[dict[str, Any]]:
    # Whole days, so that one evaluation a day or a hundred find the same.
    day_at = now - now % DAY_US
    return _rows(
        reader,
        f"""
        WITH counted AS (
            SELECT warehouse_id, alert_id, (? - 1 - epoch_us(opened_at)) // {7 * DAY_US} AS weeks_ago
            FROM out.alerts WHERE epoch_us(opened_at) < ?
        ),
        span AS (SELECT warehouse_id, least(max(weeks_ago), 4) AS weeks FROM counted GROUP BY 1),
        grid AS (SELECT warehouse_id, unnest(range(0, weeks + 1)) AS weeks_ago FROM span),
        sums AS (
            SELECT g.warehouse_id, g.weeks_ago, count(c.alert_id) AS breaches
            FROM grid g LEFT JOIN counted c USING (warehouse_id, weeks_ago) GROUP BY ALL
        )
        SELECT s.warehouse_id, ?::BIGINT AS day_at, max(breaches) FILTER (weeks_ago = 0) AS breaches,
            coalesce(list(breaches ORDER BY weeks_ago) FILTER (weeks_ago > 0), []) AS earlier,
            (SELECT coalesce(list_sort(list(alert_id))[:{MAX_MEMBERS}], []) FROM counted c
             WHERE c.warehouse_id = s.warehouse_id AND c.weeks_ago = 0) AS alert_ids
        FROM sums s GROUP BY s.warehouse_id ORDER BY s.warehouse_id
        """,
        [day_at, day_at, day_at],
    )


def _time(now: int) -> Any:
    return to_datetime(now).replace(tzinfo=None)


def _rows(reader: Reader, sql: str, parameters: list[Any]) -> list[dict[str, Any]]:
    return list(reader.query(sql, parameters).iter_rows(named=True))


# ---- keeping them


def refresh_incidents(
    engine: Engine, now: int, *, policy: IncidentPolicy | None = None, run_id: str = ""
) -> list[Commit]:
    """Open, follow and resolve incidents as of a moment; nothing is committed where nothing changed."""
    policy = policy or IncidentPolicy()
    engine.refresh()
    version = engine.state.version
    known = {
        (row["kind"], row["subject"]): row
        for row in engine.lake.query("SELECT * FROM out.incidents WHERE state = 'open'").iter_rows(named=True)
    }
    findings = {(str(f.kind), f.subject): f for f in find_incidents(engine.lake, now, policy)}
    rows, commands = [], []
    for place in sorted(findings.keys() | known.keys()):
        finding, row = findings.get(place), known.get(place)
        changed = _next_row(finding, row, now=now, version=version, policy=policy)
        if changed is None:
            continue
        rows.append(changed)
        if changed["kind"] == Kind.CATEGORY_STOCKOUTS:
            commands += _commands(engine, changed, row, now)
    if not rows:
        return []
    messages = [
        Message(f"{ISSUER}-{version}-{n}", CONTROL_TOPIC, now, "", {"origin": ISSUER}, json.dumps(body).encode())
        for n, body in enumerate(commands)
    ]

    def write(transaction: LakeTransaction) -> None:
        transaction.append(INCIDENTS, _frame(rows))

    return engine.commit_burst(messages, stage="incidents", run_id=run_id, also=write)


def _next_row(
    finding: Finding | None, row: Mapping[str, Any] | None, *, now: int, version: int, policy: IncidentPolicy
) -> dict[str, Any] | None:
    """The row of a subject after this look at it; None where nothing changed."""
    if finding is None:
        assert row is not None  # one of the two is there
        return {
            **row, "state": "resolved", "resolved_at": _time(now), "notification_count": row["notification_count"] + 1,
        }  # fmt: skip
    members = json.dumps(list(finding.members[:MAX_MEMBERS]))
    if row is not None and members == row["members"]:
        return None
    return {
        "incident_id": make_incident_id(finding) if row is None else row["incident_id"],
        "kind": str(finding.kind), "subject": finding.subject, "warehouse_id": finding.warehouse_id,
        "sku": finding.sku, "priority": SEVERITY[finding.kind], "state": "open", "title": finding.title,
        "opened_at": _time(finding.opened_at) if row is None else row["opened_at"],
        "resolved_at": None, "members": members,
        "arithmetic": json.dumps(finding.arithmetic, sort_keys=True),
        "as_of": _time(now), "as_of_version": version, "policy": msgspec.json.encode(policy).decode(),
        "notification_count": 1 if row is None else row["notification_count"],
    }  # fmt: skip


def _commands(
    engine: Engine, row: Mapping[str, Any], before: Mapping[str, Any] | None, now: int
) -> list[dict[str, Any]]:
    """Hold an incident's members in its name; let go of those that are none any more."""
    members = set(json.loads(row["members"])) if row["state"] == "open" else set()
    earlier = set(json.loads(before["members"])) if before is not None else set()
    found = []
    for alert_id in sorted(members | earlier):
        alert = find_alert(engine.state.alerts, alert_id)
        is_held = alert is not None and row["incident_id"] in alert.handled.inhibited_by
        name = "inhibit" if alert_id in members else "uninhibit"
        if alert is None or is_held is (name == "inhibit") or (name == "inhibit" and not alert.is_firing):
            continue
        found.append(
            {
                "command": name, "alert_id": alert_id, "source": row["incident_id"], "issued_by": ISSUER,
                "reason": row["title"] if name == "inhibit" else f"{row['incident_id']} let go of it",
                "timestamp": format_time(now),
            }
        )  # fmt: skip
    return found


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    types: dict[str, Any] = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "TIMESTAMP": pl.Datetime("us")}
    columns: dict[str, Any] = {name: types[type_] for name, type_ in INCIDENTS.columns.items() if name != "version"}
    return pl.DataFrame([{name: row[name] for name in columns} for row in rows], schema=columns)


# ---- explaining them


def rederive(reader_at_version: Reader, row: Mapping[str, Any]) -> list[str]:
    """Find an incident anew, at the version it was found at; what differs.

    Args:
        reader_at_version: The lake as of the row's `as_of_version`.
        row: The incident, of `out.incidents`.
    """
    now = to_microseconds_naive(row["as_of"])
    policy = msgspec.json.decode(row["policy"], type=IncidentPolicy)
    places = {(str(f.kind), f.subject): f for f in find_incidents(reader_at_version, now, policy)}
    finding = places.get((row["kind"], row["subject"]))
    if finding is None:
        return ["the rows of its version give no such incident"]
    derived = {
        "title": finding.title,
        "members": json.dumps(list(finding.members[:MAX_MEMBERS])),
        "arithmetic": json.dumps(finding.arithmetic, sort_keys=True),
    }
    return [f"{name}: {row[name]} stored, {value} re-derived" for name, value in derived.items() if row[name] != value]
