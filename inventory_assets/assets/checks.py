"""The invariants of RULES 35 as asset checks; blocking in runs."""

from dagster import AssetCheckResult, AssetChecksDefinition, AssetCheckSeverity, AssetKey, MetadataValue, asset_check

from inventory_assets.lake.tables import ALERTS, RAW_MESSAGES, ROLLUPS, SKU_STATE, Table
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import defaults_of, parse_settings_of
from inventory_assets.stages.explain import explain_alert
from inventory_assets.stages.warm import Reader
from resources import InventoryResource

IS_EXPLAINED = "The newest alert, derived again from its messages, is the same alert."
# (table, name, what it says, SQL that returns offending rows)
QUERIES: tuple[tuple[Table, str, str, str], ...] = (
    (
        RAW_MESSAGES,
        "outcomes_sum_to_messages",
        "Every received message has exactly one outcome, and each version as many as it took in.",
        """SELECT v.version, v.messages, count(r.seq) AS outcomes FROM meta.versions v
        LEFT JOIN raw.messages r ON r.version = v.version AND r.outcome IS NOT NULL
        WHERE v.stage <> 'rebuild' GROUP BY ALL HAVING count(r.seq) <> v.messages LIMIT 20""",
    ),
    (
        SKU_STATE,
        "no_key_lost",
        "Every key that an event names has a row.",
        """SELECT DISTINCT e.warehouse_id, e.sku FROM core.events e
        ANTI JOIN core.sku_state s ON s.warehouse_id = e.warehouse_id AND s.sku = e.sku
        WHERE e.kind IN ('transaction', 'level', 'tombstone') LIMIT 20""",
    ),
    (
        ROLLUPS,
        "rollups_equal_leaves",
        "On every level the nodes of a warehouse sum to its active keys.",
        """WITH leaves AS (
            SELECT warehouse_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(inbound) AS inbound
            FROM core.sku_state WHERE is_active GROUP BY 1
        ), nodes AS (
            SELECT warehouse_id, level, sum(on_hand) AS on_hand, sum(reserved) AS reserved, sum(inbound) AS inbound
            FROM core.rollups WHERE warehouse_id IS NOT NULL GROUP BY ALL
        )
        SELECT n.*, l.on_hand AS leaf_on_hand FROM nodes n JOIN leaves l USING (warehouse_id)
        WHERE (n.on_hand, n.reserved, n.inbound) <> (l.on_hand, l.reserved, l.inbound) LIMIT 20""",
    ),
)


def failing_rows(reader: Reader, query: str) -> list[dict]:
    """The rows that break an invariant; none where it holds."""
    return list(reader.query(query).iter_rows(named=True))


def build_checks() -> list[AssetChecksDefinition]:
    """One check per invariant, and one that re-derives the newest alert."""
    return [_build(table, name, text, query) for table, name, text, query in QUERIES] + [newest_alert_is_explained]


def _build(table: Table, name: str, text: str, query: str) -> AssetChecksDefinition:
    @asset_check(asset=AssetKey(table.full_name.split(".")), name=name, description=text, blocking=True)
    def check(inventory: InventoryResource) -> AssetCheckResult:
        process = inventory.process()
        with process.lock:
            rows = failing_rows(process.engine.lake, query)
        return AssetCheckResult(
            passed=not rows,
            severity=AssetCheckSeverity.ERROR,
            metadata={"failing_rows": MetadataValue.json(rows), "query": MetadataValue.md(f"```sql\n{query}\n```")},
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
