"""`inventory alerts list | show`: alerts with what was done about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inventory_assets.commands.alert_words import STYLES, describe_step
from inventory_assets.commands.alerts import sparkline
from inventory_assets.commands.output import console, format_option, notes, print_rows, to_json
from inventory_assets.settings import load_settings
from inventory_assets.stages.handling import find_alert_id
from inventory_assets.wiring import LakeReader

HANDLING = "acknowledged_by, acknowledged_at, silenced_until, escalated_level, inhibited_by, is_untrusted"


@click.command("list")
@click.option("--state", type=click.Choice(["firing", "resolved", "all"]), default="firing", show_default=True)
@click.option("--unacknowledged", is_flag=True, help="Only those that nobody took.")
@click.option("--limit", type=int, default=50, show_default=True, help="Rows of a table; json and csv have all.")
@format_option
def list_(state: str, unacknowledged: bool, limit: int, format_: str) -> None:
    """List alerts with who took them, silences, levels and age; the worst and newest first."""
    conditions = [f"state = '{state}'"] if state != "all" else []
    if unacknowledged:
        conditions.append("acknowledged_by IS NULL")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = LakeReader(load_settings()).rows(
        f"""SELECT body, state, notification_count, resolved_reason, opened_at, resolved_at, {HANDLING}
        FROM out.alerts {where}
        ORDER BY CASE priority WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, opened_at DESC, alert_id"""
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    shown = [_with_handling(row, now) for row in rows]
    if format_ == "table":
        _print_list(shown, limit, state)
    else:
        print_rows(shown, format_)


def _with_handling(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    age = (row["resolved_at"] or now) - row["opened_at"]
    return {
        **msgspec.json.decode(row["body"]),
        "state": row["state"],
        "notified": row["notification_count"] > 0,
        "resolved_reason": row["resolved_reason"],
        "acknowledged_by": row["acknowledged_by"],
        "acknowledged_at": row["acknowledged_at"],
        "silenced_until": row["silenced_until"] if _is_silenced(row, now) else None,
        "escalated_level": row["escalated_level"] or 0,
        "inhibited_by": row["inhibited_by"],
        "is_untrusted": bool(row["is_untrusted"]),
        "age_minutes": int(age.total_seconds() // 60),
    }


def _is_silenced(row: dict[str, Any], now: datetime) -> bool:
    return row["silenced_until"] is not None and row["silenced_until"] > now


def _print_list(rows: list[dict[str, Any]], limit: int, state: str) -> None:
    open_count = sum(row["acknowledged_by"] is None for row in rows)
    what = "alert" if len(rows) == 1 else "alerts"
    table = Table(
        header_style="bold", title=f"{len(rows)} {what} ({state}), {open_count} not acknowledged", title_justify="left"
    )
    for name in ("id", "priority", "alert", "warehouse", "product", "available", "threshold", "age", "handled"):
        table.add_column(
            name, justify="right" if name in ("available", "threshold", "age") else "left", overflow="fold"
        )
    for row in rows[:limit]:
        product = Text(row["product_name"])
        if row["product_name"] != row["sku"]:
            product.append(f"\n{row['sku']}", "dim")
        table.add_row(
            row["alert_id"][-8:], Text(row["priority"], STYLES[row["priority"]]), row["alert_type"],
            Text(row["warehouse_id"]), product, str(row["available_stock"]), f"{row['threshold']:g}",
            duration(timedelta(minutes=row["age_minutes"])), Text(handled_text(row)),
        )  # fmt: skip
    console.print(table)
    if len(rows) > limit:
        notes.print(f"{len(rows) - limit} more: --limit {len(rows)}", style="dim")
    untaken = next((row for row in rows if row["acknowledged_by"] is None and row["state"] == "firing"), None)
    if untaken is not None:
        notes.print(f"Take it: inventory alerts ack {untaken['alert_id'][-8:]}", style="dim")


def handled_text(row: dict[str, Any]) -> str:
    """What was done about an alert, in a few words."""
    parts = []
    if row["state"] == "resolved":
        parts.append(f"resolved ({row['resolved_reason']})")
    if row["acknowledged_by"]:
        parts.append(row["acknowledged_by"])
    if row["escalated_level"]:
        parts.append(f"level {row['escalated_level']}")
    if row["silenced_until"]:
        parts.append(f"silenced until {row['silenced_until']:%m-%d %H:%M}")
    if row["is_untrusted"]:
        parts.append("untrusted")
    elif row["inhibited_by"]:
        parts.append(f"held by {row['inhibited_by']}")
    return ", ".join(parts) or "–"


def duration(span: timedelta) -> str:
    """A span in its two largest units: `3d 4h`, `12 min`."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days:,}d {hours}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes} min"


