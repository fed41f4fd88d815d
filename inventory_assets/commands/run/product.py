"""`inventory run`: the whole product on one machine, with a simulated retailer in it."""

import fcntl
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import click
import duckdb

from inventory_assets.clock import machine_now
from inventory_assets.commands.landing import land_before_leaving
from inventory_assets.commands.output import notes
from inventory_assets.commands.run.dagster_processes import DagsterProcesses
from inventory_assets.commands.run.demo import (
    OWN_DATA,
    DemoLines,
    choose_retailer,
    describe,
    refuse_demo,
    rest_clock,
    stop_clock,
)
from inventory_assets.commands.run.instance import write_instance
from inventory_assets.commands.run.partitions import partitions_environment
from inventory_assets.commands.run.processes import Processes, free_port, python_environment, tail, wait_for_port
from inventory_assets.demo.retailer import Retailer
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.option_types import RATE, Decimal, Whole
from inventory_assets.project_files import project_dir
from inventory_assets.queries.counts import read_progress
from inventory_assets.ranges import MAX_DAYS, MAX_PORT
from inventory_assets.serving.serve import DEFAULT_PORT as DEFAULT_CONSOLE_PORT
from inventory_assets.serving.serve import SERVICE_PAGE, serve_beside
from inventory_assets.settings import DEFAULT_EMULATOR_PORT, Settings, endpoint_path, load_settings
from inventory_assets.wiring import ensure_topics

PROJECT_DIR = project_dir()
# A dead code server is found so soon; Dagster then looks every few seconds who answers.
LOOK_SECONDS = 2.0
STATUS_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How big the demo's retailer is, and how fast it trades: messages a real second, of which a day has 600."""

    skus: int
    warehouses: int
    rate: float


SCALES = {"small": Scale(2_000, 5, 5.5), "large": Scale(10_000, 20, 20.0)}


class Ports(NamedTuple):
    """The ports that are wanted; where one is taken, the next free one is used."""

    ui: int
    emulator: int
    console: int


class Stopped(Exception):
    """A signal asked us to end."""


@click.command()
@click.option("--scale", type=click.Choice(list(SCALES)), default="small", show_default=True,
              help="Of a new demo. small: 2,000 SKUs x 5 warehouses; large: 10,000 x 20.")  # fmt: skip
@click.option("--rate", type=RATE, help="Of a new demo: live messages a second (default 5.5, large 20).")
@click.option("--demo/--no-demo", default=True, show_default=True, help="A retailer that trades, or your own data.")
@click.option(
    "--port",
    type=Whole(1, MAX_PORT),
    default=3000,
    show_default=True,
    help="Of the Dagster UI; else the next free one.",
)
@click.option("--emulator-port", type=Whole(1, MAX_PORT), default=DEFAULT_EMULATOR_PORT, show_default=True)
@click.option("--console-port", type=Whole(1, MAX_PORT), default=DEFAULT_CONSOLE_PORT, show_default=True)
@click.option("--seconds", type=Decimal(1, MAX_DAYS * 86_400), help="Stop by itself after this long.")
def run(
    scale: str, rate: float | None, demo: bool, port: int, emulator_port: int, console_port: int,
    seconds: float | None,
) -> None:  # fmt: skip
    """Run everything: emulator, Dagster UI, console, and a retailer that trades. Ctrl-C stops it all."""
    settings = load_settings()
    size = SCALES[scale]
    if not demo:
        refuse_demo(settings)
    lock = _hold(settings.home / "run.lock")
    processes = Processes(settings.home / "run.json")
    if stopped := processes.stop_orphans():
        notes.print(f"stopped {stopped} processes that an earlier run had left", style="yellow")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    retailer = None
    ends = ExitStack()
    try:
        if demo:
            retailer = choose_retailer(
                settings, skus=size.skus, warehouses=size.warehouses, rate=size.rate if rate is None else rate
            )
            rest_clock(settings)
        dagster = _start(settings, processes, ends, retailer, Ports(port, emulator_port, console_port))
        _watch(settings, processes, dagster, retailer, seconds)
    except Stopped:
        notes.print()
        notes.print("stopping …")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        ends.close()
        processes.stop()
        if retailer is not None:
            stop_clock(settings)
        land_before_leaving(settings)
        endpoint_path(settings).unlink(missing_ok=True)
        os.close(lock)
    notes.print("stopped. What was taken in is kept; `make run` goes on from there.")


