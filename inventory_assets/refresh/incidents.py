"""Find business alerts in the lake and keep them in `out.incidents`.

One incident is open per kind and subject. It opens with a finding, is notified,
follows its members, and resolves when the finding is gone. A category's
incident inhibits its members: those that fire, one by one, and by a command on
the category what goes out of stock while it is open. What still fires is told
once when it is over.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from inventory_assets.domain.alerts.incidents import (
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
from inventory_assets.domain.alerts.lifecycle import in_force
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.handling import find_alert
from inventory_assets.domain.ingest.process import Message
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.values import DAY_US, format_time, to_datetime, to_microseconds_naive
from inventory_assets.ingest.burst_rows import PAST, append_told
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS, counting_versions
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import INCIDENTS
from inventory_assets.lake.transaction import LakeTransaction

ISSUER = "incidents"
# What a member shows: more would make a row of megabytes of a bad day.
MAX_MEMBERS = 500
# A look costs a tenth of a second of CPU at 40,000 keys; to see that it is not needed, a millisecond.
STOCKOUTS_EVERY_SECONDS = 60.0
# What a command takes, RULES 36.
MAX_REASON = 1024

_LATEST = counting_versions(
    "transaction_id, warehouse_id, sku, type, status, quantity, event_at", "type = ? AND event_at <= ?"
)


def find_incidents(
    reader: Reader, now: int, policy: IncidentPolicy, kinds: Collection[Kind] = tuple(Kind)
) -> list[Finding]:
    """Find everything that is an incident as of a moment, in microseconds; sorted by id.

    A pure function of the lake's rows and its arguments, so that `explain` finds
    the same again at the same version.
    """
    find: dict[Kind, Callable[[], list[Finding]]] = {
        Kind.CATEGORY_STOCKOUTS: lambda: find_category_stockouts(
            _stockouts(reader, now), _open_categories(reader), now, policy
        ),
        Kind.UNUSUAL_DEPLETION: lambda: find_unusual_depletion(_days(reader, now), policy),
        Kind.OVERDUE_RESTOCK: lambda: find_overdue_restocks(_restocks(reader, now), now),
        Kind.BREACH_TREND: lambda: find_breach_trends(_weeks(reader, now), policy),
    }
    return sorted((finding for kind in kinds for finding in find[kind]()), key=make_incident_id)


def _stockouts(reader: Reader, now: int) -> list[dict[str, Any]]:
    return _rows(
        reader,
        """SELECT s.category_id, a.warehouse_id, a.sku, a.alert_id, epoch_us(a.opened_at) AS opened_at
        FROM out.alerts a JOIN core.sku_state s USING (warehouse_id, sku)
        WHERE a.state = 'firing' AND a.alert_type = 'STOCKOUT' AND s.category_id <> 'UNKNOWN'
            AND epoch_us(a.opened_at) <= ?
        ORDER BY a.opened_at, a.alert_id""",
        [now],
    )


def _open_categories(reader: Reader) -> dict[str, int]:
    rows = _rows(
        reader,
        "SELECT subject, epoch_us(opened_at) AS opened_at FROM out.incidents WHERE state = 'open' AND kind = ?",
        [str(Kind.CATEGORY_STOCKOUTS)],
    )
    return {row["subject"]: row["opened_at"] for row in rows}


def firing_stockouts(state: InventoryState) -> frozenset[tuple[str, str]]:
    """(alert id, category) of every stockout: while it stays the same, no category's incident begins, moves or ends."""
    return frozenset(
        (alert.alert_id, state.skus[key[1]].parents[1])
        for key, alerts in state.alerts.items()
        for alert in alerts.values()
        if alert.is_firing and alert.condition is Condition.STOCKOUT
    )


