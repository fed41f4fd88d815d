"""The invariants of RULES 35 as asset checks; blocking in runs.

A check that finds stock wrong holds the alerts that stand on it, until it passes again.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dagster import AssetCheckResult, AssetChecksDefinition, AssetCheckSeverity, AssetKey, MetadataValue, asset_check

from inventory_assets.assets.specs import LAKE_POOL
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.tables import ALERTS, RAW_MESSAGES, ROLLUPS, SKU_STATE, Table
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import Engine, defaults_of, parse_settings_of
from inventory_assets.stages.explain import explain_alert
from inventory_assets.stages.trust import Place, hold_untrusted
from inventory_assets.stages.warm import Reader
from resources import InventoryResource

MAX_ROWS = 20
IS_EXPLAINED = "The newest alert, derived again from its messages, is the same alert."


class Check(NamedTuple):
    """An invariant. `query` returns offending rows; with `is_of_stock` they name a `warehouse_id` and maybe a `sku`."""

    table: Table
    name: str
    text: str
    query: str
    is_of_stock: bool = True


CHECKS: tuple[Check, ...] = (
    Check(
        RAW_MESSAGES,
        "outcomes_sum_to_messages",
        "Every received message has exactly one outcome, and each version as many as it took in.",
        """SELECT v.version, v.messages, count(r.seq) AS outcomes FROM meta.versions v
        LEFT JOIN raw.messages r ON r.version = v.version AND r.outcome IS NOT NULL
        WHERE v.stage <> 'rebuild' GROUP BY ALL HAVING count(r.seq) <> v.messages""",
        is_of_stock=False,
    ),
    Check(
        SKU_STATE,
        "no_key_lost",
        "Every key that an event names has a row.",
        """SELECT DISTINCT e.warehouse_id, e.sku FROM core.events e
        ANTI JOIN core.sku_state s ON s.warehouse_id = e.warehouse_id AND s.sku = e.sku
        WHERE e.kind IN ('transaction', 'level', 'tombstone')""",
    ),
    Check(
        ROLLUPS,
        "rollups_equal_leaves",
        "On every level the nodes of a warehouse sum to its active keys.",
        """WITH leaves AS (
            SELECT warehouse_id, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved,
                sum(inbound)::BIGINT AS inbound
            FROM core.sku_state WHERE is_active GROUP BY 1
        ), nodes AS (
            SELECT warehouse_id, level, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved,
                sum(inbound)::BIGINT AS inbound
            FROM core.rollups WHERE warehouse_id IS NOT NULL GROUP BY ALL
        )
        SELECT n.*, l.on_hand AS leaf_on_hand FROM nodes n JOIN leaves l USING (warehouse_id)
        WHERE (n.on_hand, n.reserved, n.inbound) <> (l.on_hand, l.reserved, l.inbound)""",
    ),
)


class Finding(NamedTuple):
    """What a check found: some offending rows, and every place whose stock is wrong."""

    check: Check
    rows: list[dict[str, Any]]
    places: list[Place]


def run_check(reader: Reader, check: Check) -> Finding:
    """Look for rows that break an invariant."""
    rows = list(reader.query(f"FROM ({check.query}) LIMIT {MAX_ROWS}").iter_rows(named=True))
    if not rows or not check.is_of_stock:
        return Finding(check, rows, [])
    found = reader.query(f"FROM ({check.query})")
    return Finding(check, rows, [(row["warehouse_id"], row.get("sku")) for row in found.iter_rows(named=True)])


def hold_findings(engine: Engine, findings: Iterable[Finding]) -> None:
    """Hold the alerts that stand on wrong stock, and let go of those whose stock is right again.

    Raises:
        LakeError: The lake could not be written.
    """
    for check, _, places in findings:
        if check.is_of_stock:
            hold_untrusted(engine, check.name, places, now=to_microseconds(datetime.now(UTC)))


def build_checks() -> list[AssetChecksDefinition]:
    """One check per invariant, and one that re-derives the newest alert."""
    return [_build(check) for check in CHECKS] + [newest_alert_is_explained]


def _build(chosen: Check) -> AssetChecksDefinition:
    @asset_check(
        asset=AssetKey(chosen.table.full_name.split(".")),
        name=chosen.name,
        description=chosen.text,
        blocking=True,
        pool=LAKE_POOL,
    )
    def check(inventory: InventoryResource) -> AssetCheckResult:
        process = inventory.process()
        with process.lock:
            finding = run_check(process.engine.lake, chosen)
            hold_findings(process.engine, [finding])
        return AssetCheckResult(
            passed=not finding.rows,
            severity=AssetCheckSeverity.ERROR,
            metadata={
                "failing_rows": MetadataValue.json(finding.rows),
                "query": MetadataValue.md(f"```sql\n{chosen.query}\n```"),
            },
        )

    return check


@asset_check(
    asset=AssetKey(ALERTS.full_name.split(".")),
    description=IS_EXPLAINED,
)
def newest_alert_is_explained(inventory: InventoryResource) -> AssetCheckResult:
    """Re-derive the newest alert."""
    process = inventory.process()
    with process.lock:
        alert_id, differences = rederive_newest_alert(process.engine.lake, process.settings)
    return AssetCheckResult(
        passed=not differences, metadata={"alert": alert_id, "differences": MetadataValue.json(differences)}
    )


def rederive_newest_alert(reader: Reader, settings: Settings) -> tuple[str, list[str]]:
    """The newest alert's id and what differs when it is derived again; nothing where there is no alert."""
    newest = reader.query("SELECT alert_id FROM out.alerts ORDER BY version DESC, alert_id LIMIT 1")
    if not newest.height:
        return "none yet", []
    alert_id = newest.item()
    found = explain_alert(reader, alert_id, defaults=defaults_of(settings), settings=parse_settings_of(settings))
    return alert_id, list(found.differences)
