"""Every asset check, and the invariants of RULES 35 as the sensor's report checks them.

A check that finds stock wrong holds the alerts that stand on it, until it passes
again. Not here: the rules of data quality as checks (`quality`), or those of the pipeline (`pipeline`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from dagster import AssetCheckResult, AssetChecksDefinition, AssetKey, MetadataValue, asset_check

from inventory_assets.assets.pipeline import build_operations_checks
from inventory_assets.assets.quality import build_quality_checks
from inventory_assets.clock import clock_of
from inventory_assets.control.untrusted import Place, hold_untrusted
from inventory_assets.domain.ingest.process import INVARIANT_VIOLATION
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.verify import recorded_by
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import ALERTS, DEAD_LETTERS, PLANS
from inventory_assets.quality.judge import offending_rows, places_to_hold
from inventory_assets.quality.rule import Rule, places_of
from inventory_assets.queries.alerts import newest_alert_id
from inventory_assets.queries.dead_letters import read_refused_for
from inventory_assets.queries.explain import explain_alert
from inventory_assets.replenish.explain import explain_line
from inventory_assets.replenish.lines import read_lines
from inventory_assets.settings import Settings
from resources import InventoryResource

MAX_ROWS = 20
MAX_IDS = 100
NO_OFFENDER = "No message broke the code or an invariant, and was refused for it (RULES 35)."
LINE_IS_EXPLAINED = "The most urgent line of the plan, derived again from its version, is the same line."
IS_EXPLAINED = "The newest alert, derived again from its messages, is the same alert."


class Finding(NamedTuple):
    """What a check found: some offending rows, and every place whose stock is wrong."""

    check: Rule
    rows: list[dict[str, Any]]
    places: list[Place]


def run_check(reader: Reader, check: Rule) -> Finding:
    """Look for rows that break an invariant."""
    rows = offending_rows(reader, check, MAX_ROWS)
    found = offending_rows(reader, check) if rows and check.is_of_stock else ()
    return Finding(check, rows, places_to_hold(places_of(found)))


def hold_findings(engine: Engine, findings: Iterable[Finding]) -> None:
    """Hold the alerts that stand on wrong stock, and let go of those whose stock is right again.

    Raises:
        LakeError: The lake could not be written.
    """
    for check, _, places in findings:
        if check.is_of_stock:
            hold_untrusted(engine, check.name, places, now=clock_of(engine.settings).microseconds())


def build_checks() -> list[AssetChecksDefinition]:
    """One check per rule of data quality, those of offenders and of the newest alert, and whether all is of now."""
    return [
        *build_quality_checks(),
        no_message_breaks_an_invariant,
        newest_alert_is_explained,
        most_urgent_line_is_explained,
        build_operations_checks(),
    ]


@asset_check(asset=AssetKey(DEAD_LETTERS.full_name.split(".")), description=NO_OFFENDER)
def no_message_breaks_an_invariant(inventory: InventoryResource) -> AssetCheckResult:
    """Look for offenders that were not published again since; the sensor's report looks at what it reports."""
    with inventory.session().engine() as engine:
        found = find_offenders(engine.lake)
    return AssetCheckResult(passed=not found["offenders"], metadata=found)


def find_offenders(reader: Reader, versions: tuple[int, int] | None = None) -> dict[str, Any]:
    """The messages that were refused because they broke the code or an invariant, as a check's metadata.

    Args:
        reader: The lake.
        versions: The first and the last to look at; None is all, without what was replayed since.
    """
    letters = read_refused_for(reader, INVARIANT_VIOLATION, versions)
    return {
        "offenders": letters.height,
        "message_ids": letters["message_id"].head(MAX_IDS).to_list(),
        "details": letters["detail"].unique(maintain_order=True).head(MAX_ROWS).to_list(),
        "next": "report it with these ids; after the fix: inventory replay-dead-letters --reason invariant_violation",
    }


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
    alert_id = newest_alert_id(reader)
    if alert_id is None:
        return "none yet", []
    found = explain_alert(reader, alert_id, meaning=meaning_of(settings), recorded=recorded_by(settings))
    return alert_id, list(found.differences)


@asset_check(asset=AssetKey(PLANS.full_name.split(".")), description=LINE_IS_EXPLAINED)
def most_urgent_line_is_explained(inventory: InventoryResource) -> AssetCheckResult:
    """Derive the plan's most urgent line again."""
    with inventory.session().engine() as engine:
        lines = read_lines(engine.lake)
        found = explain_line(engine.settings, lines[0]["line_id"]) if lines else None
    differences = [] if found is None else list(found.differences)
    return AssetCheckResult(
        passed=not differences,
        metadata={
            "line": "none yet" if found is None else found.line["line_id"],
            "differences": MetadataValue.json(differences),
        },
    )
