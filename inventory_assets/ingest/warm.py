"""Load the warm state from the lake: what a process needs before its first burst."""

from array import array

import msgspec
import numpy as np
import polars as pl

from inventory_assets.domain.alerts.alert import Alert, Product
from inventory_assets.domain.alerts.lifecycle import Inhibitions, remember
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.events.kinds import (
    NO_POSITION,
    Command,
    Key,
    Level,
    ParentIds,
    Position,
)
from inventory_assets.domain.ingest.handling import HOLDING
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.state import (
    PAUSING,
    TREND_POINTS,
    InventoryState,
    Newest,
    SkuParents,
    remember_pause,
)
from inventory_assets.domain.replenish.decisions import PlanLine
from inventory_assets.domain.stock.fold import Deletion, KeyState, Mark, to_mark
from inventory_assets.domain.thresholds.resolve import DynamicLimits, StoredRule, Thresholds
from inventory_assets.ingest.frames import LIMITS
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.lake.query.clauses import FINAL_STATUSES, STOCK_KINDS, latest
from inventory_assets.lake.query.events import EVENT_COLUMNS, to_event
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.query.rows import read_bases
from inventory_assets.lake.tables import (
    ALERTS,
    CONNECTORS,
    DYNAMIC_THRESHOLDS,
    PLANS,
    PRODUCTS,
    RESOLVED_THRESHOLDS,
    SKU_STATE,
    THRESHOLD_AUDIT,
    THRESHOLD_RULES,
    VELOCITY,
    VersionedTable,
)


class Shared:
    """Gives equal ids and keys one object: read back from rows, each would be a copy, 0.7 kB a key."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._keys: dict[Key, Key] = {}

    def key(self, warehouse_id: str, sku: str) -> Key:
        """The one tuple for a key."""
        found = self._keys.get((warehouse_id, sku))
        if found is None:
            found = (self._ids.setdefault(warehouse_id, warehouse_id), self._ids.setdefault(sku, sku))
            self._keys[found] = found
        return found

    def mark(self, mark: Mark, places: dict[ParentIds, ParentIds]) -> Mark:
        """A level with the one object for each id and each place in the hierarchy."""
        parents = places.setdefault(mark.parents, mark.parents)
        return mark if parents is mark.parents else msgspec.structs.replace(mark, parents=parents)


class StateDecoder:
    """Reads recorded states of keys, as this release and earlier ones wrote them."""

    def __init__(self, reader: Reader, rows: str) -> None:
        """`rows` is SQL for the rows of core.sku_state that are to be read."""
        self._decode = msgspec.json.Decoder(KeyState).decode
        self._reader = reader
        self._rows = rows
        self._levels: dict[str, Mark] | None = None

    def __call__(self, text: str) -> KeyState:
        """The state that a row of core.sku_state records."""
        return self._upgrade(text) if '"on_hand_rank"' in text else self._decode(text)

    def _upgrade(self, text: str) -> KeyState:
        earlier = msgspec.json.decode(text, type=_EarlierState)
        if self._levels is None:
            self._levels = self._read_levels()
        ids = dict.fromkeys((earlier.on_hand_rank[1], earlier.reserved_rank[1]))
        deletion = Deletion(earlier.tombstone_position, "", None)
        return KeyState(
            earlier.warehouse_id, earlier.sku, earlier.on_hand, earlier.reserved, earlier.inbound, earlier.is_active,
            earlier.event_count, None, earlier.last_event_at, tuple(self._levels[id_] for id_ in ids if id_),
            () if earlier.tombstone_position == NO_POSITION else (deletion,), earlier.frontier, earlier.frontier_at,
        )  # fmt: skip

    def _read_levels(self) -> dict[str, Mark]:
        """Each key's levels that count, by event id: an earlier release did not keep what they state."""
        rank = "->>'$.{}_rank[1]'"
        rows = self._reader.query(
            f"""
            WITH counted AS (
                SELECT fold_state{rank.format("on_hand")} AS id, fold_state{rank.format("reserved")} AS reserved_id
                FROM ({self._rows})
            )
            SELECT {EVENT_COLUMNS} FROM core.events
            WHERE kind = 'level' AND event_id IN (SELECT id FROM counted UNION SELECT reserved_id FROM counted)
            """
        )
        levels = (to_event(row) for row in rows.iter_rows(named=True))
        return {level.event_id: to_mark(level) for level in levels if isinstance(level, Level)}


