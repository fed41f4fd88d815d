"""`inventory products`: what is known of SKUs beside their stock."""

from collections.abc import Callable
from pathlib import Path

import click

from inventory_assets.archive.archive import EVERY_DAY, archiver_of
from inventory_assets.commands.output import format_option, limit_option, notes, print_found
from inventory_assets.commands.telling import telling_engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import Whole
from inventory_assets.ranges import MAX_DAYS
from inventory_assets.refresh.products import find_discontinued, import_products, read_products, remove_products
from inventory_assets.settings import load_settings


@click.group()
def products() -> None:
    """Product data: names, supplier, lead time, target stock, price, pack."""


@products.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Import product rows from CSV, JSON or JSON Lines; all of them or none."""
    rows = read_products(file)
    with telling_engine() as engine:
        commits = import_products(engine, rows)
    what = f"version {commits[0].version}" if commits else "nothing changed"
    notes.print(f"{len(rows)} products read; {what}", style="green")


def _days_option(command: Callable) -> Callable:
    return click.option(
        "--days",
        type=Whole(1, MAX_DAYS),
        help="Without stock and events; default INVENTORY_DISCONTINUED_AFTER.",
    )(command)


@products.command()
@_days_option
@limit_option
@format_option
def discontinued(days: int | None, limit: int, format_: str) -> None:
    """List SKUs that are inactive everywhere, or had no stock and no event for long."""
    settings = load_settings()
    rows = find_discontinued(LakeReader(settings), days or settings.discontinued_after.days)
    print_found(rows, format_, "no SKU is discontinued", limit=limit)


@products.command("clean-up")
@_days_option
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@limit_option
@format_option
def clean_up(days: int | None, dry_run: bool, limit: int, format_: str) -> None:
    """Archive the lake, then take discontinued SKUs' product data away. Stock and history stay."""
    settings = load_settings()
    reader = LakeReader(settings)
    found = find_discontinued(reader, days or settings.discontinued_after.days)
    reader.connection.close()
    rows = [row for row in found if row["has_product_data"]]
    print_found(rows, format_, "no SKU is discontinued that has product data", limit=limit)
    if dry_run or not rows:
        return
    with archiver_of(settings) as archiver, notes.status("archiving"):
        for _ in archiver.run(EVERY_DAY):
            pass
    with telling_engine(settings) as engine:
        commits = remove_products(engine, [row["sku"] for row in rows])
    what = f"version {commits[0].version}" if commits else "nothing changed"
    notes.print(f"archived, then removed the product data of {len(rows)} SKUs; {what}", style="green")
