"""`inventory products`: what is known of SKUs beside their stock."""

from pathlib import Path

import click

from inventory_assets.commands.output import notes
from inventory_assets.stages.products import import_products, read_products
from inventory_assets.wiring import engine_of


@click.group()
def products() -> None:
    """Product data: names, supplier, lead time, target stock, price, pack."""


@products.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(file: Path) -> None:
    """Import product rows from CSV, JSON or JSON Lines; all of them or none."""
    rows = read_products(file)
    with engine_of() as engine:
        commits = import_products(engine, rows)
    what = f"version {commits[0].version}" if commits else "nothing changed"
    notes.print(f"{len(rows)} products read; {what}", style="green")
