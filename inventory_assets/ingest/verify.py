"""Check the lake against itself: replay everything, compare every derived table.

Used by `inventory verify` and, with the replayed frames, by `inventory rebuild`.
"""

import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.ingest.meaning import SEMANTICS, Meaning
from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.ingest import frames
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.replay import RecordedBurst, Replay, read_bursts
from inventory_assets.ingest.warm import load_state
from inventory_assets.lake.catalog.connect import connect, is_writable
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.lake.query.as_of import latest_version, show_version
from inventory_assets.lake.query.reader import LakeReader, Reader, snapshot_reader
from inventory_assets.lake.stages import MADE_LAKE, Stage
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
    VersionedTable,
)
from inventory_assets.recompute.run import RECOMPUTED, Recomputed, recompute
from inventory_assets.settings import Settings

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


def recorded_until(reader: Reader) -> int:
    """The last version made under an earlier number of the rules that nothing has re-derived since; 0 for none.

    Up to it outcomes, state and sums are taken as recorded (RULES 37a).
    """
    return reader.query(
        f"""
        WITH anew AS (
            SELECT coalesce(max(version), 0) AS version FROM meta.versions
            WHERE semantics = {SEMANTICS} AND (stage = '{Stage.REBUILD}' OR json_exists(counts, '$.{MADE_LAKE}'))
        )
        SELECT coalesce(max(v.version), 0) FROM meta.versions v, anew
        WHERE coalesce(semantics, 1) < {SEMANTICS} AND v.version > anew.version
        """
    ).item()


def recorded_state(settings: Settings, version: int, meaning: Meaning, *, sku: str | None = None) -> InventoryState:
    """The state that the versions up to one recorded, with all of its events in memory."""
    reader = LakeReader(settings)
    try:
        show_version(reader.connection, version)
        with tempfile.TemporaryDirectory(prefix="inventory-verify-") as place:
            index = EntityIndex(Path(place) / "entities.bin")
            everything = 2 * reader.query("SELECT count(*) FROM core.events").item() + 2
            state = load_state(
                reader, version, meaning=meaning, cached_entities=everything, index=index, sku=sku
            )  # fmt: skip
            index.close()
        return state
    finally:
        reader.connection.close()


def recorded_by(settings: Settings) -> Callable[[int, str], InventoryState]:
    """What reads the recorded state of one SKU, for `explain`."""
    return lambda version, sku: recorded_state(settings, version, meaning_of(settings), sku=sku)


@dataclass(slots=True)
class Verified:
    """What a verification found.

    `version` is the one it saw, `recorded_until` the last one that it took as
    recorded.
    """

    version: int
    keys: int
    recorded_until: int
    differences: list[Difference]


def verify_lake(
    settings: Settings, meaning: Meaning, on_burst: Callable[[RecordedBurst], None] | None = None
) -> Verified:
    """Replay the lake as of now, whatever is committed meanwhile, and compare all that follows from its messages.

    And load its state, as a process that starts does: it must be the one that lived.

    Args:
        settings: Where the lake is.
        meaning: Of versions that did not record theirs.
        on_burst: Called after each version.
    """
    if is_writable(settings):
        connect(settings).close()  # a lake of an earlier release is given the columns that it lacks
    with snapshot_reader(settings) as reader:
        since = recorded_until(reader)
        replay = Replay(meaning=meaning)
        if since:
            replay.state = recorded_state(settings, since, meaning)
        expected, differences = replay_all(reader, replay, on_burst, after_version=since)
        differences += compare(reader, expected, after_version=since)
        version = latest_version(reader.connection)
        with tempfile.TemporaryDirectory(prefix="inventory-verify-") as place:
            index = EntityIndex(Path(place) / "entities.bin")
            loaded = load_state(
                reader, version, meaning=replay.state.meaning, cached_entities=settings.cached_entities, index=index
            )  # fmt: skip
            index.close()
        differences += compare_states(replay.state, loaded)
        return Verified(version, len(replay.state.keys), since, differences)


