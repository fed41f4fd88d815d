"""Tables computed a second time, by sets, and compared: in each run that materializes them, and every night.

Here: what Dagster shows and when it runs. Not here: the computation (`recompute`).
"""

from collections.abc import Collection, Sequence
from typing import Any

import dagster as dg

from inventory_assets.assets.metadata import records_metadata
from inventory_assets.assets.quality import key_of
from inventory_assets.assets.specs import running
from inventory_assets.ingest.verify import recompute_lake
from inventory_assets.lake.tables import ALERTS, Table, VersionedTable
from inventory_assets.recompute.run import RECOMPUTED, Recomputed
from inventory_assets.settings import Settings

CHECK = "equals_what_its_events_give"
SHOWN_DIFFERENCES = 50
BY_SETS = "what DuckDB and polars make of all events, set by set"
BY_BURSTS = "the bursts, event by event in Python, with their messages"
_TEXT = f"Every row is {BY_SETS}, beside the engine that took them in."
_OF_ALERTS = (
    "What fires is what stock, limits and velocity call for, judged of all keys at once, or what hysteresis holds."
)


def recompute_tables(
    settings: Settings, log: dg.DagsterLogManager, tables: Collection[VersionedTable], warehouses: Sequence[str] = ()
) -> Recomputed:
    """Compute tables anew as of the newest version, bursts going on; the steps go to the run's log."""
    return recompute_lake(settings, tables, warehouses=warehouses or None, progress=log.info)


def result_of(table: VersionedTable, found: Recomputed) -> dg.AssetCheckResult:
    """What a computation says of one table."""
    rows = found.differing(table)
    keys = rows["key"].n_unique()
    first = list(rows.head(SHOWN_DIFFERENCES).drop("table").iter_rows(named=True))
    return dg.AssetCheckResult(
        asset_key=key_of(table),
        check_name=CHECK,
        passed=not keys,
        description=f"{keys:,} rows differ." if keys else _text_of(table),
        metadata={
            "differing_rows": keys,
            **({"differences": records_metadata(first)} if first else {}),
            **({"shown": f"{len(first)} of {rows.height:,} cells"} if first else {}),
            **({"what_to_do": "inventory verify, which names the messages; then inventory rebuild"} if keys else {}),
            **numbers_of(found),
        },
    )


def numbers_of(found: Recomputed) -> dict[str, Any]:
    """At which version, from how much, how long: for the metadata of a run."""
    numbers = {
        "recomputed_at_version": f"{found.version:,}", "recomputed_from_events": f"{found.events:,}",
        "recomputed_keys": f"{found.keys:,}", "recompute_seconds": round(found.seconds, 2),
    }  # fmt: skip
    if found.as_recorded:
        numbers["keys_taken_as_recorded"] = f"{found.as_recorded:,}"
    return numbers


def _text_of(table: Table) -> str:
    return _OF_ALERTS if table is ALERTS else _TEXT


def specs_of(table: Table) -> list[dg.AssetCheckSpec]:
    """The check that a table's run brings along, where it is computed a second way."""
    return [dg.AssetCheckSpec(CHECK, asset=key_of(table), description=_text_of(table))] if table in RECOMPUTED else []


recompute_job = dg.define_asset_job(
    "recompute",
    # Without the rules of data quality, which have a job of their own.
    selection=dg.AssetSelection.assets(*map(key_of, RECOMPUTED)).without_checks()
    | dg.AssetSelection.checks(*(dg.AssetCheckKey(key_of(table), CHECK) for table in RECOMPUTED)),
    description="Compute state, sums, limits and what must fire anew, set by set, and compare. Changes nothing.",
)
recompute_schedule = running(
    "daily_recompute", recompute_job, "50 1 * * *", "The second engine, before the night's quality and reports.",
)  # fmt: skip
