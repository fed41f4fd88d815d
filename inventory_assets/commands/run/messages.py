"""`inventory emulator | topics | drain | simulate`: messages in and out."""

import base64
import csv
import json
import time
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click
import duckdb

from inventory_assets.commands.output import format_option, notes, print_found
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.option_types import PORT, RATE, WAIT_SECONDS, Whole
from inventory_assets.queries.counts import count_levels
from inventory_assets.ranges import LAST_DAY
from inventory_assets.ranges import SIMULATION_RANGES as _RANGES
from inventory_assets.refresh.products import import_products, read_products
from inventory_assets.settings import DEFAULT_EMULATOR_PORT, Settings, emulator_host, load_settings
from inventory_assets.simulator import (
    SimulatedMessage,
    Simulation,
    SimulationSettings,
    SimulationSettingsError,
    default_thresholds,
    products_csv,
)
from inventory_assets.wiring import engine_of, ingest_of, publisher_of

PUBLISH_CHUNK = 5_000
LIVE_PAUSE_SECONDS = 0.05
# Enough for 200,000 keys on a slow machine; trade begins then in any case.
OPENING_SECONDS = 300.0
DRAIN_SECONDS = 24 * 3600.0


@click.command()
@click.option("--host", default="localhost", show_default=True)
@click.option("--port", type=PORT, default=DEFAULT_EMULATOR_PORT, show_default=True, help="0 picks a free one.")
@click.option(
    "--data", "data_dir", type=click.Path(file_okay=False, path_type=Path), help="Default INVENTORY_HOME/emulator."
)
@click.option("--in-memory", is_flag=True, help="Keep nothing on disk.")
@click.option("--oidc-port", type=PORT,
              help="Serve the keys of push tokens, and tokens to try out (default: nowhere).")  # fmt: skip
@click.option("--oidc-issuer", default="https://accounts.google.com", show_default=True,
              help="Whom push tokens name as their issuer.")  # fmt: skip
def emulator(
    host: str, port: int, data_dir: Path | None, in_memory: bool, oidc_port: int | None, oidc_issuer: str
) -> None:
    """Run a local Pub/Sub emulator until SIGTERM or Ctrl-C."""
    from inventory_assets.emulator import EmulatorError, Oidc
    from inventory_assets.emulator import run as run_emulator

    if in_memory and data_dir is not None:
        raise click.UsageError("--in-memory and --data were both given; choose one.")
    where = None if in_memory else data_dir or load_settings().home / "emulator"
    try:
        run_emulator(host, port, where, Oidc(oidc_port, oidc_issuer))
    except EmulatorError as error:
        raise click.ClickException(str(error)) from error


@click.group()
def topics() -> None:
    """Topics and subscriptions."""


@topics.command("apply")
@click.option("--attach-schemas", is_flag=True,
              help="Create or evolve schemas too, and attach them: such a topic then takes nothing else.")  # fmt: skip
@click.option("--subscription", "optional", metavar="NAME", multiple=True,
              help="Make this optional subscription of the manifest, too; may be given again.")  # fmt: skip
@format_option
def topics_apply(attach_schemas: bool, optional: tuple[str, ...], format_: str) -> None:
    """Create what the manifest names and is missing; update what differs."""
    # Here, as below: most of these commands never connect, and gRPC takes half a second.
    from inventory_assets.messaging.topology_apply import apply_topology

    settings = load_settings()
    changes = apply_topology(settings.project, optional=optional, emulator_host=emulator_host(settings))
    if attach_schemas:
        from inventory_assets.messaging import schemas

        changes += schemas.attach_schemas(settings.project, tell=notes.print, emulator_host=emulator_host(settings))
    rows = [{"action": str(c.action), "kind": c.resource, "name": c.name, "detail": c.detail} for c in changes]
    print_found(rows, format_, "nothing to do: topics and subscriptions are as the manifest has them")


