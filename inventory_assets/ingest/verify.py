"""Check the lake against itself: replay everything, compare every derived table.

Used by `inventory verify` and, with the replayed frames, by `inventory rebuild`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.ingest import frames
from inventory_assets.ingest.replay import RecordedBurst, Replay, read_bursts
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import (
    ALERTS,
    CONNECTORS,
    CORE_EVENTS,
    DEAD_LETTERS,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    THRESHOLD_AUDIT,
    THRESHOLD_RULES,
    TRANSITIONS,
    Table,
)

DERIVED = (
    CORE_EVENTS, DEAD_LETTERS, SKU_STATE, ROLLUPS, THRESHOLD_RULES, THRESHOLD_AUDIT, RESOLVED_THRESHOLDS, ALERTS,
    TRANSITIONS, CONNECTORS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One derived table that is not what its messages say."""

    table: str
    missing: int
    unexpected: int
    example: str


def derived_frames(burst: RecordedBurst, result: BurstResult) -> dict[Table, pl.DataFrame]:
    """Every row a burst wrote to the derived tables, by table."""
    draft = result.draft
    rows = {
        CORE_EVENTS.full_name: frames.events(result),
        DEAD_LETTERS.full_name: frames.dead_letters(burst.messages, result),
        SKU_STATE.full_name: frames.sku_state(result) if draft.keys.changed else None,
        ROLLUPS.full_name: draft.state.rollups.frame(draft.rollup_change),
        THRESHOLD_RULES.full_name: frames.threshold_rules(result) if draft.rules.changed else None,
        THRESHOLD_AUDIT.full_name: frames.threshold_audit(result) if draft.rule_changes else None,
        RESOLVED_THRESHOLDS.full_name: frames.resolved_thresholds(result) if draft.thresholds.changed else None,
        ALERTS.full_name: frames.alerts(result) if result.changed_alerts else None,
        TRANSITIONS.full_name: frames.transitions(result) if result.transitions else None,
        CONNECTORS.full_name: frames.connectors(draft.connectors.changed.values()),
    }
    return {
        table: frame.with_columns(pl.lit(burst.version, pl.Int64).alias("version"))
        for table in DERIVED
        if (frame := rows[table.full_name]) is not None and frame.height
    }


def replay_all(
    reader: Reader, replay: Replay, on_burst: Callable[[RecordedBurst], None] | None = None
) -> tuple[dict[str, pl.DataFrame], list[Difference]]:
    """Replay the whole lake.

    Returns:
        (frames, differences): the derived tables as they should be, by changes
        table; and messages whose recorded outcome is not the replayed one.
    """
    parts: dict[str, list[pl.DataFrame]] = {table.changes: [] for table in DERIVED}
    outcomes: list[str] = []
    for burst in read_bursts(reader):
        result = replay.apply(burst)
        for table, frame in derived_frames(burst, result).items():
            parts[table.changes].append(frame)
        for message, recorded, arrival in zip(burst.messages, burst.outcomes, result.arrivals, strict=True):
            if recorded != arrival.outcome.value:
                outcomes.append(f"message {message.message_id}: {recorded} recorded, {arrival.outcome} replayed")
        if on_burst is not None:
            on_burst(burst)
    found = [Difference("raw.messages", 0, len(outcomes), outcomes[0])] if outcomes else []
    return {name: pl.concat(items, how="vertical_relaxed") for name, items in parts.items() if items}, found


def compare(reader: Reader, expected: dict[str, pl.DataFrame]) -> list[Difference]:
    """Compare the lake's derived tables with the replayed ones, row by row."""
    differences = []
    for table in DERIVED:
        columns = list(table.columns)
        actual = reader.query(f"SELECT {', '.join(columns)} FROM {table.changes}")
        replayed = expected.get(table.changes)
        replayed = actual.clear() if replayed is None else replayed.select(columns).cast(actual.schema)
        missing = replayed.join(actual, on=columns, how="anti", nulls_equal=True)
        unexpected = actual.join(replayed, on=columns, how="anti", nulls_equal=True)
        surplus = actual.height - replayed.height
        if missing.height or unexpected.height or surplus:
            sample = missing if missing.height else unexpected
            example = str(sample.row(0, named=True)) if sample.height else f"{surplus} repeated rows"
            differences.append(Difference(table.full_name, missing.height, unexpected.height, example[:300]))
    differences.extend(_compare_current(reader))
    return differences


def _compare_current(reader: Reader) -> list[Difference]:
    """The views, which go through compacted bases, against the plain history."""
    differences = []
    for table in (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS, ALERTS, THRESHOLD_RULES, CONNECTORS):
        plain = table.view_query("lake.", None)
        for left, right, kind in (
            (plain, f"FROM {table.full_name}", "missing"),
            (f"FROM {table.full_name}", plain, "extra"),
        ):
            count = reader.query(f"SELECT count(*) AS n FROM (({left}) EXCEPT ALL ({right}))").item()
            if count:
                missing, extra = (count, 0) if kind == "missing" else (0, count)
                differences.append(Difference(f"{table.full_name} (view)", missing, extra, "view differs from history"))
    return differences
