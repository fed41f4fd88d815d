"""Read alerts with what was done about them, as `inventory alerts` and its commands show them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from inventory_assets.clock import clock_of
from inventory_assets.lake.query.clauses import ASKING_LINE, WORST_FIRST
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.lake.tables import ALERT_RULE

_SHELF = "(SELECT s.{0} FROM core.sku_state s WHERE s.warehouse_id = alerts.warehouse_id AND s.sku = alerts.sku)"
_PLACE = (
    "((warehouse_id, sku) IN (SELECT (s.warehouse_id, s.sku) FROM core.sku_state s WHERE lower(s.{0}_id) = lower(?)) "
    "OR sku IN (SELECT p.sku FROM core.products p WHERE lower(p.{0}_name) = lower(?)))"
)
CHOICES = {
    "warehouse": "lower(warehouse_id) = lower(?)",
    "sku": "lower(sku) = lower(?)",
    "type": "alert_type = ?",
    "category": _PLACE.format("category"),
    "brand": _PLACE.format("brand"),
    "department": _PLACE.format("department"),
    "supplier": "sku IN (SELECT p.sku FROM core.products p WHERE lower(p.supplier_id) = lower(?))",
}
"""What alerts can be chosen by: ids, or names where there are some, in capitals or not."""
_NAMED = (
    "sku IN (SELECT a.sku FROM out.alerts a LEFT JOIN core.products p USING (sku) WHERE contains(lower(concat_ws("
    "' ', a.sku, p.product_name, p.variant_name, p.brand_name, p.category_name)), lower(?)))"
)
ASKING_LINES = f"(SELECT * FROM out.plans WHERE {ASKING_LINE})"
"""The lines of the newest plan that ask for something, as the picture has them."""
_OF_SHELF = "(SELECT {0} FROM {1} x WHERE x.warehouse_id = alerts.warehouse_id AND x.sku = alerts.sku)"
_COVER = f"{_SHELF.format('available')} / {_OF_SHELF.format('nullif(x.daily_units, 0)', 'core.velocity')}"
ORDERS = {
    "worst": WORST_FIRST,
    "risk": f"{_OF_SHELF.format('x.revenue_at_risk', ASKING_LINES)} DESC NULLS LAST, {WORST_FIRST}",
    "cover": f"{_COVER} NULLS LAST, {WORST_FIRST}",
    "newest": "opened_at DESC",
    "oldest": "opened_at",
    "available": f"{_SHELF.format('available')} NULLS LAST, {WORST_FIRST}",
    "warehouse": f"warehouse_id, {WORST_FIRST}",
    "sku": f"sku, {WORST_FIRST}",
}
"""How alerts can be sorted; an id goes after it. Available is the stock of now; risk is the plan's money at risk."""


def condition_of(
    state: str = "firing", chosen: Mapping[str, str | None] | None = None, search: str | None = None
) -> tuple[str, list[Any]]:
    """SQL and parameters for the alerts of a state (or `all`) that are chosen by `CHOICES`.

    Args:
        state: firing, resolved or all.
        chosen: By name, what it must be; None is whatever it is.
        search: Words that must all be in the SKU or the names of its product.
    """
    conditions, parameters = (["true"], []) if state == "all" else (["state = ?"], [state])
    for name, value in (chosen or {}).items():
        if value is not None:
            conditions.append(CHOICES[name])
            parameters += [value] * CHOICES[name].count("?")
    for word in (search or "").split():
        conditions.append(_NAMED)
        parameters.append(word)
    return " AND ".join(conditions), parameters


def read_alerts(
    reader: LakeReader, condition: str = "true", parameters: list[Any] | None = None, *,
    limit: int | None = None, offset: int = 0, order: str = WORST_FIRST,
) -> list[dict]:  # fmt: skip
    """Alerts for which a condition holds, the wire's fields and the handling; by default the worst and newest first.

    `times_told` counts tellings; `silenced_until` is null once it is over.
    """
    part = "" if limit is None else f" LIMIT {limit:d} OFFSET {offset:d}"
    rows = reader.query(
        f"""SELECT body, state, notification_count, resolved_reason, opened_at, resolved_at, acknowledged_by,
            acknowledged_at, silenced_until, escalated_level, inhibited_by, is_untrusted
        FROM out.alerts WHERE {condition} ORDER BY {order}, alert_id{part}""",
        parameters,
    )
    now = clock_of(reader.settings).now().replace(tzinfo=None)
    return [with_handling(row, now) for row in rows.iter_rows(named=True)]