def recompute_lake(
    settings: Settings,
    tables: Collection[VersionedTable] = RECOMPUTED,
    *,
    warehouses: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> Recomputed:
    """Compute tables by sets as of now, whatever is committed meanwhile; see `recompute.run`.

    Raises:
        LakeError, duckdb.Error: The lake could not be read, or what is journaled not landed.
    """
    with snapshot_reader(settings) as reader:
        version = latest_version(reader.connection)
        progress(f"version {version:,}")
        found = recompute(
            reader,
            tables,
            meaning=meaning_of(settings),
            warehouses=warehouses,
            recorded_until=recorded_until(reader),
            progress=progress,
        )
        found.version = version
        return found


def compare_states(lived: InventoryState, loaded: InventoryState) -> list[Difference]:
    """Fields in which a state that lived through every version differs from one that was loaded."""
    differences = []
    theirs = facts_of(loaded)
    for name, mine in facts_of(lived).items():
        other = theirs[name]
        missing = [item for item in mine.items() if other.get(item[0]) != item[1]]
        unexpected = other.keys() - mine.keys()
        if missing or unexpected:
            example = str(missing[0] if missing else sorted(unexpected, key=repr)[0])
            differences.append(Difference(f"state.{name}", len(missing), len(unexpected), example[:300]))
    return differences


def facts_of(state: InventoryState) -> dict[str, dict[Any, Any]]:
    """Everything warm but the memory of events, by field, as values that compare."""
    return {
        "keys": {key: msgspec.structs.asdict(each) for key, each in state.keys.items()},
        "places": {sku: (each.parents, each.levels, sorted(each.warehouse_ids)) for sku, each in state.skus.items()},
        "rules": dict(state.rules),
        "thresholds": dict(state.thresholds),
        "velocities": {key: units for key, units in state.velocities.items() if units},
        "dynamics": {key: limits for key, limits in state.dynamics.items() if limits is not None},
        "alerts": {key: dict(alerts) for key, alerts in state.alerts.items() if alerts},
        "due": dict.fromkeys(state.due_alerts),
        "unstated": dict.fromkeys(state.unstated),
        "newest": dict(state.newest),
        "products": dict(state.products),
        "plan_lines": {key: line for key, line in state.plan_lines.items() if line is not None},
        "connectors": dict(state.connectors),
        "pauses": dict(state.pauses),
        "silences": dict(state.silences),
        "inhibitions": dict(state.inhibitions),
        "trends": {key: list(points) for key, points in state.trends.items()},
        "sums": dict(state.rollups.items()),
        "parents": state.rollups.parents(),
        "audit": {"head": state.audit_head},
    }


def replay_all(
    reader: Reader,
    replay: Replay,
    on_burst: Callable[[RecordedBurst], None] | None = None,
    *,
    after_version: int = 0,
    on_outcomes: Callable[[RecordedBurst, BurstResult], None] | None = None,
) -> tuple[dict[str, pl.DataFrame], list[Difference]]:
    """Replay the lake from after a version, on the state that `replay` has of it.

    Returns:
        (frames, differences): the derived tables as they should be, by changes
        table; and messages whose recorded outcome is not the replayed one.
    """
    parts: dict[str, list[pl.DataFrame]] = {table.changes: [] for table in DERIVED}
    outcomes: list[str] = []
    for burst in read_bursts(reader, after_version=after_version):
        result = replay.apply(burst)
        for table, frame in derived_frames(burst, result).items():
            parts[table.changes].append(frame)
        for message, recorded, arrival in zip(burst.messages, burst.outcomes, result.arrivals, strict=True):
            if recorded != arrival.outcome.value:
                outcomes.append(f"message {message.message_id}: {recorded} recorded, {arrival.outcome} replayed")
        if on_outcomes is not None:
            on_outcomes(burst, result)
        if on_burst is not None:
            on_burst(burst)
    found = [Difference("raw.messages", 0, len(outcomes), outcomes[0])] if outcomes else []
    return {name: pl.concat(items, how="vertical_relaxed") for name, items in parts.items() if items}, found


def compare(reader: Reader, expected: dict[str, pl.DataFrame], *, after_version: int = 0) -> list[Difference]:
    """Compare the lake's derived rows of after a version with the replayed ones, row by row."""
    differences = []
    for table in DERIVED:
        columns = [column for column in table.columns if column not in table.evidence]
        actual = reader.query(f"SELECT {', '.join(columns)} FROM {table.changes} WHERE version > {after_version}")
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
        # In one pass: of what both have the shares cancel out, however often they have it.
        plain, view = table.view_query("lake.", None), f"FROM {table.full_name}"
        missing, extra = reader.query(
            f"""
            SELECT
                coalesce(sum(share) FILTER (share > 0), 0)::BIGINT,
                coalesce(-sum(share) FILTER (share < 0), 0)::BIGINT
            FROM (
                SELECT sum(share) AS share
                FROM (SELECT *, 1 AS share FROM ({plain}) UNION ALL SELECT *, -1 FROM ({view}))
                GROUP BY {", ".join(table.shown_columns)}
            )
            """
        ).row(0)
        if missing or extra:
            differences.append(Difference(f"{table.full_name} (view)", missing, extra, "view differs from history"))
    return differences