class _EarlierState(msgspec.Struct):
    """A key's state as recorded before sources were kept: one order of positions for all levels."""

    warehouse_id: str
    sku: str
    on_hand: int
    reserved: int
    inbound: int
    is_active: bool
    event_count: int
    last_event_at: int
    on_hand_rank: tuple[Position, str]
    reserved_rank: tuple[Position, str]
    tombstone_position: Position
    frontier: tuple[Position, int, str]
    frontier_at: int


def load_state(
    reader: Reader, version: int, *, meaning: Meaning, cached_entities: int, index: EntityIndex, sku: str | None = None
) -> InventoryState:
    """Load everything warm as of a version.

    Args:
        reader: Shows the lake as of that version (`lake.query.as_of`).
        version: Which version.
        meaning: The settings that hold from it on.
        cached_entities: How many events to remember, at least; all others are left to `index`.
        index: Is made anew.
        sku: Only what concerns this SKU, and all rules and commands; without rollups. None for everything.
    """
    state = InventoryState(meaning=meaning)
    state.version = version
    if version == 0:
        index.build([])
        return state
    shared, chosen, current = Shared(), _of(sku), _Current(reader, version)
    _load_judged(reader, state, shared, chosen, current, has_rollups=sku is None)
    products = reader.query(f"SELECT * EXCLUDE version FROM ({current.rows(PRODUCTS)}) WHERE {chosen}")
    for row in products.iter_rows(named=True):
        state.products[row["sku"]] = Product(**row)
    columns = ", ".join((*PLANS.key, "plan_date", "order_quantity"))
    lines = reader.query(f"SELECT {columns} FROM ({current.rows(PLANS)}) WHERE line_id IS NOT NULL AND {chosen}")
    for warehouse_id, sku, day, quantity in lines.iter_rows():
        state.plan_lines[shared.key(warehouse_id, sku)] = PlanLine(day, quantity)
    state.connectors = {heard.connector_id: heard for heard in load_connectors(reader)}
    _load_events(reader, state, shared, cached_entities, index, chosen)
    _load_trends(reader, state, shared, chosen)
    _load_newest(reader, state)
    return state


def _of(sku: str | None) -> str:
    return "true" if sku is None else "sku = '" + sku.replace("'", "''") + "'"


class _Current:
    """SQL for the current rows of tables as of one version, whose bases are looked up once."""

    def __init__(self, reader: Reader, version: int) -> None:
        self._bases = read_bases(reader)
        self._version = version

    def rows(self, table: VersionedTable) -> str:
        return table.current_rows("lake.", self._bases.get(table.full_name), self._version)


def load_judgement(reader: Reader, version: int, *, meaning: Meaning) -> InventoryState:
    """Load what alerts are judged by, and the alerts: no memory of events, no rollups, products, trends."""
    state = InventoryState(meaning=meaning)
    state.version = version
    if version:
        _load_judged(reader, state, Shared(), "true", _Current(reader, version), has_rollups=False)
        _load_newest(reader, state)
    return state


def _load_judged(
    reader: Reader, state: InventoryState, shared: Shared, chosen: str, current: _Current, *, has_rollups: bool
) -> None:
    _load_keys(reader, state, shared, chosen, current, has_rollups=has_rollups)
    _load_rules(reader, state, current)
    _load_thresholds(reader, state, shared, chosen, current)
    for row in reader.query(f"FROM ({current.rows(VELOCITY)}) WHERE {chosen}").iter_rows(named=True):
        state.velocities[shared.key(row["warehouse_id"], row["sku"])] = row["daily_units"] or 0.0
    dynamics = reader.query(f"FROM ({current.rows(DYNAMIC_THRESHOLDS)}) WHERE {chosen}")
    for warehouse_id, sku, dynamic in to_dynamics(dynamics):
        state.dynamics[shared.key(warehouse_id, sku)] = dynamic
    _load_alerts(reader, state, chosen, current)
    _load_pauses(reader, state)


def _load_keys(
    reader: Reader, state: InventoryState, shared: Shared, chosen: str, current: _Current, *, has_rollups: bool
) -> None:
    known = current.rows(SKU_STATE)
    decode = StateDecoder(reader, known)
    columns = "fold_state, department_id, category_id, brand_id, product_id"
    places: dict[ParentIds, ParentIds] = {}
    marks: dict[str, list[Mark]] = {}
    for batch in reader.batches(f"SELECT {columns} FROM ({known}) WHERE {chosen}"):
        leaves = []
        for fold_state, *parent_ids in batch.iter_rows():
            key_state = decode(fold_state)
            key = shared.key(key_state.warehouse_id, key_state.sku)
            key_state.warehouse_id, key_state.sku = key
            parents = (parent_ids[0], parent_ids[1], parent_ids[2], parent_ids[3])
            parents = places.setdefault(parents, parents)
            key_state.levels = tuple(shared.mark(mark, places) for mark in key_state.levels)
            state.keys[key] = key_state
            if key_state.is_unstated:
                state.unstated.add(key)
            place = state.skus.get(key[1])
            if place is None:
                state.skus[key[1]] = SkuParents(parents, (), (key[0],))
            else:
                place.warehouse_ids = (*place.warehouse_ids, key[0])
            if key_state.levels:
                marks.setdefault(key[1], []).extend(key_state.levels)
            leaves.append((key, parents, None, parents, key_state))
        if has_rollups:
            state.rollups.merge(state.rollups.change(leaves))
    for sku, levels in marks.items():
        state.skus[sku] = state.skus[sku].with_levels(levels)


