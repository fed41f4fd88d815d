"""`inventory alerts`: what is wrong, and what to do about it."""

from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from inventory_assets.commands.alert_words import STYLES
from inventory_assets.commands.output import console, format_option, notes, print_rows
from inventory_assets.settings import load_settings
from inventory_assets.wiring import LakeReader

SPARKS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[int]) -> str:
    """A one-line picture of a series."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, 1)
    return "".join(SPARKS[(value - low) * (len(SPARKS) - 1) // span] for value in values)


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice(["firing", "resolved", "all"]), default="firing", show_default=True)
@click.option("--limit", type=int, default=50, show_default=True, help="Rows of a table; json and csv have all.")
@format_option
@click.pass_context
def alerts(context: click.Context, state: str, limit: int, format_: str) -> None:
    """List alerts, the worst and newest first; with a command, handle them."""
    if context.invoked_subcommand is None:
        _list_alerts(state, limit, format_)


def _list_alerts(state: str, limit: int, format_: str) -> None:
    reader = LakeReader(load_settings())
    condition = "" if state == "all" else f"WHERE state = '{state}'"
    found = reader.rows(
        f"""SELECT body, state, notification_count, resolved_reason, sku FROM out.alerts {condition}
        ORDER BY CASE priority WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, opened_at DESC, alert_id"""
    )
    rows = [
        {**msgspec.json.decode(row["body"]), "state": row["state"], "notified": row["notification_count"] > 0}
        for row in found
    ]
    if format_ == "json":
        print_rows(rows, "json")
    elif format_ == "csv":
        print_rows(rows, "csv")
    else:
        _print_alerts(rows, limit, state)


def _summary(rows: list[dict[str, Any]], state: str) -> str:
    """`149 alerts firing: 13 out of stock, 57 low, 79 to reorder`."""
    kinds = (("STOCKOUT", "out of stock"), ("LOW_STOCK", "low"), ("REORDER", "to reorder"))
    parts = [f"{count} {name}" for kind, name in kinds if (count := sum(row["alert_type"] == kind for row in rows))]
    what = "alert" if len(rows) == 1 else "alerts"
    return f"{len(rows)} {what} ({state}): " + (", ".join(parts) or "nothing to do")


def _print_alerts(rows: list[dict[str, Any]], limit: int, state: str) -> None:
    table = Table(
        header_style="bold",
        title=_summary(rows, state),
        title_justify="left",
    )
    columns = (
        "priority",
        "alert",
        "warehouse",
        "product",
        "available",
        "threshold",
        "trend",
        "since (UTC)",
        "suggested order",
    )
    for name in columns:
        table.add_column(
            name, justify="right" if name in ("available", "threshold", "suggested order") else "left", overflow="fold"
        )
    for row in rows[:limit]:
        recommendation = row["restock_recommendation"] or {}
        trend = [point["available_stock"] for point in row["stock_trend"]]
        table.add_row(
            Text(row["priority"], STYLES[row["priority"]]),
            row["alert_type"],
            row["warehouse_id"],
            Text(f"{row['product_name']}\n") + Text(row["sku"], "dim")
            if row["product_name"] != row["sku"]
            else row["sku"],
            str(row["available_stock"]),
            f"{row['threshold']:g}",
            sparkline(trend),
            row["first_breach_time"][:16].replace("T", " ") + (" late data" if row["is_late"] else ""),
            str(recommendation.get("suggested_quantity", "–")),
        )
    console.print(table)
    if len(rows) > limit:
        notes.print(f"{len(rows) - limit} more: --limit {len(rows)}", style="dim")
    if rows:
        notes.print(f"Why? inventory explain {rows[0]['alert_id']}", style="dim", soft_wrap=True)