def _hold(path: Path) -> int:
    """Take the home for this run; the kernel gives it back however the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise click.ClickException(
            f"the product is already running in {str(path.parent)!r}. "
            "Stop it there with Ctrl-C, or choose another home: INVENTORY_HOME=/some/other/place make run"
        ) from None
    return lock


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped


def _start(
    settings: Settings, processes: Processes, ends: ExitStack, retailer: Retailer | None, ports: Ports
) -> DagsterProcesses:
    logs = settings.home / "logs"
    own_emulator = settings.emulator_host is None
    if own_emulator:
        chosen = free_port(ports.emulator)
        _say_port("emulator", ports.emulator, chosen)
        host = f"localhost:{chosen}"
        child = processes.start(
            # Not through the command line, which brings polars and DuckDB: 75 MiB.
            "emulator",
            [sys.executable, "-m", "inventory_assets.emulator", "--host", "localhost",
             "--port", str(chosen), "--data", str(settings.home / "emulator")],
            log=logs / "emulator.log", env=python_environment(), cwd=PROJECT_DIR,
        )  # fmt: skip
        if not wait_for_port(chosen, host="localhost", seconds=30, child=child):
            raise click.ClickException(f"the emulator did not start:\n{tail(logs / 'emulator.log')}")
        endpoint_path(settings).write_text(host)
    else:
        host = settings.emulator_host or ""
        notes.print(f"using the broker at {host} (PUBSUB_EMULATOR_HOST)")
    # Always this broker: a project named in the environment must not get a simulated retailer.
    ensure_topics(replace(settings, emulator_host=host))
    notes.print(f"emulator   {host}, topics ready")
    chosen = free_port(ports.console)
    _say_port("console", ports.console, chosen)
    ends.callback(serve_beside(replace(settings, emulator_host=host), chosen))
    notes.print(f"console    http://127.0.0.1:{chosen}/", style="bold green")
    notes.print(f"stock API  http://127.0.0.1:{chosen}{SERVICE_PAGE}")

    dagster_home = settings.home / "dagster"
    write_instance(dagster_home, is_demo=retailer is not None)
    environment = python_environment(
        DAGSTER_HOME=str(dagster_home), INVENTORY_HOME=str(settings.home), PUBSUB_EMULATOR_HOST=host,
        GOOGLE_CLOUD_PROJECT=settings.project,
        **partitions_environment(settings, None if retailer is None else retailer.start_at.date()),
    )  # fmt: skip
    if retailer is not None:
        processes.start(
            "simulator", [sys.executable, "-m", "inventory_assets.commands.run.trader"],
            log=logs / "simulator.log", env=environment, cwd=PROJECT_DIR,
        )  # fmt: skip
        notes.print(f"demo       {describe(retailer)}")
    chosen = free_port(ports.ui)
    _say_port("UI", ports.ui, chosen)
    dagster = DagsterProcesses(processes, logs=logs, env=environment, cwd=PROJECT_DIR)
    ends.callback(dagster.close)
    with notes.status("starting Dagster"):
        if (failed := dagster.start(chosen)) is not None:
            raise click.ClickException(f"Dagster did not start:\n{tail(logs / f'{failed}.log')}")
    notes.print(f"Dagster UI  http://127.0.0.1:{chosen}/asset-groups", style="bold green")
    notes.print("in another terminal:  .venv/bin/inventory alerts      (logs: " + str(logs) + ")")
    notes.print("                      .venv/bin/inventory reports build, then: inventory reports serve")
    if retailer is None:
        # Not as markup: brackets are JSON's.
        notes.print(OWN_DATA % f"{machine_now():%Y-%m-%dT%H:%M:%SZ}", markup=False, highlight=False)
    return dagster


def _say_port(what: str, wanted: int, chosen: int) -> None:
    if wanted != chosen:
        notes.print(f"port {wanted} is taken, so the {what} is at {chosen}", style="yellow")


def _watch(
    settings: Settings, processes: Processes, dagster: DagsterProcesses, retailer: Retailer | None,
    seconds: float | None,
) -> None:  # fmt: skip
    started = said_at = time.monotonic()
    status = _Status(settings)
    demo = None if retailer is None else DemoLines(settings, retailer)
    while seconds is None or time.monotonic() - started < seconds:
        time.sleep(LOOK_SECONDS)
        if dagster.replace_dead():
            notes.print("the process that takes messages in has died; another is started", style="yellow")
        if dead := processes.dead():
            name = dead[0]
            raise click.ClickException(f"{name} ended by itself:\n{tail(settings.home / 'logs' / f'{name}.log')}")
        for line in demo.new() if demo is not None else ():
            notes.print(line, style="cyan")
        if time.monotonic() - said_at < STATUS_SECONDS:
            continue
        said_at = time.monotonic()
        memory = sum(processes.memory_bytes().values())
        moment = "" if demo is None or not (shown := demo.moment()) else f"{shown}  "
        notes.print(f"{moment}{status.line()}  memory {memory / 2**20:,.0f} MiB")


class _Status:
    """One line about how it goes, from the lake alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader: LakeReader | None = None
        self._messages: int | None = None
        self._at = time.monotonic()

    def line(self) -> str:
        try:
            if self._reader is None:
                self._reader = LakeReader(self._settings)
            found = read_progress(self._reader)
        except (LakeError, duckdb.Error):
            self._reader = None
            return "waiting for the first version …"
        now = time.monotonic()
        # What was there before is no rate.
        rate = 0.0 if self._messages is None else (found.messages - self._messages) / (now - self._at)
        self._messages, self._at = found.messages, now
        lag = "–" if found.lag_milliseconds is None else f"{found.lag_milliseconds:,.0f} ms"
        return (
            f"version {found.version:,}  messages {found.messages:,}  {rate:,.0f}/s  lag {lag}  "
            f"alerts open {found.firing:,}"
        )