def read_steps(reader: Reader, alert_id: str) -> list[dict[str, Any]]:
    """The steps of an alert's life, in order."""
    rows = reader.query(
        "SELECT event_at AS at, transition, reason, actor, event_id, is_late, version FROM out.alert_transitions "
        "WHERE alert_id = ? ORDER BY version, seq",
        [alert_id],
    )
    return list(rows.iter_rows(named=True))


def wire_of(row: dict[str, Any]) -> dict[str, Any]:
    """What `inventory alerts` prints as JSON and CSV: the message as sent, `state` and `notified`."""
    return {**row["body"], "state": row["state"], "notified": row["notified"]}


def with_handling(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A row of out.alerts as `read_alerts` has it."""
    age = (row["resolved_at"] or now) - row["opened_at"]
    is_silenced = row["silenced_until"] is not None and row["silenced_until"] > now
    return {
        "body": msgspec.json.decode(row["body"]), "state": row["state"], "notified": row["notification_count"] > 0,
        "times_told": row["notification_count"], "resolved_reason": row["resolved_reason"],
        "acknowledged_by": row["acknowledged_by"], "acknowledged_at": row["acknowledged_at"],
        "silenced_until": row["silenced_until"] if is_silenced else None,
        "escalated_level": row["escalated_level"] or 0, "inhibited_by": row["inhibited_by"],
        "is_untrusted": bool(row["is_untrusted"]), "age_minutes": int(age.total_seconds() // 60),
    }  # fmt: skip


def steps_of_version(reader: Reader, version: int) -> list[dict[str, Any]]:
    """What a version did to alerts, in order."""
    rows = reader.query(
        "SELECT alert_id, transition, reason, actor, event_at AS at FROM out.alert_transitions "
        "WHERE version = ? ORDER BY seq",
        [version],
    )
    return list(rows.iter_rows(named=True))


def count_scope(reader: Reader, scope: Mapping[str, str]) -> tuple[int, int, datetime | None]:
    """Of a scope's shelves: how many there are, how many alerts of them fire, and the longest silence of those.

    Args:
        reader: The lake.
        scope: Columns of core.sku_state and what they are; none is everything.
    """
    where = " AND ".join(["true", *(f"s.{name} = ?" for name in scope)])
    return reader.query(
        f"""SELECT count(*), count(alert_id), max(silenced_until) FROM core.sku_state s
        LEFT JOIN out.alerts a ON a.warehouse_id = s.warehouse_id AND a.sku = s.sku AND a.state = 'firing'
        WHERE {where}""",
        list(scope.values()),
    ).row(0)  # type: ignore[return-value]


def newest_alert_id(reader: Reader) -> str | None:
    """The alert that changed last; None where there is none."""
    found = reader.query("SELECT alert_id FROM out.alerts ORDER BY version DESC, alert_id LIMIT 1")
    return found.item() if found.height else None


def version_of(reader: Reader, alert_id: str) -> int | None:
    """The version of an alert's last change; None where there is no such alert."""
    found = reader.query("SELECT version FROM out.alerts WHERE alert_id = ?", [alert_id])
    return found.item() if found.height else None


GROUPS = {"rule": ALERT_RULE, "warehouse": "warehouse_id", "type": "alert_type", "owner": "coalesce(owner, 'nobody')"}
"""What alerts can be counted by: a name, and the column of out.alert_quality or what is made of it."""


def judge_alerting(reader: Reader, by: str, days: int | None = None) -> list[dict[str, Any]]:
    """How good the alerting is, by one of `GROUPS`; with `days`, of alerts opened so many before the newest one."""
    newest = "(SELECT max(opened_at) FROM out.alerts)"
    within = "" if days is None else f"WHERE opened_at > {newest} - to_days(CAST(? AS INTEGER))"
    rows = reader.query(
        f"""
        SELECT {GROUPS[by]} AS {by}, count(*) AS alerts, count(*) FILTER (state = 'firing') AS firing,
            sum(told)::BIGINT AS told,
            count(first_acknowledged_at) AS acknowledged,
            round(median(acknowledge_minutes), 1) AS acknowledge_minutes,
            round(median(resolve_minutes), 1) AS resolve_minutes,
            round(100.0 * count(*) FILTER (is_false) / nullif(count(*) FILTER (state = 'resolved'), 0), 1)
                AS false_alarm_percent,
            round(100.0 * count(*) FILTER (is_repeat) / count(*), 1) AS repeat_percent
        FROM out.alert_quality {within} GROUP BY 1 ORDER BY alerts DESC, 1
        """,
        [] if days is None else [days],
    )
    return list(rows.iter_rows(named=True))