@click.command()
@click.option("--wait", "wait_seconds", type=WAIT_SECONDS, default=1.0, show_default=True,
              help="Stop after this many seconds without a message.")  # fmt: skip
@format_option
def drain(wait_seconds: float, format_: str) -> None:
    """Take in everything that waits, burst by burst. Needs no daemon."""
    settings = load_settings()
    with ingest_of(settings) as ingest, notes.status("waiting for messages") as status:
        taken = [0]

        def show(commit: Any) -> None:
            taken[0] += sum(commit.outcomes.values())
            status.update(f"version {commit.version}: {taken[0]:,} messages")

        summary = ingest.run(max_seconds=DRAIN_SECONDS, wait_seconds=wait_seconds, until_empty=True, on_commit=show)
    rows = [{"outcome": name, "messages": count} for name, count in sorted(summary.outcomes.items())]
    print_found(rows, format_)
    notes.print(
        f"{summary.messages:,} messages in {len(summary.versions)} versions, {summary.notified:,} alerts notified.",
        style="dim",
    )
    if left := ingest.outbox.figures_left:
        notes.print(
            f"{left:,} messages of figures are still to leave on analytics-events, a hundred a second: `make run`, or "
            "the next `inventory drain`, sends them on.", style="yellow",
        )  # fmt: skip
    if not summary.messages:
        # Whoever expected some should know where else they may be.
        notes.print(
            "Nothing waited. What is leased to a process that died comes back when its 60 s deadline ends.", style="dim"
        )


@click.command()
@click.option("--seed", type=Whole(*_RANGES["seed"]), default=7, show_default=True)
@click.option("--events", type=Whole(0, 1_000_000_000), default=10_000, show_default=True,
              help="Live messages after the opening stock.")  # fmt: skip
@click.option("--skus", type=Whole(*_RANGES["skus"]), default=2_000, show_default=True)
@click.option("--warehouses", type=Whole(*_RANGES["warehouses"]), default=5, show_default=True)
@click.option(
    "--start", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Event time of the first live message."
)
@click.option("--rate", type=RATE, default=100.0, show_default=True, help="Live messages per second of event time.")
@click.option("--products", type=click.Path(dir_okay=False, path_type=Path), help="Write product data to this CSV.")
@click.option("--thresholds", type=click.Path(dir_okay=False, path_type=Path), help="Write default rules to this YAML.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Write the true stock to this CSV.")
@click.option(
    "--out", default="-", show_default=True, help="A file or -, of lines {topic, data, attributes, ordering_key}."
)
@click.option(
    "--live", is_flag=True, help="Publish to the broker now, at --rate, until stopped; imports the product data too."
)
@click.option("--mongo", metavar="URI", help="Write to an empty MongoDB database instead, a transaction a step.")
@click.option("--database", help="With --mongo: its name.  [default: the URI's, else inventory]")
def simulate(
    seed: int, events: int, skus: int, warehouses: int, start: datetime | None, rate: float,
    products: Path | None, thresholds: Path | None, ledger: Path | None, out: str, live: bool,
    mongo: str | None, database: str | None,
) -> None:  # fmt: skip
    """Write seeded synthetic messages: rules, opening stock, then live trade.

    \b
    inventory simulate --events 5000 --out trade.jsonl
    inventory publish trade.jsonl --topic inventory-transactions-topic --format-in messages
    """
    options: dict[str, Any] = {"seed": seed, "skus": skus, "warehouses": warehouses, "events_per_second": rate}
    if start is not None:
        options["start_at"] = start.replace(tzinfo=UTC)
    try:
        _check_simulation(SimulationSettings(**options), events)
    except SimulationSettingsError as error:
        raise click.UsageError(f"{error}") from error
    if mongo is not None:
        # Here, not at the top: most commands need no MongoDB.
        from inventory_assets.commands.run.simulate_mongo import trade_into_mongo

        simulation = trade_into_mongo(mongo, database, options, events=events, is_live=live).simulation
    elif database is not None:
        raise click.UsageError("--database names a database at a MongoDB; give its --mongo URI.")
    elif live:
        trade_live(load_settings(), SimulationSettings(**options | {"start_at": datetime.now(UTC)}))
        return
    else:
        simulation = Simulation(SimulationSettings(**options))
        _write_messages(simulation, events, out)
    if products is not None:
        products.write_text(products_csv(simulation.catalog))
    if thresholds is not None:
        thresholds.write_text(default_thresholds(), encoding="utf-8")
    if ledger is not None:
        write_ledger(simulation, ledger)