def _load_rules(reader: Reader, state: InventoryState, current: _Current) -> None:
    for details in reader.query(f"SELECT details FROM ({current.rows(THRESHOLD_RULES)})")["details"]:
        stored = msgspec.json.decode(details, type=StoredRule)
        state.rules[stored.rule.scope] = stored
    head = reader.query(f"SELECT hash FROM {THRESHOLD_AUDIT.full_name} ORDER BY version DESC, seq DESC LIMIT 1")
    if head.height:
        state.audit_head = head.item()


def _load_thresholds(reader: Reader, state: InventoryState, shared: Shared, chosen: str, current: _Current) -> None:
    # Most keys share a rule, so they share one object.
    known: dict[tuple, Thresholds] = {}
    columns = ", ".join((*RESOLVED_THRESHOLDS.key, *LIMITS))
    for batch in reader.batches(f"SELECT {columns} FROM ({current.rows(RESOLVED_THRESHOLDS)}) WHERE {chosen}"):
        for warehouse_id, sku, *fields in batch.iter_rows():
            values = tuple(fields)
            if (limits := known.get(values)) is None:
                if fields[-1] is not None:
                    fields[-1] = msgspec.json.decode(fields[-1], type=DynamicLimits)
                limits = known[values] = Thresholds(*fields)
            state.thresholds[shared.key(warehouse_id, sku)] = limits


def to_dynamics(rows: pl.DataFrame) -> list[tuple[str, str, DynamicLimits | None]]:
    """The computed limits that rows of core.dynamic_thresholds record; None where there are none any more."""
    return [
        (
            row["warehouse_id"],
            row["sku"],
            None if row["min_qty"] is None else DynamicLimits(*(row[name] for name in DynamicLimits.__struct_fields__)),
        )
        for row in rows.iter_rows(named=True)
    ]


def _load_alerts(reader: Reader, state: InventoryState, chosen: str, current: _Current) -> None:
    decode = msgspec.json.Decoder(Alert).decode
    rows = reader.query(f"FROM ({current.rows(ALERTS)}) WHERE {chosen}")
    records = rows.sort("version", "opened_at", pl.col("state") == "firing")["record"]
    # The latest of a key and condition is the one that opened last, whatever its event's time.
    for alert in sorted(map(decode, records), key=lambda alert: alert.ordinal):
        state.alerts.setdefault(alert.key, {})[alert.condition] = alert
    for key, alerts in state.alerts.items():
        if any(alert.is_firing and alert.is_notification_due for alert in alerts.values()):
            state.due_alerts.add(key)


