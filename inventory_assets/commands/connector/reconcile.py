"""`inventory connector reconcile`: the source MongoDB against the lake."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from inventory_assets.clock import machine_microseconds, machine_now
from inventory_assets.commands.connector.config import read_config
from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.domain.events.kinds import Key, Position
from inventory_assets.domain.quality.source_check import Difference
from inventory_assets.domain.values import format_time
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.option_types import ROWS, WAIT_SECONDS
from inventory_assets.quality.source.check import TRIES, Report, SourceCheck
from inventory_assets.settings import load_settings
from inventory_assets.wiring import ensure_topics, publisher_of

FIELDS = ("warehouse_id", "sku", "subject", "kind", "field", "source", "lake")
COLUMNS = (*FIELDS, "diverges_after", "cause")
DEFAULT_DATABASE = "inventory"
SCHEMA_VERSION = 1


@click.command()
@click.option("--config", "config_path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The connector's own file: MONGODB_URI and the rest.")  # fmt: skip
@click.option("--mongo", metavar="URI", help="Instead of --config.")
@click.option("--database", help="Its name.  [default: the config's or the URI's, else inventory]")
@click.option("--warehouse", "warehouse_ids", multiple=True,
              help="Only of this one; repeatable.  [default: those the database has]")  # fmt: skip
@click.option("--limit", type=ROWS, default=100, show_default=True,
              help="How many keys, transactions and rules to trace and print; all are counted.")  # fmt: skip
@click.option("--wait", "wait_seconds", type=WAIT_SECONDS, default=6.0, show_default=True,
              help="Patience for changes on their way. A connector further behind shows as differences.")  # fmt: skip
@click.option("--repair", is_flag=True, help="Publish the deletion of keys that the source has no more.")
@click.option("--yes", is_flag=True, help="With --repair: do not ask.")
@format_option
def reconcile(
    config_path: Path | None, mongo: str | None, database: str | None, warehouse_ids: tuple[str, ...],
    limit: int, wait_seconds: float, repair: bool, yes: bool, format_: str,
) -> None:  # fmt: skip
    """Compare the source MongoDB with the lake, key by key. Exit 1 where they differ.

    Stock, the newest version of each transaction, and the rules are compared.
    A row is one field: what the source says, what the lake says, and the
    position in the key's history in the lake up to which both can agree.
    Transactions that only the lake has are no difference: archiving takes no
    stock away.
    """
    # Here, not at the top: it takes every other command a tenth of a second.
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    from inventory_assets.connector.source.reconcile_source import ReconcileSource

    if (config_path is None) == (mongo is None):
        raise click.UsageError("expected exactly one of --config FILE and --mongo URI.")
    place = _place_of(config_path) if config_path else _Place(mongo or "", None, "", None, {})
    settings = load_settings()
    try:
        client: MongoClient = MongoClient(place.uri, appname="inventory-reconcile", readConcernLevel="majority")
        with client:
            name = database or place.database or client.get_default_database(DEFAULT_DATABASE).name
            wanted = warehouse_ids or tuple(filter(None, [place.warehouse_id]))
            source = ReconcileSource(client, name, warehouse_ids=wanted, names=place.names)
            with history_reader(settings) as reader, notes.status("comparing"):
                check = SourceCheck(
                    reader, source, database=name, warehouse_ids=wanted or source.warehouse_ids(),
                    now=machine_microseconds(),
                )  # fmt: skip
                report = check.run(limit=limit, pause=lambda: time.sleep(wait_seconds / TRIES))
    except PyMongoError as error:
        # Never the URI itself: it may hold a password.
        raise click.ClickException(f"MongoDB did not answer as expected: {error}") from error
    if report.differences or format_ != "table":
        print_rows([_row(difference) for difference in report.differences], format_, columns=COLUMNS)
    _summarize(report)
    if repair:
        _repair(report, name, place.connector_id or f"reconcile-{name}", is_sure=yes)
    if report.found or not report.is_complete:
        sys.exit(1)


class _Place(NamedTuple):
    """Where the source is, and what its connector is called."""

    uri: str
    database: str | None
    connector_id: str
    warehouse_id: str | None
    names: dict[str, str]


def _place_of(path: Path) -> _Place:
    config = read_config(path)
    return _Place(
        config.mongodb_uri.get_secret_value(), config.database, config.connector_id, config.warehouse_id,
        config.real_names,
    )  # fmt: skip


def _row(difference: Difference) -> dict[str, Any]:
    said = {name: getattr(difference, name) for name in FIELDS} | {"kind": str(difference.kind)}
    return said | {"diverges_after": _place(difference.divergence.after), "cause": difference.divergence.cause}


def _place(position: Position | None) -> str | None:
    """`epoch/time+increment`, as RULES 12 orders positions."""
    if position is None:
        return None
    epoch, instant, increment = position
    return f"{epoch}/{format_time(instant)}+{increment}"


def _summarize(report: Report) -> None:
    counted = ", ".join(f"{count:,} {name}" for name, count in report.compared.items())
    if report.unsettled:
        notes.print(f"{report.unsettled:,} changed while they were looked at and are not judged.", style="dim")
    if not report.is_complete:
        notes.print(
            "Too many differ to list them. Re-seed the lake: `inventory connector snapshot`, then reconcile again.",
            style="yellow",
        )
    if report.found:
        notes.print(f"{report.found:,} differ of {counted}.", style="red")
        if report.found > len({(d.warehouse_id, d.sku, d.subject) for d in report.differences}):
            notes.print("Not all are shown; see --limit.", style="dim")
    elif report.is_complete:
        notes.print(f"equal: {counted}.", style="green")


def _repair(report: Report, database: str, connector_id: str, *, is_sure: bool) -> None:
    """Publish what is lost of deletions; the next `drain` takes it in."""
    if not report.absent:
        notes.print("nothing to repair: no key is active in the lake alone", style="dim")
        return
    for warehouse_id, sku in report.absent:
        notes.print(f"delete {warehouse_id} {sku}")
    if not is_sure:
        if not sys.stdin.isatty():
            raise click.UsageError("--repair publishes deletions; without a terminal to ask, give --yes.")
        click.confirm(f"Publish {len(report.absent):,} deletions?", abort=True, err=True)
    assert report.cluster_time is not None  # there were suspects
    settings = load_settings()
    ensure_topics(settings)
    with publisher_of(settings) as publisher:
        publisher.publish(
            deletions(
                report.absent, database=database, connector_id=connector_id, source_epoch=report.source_epoch,
                cluster_time=report.cluster_time, now=machine_now(),
            )
        )  # fmt: skip
    notes.print(f"published {len(report.absent):,} deletions; `inventory drain` takes them in", style="green")


def deletions(
    keys: Sequence[Key], *, database: str, connector_id: str, source_epoch: int, cluster_time: tuple[int, int],
    now: datetime,
) -> list[OutgoingMessage]:  # fmt: skip
    """Envelopes of deleted inventory documents (RULES 1, 17), at the cluster time at which they were not there.

    A document that is inserted later has a later position and counts, whenever it comes.
    """
    return [
        OutgoingMessage(
            "inventory-updates-topic",
            json.dumps(
                {
                    "source": "mongodb", "connector_id": connector_id, "warehouse_id": warehouse_id,
                    "namespace": f"{database}.inventory", "operation": "delete", "source_epoch": source_epoch,
                    "cluster_time": {"t": cluster_time[0], "i": cluster_time[1]}, "resume_token": None,
                    "processed_at": now.isoformat(), "schema_version": SCHEMA_VERSION,
                    "document_key": {"warehouse_id": warehouse_id, "sku": sku}, "document": None,
                }
            ).encode(),
            {"producer": "reconcile"},
        )
        for warehouse_id, sku in keys
    ]  # fmt: skip
