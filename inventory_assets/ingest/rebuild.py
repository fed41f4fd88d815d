"""Derive every table anew from `raw.messages` and swap it in (RULES 34)."""

from collections.abc import Callable

import duckdb
import polars as pl

from inventory_assets.domain.ingest.process import BurstResult
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.replay import RecordedBurst, Replay
from inventory_assets.ingest.verify import DERIVED, Difference, compare, replay_all
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import BASES, RAW_MESSAGES, VersionedTable
from inventory_assets.lake.transaction import LakeTransaction


def rebuild_lake(
    engine: Engine, replay: Replay, on_burst: Callable[[RecordedBurst], None] | None = None
) -> tuple[list[Difference], int]:
    """Replace the derived tables by what a replay gives, in one transaction.

    A new epoch makes every other process reload. Nothing is notified: what was
    told stays in `out.deliveries`, under the same ids. Where bursts were committed
    meanwhile it replays once more, and other writers wait for it.

    Raises:
        StaleStateError: The catalog is on a server, and bursts were committed meanwhile;
            stop the sensor, or try again.
    """
    meaning = replay.state.meaning
    try:
        return _rebuild(engine, replay, on_burst)
    except StaleStateError:
        if not engine.settings.is_embedded:
            raise
    # Beside a busy shop a replay is never first. A burst that waits too long gives its messages back.
    with engine.lake.exclusive():
        return _rebuild(engine, Replay(meaning=meaning), on_burst)


def _rebuild(
    engine: Engine, replay: Replay, on_burst: Callable[[RecordedBurst], None] | None
) -> tuple[list[Difference], int]:
    changed = _Outcomes()
    with engine.lake.snapshot():
        watermark = engine.lake.watermark()
        expected, differences = replay_all(engine.lake, replay, on_burst, on_outcomes=changed.note)
        differences += compare(engine.lake, expected)
    with engine.lake.transaction(
        watermark,
        stage=Stage.REBUILD,
        code_version=CODE_VERSION,
        next_epoch=watermark.epoch + 1,
    ) as transaction:
        transaction.counts = {"differences": len(differences), "outcomes": len(changed.rows)}
        if changed.rows:
            _correct_outcomes(transaction, engine.lake.connection, changed.frame())
        for table in DERIVED:
            _clear(transaction, table.changes)
            if (frame := expected.get(table.changes)) is not None:
                transaction.append(table, frame)
            if isinstance(table, VersionedTable):
                _drop_base(transaction, table)
    engine.drop_state()
    return differences, watermark.version


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


def _correct_outcomes(transaction: LakeTransaction, connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Say what became of the messages now; the first word on each stays beside it."""

    def correct() -> None:
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

    transaction.run(correct)


def _clear(transaction: LakeTransaction, name: str) -> None:
    transaction.execute(f"DELETE FROM {CATALOG}.{name}")


def _drop_base(transaction: LakeTransaction, table: VersionedTable) -> None:
    bases = transaction.execute(
        f"SELECT DISTINCT base_version FROM {CATALOG}.{BASES.full_name} WHERE table_name = ?", [table.full_name]
    )
    if not bases:
        return
    transaction.execute(f"DELETE FROM {CATALOG}.{BASES.full_name} WHERE table_name = ?", [table.full_name])
    transaction.execute(
        f"CREATE OR REPLACE VIEW {CATALOG}.{table.full_name} AS {table.view_query(f'{CATALOG}.', None)}"
    )
    for (base_version,) in bases:
        transaction.execute(f"DROP TABLE IF EXISTS {CATALOG}.{table.base_name(base_version)}")
