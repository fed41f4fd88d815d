"""`inventory export`: the lake's tables and the snapshots as plain files."""

from pathlib import Path

import click

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.exchange.export import DATABASE, export_lake
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.settings import load_settings


@click.command()
@click.argument("target")
@click.option("--at-version", type=int, help="The tables as they were at this version.")
@format_option
def export(target: str, at_version: int | None, format_: str) -> None:
    """Write current tables and snapshots as Parquet to a directory or gs://bucket/prefix.

    Beside them a DuckDB file of views: any DuckDB opens it from there.

    \b
    inventory export exported
    cd exported && duckdb snapshots.duckdb "SELECT * FROM core.sku_state LIMIT 5"
    """
    settings = load_settings()
    place = target.rstrip("/") if "://" in target else str(Path(target).expanduser().resolve())
    rows = []
    with notes.status("exporting") as status, history_reader(settings) as reader:
        for each in export_lake(reader, reader.connection, settings.snapshots_uri, place, at_version=at_version):
            status.update(f"exported {each.table}")
            rows.append({"table": each.table, "files": each.files, "rows": each.rows, "bytes": each.size})
    print_rows(rows, format_)
    notes.print(f"views over them: {place}/{DATABASE}", style="green")
