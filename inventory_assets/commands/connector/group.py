"""`inventory connector`: run one, ask how it is, have it copy anew, prepare its database, check its work."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from inventory_assets.clock import machine_now
from inventory_assets.commands.connector.config import config_option, read_config
from inventory_assets.commands.connector.listing import list_
from inventory_assets.commands.connector.reconcile import reconcile
from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.commands.stopping import stop_event
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap, Phase
from inventory_assets.words.text import spaced
from inventory_assets.words.times import to_second


@click.group()
def connector() -> None:
    """MongoDB change streams into Pub/Sub: one process per database (docs/connector.md)."""


@connector.command()
@config_option
def run(config_path: Path | None) -> None:
    """Stream changes until SIGTERM or Ctrl-C, each published before its token is saved."""
    from inventory_assets.connector.runtime import run_connector

    config = read_config(config_path)
    if config.pubsub_emulator_host:
        from inventory_assets.messaging.topology_apply import apply_topology

        assert config.pubsub_project is not None
        apply_topology(config.pubsub_project, emulator_host=config.pubsub_emulator_host)
    with stop_event() as stop:
        sys.exit(run_connector(config, stop=stop, log=sys.stdout))


@connector.command()
@config_option
@format_option
def check(config_path: Path | None, format_: str) -> None:
    """Check a configuration; list what it comes to, or everything that is wrong with it."""
    config = read_config(config_path)
    shown = json.loads(config.model_dump_json())
    rows = [{"setting": name.upper(), "value": _text(value)} for name, value in shown.items()]
    print_rows(rows, format_)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


@connector.command()
@config_option
@format_option
def status(config_path: Path | None, format_: str) -> None:
    """Show how far a connector has come: age of its token, lag, last heartbeat, gaps."""
    from inventory_assets.connector.state.stores.build import open_store

    with closing(open_store(read_config(config_path))) as store:
        checkpoints = store.list()
    now = machine_now()
    rows = [_status_row(found, now) for found in checkpoints]
    if format_ == "table" and len(rows) == 1:
        # One connector reads better downwards.
        rows = [{"what": spaced(name), "value": _shown(value)} for name, value in rows[0].items()]
    print_rows(rows, format_)
    if not checkpoints:
        notes.print("no connector has saved anything here yet: `inventory connector run` does", style="dim")
    for found in checkpoints:
        for gap in found.gaps:
            healed = f"made up for by the copy of epoch {gap.healed_by}" if gap.healed_by else "open"
            notes.print(
                f"{found.connector_id}: a gap found {to_second(gap.found_at)}Z {_after(gap)}, {healed}: {gap.reason}",
                style="yellow",
            )


def _status_row(found: Checkpoint, now: datetime) -> dict[str, Any]:
    at = found.cluster_time
    return {
        "connector_id": found.connector_id, "phase": str(found.phase), "source_epoch": found.source_epoch,
        "published_until": None if at is None else datetime.fromtimestamp(at[0], UTC),
        "lag_seconds": None if at is None else max(0, int(now.timestamp()) - at[0]),
        "token_age_seconds": _age(found.moved_at, now), "last_heartbeat_at": found.heartbeat_at,
        "heartbeat_age_seconds": _age(found.heartbeat_at, now), "gaps": len(found.gaps),
        "copy_requested": found.is_snapshot_requested, "owner_id": found.owner_id,
    }  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{to_second(value)}Z"
    return "–" if value is None else str(value)


def _after(gap: Gap) -> str:
    if gap.after is None:
        return "before any change was streamed"
    return f"after the changes of {_shown(datetime.fromtimestamp(gap.after[0], UTC))}"


def _age(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max(0, int((now - at).total_seconds()))


@connector.command()
@config_option
@click.option(
    "--new-epoch", is_flag=True,
    help="Outrank everything said so far: after a restored backup, or when cluster times may have gone back.",
)  # fmt: skip
def snapshot(config_path: Path | None, new_epoch: bool) -> None:
    """Have a connector copy all collections anew: at its next heartbeat, or when it is started."""
    from inventory_assets.connector.state.progress import request_snapshot
    from inventory_assets.connector.state.stores.build import open_store

    config = read_config(config_path)
    with closing(open_store(config)) as store:
        found = request_snapshot(store, config.connector_id, is_new_epoch=new_epoch)
    if found is None:
        notes.print(f"{config.connector_id} has never run: its first start copies everything anyway.")
        return
    when = "is copying already, and begins anew" if found.phase is Phase.COPYING else "will copy everything"
    notes.print(f"{config.connector_id} {when}, at its next heartbeat or start.", style="green")


@connector.command("init-db")
@config_option
@format_option
def init_db_(config_path: Path | None, format_: str) -> None:
    """Prepare a database: indexes, validators, and images of changed documents. Never removes anything."""
    from inventory_assets.connector.source.init_db import init_db
    from inventory_assets.connector.source.mongo_client import connect

    config = read_config(config_path)
    with closing(connect(config.mongodb_uri.get_secret_value())) as client:
        rows = init_db(client[config.database], collections=list(config.collections))
    print_rows([asdict(row) for row in rows], format_)
    if any(row.action == "failed" for row in rows):
        sys.exit(1)


connector.add_command(reconcile)
connector.add_command(list_)
