"""Every asset check, and the invariants of RULES 35 as the sensor's report checks them.

A check that finds stock wrong holds the alerts that stand on it, until it passes
again. Not here: the rules of data quality as checks (`quality`), or those of the pipeline (`pipeline`).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dagster import AssetCheckResult, AssetChecksDefinition, AssetKey, MetadataValue, asset_check

from inventory_assets.assets.pipeline import build_operations_checks
from inventory_assets.assets.quality import build_quality_checks
from inventory_assets.control.untrusted import Place, hold_untrusted
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.verify import recorded_by
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import ALERTS
from inventory_assets.quality.judge import places_to_hold
from inventory_assets.quality.rule import Rule, places_of
from inventory_assets.queries.explain import explain_alert
from inventory_assets.settings import Settings
from resources import InventoryResource

MAX_ROWS = 20
IS_EXPLAINED = "The newest alert, derived again from its messages, is the same alert."


class Finding(NamedTuple):
    """What a check found: some offending rows, and every place whose stock is wrong."""

    check: Rule
    rows: list[dict[str, Any]]
    places: list[Place]


def run_check(reader: Reader, check: Rule) -> Finding:
    """Look for rows that break an invariant."""
    rows = list(reader.query(f"FROM ({check.query}) LIMIT {MAX_ROWS}").iter_rows(named=True))
    is_held = rows and check.is_of_stock
    found = reader.query(f"FROM ({check.query})").iter_rows(named=True) if is_held else ()
    return Finding(check, rows, places_to_hold(places_of(found)))


def hold_findings(engine: Engine, findings: Iterable[Finding]) -> None:
    """Hold the alerts that stand on wrong stock, and let go of those whose stock is right again.

    Raises:
        LakeError: The lake could not be written.
    """
    for check, _, places in findings:
        if check.is_of_stock:
            hold_untrusted(engine, check.name, places, now=to_microseconds(datetime.now(UTC)))


def build_checks() -> list[AssetChecksDefinition]:
    """One check per rule of data quality, one that re-derives the newest alert, and whether all is of now."""
    return [*build_quality_checks(), newest_alert_is_explained, build_operations_checks()]


@asset_check(asset=AssetKey(ALERTS.full_name.split(".")), description=IS_EXPLAINED)
def newest_alert_is_explained(inventory: InventoryResource) -> AssetCheckResult:
    """Re-derive the newest alert."""
    with inventory.session().engine() as engine:
        alert_id, differences = rederive_newest_alert(engine.lake, engine.settings)
    return AssetCheckResult(
        passed=not differences, metadata={"alert": alert_id, "differences": MetadataValue.json(differences)}
    )


def rederive_newest_alert(reader: Reader, settings: Settings) -> tuple[str, list[str]]:
    """The newest alert's id and what differs when it is derived again; nothing where there is no alert."""
    newest = reader.query("SELECT alert_id FROM out.alerts ORDER BY version DESC, alert_id LIMIT 1")
    if not newest.height:
        return "none yet", []
    alert_id = newest.item()
    found = explain_alert(reader, alert_id, meaning=meaning_of(settings), recorded=recorded_by(settings))
    return alert_id, list(found.differences)