class StockoutLook:
    """Look for categories that run out of stock, where any shelf has run out or was filled since the last look.

    The other kinds of incident are a matter of days and read the history: they wait for their schedule.
    """

    def __init__(self) -> None:
        self._looked_at = 0.0
        self._stockouts: frozenset[tuple[str, str]] | None = None
        # What has moved, and the version by which it had: once that has landed it is looked at.
        self._moved: tuple[frozenset[tuple[str, str]], int] | None = None

    def __call__(self, engine: Engine, now: int, run_id: str) -> list[Commit]:
        """Look again where it is time and anything has moved, and that has landed: bursts do not wait for a landing."""
        if self._moved is None:
            if time.monotonic() - self._looked_at < STOCKOUTS_EVERY_SECONDS:
                return []
            self._looked_at = time.monotonic()
            engine.refresh()  # another process may have committed incidents: they are to have landed, too
            stockouts = firing_stockouts(engine.state)
            if stockouts == self._stockouts:
                return []
            self._moved = stockouts, engine.state.version
        stockouts, version = self._moved
        if engine.lake.head().landed < version:
            return []
        commits = refresh_incidents(engine, now, kinds=[Kind.CATEGORY_STOCKOUTS], run_id=run_id, lands=False)
        # Only now: a look that failed is repeated.
        self._stockouts, self._moved = stockouts, None
        return commits


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
        FROM ({_LATEST}) t JOIN {USABLE_PRODUCTS} p USING (sku) WHERE t.status = 'PENDING' ORDER BY t.transaction_id""",
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
    engine: Engine, now: int, *, kinds: Collection[Kind] = tuple(Kind), run_id: str = "", lands: bool = True
) -> list[Commit]:
    """Open, follow and resolve incidents of some kinds as of a moment; nothing is committed where nothing changed.

    `lands`: all that was committed is looked at, and lands before; else what has landed.
    """
    policy = IncidentPolicy()
    engine.refresh()
    with engine.lake.snapshot(lands=lands):
        version = engine.lake.landed().version
        findings = {(str(f.kind), f.subject): f for f in find_incidents(engine.lake, now, policy, kinds)}
        known, told, since_past = _read_known(engine.lake, kinds, findings.values())
    rows, commands = [], []
    for place in sorted(findings.keys() | known.keys()):
        finding, row = findings.get(place), known.get(place)
        changed = _next_row(finding, row, told, now=now, version=version, policy=policy)
        if changed is None:
            continue
        rows.append(changed)
        if changed["kind"] == Kind.CATEGORY_STOCKOUTS:
            commands += _commands(engine.state, changed, () if finding is None else finding.members)
    if not rows:
        return []
    messages = [
        Message(
            f"{ISSUER}-{version}-{n}", Topic.CONTROL, now, "", {"origin": ISSUER},
            json.dumps({**body, "issued_by": ISSUER, "timestamp": format_time(now)}).encode(),
        )
        for n, body in enumerate(commands)
    ]  # fmt: skip

    def write(transaction: LakeTransaction) -> None:
        transaction.append(INCIDENTS, INCIDENTS.frame(**{name: [row[name] for row in rows] for name in rows[0]}))
        append_told(transaction, _told_in_the_past(rows, since_past, is_past=engine.is_past))

    return engine.commit_burst(messages, stage=Stage.INCIDENTS, run_id=run_id, also=write)


def _read_known(
    reader: Reader, kinds: Collection[Kind], findings: Iterable[Finding]
) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, int], set[str]]:
    """The open incidents of some kinds, by kind and subject; how often each found one was told before; and the ids of
    those whose last telling is history."""
    ids = [make_incident_id(finding) for finding in findings]
    rows = _rows(
        reader,
        f"SELECT * EXCLUDE (version) FROM out.incidents WHERE state = 'open' OR incident_id IN ({IDS})",
        [id_list(ids)],
    )
    known = {(row["kind"], row["subject"]): row for row in rows if row["state"] == "open" and row["kind"] in kinds}
    counts = {row["incident_id"]: row["notification_count"] for row in rows}
    if not known:
        return known, counts, set()
    past = reader.query(
        "SELECT DISTINCT subject_id FROM out.deliveries JOIN out.incidents ON incident_id = subject_id "
        f"AND notification_count = notification WHERE state = 'open' AND status = '{PAST}'"
    )
    return known, counts, set(past["subject_id"])


def _told_in_the_past(
    rows: Iterable[Mapping[str, Any]], since_past: Collection[str], *, is_past: bool
) -> list[tuple[str, int, Topic]]:
    """What of these rows nobody is told: all where they are history, and the end of what began as history."""
    return [
        (row["incident_id"], row["notification_count"], Topic.STATUS)
        for row in rows
        if is_past or (row["state"] == "resolved" and row["incident_id"] in since_past)
    ]


def _next_row(
    finding: Finding | None, row: Mapping[str, Any] | None, told: Mapping[str, int], *, now: int, version: int,
    policy: IncidentPolicy,
) -> dict[str, Any] | None:  # fmt: skip
    """The row of a subject after this look at it; None where nothing changed."""
    if finding is None:
        assert row is not None  # one of the two is there
        return {
            **row, "state": "resolved", "resolved_at": _time(now), "notification_count": row["notification_count"] + 1,
        }  # fmt: skip
    members = json.dumps(list(finding.members[:MAX_MEMBERS]))
    if row is not None and members == row["members"]:
        return None
    incident_id = make_incident_id(finding) if row is None else row["incident_id"]
    return {
        "incident_id": incident_id,
        "kind": str(finding.kind), "subject": finding.subject, "warehouse_id": finding.warehouse_id,
        "sku": finding.sku, "priority": SEVERITY[finding.kind], "state": "open", "title": finding.title,
        "opened_at": _time(finding.opened_at) if row is None else row["opened_at"],
        "resolved_at": None, "members": members,
        "arithmetic": json.dumps(finding.arithmetic, sort_keys=True),
        "as_of": _time(now), "as_of_version": version, "policy": msgspec.json.encode(policy).decode(),
        # What began one that was over may begin it again, and it is told again.
        "notification_count": told.get(incident_id, 0) + 1 if row is None else row["notification_count"],
    }  # fmt: skip


def _commands(state: InventoryState, row: Mapping[str, Any], members: Sequence[str]) -> list[dict[str, Any]]:
    """Hold an incident's members in its name, those to come too; let go of those that are none any more."""
    incident_id, category_id = row["incident_id"], row["subject"]
    is_open = row["state"] == "open"
    why, lifting = row["title"][:MAX_REASON], f"{incident_id} let go of it"
    scope = {"category_id": category_id, "alert_type": str(Condition.STOCKOUT), "source": incident_id}
    is_known = any(
        command.category_id == category_id and command.source == incident_id for command in in_force(state.inhibitions)
    )
    found: list[dict[str, Any]] = []
    if is_open and not is_known:
        found.append({"command": "inhibit", **scope, "reason": why})
    elif not is_open and is_known:
        found.append({"command": "uninhibit", **scope, "reason": lifting})
    # The alerts that a command names; what only the category's holds, that one's end lets go.
    named = {each.alert_id for each in in_force(state.inhibitions) if each.alert_id and each.source == incident_id}
    for alert_id in sorted(members):
        alert = find_alert(state.alerts, alert_id)
        if alert is not None and alert.is_firing and incident_id not in alert.handled.inhibited_by:
            found.append({"command": "inhibit", "alert_id": alert_id, "source": incident_id, "reason": why})
    for alert_id in sorted(named.difference(members)):
        if find_alert(state.alerts, alert_id) is not None:
            found.append({"command": "uninhibit", "alert_id": alert_id, "source": incident_id, "reason": lifting})
    return found


# ---- explaining them


def rederive(reader_at_version: Reader, row: Mapping[str, Any]) -> list[str]:
    """Find an incident anew, at the version it was found at; what differs.

    Args:
        reader_at_version: The lake as of the row's `as_of_version`.
        row: The incident, of `out.incidents`.
    """
    now = to_microseconds_naive(row["as_of"])
    policy = msgspec.json.decode(row["policy"], type=IncidentPolicy)
    places = {(str(f.kind), f.subject): f for f in find_incidents(reader_at_version, now, policy, [Kind(row["kind"])])}
    finding = places.get((row["kind"], row["subject"]))
    if finding is None:
        return ["the rows of its version give no such incident"]
    derived = {
        "title": finding.title,
        "members": json.dumps(list(finding.members[:MAX_MEMBERS])),
        "arithmetic": json.dumps(finding.arithmetic, sort_keys=True),
    }
    return [f"{name}: {row[name]} stored, {value} re-derived" for name, value in derived.items() if row[name] != value]