def _check_simulation(options: SimulationSettings, events: int) -> None:
    end_days = events / options.events_per_second / 86_400
    left_days = (LAST_DAY - options.start_at.date()).days + 1
    if end_days > left_days:
        raise click.UsageError(
            f"--events {events:,} at --rate {options.events_per_second:g} take {end_days:,.0f} days; expected at most "
            f"{left_days:,}, up to {LAST_DAY}. Take fewer, or a higher rate."
        )


def _write_messages(simulation: Simulation, events: int, out: str) -> None:
    with click.open_file(out, "w", encoding="utf-8") as sink:
        for message in chain(simulation.opening(), islice(simulation.stream(), events)):
            sink.write(_message_line(message))


def _message_line(message: SimulatedMessage) -> str:
    line: dict[str, Any] = {"topic": message.topic}
    try:
        line["data"] = message.data.decode()
    except UnicodeDecodeError:  # a malformed message on purpose: its bytes must survive the file
        line["data_base64"] = base64.b64encode(message.data).decode()
    line["attributes"], line["ordering_key"] = message.attributes, message.ordering_key
    return json.dumps(line) + "\n"


def trade_live(settings: Settings, options: SimulationSettings) -> None:
    """Publish the opening stock, then live trade at its rate, until the process is stopped."""
    simulation = Simulation(options)
    # Before the stock: another writer's version makes the sensor reload what it keeps warm.
    products_path = settings.home / "simulated-products.csv"
    products_path.parent.mkdir(parents=True, exist_ok=True)
    products_path.write_text(products_csv(simulation.catalog))
    with engine_of(settings) as engine:
        import_products(engine, read_products(products_path))
    with publisher_of(settings) as publisher:
        opening = simulation.opening()
        while chunk := list(islice(opening, PUBLISH_CHUNK)):
            publisher.publish([_unordered(message) for message in chunk])
        _await_opening(settings, len(simulation.catalog) * len(simulation.warehouses))
        stream = simulation.stream(now=lambda: datetime.now(UTC))
        started = time.monotonic()
        sent = 0
        while True:
            owed = int((time.monotonic() - started) * options.events_per_second) - sent
            if owed > 0:
                batch = list(islice(stream, min(owed, PUBLISH_CHUNK)))
                publisher.publish([_unordered(message) for message in batch])
                sent += len(batch)
            time.sleep(LIVE_PAUSE_SECONDS)


def _await_opening(settings: Settings, keys: int) -> None:
    """Wait until the opening stock is taken in: an order that overtakes it would look like a stockout."""
    deadline = time.monotonic() + OPENING_SECONDS
    while time.monotonic() < deadline:
        try:
            taken = count_levels(LakeReader(settings))
        except (LakeError, duckdb.Error):
            taken = 0
        if taken >= keys:
            return
        time.sleep(1.0)


def _unordered(message: SimulatedMessage) -> OutgoingMessage:
    # Without its ordering key: Pub/Sub takes one key a request, so keys would cost a request a message.
    return OutgoingMessage(message.topic, message.data, message.attributes)


def write_ledger(simulation: Simulation, path: Path) -> None:
    """Write the simulator's own books: the true stock per key."""
    with path.open("w", newline="") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(["warehouse_id", "sku", "on_hand", "reserved", "inbound"])
        for row in simulation.ledger.rows():
            writer.writerow([row.warehouse_id, row.sku, row.on_hand, row.reserved, row.inbound])
