"""Bring back from the lake what a burst touches and memory has let go.

Most messages concern new or recent transactions, and then nothing is read. A
repeat from long ago, a late version, or a level older than what was forgotten
costs one query for the whole burst. Nothing later than the state's own version
is brought back: a state that catches up has not seen it yet.
"""

from collections.abc import Iterable

import polars as pl

from inventory_assets.domain.events.kinds import (
    Filtered,
    Key,
    Level,
    Rejection,
    Transaction,
    entity_key,
    entity_name,
    entity_names,
    transaction_names,
)
from inventory_assets.domain.ingest.process import Parsed
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.lake.query.events import EVENT_COLUMNS, to_event
from inventory_assets.lake.query.reader import Reader


def recall(state: InventoryState, index: EntityIndex, parsed: Iterable[Parsed], reader: Reader) -> int:
    """Make memory complete for a burst; how many events came back."""
    memory = state.events
    remembered = memory.by_entity
    has_older = len(index) > 0
    wanted: dict[int, str] = {}
    keys: set[Key] = set()
    for item in parsed:
        if isinstance(item, (Rejection, Filtered)):
            continue
        if has_older:
            for name in entity_names(item):
                if name not in remembered:
                    wanted[entity_key(name)] = name
                    if memory.has_older_names and type(item) is Transaction and name == entity_name(item):
                        wanted |= {entity_key(older): name for older in transaction_names(item.identity)}
        if type(item) is Level and _needs_transactions(state, item):
            keys.add((item.warehouse_id, item.sku))
    found = {key: wanted[key] for key in index.find(list(wanted))}
    return _load_entities(state, found, reader) + _load_keys(state, keys, reader)


def _needs_transactions(state: InventoryState, level: Level) -> bool:
    """Whether a level may leave out transactions of its key that memory has let go."""
    key = (level.warehouse_id, level.sku)
    forgotten = state.events.forgotten_until.get(key)
    if forgotten is None:
        return False
    known = state.keys.get(key)
    if known is not None and any(mark.source != level.source for mark in known.levels):
        return True  # which source's level counts may change back
    epoch, instant, _ = forgotten
    return instant >= level.position[1] or epoch > level.position[0]


def _load_entities(state: InventoryState, found: dict[int, str], reader: Reader) -> int:
    if not found:
        return 0
    rows = reader.query(
        f"""
        WITH wanted AS (SELECT unnest(?::BIGINT[]) AS key)
        SELECT {EVENT_COLUMNS} FROM core.events
        WHERE (entity_key IN (FROM wanted) OR row_key IN (FROM wanted)) AND greatest(version, 0) <= ?
        ORDER BY version, seq
        """,
        [sorted(found), state.version],
    )
    return _remember(state, rows, set(found.values()))


def _load_keys(state: InventoryState, keys: set[Key], reader: Reader) -> int:
    if not keys:
        return 0
    warehouses, skus = zip(*sorted(keys), strict=True)
    rows = reader.query(
        f"""
        WITH wanted AS (SELECT unnest(?::VARCHAR[]) AS w, unnest(?::VARCHAR[]) AS s)
        SELECT {EVENT_COLUMNS} FROM core.events
        WHERE kind = 'transaction'
          AND ((warehouse_id, sku) IN (FROM wanted) OR (to_warehouse_id, sku) IN (FROM wanted))
          AND greatest(version, 0) <= ?
        ORDER BY version, seq
        """,
        [list(warehouses), list(skus), state.version],
    )
    count = _remember(state, rows, None)
    for key in keys:
        state.events.forgotten_until.pop(key, None)
    return count


def _remember(state: InventoryState, rows: pl.DataFrame, names: set[str] | None) -> int:
    """Add recalled events under those of `names` that memory lacks; None is their transactions' names."""
    recalled = [to_event(row) for row in rows.iter_rows(named=True)]
    # An entity is remembered whole or not at all: a row found by its place says
    # nothing of its transaction's other versions.
    missing = []
    for event in recalled:
        own = (entity_name(event),) if names is None else [name for name in entity_names(event) if name in names]
        missing.append((event, [name for name in own if name not in state.events.by_entity]))
    for event, lacking in missing:
        state.events.add(event, lacking)
    return sum(bool(lacking) for _, lacking in missing)
