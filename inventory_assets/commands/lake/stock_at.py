"""`inventory stock-at`: the stock of keys at a moment of event time."""

from typing import Any

import click

from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.days import read_moment
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import format_option, limit_option, notes, print_line, print_more, print_rows
from inventory_assets.domain.values import to_datetime, to_microseconds
from inventory_assets.lake.query.as_of import latest_version, show_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import VERSION
from inventory_assets.queries.history import last_event_at
from inventory_assets.recompute.moment import read_stock_at, stock_at_macro
from inventory_assets.recompute.stock import STATE_SCHEMA
from inventory_assets.settings import load_settings
from inventory_assets.words.times import to_second

SHORT = ("warehouse", "sku", "on_hand", "reserved", "available", "inbound", "last_event")
LEAVING = ("last_event", "inbound", "reserved", "on_hand")


@click.command("stock-at")
@click.argument("moment", required=False)
@click.option("--warehouse", "warehouse_id", shell_complete=ids_of("warehouse"), help="Of this warehouse only.")
@click.option("--sku", shell_complete=ids_of("sku"), help="Of this SKU only.")
@click.option("--at-version", type=VERSION, help="As this version knew it: what came later does not count.")
@limit_option
@click.option("--macro", is_flag=True, help="Print the SQL that makes stock_at() in a DuckDB of your own, and end.")
@format_option
def stock_at(
    moment: str | None,
    warehouse_id: str | None,
    sku: str | None,
    at_version: int | None,
    limit: int,
    macro: bool,
    format_: str,
) -> None:
    """Show the stock of keys at MOMENT by event time: what had happened by then, whenever it arrived.

    MOMENT is a time or a day (RFC 3339, UTC; a day is its midnight). In SQL the
    same is `FROM stock_at('2026-01-31 12:00')`. `inventory sql --at` is another
    question: what the lake knew at a time by the machine's clock.
    """
    if macro:
        print_line(stock_at_macro("lake.core.events"))
        return
    if moment is None:
        raise click.UsageError("MOMENT is missing: a time such as 2026-01-31T12:00:00Z.")
    at = read_moment("MOMENT", moment)
    settings = load_settings()
    if at_version is not None:
        land_or_say(settings)
    reader = LakeReader(settings)
    click.get_current_context().call_on_close(reader.connection.close)
    show_version(reader.connection, at_version)
    rows = read_stock_at(reader.connection, at, warehouse_id=warehouse_id, sku=sku)
    if format_ == "table":
        shown = [_short(row) for row in rows.head(limit).iter_rows(named=True)]
        print_rows(shown, "table", columns=SHORT, leaving=LEAVING)
        print_more(rows, limit)
    else:
        print_rows(list(rows.iter_rows(named=True)), format_, columns=tuple(STATE_SCHEMA))
    version = at_version or latest_version(reader.connection)
    notes.print(
        f"{rows.height:,} keys at {to_second(at)} UTC by event time, as version {version} knows it", style="dim"
    )
    newest = last_event_at(reader)
    if newest is not None and newest < to_microseconds(at):
        notes.print(f"nothing is known of what happened after {to_second(to_datetime(newest))} UTC", style="dim")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    names = {"warehouse": "warehouse_id", "last_event": "last_event_at"}
    return {name: row[names.get(name, name)] for name in SHORT}
