"""`inventory stats | velocity | verify | rebuild | maintain`: the lake itself."""

import sys
from dataclasses import asdict
from datetime import datetime

import click

from inventory_assets.commands.days import read_day
from inventory_assets.commands.output import format_option, notes, print_found, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import Difference, recompute_lake, verify_lake
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.queries.counts import count_lake
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.settings import Settings, load_settings
from inventory_assets.wiring import engine_of


@click.command()
@format_option
def stats(format_: str) -> None:
    """Count what the lake holds: versions, messages by outcome, keys, alerts, files."""
    settings = load_settings()
    rows = count_lake(LakeReader(settings), settings)
    print_rows(rows, format_)


@click.command()
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The window ends before this day (default: today).")
@format_option
def velocity(as_of: datetime | None, format_: str) -> None:
    """Refresh mean daily units sold (28 complete days) and re-judge days-of-cover limits."""
    day = read_day("--as-of", as_of)
    settings = load_settings()
    LakeReader(settings)
    with telling_engine(settings) as engine:
        commits = refresh_velocity(engine, day)
    print_rows([{"as_of_date": day, "version": c.version, **c.counts} for c in commits], format_)


@click.command()
@click.option("--quick", is_flag=True, help="Compute all from events by sets instead: a second engine, in seconds.")
@format_option
def verify(quick: bool, format_: str) -> None:
    """Replay every message and compare with the lake. Exit 1 on any difference."""
    settings = load_settings()
    LakeReader(settings)
    if quick:
        _verify_by_sets(settings, format_)
        return
    with notes.status("replaying") as status:
        found = verify_lake(
            settings, meaning_of(settings), lambda burst: status.update(f"replayed version {burst.version}")
        )
    _print_differences(found.differences, format_)
    if found.recorded_until:
        notes.print(
            f"versions 1 to {found.recorded_until} were made under earlier rules and are taken as recorded; "
            "`inventory rebuild` derives them anew",
            style="yellow",
        )
    if found.differences:
        sys.exit(1)
    notes.print(f"verified: version {found.version}, {found.keys} keys, no difference", style="green")


def _verify_by_sets(settings: Settings, format_: str) -> None:
    with notes.status("computing") as status:
        found = recompute_lake(settings, progress=lambda step: status.update(f"computing: {step}"))
    print_found(list(found.differences.iter_rows(named=True)), format_)
    if found.as_recorded:
        notes.print(f"{found.as_recorded:,} keys rest on earlier rules and are taken as recorded", style="yellow")
    if found.rows:
        sys.exit(1)
    notes.print(
        f"version {found.version} computed anew from {found.events:,} events in {found.seconds:.1f} s: "
        f"{found.keys:,} keys, {found.nodes:,} nodes, no difference",
        style="green",
    )


def _print_differences(differences: list[Difference], format_: str) -> None:
    print_found([asdict(difference) for difference in differences], format_)


@click.command()
@click.option("--force", is_flag=True, help="Swap in even what the second engine does not confirm.")
@format_option
def rebuild(force: bool, format_: str) -> None:
    """Derive every table anew from raw.messages and swap it in. Notifies nobody."""
    settings = load_settings()
    LakeReader(settings)
    with notes.status("replaying") as status, engine_of(settings) as engine:
        differences, version = rebuild_lake(
            engine,
            Replay(meaning=meaning_of(settings)),
            lambda burst: status.update(f"replayed version {burst.version}"),
            is_checked=not force,
        )
    _print_differences(differences, format_)
    notes.print(f"rebuilt as version {version}; {len(differences)} tables differed", style="green")


@click.command()
def maintain() -> None:
    """Merge files, refresh bases, expire old snapshots: all of it, now."""
    LakeReader(load_settings())
    with engine_of() as engine, notes.status("maintaining"):
        done = Maintenance(engine.lake).run_all()
    notes.print(f"{len(done)} steps done", style="green")
