"""`inventory coverage` and `inventory thresholds dynamic`: demand, how long stock lasts, limits made of it."""

from datetime import datetime
from typing import Any

import click

from inventory_assets.commands.completing import ids_of
from inventory_assets.commands.days import read_day
from inventory_assets.commands.output import format_option, limit_option, notes, print_rows
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.queries.coverage import COLUMNS, read_coverage
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.dynamic import dynamic_keys, refresh_dynamic
from inventory_assets.settings import load_settings
from inventory_assets.wiring import engine_of

SHORT = ("warehouse", "sku", "available", "units_a_day", "deviation", "days", "out_days", "cover_days", "80%_interval")
LEAVING = ("deviation", "days", "out_days", "80%_interval", "units_a_day")


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a table shows it; `days` are those with stock."""
    is_known = row["cover_days_low"] is not None and row["cover_days_high"] is not None
    return {
        "warehouse": row["warehouse_id"], "sku": row["sku"], "available": row["available"],
        "units_a_day": row["daily_units"], "deviation": row["daily_deviation"], "days": row["in_stock_days"],
        "out_days": row["stockout_days"],
        "cover_days": None if row["cover_days"] is None else round(row["cover_days"], 1),
        "80%_interval": f"{row['cover_days_low']:.1f} to {row['cover_days_high']:.1f}" if is_known else None,
    }  # fmt: skip


@click.command("dynamic")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Demand is of the days before this (default: today).")
@format_option
def dynamic(as_of: datetime | None, format_: str) -> None:
    """Compute the limits of dynamic rules anew and judge the keys they change. Dagster does so daily."""
    day = read_day("--as-of", as_of)
    settings = load_settings()
    with history_reader(settings) as reader, engine_of(settings) as engine, notes.status("computing"):
        commits = refresh_dynamic(engine, reader, day)
        held, known = len(dynamic_keys(engine.state)), sum(map(bool, engine.state.dynamics.values()))
    print_rows([{"as_of_date": day, "version": c.version, **c.counts} for c in commits], format_)
    notes.print(f"{held:,} keys under dynamic rules, {known:,} with computed limits", style="dim")
    if held > known:
        notes.print(
            "The others keep their rule's own numbers: no lead time of at most "
            f"{MAX_DAYS:,} days "
            "(`inventory products import`), or too few sales.",
            style="dim",
        )


@click.command()
@click.argument("warehouse_id", metavar="[WAREHOUSE", required=False, shell_complete=ids_of("warehouse"))
@click.argument("sku", metavar="SKU]", required=False, shell_complete=ids_of("sku"))
@click.option("--refresh", is_flag=True, help="Measure anew first; Dagster does so daily.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="With --refresh: the window ends before this day.")
@limit_option
@format_option
def coverage(
    warehouse_id: str | None, sku: str | None, refresh: bool, as_of: datetime | None, limit: int, format_: str
) -> None:
    """Show demand on days with stock and how many days the stock lasts, the shortest first.

    Days are those with stock in the last 84; out days, those without. The
    interval holds with 80 % probability. A dash is unknown: too few days with
    stock, or nothing sold. json and csv have every column of core.coverage.
    """
    if warehouse_id is not None and sku is None:
        raise click.UsageError("a WAREHOUSE was given without a SKU; give both, or neither for all.")
    if as_of is not None and not refresh:
        raise click.UsageError("--as-of says when to measure, so it needs --refresh.")
    settings = load_settings()
    if refresh:
        day = read_day("--as-of", as_of)
        with history_reader(settings) as reader, engine_of(settings) as engine, notes.status("measuring"):
            changed = refresh_coverage(engine, reader, day)
        notes.print(f"measured as of {day}: {changed:,} rows changed", style="dim")
    key = None if warehouse_id is None or sku is None else (warehouse_id, sku)
    rows = read_coverage(LakeReader(settings), key)
    if sku is not None and not rows and refresh:
        raise click.ClickException(
            f"of SKU {sku!r} at {warehouse_id!r} there was no event before {day}, so there is no demand to measure. "
            'See what is known: inventory sql "SELECT warehouse_id, sku FROM core.sku_state"'
        )
    if sku is not None and not rows:
        raise click.ClickException(
            f"no demand was measured of SKU {sku!r} at {warehouse_id!r}. Measure with `inventory coverage --refresh`; "
            'see what is known: inventory sql "SELECT warehouse_id, sku FROM core.sku_state"'
        )
    if format_ == "table":
        print_rows([_short(row) for row in rows], "table", columns=SHORT, leaving=LEAVING, limit=limit)
    else:
        print_rows(rows, format_, columns=COLUMNS)
    if not rows and refresh:
        notes.print(f"no key has an event before {day}, so there is no demand to measure", style="dim")
    elif not rows:
        notes.print("nothing was measured yet: inventory coverage --refresh", style="dim")
