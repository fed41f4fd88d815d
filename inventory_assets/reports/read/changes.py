"""Read what changed since the last report: alerts by key, threshold rules, incidents, and how alerts are handled."""

from datetime import datetime
from typing import Any

from inventory_assets.domain.thresholds.changes import describe_change
from inventory_assets.domain.thresholds.document import name_scope
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.clauses import WORST_FIRST, latest
from inventory_assets.lake.query.reader import Reader
from inventory_assets.reports.read.lines import OpenIncident, ShelfChange, ThresholdChange
from inventory_assets.reports.read.model import Basis, Handling
from inventory_assets.reports.read.stock import SEVERITY, read_names
from inventory_assets.thresholds.edits import read_changes

# An alert that fired at the last report, or where there is none, at the start of the period.
_BEFORE_BY_VERSION = f"""
    SELECT warehouse_id, sku, alert_id, alert_type, available FROM (
        SELECT * FROM out.alerts_changes WHERE version <= {{version}}
        {latest("alert_id")}
    ) WHERE state = 'firing'
"""
_BEFORE_BY_TIME = f"""
    SELECT warehouse_id, sku, alert_id, alert_type, available FROM out.alerts
    WHERE opened_at < TIMESTAMP '{{moment}}' AND coalesce(resolved_at, TIMESTAMP '9999-12-31') >= TIMESTAMP '{{moment}}'
    {latest("warehouse_id", "sku", order="opened_at DESC, alert_id")}
"""
_STEPS = ("new", "worse", "better", "over")


def _before(basis: Basis) -> str:
    earlier = basis.earlier
    if earlier is None:
        return _BEFORE_BY_TIME.format(moment=basis.period.start_at.isoformat(sep=" "))
    return _BEFORE_BY_VERSION.format(version=earlier.version)


def count_shelf_changes(reader: Reader, basis: Basis) -> dict[tuple[str, str], int]:
    """How many of `read_shelf_changes` there are, by (warehouse, step): without their names, as lists may be long."""
    rows = reader.query(
        f"""
        WITH before AS ({_before(basis)}),
        now AS (SELECT warehouse_id, sku, alert_type FROM out.alerts WHERE state = 'firing')
        SELECT coalesce(n.warehouse_id, b.warehouse_id) AS warehouse_id, b.alert_type AS was, n.alert_type AS is_now,
            count(*) AS shelves
        FROM before b FULL JOIN now n ON n.warehouse_id = b.warehouse_id AND n.sku = b.sku
        WHERE b.alert_type IS DISTINCT FROM n.alert_type GROUP BY ALL
        """
    )
    found: dict[tuple[str, str], int] = {}
    for warehouse_id, was, is_now, shelves in rows.iter_rows():
        place = warehouse_id, _step(was, is_now)
        found[place] = found.get(place, 0) + shelves
    return found


def read_shelf_changes(reader: Reader, basis: Basis) -> list[ShelfChange]:
    """The keys whose alert is another than last time: new and worse first, the worst of each first."""
    rows = reader.query(
        f"""
        WITH before AS ({_before(basis)}),
        now AS (SELECT warehouse_id, sku, alert_id, alert_type FROM out.alerts WHERE state = 'firing')
        SELECT coalesce(n.warehouse_id, b.warehouse_id) AS warehouse_id, coalesce(n.sku, b.sku) AS sku,
            coalesce(n.alert_id, b.alert_id) AS alert_id, b.alert_type AS was, n.alert_type AS is_now,
            b.available AS available_before, s.available AS available_now, ended.resolved_reason
        FROM before b FULL JOIN now n ON n.warehouse_id = b.warehouse_id AND n.sku = b.sku
        LEFT JOIN core.sku_state s
            ON s.warehouse_id = coalesce(n.warehouse_id, b.warehouse_id) AND s.sku = coalesce(n.sku, b.sku)
        LEFT JOIN out.alerts ended ON ended.alert_id = b.alert_id
        WHERE b.alert_type IS DISTINCT FROM n.alert_type
        ORDER BY warehouse_id, sku
        """
    )
    names = read_names(reader, rows["sku"])
    found = [_shelf_change(row, names) for row in rows.iter_rows(named=True)]
    return sorted(
        found, key=lambda each: (_STEPS.index(each.step), -_rank(each.condition_now or each.condition_before))
    )


