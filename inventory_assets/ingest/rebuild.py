"""Derive every table anew from `raw.messages` and swap it in (RULES 34)."""

from collections.abc import Callable

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.replay import RecordedBurst, Replay
from inventory_assets.ingest.verify import DERIVED, Difference, compare, replay_all
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import BASES, VersionedTable
from inventory_assets.lake.transaction import LakeTransaction


def rebuild_lake(
    engine: Engine, replay: Replay, on_burst: Callable[[RecordedBurst], None] | None = None
) -> tuple[list[Difference], int]:
    """Replace the derived tables by what a replay gives, in one transaction.

    A new epoch makes every other process reload. Nothing is notified: what was
    told stays in `out.deliveries`, under the same ids.

    Raises:
        StaleStateError: Bursts were committed meanwhile; stop the sensor, or try again.
    """
    watermark = engine.lake.watermark()
    expected, differences = replay_all(engine.lake, replay, on_burst)
    differences += compare(engine.lake, expected)
    with engine.lake.transaction(
        watermark,
        stage=Stage.REBUILD,
        code_version=CODE_VERSION,
        next_epoch=watermark.epoch + 1,
    ) as transaction:
        transaction.counts = {"differences": len(differences)}
        for table in DERIVED:
            _clear(transaction, table.changes)
            if (frame := expected.get(table.changes)) is not None:
                transaction.append(table, frame)
            if isinstance(table, VersionedTable):
                _drop_base(transaction, table)
    engine.drop_state()
    return differences, watermark.version


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
