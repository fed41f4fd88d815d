"""Rules of data quality as asset checks, the report over all of them, and when they run.

Here: from results to what Dagster shows. Not here: the rules
(`quality.rules`) or the two checks that are none of them (`checks`).
"""

from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Any, Literal

import dagster as dg

from inventory_assets.assets.metadata import records_metadata
from inventory_assets.assets.specs import HOURLY, QUALITY_POOL, RETRIES, evaluation_of, running
from inventory_assets.clock import clock_of
from inventory_assets.domain.quality.results import QualityResult, ResultStatus, Severity, row_id, summarize
from inventory_assets.lake.query.reader import snapshot_reader
from inventory_assets.lake.tables import Table
from inventory_assets.quality.judge import Judged, hold_judged, judge_rules, latest_results, record, with_trends
from inventory_assets.quality.rule import Rule
from inventory_assets.quality.rules import LIGHT_RULES, RULES
from inventory_assets.words.charts import count_bars
from inventory_assets.words.quality import describe_trend, how_many, markdown_text, shown_id, to_markdown, verdict
from resources import InventoryResource

REPORT_KEY = dg.AssetKey(["quality", "report"])
DOCS = "docs/data-quality.md"
SHOWN_COUNTS = 10
# An event's id is of three ids of up to 256 bytes, and whoever looks for it needs all of it.
MAX_CELL = 1_000
_RULES = {rule.name: rule for rule in RULES}


def key_of(table: Table) -> dg.AssetKey:
    """The asset that is a table."""
    return dg.AssetKey(table.full_name.split("."))


def build_quality_checks() -> list[dg.AssetChecksDefinition]:
    """One check per rule; those of a table run in one step, over one reader."""
    tables = dict.fromkeys(rule.table for rule in RULES)
    return [_build(table, [rule for rule in RULES if rule.table is table]) for table in tables]


def _build(table: Table, rules: Sequence[Rule]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"quality_of_{table.schema}_{table.name}",
        description=f"The rules of data quality about {table.full_name}.",
        specs=[
            dg.AssetCheckSpec(
                rule.name,
                asset=key_of(table),
                description=rule.text,
                # A wrong number must not go into snapshots, marts and reports of the same run.
                blocking=rule.severity is Severity.ERROR,
            )
            for rule in rules
        ],
        can_subset=True,
        pool=QUALITY_POOL,
    )
    def checks(context: dg.AssetCheckExecutionContext, inventory: InventoryResource) -> Iterator[dg.AssetCheckResult]:
        names = {key.name for key in context.selected_asset_check_keys}
        chosen = [rule for rule in rules if rule.name in names]
        for result in judge_and_record(inventory, chosen, run_id=context.run.run_id):
            yield to_check(result)

    return checks


def judge_and_record(inventory: InventoryResource, rules: Sequence[Rule], *, run_id: str) -> list[QualityResult]:
    """Judge the lake aside of the bursts; keep what is new, hold and let go. The results, with their trend."""
    session = inventory.session()
    with session.engine() as engine:
        # Makes the lake, or the tables it lacks, before it is read.
        engine.lake.watermark()
    now = clock_of(session.settings).microseconds()
    with snapshot_reader(session.settings) as reader:
        judged: list[Judged] = judge_rules(reader, session.settings, rules, now=now, run_id=run_id)
    with session.engine() as engine:
        record(engine.lake, judged, run_id=run_id)
        hold_judged(engine, judged, now=now)
        return with_trends(engine.lake, [each.result for each in judged])


# ---- what a check shows


def to_check(result: QualityResult) -> dg.AssetCheckResult:
    """A rule's result as a check's."""
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(result.table.split(".")),
        check_name=result.rule,
        passed=result.status is not ResultStatus.FAIL,
        severity=dg.AssetCheckSeverity(result.severity.value),
        description=describe(result),
        metadata=check_metadata(result),
    )


def describe(result: QualityResult) -> str:
    """A result in one line of markdown, which is what the UI takes it for."""
    if result.status is ResultStatus.NOT_JUDGED:
        return f"Not judged: {result.reason}."
    if result.status is ResultStatus.PASS:
        return result.text
    found = f"{how_many(result)} found, such as {', '.join(markdown_text(each) for each in result.sample_ids[:3])}."
    return f"{found} {result.what_to_do}"


