"""Whether the numbers are of now, as asset checks of `raw/messages`: connectors, flow, refused messages.

Here: what the UI shows. Not here: what is wrong from when on (`domain.quality.pipeline`), or who is told
(`sensors.pipeline`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from inventory_assets.assets.metadata import records_metadata
from inventory_assets.assets.specs import QUALITY_POOL, evaluation_of
from inventory_assets.clock import clock_of, machine_microseconds
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.quality.pipeline import (
    OF_CONNECTORS,
    OF_FLOW,
    FindingKind,
    PipelineFinding,
    Severity,
    numbers_until,
)
from inventory_assets.domain.values import format_time
from inventory_assets.lake.tables import RAW_MESSAGES
from inventory_assets.quality.pipeline import look
from inventory_assets.words.quality import markdown_text
from resources import InventoryResource

ASSET_KEY = dg.AssetKey(RAW_MESSAGES.full_name.split("."))
_CHECKS: dict[str, tuple[str, frozenset[FindingKind]]] = {
    "connectors_are_heard": ("Every connector was heard within 5 minutes and keeps up with its database.",
                             frozenset(OF_CONNECTORS)),
    "messages_keep_flowing": ("What connectors publish comes in, within 2 minutes.", OF_FLOW),
    "few_messages_are_refused": ("At most 1 % of the last hour's messages, and of a warehouse's transactions as moved, "
                                 "became dead letters.", frozenset({FindingKind.ERRORS, FindingKind.MOVED})),
}  # fmt: skip
CHECK_NAMES = tuple(_CHECKS)


def evaluate(name: str, findings: Sequence[PipelineFinding], connectors: Sequence[Heard]) -> dg.AssetCheckEvaluation:
    """One check's result, for who reports it beside a run."""
    return evaluation_of(_judge(name, findings, connectors))


def build_operations_checks() -> dg.AssetChecksDefinition:
    """The checks; all of them from one look."""

    @dg.multi_asset_check(
        name="operations_of_raw_messages",
        description="Whether the numbers are of now.",
        specs=[dg.AssetCheckSpec(name, asset=ASSET_KEY, description=text) for name, (text, _) in _CHECKS.items()],
        can_subset=True,
        pool=QUALITY_POOL,
    )
    def checks(context: dg.AssetCheckExecutionContext, inventory: InventoryResource) -> Iterator[dg.AssetCheckResult]:
        with inventory.session().engine() as engine:
            engine.refresh()
            connectors = list(engine.state.connectors.values())
            findings = look(engine.lake, connectors, now=machine_microseconds(), clock=clock_of(engine.settings))
        for key in sorted(context.selected_asset_check_keys, key=lambda each: each.name):
            yield _judge(key.name, findings, connectors)

    return checks


def _judge(name: str, findings: Sequence[PipelineFinding], connectors: Sequence[Heard]) -> dg.AssetCheckResult:
    text, kinds = _CHECKS[name]
    found = [each for each in findings if each.kind in kinds]
    wrong = [each for each in found if each.severity is not Severity.INFO]
    if not connectors:
        text = "No connector has been heard of: there is nothing to judge."
    return dg.AssetCheckResult(
        asset_key=ASSET_KEY,
        check_name=name,
        passed=not wrong,
        # Old numbers are right numbers of an earlier time.
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(markdown_text(each.text) for each in found) or text,
        metadata={
            **({"connectors": records_metadata(_shown(connectors))} if connectors and kinds & OF_CONNECTORS else {}),
            **({"what_to_do": " ".join(dict.fromkeys(each.what_to_do for each in wrong))} if wrong else {}),
        },
    )


def _shown(connectors: Sequence[Heard]) -> list[dict[str, str]]:
    return [
        {
            "connector": each.connector_id,
            "warehouse": each.warehouse_id or "several",
            "state": each.state,
            "last heard": format_time(each.heard_at, digits=3),
            "numbers as of": format_time(numbers_until(each), digits=3),
        }
        for each in connectors
    ]