def _rank(condition: str | None) -> int:
    return SEVERITY.get(condition or "", 0)


def _step(was: str | None, is_now: str | None) -> str:
    if was is None:
        return "new"
    if is_now is None:
        return "over"
    return "worse" if _rank(is_now) > _rank(was) else "better"


def _shelf_change(row: dict[str, Any], names: dict[str, str]) -> ShelfChange:
    was, is_now = row["was"], row["is_now"]
    step = _step(was, is_now)
    return ShelfChange(
        step=step, warehouse_id=row["warehouse_id"], sku=row["sku"], product=names[row["sku"]],
        condition_before=was, condition_now=is_now, available_before=row["available_before"],
        available_now=row["available_now"], reason=row["resolved_reason"] or "" if step == "over" else "",
        alert_id=row["alert_id"],
    )  # fmt: skip


def read_threshold_changes(reader: Reader, basis: Basis) -> list[ThresholdChange]:
    """The rule changes since last time, the newest first."""
    earlier = basis.earlier
    found = [
        ThresholdChange(
            changed_at=to_datetime(change.changed_at).replace(tzinfo=None), scope=name_scope(change.scope),
            action=change.action, change=describe_change(change), author=change.author, reason=change.reason,
            version=change.version,
        )
        for change in read_changes(reader)
        if change.action != "restated" and (earlier is None or change.version > earlier.version)
    ]  # fmt: skip
    if earlier is None:
        found = [each for each in found if each.changed_at >= basis.period.start_at]
    return sorted(found, key=lambda each: (each.changed_at, each.version), reverse=True)


def read_incidents(reader: Reader, basis: Basis) -> list[OpenIncident]:
    """The open business alerts, the worst and newest first."""
    rows = reader.query(
        f"""
        SELECT priority, kind, title, opened_at, incident_id FROM out.incidents WHERE state = 'open'
        ORDER BY {WORST_FIRST}, incident_id
        """
    )
    since = since_moment(basis)
    return [OpenIncident(**row, is_new=row["opened_at"] >= since) for row in rows.iter_rows(named=True)]


def since_moment(basis: Basis) -> datetime:
    """When "since last time" begins."""
    return basis.period.start_at if basis.earlier is None else basis.earlier.as_of


def read_handling(reader: Reader, basis: Basis) -> Handling:
    """What is done about the firing alerts, and how those that ended in the period did."""
    firing = reader.query(
        """
        SELECT count(*) AS firing, count(*) FILTER (acknowledged_by IS NULL) AS unacknowledged,
            count(*) FILTER (acknowledged_by IS NULL AND priority = 'CRITICAL') AS urgent_unacknowledged,
            count(*) FILTER (silenced_until > ?) AS silenced, count(*) FILTER (inhibited_by IS NOT NULL) AS held,
            min(opened_at) FILTER (acknowledged_by IS NULL) AS oldest_open_at
        FROM out.alerts WHERE state = 'firing'
        """,
        [basis.as_of],
    ).row(0, named=True)
    bounds = [basis.period.start_at, basis.period.end_at]
    ended = reader.query(
        """
        SELECT count(*) FILTER (is_opened) AS opened, count(*) FILTER (is_over) AS resolved,
            count(*) FILTER (is_false AND is_over) AS false_alarms,
            count(*) FILTER (is_repeat AND is_opened) AS repeats,
            median(acknowledge_minutes) FILTER (is_opened) AS acknowledge_minutes
        FROM (
            SELECT *, opened_at >= $1 AND opened_at < $2 AS is_opened,
                coalesce(resolved_at >= $1 AND resolved_at < $2, false) AS is_over
            FROM out.alert_quality
        )
        """,
        bounds,
    ).row(0, named=True)
    since = 0 if basis.earlier is None else basis.earlier.version
    undelivered = reader.query(
        f"""
        SELECT count(*) FROM (
            SELECT subject_id, channel FROM out.deliveries WHERE version > {since}
            GROUP BY ALL HAVING arg_max(status, (version, attempted_at)) IN ('failed_permanently', 'channel_fault')
        )
        """
    ).item()
    return Handling(**firing, **ended, undelivered=undelivered)
