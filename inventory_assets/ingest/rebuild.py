"""Derive every table anew from `raw.messages` and swap it in (RULES 34)."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import polars as pl

from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.replay import RecordedBurst, Replay
from inventory_assets.ingest.verify import DERIVED, Difference, compare, replay_all
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.errors import LakeError, StaleStateError
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import BASES, RAW_MESSAGES, VersionedTable
from inventory_assets.lake.transaction import Lake, LakeRewrite
from inventory_assets.recompute.run import INPUTS, frames_as_lake, recompute


def rebuild_lake(
    engine: Engine,
    replay: Replay,
    on_burst: Callable[[RecordedBurst], None] | None = None,
    *,
    is_checked: bool = True,
) -> tuple[list[Difference], int]:
    """Replace the derived tables by what a replay gives, in one transaction.

    A new epoch makes every other process reload. Nothing is notified: what was
    told stays in `out.deliveries`, under the same ids. Where bursts were committed
    meanwhile it replays once more, and other writers wait for it. With `is_checked`, only what the second
    engine makes of the events, too.

    Raises:
        RebuildRefusedError: The second engine makes something else of the events. Nothing was changed.
    """
    lake, meaning = engine.lake, replay.state.meaning
    try:
        with lake.snapshot():
            watermark = lake.landed()
            derived = _derive(lake, replay, on_burst, is_checked=is_checked)
        with lake.rewriting(watermark, stage=Stage.REBUILD, code_version=CODE_VERSION) as rewrite:
            _swap(rewrite, lake.connection, derived)
    except StaleStateError:
        # Beside a busy shop a replay is never first. A burst gives its messages back meanwhile, and they come again.
        with lake.rewriting(None, stage=Stage.REBUILD, code_version=CODE_VERSION) as rewrite:
            derived = _derive(lake, Replay(meaning=meaning), on_burst, is_checked=is_checked)
            _swap(rewrite, lake.connection, derived)
    engine.drop_state()
    return derived.differences, rewrite.version


class RebuildRefusedError(LakeError):
    """Two engines make different tables of the same events."""


@dataclass(frozen=True, slots=True)
class _Derived:
    """What a replay gives, by changes table, and where that differs from the lake."""

    frames: dict[str, pl.DataFrame]
    differences: list[Difference]
    outcomes: "_Outcomes"


def _derive(
    lake: Lake, replay: Replay, on_burst: Callable[[RecordedBurst], None] | None, *, is_checked: bool
) -> _Derived:
    changed = _Outcomes()
    frames, differences = replay_all(lake, replay, on_burst, on_outcomes=changed.note)
    if is_checked:
        _check_again(lake, frames, replay.state.meaning)
    return _Derived(frames, differences + compare(lake, frames), changed)


def _check_again(lake: Lake, frames: dict[str, pl.DataFrame], meaning: Meaning) -> None:
    inputs = {table.changes: lake.query_landed(f"FROM {table.changes}") for table in INPUTS}
    with frames_as_lake(lake.settings, frames | inputs) as made:
        found = recompute(made, meaning=meaning)
    if found.rows:
        first = found.differences.row(0, named=True)
        raise RebuildRefusedError(
            f"the rebuilt tables differ from what the second engine makes of their events in {found.rows:,} rows, "
            f"first {first['table']} {first['key']}: {first['column']} was {first['streamed']!r}, computed anew "
            f"{first['recomputed']!r}. Nothing was changed: the lake is as it was. One of the two engines is wrong: "
            "report it with this key's rows of core.events. `inventory rebuild --force` swaps the tables in all the "
            "same."
        )


def _swap(rewrite: LakeRewrite, connection: duckdb.DuckDBPyConnection, derived: _Derived) -> None:
    rewrite.counts = {"differences": len(derived.differences), "outcomes": len(derived.outcomes.rows)}
    if derived.outcomes.rows:
        _correct_outcomes(connection, derived.outcomes.frame())
    for table in DERIVED:
        rewrite.execute(f"DELETE FROM {CATALOG}.{table.changes}")
        if (frame := derived.frames.get(table.changes)) is not None:
            rewrite.append(table, frame)
        if isinstance(table, VersionedTable):
            _drop_base(rewrite, table)


class _Outcomes:
    """Messages of which the rules of now make something else than was recorded."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, str, str | None]] = []

    def note(self, burst: RecordedBurst, result: BurstResult) -> None:
        """Note a burst's changed outcomes."""
        for seq, recorded, arrival in zip(burst.seqs, burst.outcomes, result.arrivals, strict=True):
            if recorded != arrival.outcome.value:
                event_id = arrival.event.event_id if arrival.event is not None else None
                self.rows.append((burst.version, seq, arrival.outcome.value, event_id))

    def frame(self) -> pl.DataFrame:
        """One row per message: version, seq, outcome, event_id."""
        schema = {name: RAW_MESSAGES.types[name] for name in ("version", "seq", "outcome", "event_id")}
        return pl.DataFrame(self.rows, schema=schema, orient="row")


def _correct_outcomes(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Say what became of the messages now; the first word on each stays beside it."""
    connection.register("_outcomes", rows.to_arrow())
    try:
        connection.execute(
            f"UPDATE {CATALOG}.{RAW_MESSAGES.full_name} AS m "
            "SET first_outcome = coalesce(m.first_outcome, m.outcome), outcome = o.outcome, "
            "event_id = o.event_id FROM _outcomes o "
            "WHERE m.version = o.version AND m.seq = o.seq"
        )
    finally:
        connection.unregister("_outcomes")


def _drop_base(rewrite: LakeRewrite, table: VersionedTable) -> None:
    bases = rewrite.execute(
        f"SELECT DISTINCT base_version FROM {CATALOG}.{BASES.full_name} WHERE table_name = ?", [table.full_name]
    )
    if not bases:
        return
    rewrite.execute(f"DELETE FROM {CATALOG}.{BASES.full_name} WHERE table_name = ?", [table.full_name])
    rewrite.execute(f"CREATE OR REPLACE VIEW {CATALOG}.{table.full_name} AS {table.view_query(f'{CATALOG}.', None)}")
    for (base_version,) in bases:
        rewrite.execute(f"DROP TABLE IF EXISTS {CATALOG}.{table.base_name(base_version)}")