@click.command()
@click.argument("alert_id")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def show(alert_id: str, format_: str) -> None:
    """Show one alert with its whole history: when, what, who, why.

    ALERT_ID may be the beginning of an id, or of its last eight characters.
    """
    reader = LakeReader(load_settings())
    found = find_alert_id(reader, alert_id)
    [row] = reader.rows(
        f"SELECT body, state, notification_count, resolved_reason, opened_at, resolved_at, {HANDLING} "
        "FROM out.alerts WHERE alert_id = ?",
        [found],
    )
    steps = reader.rows(
        "SELECT event_at AS at, transition, reason, actor, event_id, is_late, version FROM out.alert_transitions "
        "WHERE alert_id = ? ORDER BY version, seq",
        [found],
    )
    alert = {**_with_handling(row, datetime.now(UTC).replace(tzinfo=None)), "times_told": row["notification_count"]}
    if format_ == "json":
        print_rows([to_json({**alert, "history": steps})], "json")
    else:
        _print_alert(alert, steps)


def _print_alert(alert: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    console.print(Panel(_headline(alert), title=Text(alert["alert_id"]), border_style=STYLES[alert["priority"]]))
    table = Table(title="History", title_justify="left", header_style="bold")
    for name in ("when (UTC)", "what", "who", "why", "version"):
        table.add_column(name, justify="right" if name == "version" else "left", overflow="fold")
    for step in steps:
        what, why = describe_step(step["transition"], step["reason"])
        who = step["actor"] or "stock"
        table.add_row(
            f"{step['at']:%Y-%m-%d %H:%M:%S}", Text(what + (", by late data" if step["is_late"] else "")),
            Text(who, "dim" if step["actor"] is None else ""), Text(why), str(step["version"]),
        )  # fmt: skip
    console.print(table)
    notes.print(f"Why did it fire? inventory explain {alert['alert_id']}", style="dim", soft_wrap=True)


def _headline(alert: dict[str, Any]) -> Text:
    text = Text(f"{alert['priority']} {alert['alert_type']}", STYLES[alert["priority"]])
    text.append(f" · {alert['product_name']} at {alert['warehouse_id']} · {alert['state']}\n", "bold")
    trend = sparkline([point["available_stock"] for point in alert["stock_trend"]])
    text.append(f"Available {alert['available_stock']}, threshold {alert['threshold']:g}  {trend}\n")
    told = "told once" if alert["times_told"] == 1 else f"told {alert['times_told']} times"
    is_open = "open for" if alert["state"] == "firing" else "was open for"
    text.append(f"{is_open} {duration(timedelta(minutes=alert['age_minutes']))}, {told}\n")
    if alert["acknowledged_by"]:
        text.append(f"Acknowledged by {alert['acknowledged_by']} at {alert['acknowledged_at']:%Y-%m-%d %H:%M}")
    else:
        text.append("Nobody has acknowledged it", "yellow" if alert["state"] == "firing" else "dim")
    rest = handled_text({**alert, "acknowledged_by": None})
    text.append("" if rest == "–" else f"; {rest}")
    return text