def check_metadata(result: QualityResult) -> dict[str, Any]:
    """What a check's page shows. The UI draws a plot of each number, so only the count is one."""
    rule = _RULES[result.rule]
    found: dict[str, Any] = {"failing_count": result.failing_count}
    if result.status is ResultStatus.FAIL:
        is_named = len(rule.id_columns) == 1  # by a column that is there already
        rows = [row if is_named else {"id": row_id(row, rule.id_columns), **row} for row in result.rows]
        shown = [{name: _plain(value) for name, value in row.items()} for row in rows]
        found["failing_rows"] = records_metadata(shown)
        found["failing_rows_shown"] = f"{len(rows)} of {result.failing_count:,}"
        found["what_to_do"] = result.what_to_do
        if rule.is_of_stock:
            found["alerts"] = "those on these keys are untrusted and inhibited until this passes"
    if result.checked_count is not None:
        found["checked"] = f"{result.checked_count:,}"
    found["trend"] = describe_trend(result.trend)
    found["trend_counts"] = ", ".join(
        f"{point.checked_at:%b %d %H:%M} {point.failing_count:,}" for point in result.trend[-SHOWN_COUNTS:]
    )
    found["as_of_lake_version"] = f"{result.as_of_version:,}"
    found["query"] = dg.MetadataValue.md(
        f"```sql\n{dedent(rule.query).strip()}\n```" if rule.query else f"Computed from events, see {DOCS}."
    )
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(shown_id(str(each), longest=MAX_CELL) for each in value)
    return "-" if value is None else shown_id(str(value), longest=MAX_CELL)


PUBLICATION_GATE = dg.AssetSelection.checks(
    *(dg.AssetCheckKey(key_of(rule.table), rule.name) for rule in RULES if rule.severity is Severity.ERROR)
)
"""For a job that publishes: what it makes of a table then waits for that table's critical checks, though the
table itself is not made in the job."""


# ---- the report, and when it is made


class QualityConfig(dg.Config):
    """Which rules to judge: all, or the light ones."""

    rules: Literal["all", "light"] = "all"


@dg.asset(
    key=REPORT_KEY,
    group_name="quality",
    kinds={"duckdb"},
    pool=QUALITY_POOL,
    retry_policy=RETRIES,
    freshness_policy=HOURLY,
    deps=[key_of(table) for table in dict.fromkeys(rule.table for rule in RULES)],
    description="Whether the data can be trusted. One row per rule of data quality: its last result, with its trend."
    '\n\n```\ninventory quality\ninventory sql "SELECT * FROM out.quality_results ORDER BY checked_at DESC"\n```',
)
def quality_report(
    context: dg.AssetExecutionContext, config: QualityConfig, inventory: InventoryResource
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
    """Judge the rules, fill each check's page, and sum up."""
    rules = RULES if config.rules == "all" else LIGHT_RULES
    judged = judge_and_record(inventory, rules, run_id=context.run.run_id)
    for result in judged:
        # Not blocking: this is the report on what is wrong, and nothing is published from it.
        yield evaluation_of(to_check(result))
    with inventory.session().engine() as engine:
        results = latest_results(engine.lake)
    yield dg.MaterializeResult(metadata=report_metadata(results, judged=len(judged)))


def report_metadata(results: Sequence[QualityResult], *, judged: int) -> dict[str, Any]:
    """The report's page: the last result of every rule, of which so many were judged now."""
    summary = summarize(results)
    return {
        "verdict": verdict(summary), "findings": _findings(results),
        "report": dg.MetadataValue.md(to_markdown(results)), "errors": summary.failed, "warnings": summary.warned,
        "rules_that_hold": summary.passed, "not_judged": summary.not_judged, "judged_now": judged,
    }  # fmt: skip


def _findings(results: Sequence[QualityResult]) -> dg.MetadataValue:
    """What is wrong, a line a rule: it shows without a click."""
    return records_metadata(
        [
            {
                "severity": result.severity.value, "rule": result.rule, "found": result.failing_count,
                "trend": count_bars([point.failing_count for point in result.trend[-SHOWN_COUNTS:]]),
                "see the checks of": result.table,
            }
            for result in results
            if result.status is ResultStatus.FAIL
        ]
    )  # fmt: skip


quality_job = dg.define_asset_job(
    "quality",
    selection=dg.AssetSelection.assets(REPORT_KEY),
    description="Judge every rule of data quality, keep what was found, and report it.",
)

hourly_quality_schedule = running(
    "hourly_quality", quality_job, "20 * * * *", "The rules of data quality that read no history.",
    run_config=dg.RunConfig(ops={"quality__report": QualityConfig(rules="light")}),
)  # fmt: skip

daily_quality_schedule = running(
    "daily_quality", quality_job, "30 2 * * *", "All rules of data quality, before the nightly report.",
)  # fmt: skip

low_stock_sweep_job = dg.define_asset_job(
    "low_stock_sweep_job",
    selection=dg.AssetSelection.checks(
        *(dg.AssetCheckKey(key_of(rule.table), rule.name) for rule in RULES if rule.name == "alerts_agree_with_stock")
    ),
    description="Work out from the stock of now which alerts should fire, and compare. Alerts nobody.",
)

low_stock_sweep_schedule = running(
    "low_stock_sweep", low_stock_sweep_job, "0 */6 * * *",
    "Reconcile the alerts with the stock. Differences are findings, not second alerts.",
)  # fmt: skip