def _load_events(
    reader: Reader, state: InventoryState, shared: Shared, cached_entities: int, index: EntityIndex, chosen: str
) -> None:
    """Remember the recent events and the open transactions; index the rest."""
    cut = reader.query(
        "SELECT coalesce(max(version), 0) FROM (SELECT version, sum(count(*)) OVER (ORDER BY version DESC) AS n "
        "FROM core.events GROUP BY version) WHERE n > ?",
        [cached_entities // 2],
    ).item()
    rows = reader.query(
        f"""
        WITH open_transactions AS (
            SELECT entity_key FROM core.events WHERE kind = 'transaction' AND version <= {cut}
            GROUP BY entity_key HAVING NOT bool_or(status IN {FINAL_STATUSES})
        ),
        recent AS (SELECT DISTINCT entity_key FROM core.events WHERE version > {cut})
        SELECT {EVENT_COLUMNS} FROM core.events
        WHERE (entity_key IN (FROM open_transactions) OR entity_key IN (FROM recent))
            AND ({chosen} OR kind IN ('threshold', 'control'))
        ORDER BY version, seq
        """
    )
    for row in rows.iter_rows(named=True):
        state.events.add(to_event(row))
    older_names = "SELECT count(*) FROM core.events WHERE kind = 'transaction' AND source IS NULL"
    state.events.has_older_names = reader.query(older_names).item() > 0
    remembered = np.unique(np.concatenate([rows[name].drop_nulls().to_numpy() for name in ("entity_key", "row_key")]))
    older = reader.batches(
        f"""
        SELECT entity_key AS key FROM core.events WHERE version <= {cut}
        UNION SELECT row_key FROM core.events WHERE version <= {cut} AND row_key IS NOT NULL ORDER BY 1
        """
    )
    index.build(np.setdiff1d(batch["key"].to_numpy(), remembered) for batch in older)
    forgotten = reader.batches(
        f"""
        WITH forgotten AS (
            SELECT warehouse_id, to_warehouse_id, sku, source_epoch, instant, increment
            FROM core.events WHERE kind = 'transaction' AND version <= {cut}
        ),
        keys AS (
            SELECT warehouse_id, sku, source_epoch, instant, increment FROM forgotten
            UNION ALL SELECT to_warehouse_id, sku, source_epoch, instant, increment FROM forgotten
            WHERE to_warehouse_id IS NOT NULL
        )
        SELECT warehouse_id, sku, max(source_epoch), max(instant), max(increment) FROM keys GROUP BY ALL
        """
    )
    for batch in forgotten:
        for warehouse_id, sku, *place in batch.iter_rows():
            # An upper bound: open transactions count too, though they are remembered.
            state.events.forgotten_until[shared.key(warehouse_id, sku)] = (place[0], place[1], place[2])


def load_connectors(reader: Reader) -> list[Heard]:
    """What was last heard of each connector, by name."""
    rows = reader.query(f"SELECT {CONNECTORS.select('version')} FROM {CONNECTORS.full_name} ORDER BY connector_id")
    return [Heard(**row) for row in rows.rename({"last_heard_at": "heard_at"}).iter_rows(named=True)]


def load_inhibitions(reader: Reader) -> Inhibitions:
    """The holds in force, without all else that is warm."""
    state = InventoryState()
    _load_pauses(reader, state)
    return state.inhibitions


def _load_pauses(reader: Reader, state: InventoryState) -> None:
    rows = reader.query("SELECT version, details FROM core.events WHERE kind = 'control' ORDER BY version, seq")
    handling: list[tuple[int, int, str, Command]] = []
    for version, details in rows.iter_rows():
        command = msgspec.json.decode(details, type=Command)
        if command.command in PAUSING:
            remember_pause(state.pauses, command)
        elif command.command in HOLDING:
            handling.append((version, command.event_at, command.event_id, command))
    # Within a burst they were carried out in order of time.
    for *_, command in sorted(handling, key=lambda row: row[:3]):
        remember(state.silences, state.inhibitions, command)


_IN_TIME = (
    "version", "source_epoch", "instant", "increment",
    "CASE kind WHEN 'level' THEN 0 WHEN 'transaction' THEN 1 ELSE 2 END", "event_id",
)  # fmt: skip
"""The order in which a key's events are taken in: by version, and of one version as `kinds.order_key` has it."""


def _load_trends(reader: Reader, state: InventoryState, shared: Shared, chosen: str) -> None:
    rows = reader.batches(
        f"""
        SELECT warehouse_id, sku, epoch_us(event_at), available FROM core.events
        WHERE available IS NOT NULL AND outcome = 'applied' AND {chosen}
        {latest(*SKU_STATE.key, order=", ".join(f"{name} DESC" for name in _IN_TIME), count=TREND_POINTS)}
        ORDER BY {", ".join(_IN_TIME)}
        """
    )
    for batch in rows:
        for warehouse_id, sku, event_at, available in batch.iter_rows():
            key = shared.key(warehouse_id, sku)
            if (flat := state.trends.get(key)) is None:
                flat = state.trends[key] = array("q")
            flat.extend((event_at, available))


def _load_newest(reader: Reader, state: InventoryState) -> None:
    rows = reader.query(
        f"""
        WITH events AS (
            SELECT warehouse_id, event_at, version FROM core.events WHERE kind IN {STOCK_KINDS}
            UNION ALL SELECT to_warehouse_id, event_at, version FROM core.events
            WHERE kind = 'transaction' AND to_warehouse_id IS NOT NULL
        ),
        newest AS (
            SELECT warehouse_id, max(event_at) AS event_at, arg_min(version, (-epoch_us(event_at), version)) AS version
            FROM events GROUP BY warehouse_id
        )
        SELECT warehouse_id, epoch_us(event_at), epoch_us(committed_at)
        FROM newest JOIN meta.versions USING (version)
        """
    )
    for warehouse_id, event_at, committed_at in rows.iter_rows():
        state.newest[warehouse_id] = Newest(event_at, committed_at)
