"""Stock of every key as sums over sets of events: DuckDB reads, joins and windows (RULES 12-17, 19).

Written from RULES and not from `domain.stock.fold`: no event is looked at alone,
and nothing is kept from one version of the lake to the next. Here: what events
add up to. Not here: sums over nodes (`rollups`), or the other engine (`compare`).
"""

from collections.abc import Callable, Sequence

import duckdb
import polars as pl

from inventory_assets.lake.query.clauses import STATUS_RANK, STOCK_KINDS, TRANSACTION, greatest, latest
from inventory_assets.lake.query.reader import IDS, id_list
from inventory_assets.lake.tables import SKU_STATE

_SHOWN = (
    "warehouse_id", "sku", "on_hand", "reserved", "available", "inbound", "is_active", "is_negative",
    "is_over_reserved", "is_unstated", "is_restock_in_progress", "department_id", "category_id", "brand_id",
    "product_id", "event_count", "last_event_at",
)  # fmt: skip
# What the view derives has no column in the table; all of it but `available` is a flag.
_TYPES = {name: pl.Int64() if name == "available" else pl.Boolean() for name in _SHOWN} | SKU_STATE.types
STATE_SCHEMA = {name: _TYPES[name] for name in _SHOWN}
"""One row per (warehouse_id, sku) that a stock event has named: what core.sku_state shows of it. Units."""

_PARENTS = ("department_id", "category_id", "brand_id", "product_id")
PARENTS_SCHEMA = {name: SKU_STATE.types[name] for name in ("sku", *_PARENTS)}
"""One row per SKU that a stock event has named: where it stands."""

Progress = Callable[[str], None]

_POSITION = "source_epoch, instant, increment"
_IDENTITY = ", ".join(TRANSACTION)


# One reading of the document for all: each `->>` would parse it anew.
_STATED = """json_object('on_hand', 'BIGINT', 'reserved', 'BIGINT', 'is_restock_in_progress', 'BOOLEAN',
    'parents', ['VARCHAR'])"""
_LEVELS = f"""
    SELECT warehouse_id, sku, source, {_POSITION}, event_id, has_cluster_time, unnest(from_json(details, {_STATED}))
    FROM {{events}} WHERE kind = 'level'
"""
# Every key under a number, which groups faster than two ids; what happened there; and its S* for on_hand.
_KEYS = f"""
    WITH named AS (
        SELECT warehouse_id, sku, event_at FROM {{events}} WHERE kind IN {STOCK_KINDS}
        UNION ALL
        SELECT to_warehouse_id, sku, event_at FROM {{events}} WHERE kind = 'transaction' AND to_warehouse_id IS NOT NULL
    ), keys AS (
        SELECT warehouse_id, sku, count(*) AS event_count, max(event_at) AS last_event_at FROM named GROUP BY ALL
    )
    SELECT (row_number() OVER ())::INTEGER AS key, k.*, s.* EXCLUDE (warehouse_id, sku)
    FROM keys k LEFT JOIN ({greatest("recompute_levels", "warehouse_id", "sku")}) s USING (warehouse_id, sku)
"""
# The S* for reserved stock, or none, of keys where it can be another: some level of theirs does not carry it.
_RESERVED = f"""
    WITH levels AS (
        FROM recompute_levels SEMI JOIN (FROM recompute_levels WHERE reserved IS NULL) n USING (warehouse_id, sku)
    )
    SELECT k.key, r.* EXCLUDE (warehouse_id, sku)
    FROM (SELECT DISTINCT warehouse_id, sku FROM levels) JOIN recompute_keys k USING (warehouse_id, sku)
    LEFT JOIN ({greatest("levels", "warehouse_id", "sku", where="reserved IS NOT NULL")}) r USING (warehouse_id, sku)
"""


def _is_before(level: str, *, or_there: str) -> str:
    """Whether `e` comes before a level: on one clock by position, else by time alone (RULES 12)."""
    is_one_clock = f"coalesce(e.source = {level}.source, true)"
    return f"""CASE
        WHEN e.source_epoch <> {level}.source_epoch AND {is_one_clock} THEN e.source_epoch < {level}.source_epoch
        WHEN e.instant <> {level}.instant THEN e.instant < {level}.instant
        WHEN NOT {is_one_clock} THEN false
        WHEN e.increment <> {level}.increment THEN e.increment < {level}.increment ELSE {or_there} END"""


def _contained(level: str) -> str:
    is_contained = _is_before(level, or_there=f"e.has_cluster_time AND {level}.has_cluster_time")
    # Without a level nothing is.
    return f"coalesce({level}.instant IS NOT NULL AND {is_contained}, false)"


# What one version does at its own warehouse, and a transfer's at the receiver (RULES 15, 16).
_EFFECTS = """
    CASE WHEN is_received THEN CASE WHEN status = 'COMPLETED' THEN quantity ELSE 0 END
        WHEN type = 'TRANSFER' THEN CASE WHEN status IN ('SHIPPED', 'COMPLETED') THEN -quantity ELSE 0 END
        WHEN type IN ('RESERVE', 'RELEASE') THEN 0
        WHEN status = 'COMPLETED' THEN quantity ELSE 0 END AS on_hand,
    CASE WHEN is_received THEN 0
        WHEN type = 'TRANSFER' THEN CASE WHEN status = 'PENDING' THEN quantity ELSE 0 END
        WHEN type = 'RESERVE' THEN CASE WHEN status = 'COMPLETED' THEN quantity ELSE 0 END
        WHEN type = 'RELEASE' THEN CASE WHEN status = 'COMPLETED' THEN -quantity ELSE 0 END
        WHEN status = 'PENDING' AND quantity < 0 THEN -quantity ELSE 0 END AS reserved,
    CASE WHEN is_received THEN CASE WHEN status = 'SHIPPED' THEN quantity ELSE 0 END
        WHEN type IN ('TRANSFER', 'RESERVE', 'RELEASE') THEN 0
        WHEN status = 'PENDING' AND quantity > 0 THEN quantity ELSE 0 END AS inbound
"""
# The version that counts (RULES 13): a final one beats the others, and SHIPPED beats PENDING; at one rank, each
# source's greatest, and of these the greatest by instant; on a tie CANCELLED.
_WITHIN = "instant DESC, increment DESC, status = 'CANCELLED' DESC, event_id DESC"
# Most transactions have one version, which nothing need be compared with; most others have one at each rank, whose
# positions need not be. A hash is counted in a third of the time that a name takes. It may bring strangers together,
# which harms nothing: those of several versions are told apart by name.
_NAME = f"hash({_IDENTITY})"
_SEVERAL = f"""
    SELECT {_NAME} AS name, count(*) > bit_count(bit_or(1 << ({STATUS_RANK}))) AS is_contested
    FROM {{events}} WHERE kind = 'transaction' {{chosen}} GROUP BY name HAVING count(*) > 1
"""
_SINGLE = "ANTI JOIN recompute_several USING (name)"
_STEPPED = "SEMI JOIN (FROM recompute_several WHERE NOT is_contested) s USING (name)"
_IS_CONTESTED = f"{_NAME} IN (SELECT name FROM recompute_several WHERE is_contested)"
_VERSION = f"{_IDENTITY}, sku, type, status, quantity, source, {_POSITION}, has_cluster_time, event_id"
_CONTESTED = f"""
    SELECT {_VERSION}, kind, to_warehouse_id
    FROM {{events}} WHERE kind = 'transaction' {{chosen}} AND {_IS_CONTESTED}
"""


def _placed(those: str, events: str = "{events}", chosen: str = "{chosen}") -> str:
    """What versions do at each of their places, and whether the S* there contain them."""
    return f"""
        SELECT k.key, e.*, ({STATUS_RANK}) AS rank, {_EFFECTS}, {_contained("k")} AS is_stated,
            CASE WHEN r.key IS NULL THEN is_stated ELSE {_contained("r")} END AS is_reserved_stated
        FROM (
            SELECT warehouse_id AS place, false AS is_received, {_NAME} AS name, {_VERSION}
            FROM {events} WHERE kind = 'transaction' {chosen}
            UNION ALL
            SELECT to_warehouse_id AS place, true AS is_received, {_NAME} AS name, {_VERSION}
            FROM {events} WHERE kind = 'transaction' AND to_warehouse_id IS NOT NULL {chosen}
        ) e {those} JOIN recompute_keys k ON k.warehouse_id = e.place AND k.sku = e.sku
        LEFT JOIN recompute_reserved r ON r.key = k.key
    """


def _winners(columns: str, condition: str) -> str:
    """Of contested transactions, the version that counts at each rank."""
    at_rank = ("key", *TRANSACTION, "rank")
    of_sources = latest(*at_rank, "source", order=f"source_epoch DESC, {_WITHIN}")
    inner = f"SELECT * FROM recompute_rivals WHERE {condition} {of_sources}"
    return f"SELECT key, {_IDENTITY}, rank, {columns} FROM ({inner}) {latest(*at_rank, order=_WITHIN)}"


def _summed(ranked: str) -> str:
    """The sum of RULES 14 by key, from what transactions do now and what S* has counted, one row at most a rank."""
    # arg_max passes over null.
    return f"""
        SELECT key, sum(on_hand - coalesce(stated, 0)) AS on_hand,
            sum(reserved - coalesce(reserved_stated, 0)) AS reserved, sum(inbound) AS inbound
        FROM (
            SELECT key, arg_max(on_hand, rank) AS on_hand, arg_max(reserved, rank) AS reserved,
                arg_max(inbound, rank) AS inbound, arg_max(stated, rank) AS stated,
                arg_max(reserved_stated, rank) AS reserved_stated
            FROM ({ranked}) GROUP BY key, {_IDENTITY}
        ) GROUP BY key
    """


_OF_SINGLES = f"""
    SELECT key, sum(CASE WHEN is_stated THEN 0 ELSE on_hand END) AS on_hand,
        sum(CASE WHEN is_reserved_stated THEN 0 ELSE reserved END) AS reserved, sum(inbound) AS inbound
    FROM ({_placed(_SINGLE)}) GROUP BY key
"""
_OF_STEPPED = _summed(f"""
    SELECT *, CASE WHEN is_stated THEN on_hand END AS stated,
        CASE WHEN is_reserved_stated THEN reserved END AS reserved_stated
    FROM ({_placed(_STEPPED)})
""")
_RIVALS = _placed("", "recompute_contested", "")
_OF_CONTESTED = _summed(f"""
    {_winners("on_hand, reserved, inbound, NULL AS stated, NULL AS reserved_stated", "true")}
    UNION ALL {_winners("NULL, NULL, NULL, on_hand, NULL", "is_stated")}
    UNION ALL {_winners("NULL, NULL, NULL, NULL, reserved", "is_reserved_stated")}
""")
# A document's deletion ends a key from its position on, its level's own included (RULES 17).
_DELETED = f"""
    SELECT DISTINCT k.key FROM {{events}} e JOIN recompute_keys k ON k.warehouse_id = e.warehouse_id AND k.sku = e.sku
    WHERE e.kind = 'tombstone' AND (k.instant IS NULL OR NOT ({_is_before("k", or_there="false")}))
"""
_IN_ORDER = " ORDER BY warehouse_id, sku"
_STATE = (
    """
    WITH moved AS (
        SELECT key, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved, sum(inbound)::BIGINT AS inbound
        FROM (FROM recompute_of_singles UNION ALL FROM recompute_of_stepped UNION ALL FROM recompute_of_contested)
        GROUP BY key
    ), state AS (
        SELECT k.warehouse_id, k.sku, coalesce(k.on_hand, 0) + coalesce(m.on_hand, 0) AS on_hand,
            coalesce(CASE WHEN r.key IS NULL THEN k.reserved ELSE r.reserved END, 0) + coalesce(m.reserved, 0)
                AS reserved,
            coalesce(m.inbound, 0) AS inbound,
            d.key IS NULL AS is_active, k.instant IS NULL AS is_unstated,
            coalesce(k.is_restock_in_progress, false) AS is_restock_in_progress,
            p.department_id, p.category_id, p.brand_id, p.product_id, k.event_count, k.last_event_at
        FROM recompute_keys k LEFT JOIN recompute_reserved r USING (key) LEFT JOIN moved m USING (key)
        LEFT JOIN recompute_deleted d USING (key) JOIN recompute_places p ON p.sku = k.sku {wanted}
    )
    SELECT *, on_hand - reserved AS available, on_hand < 0 AS is_negative, reserved > on_hand AS is_over_reserved
    FROM state"""
    + _IN_ORDER
)
_OWN_PARENTS = ", ".join(
    f"coalesce(g.parents[{number}], 'UNKNOWN') AS {name}" for number, name in enumerate(_PARENTS, 1)
)
_PLACES = f"""
    SELECT s.sku, {_OWN_PARENTS} FROM (SELECT DISTINCT sku FROM recompute_keys) s
    LEFT JOIN ({greatest("recompute_levels", "sku")}) g USING (sku)
"""


_STEPS = {
    "levels": _LEVELS, "keys": _KEYS, "reserved": _RESERVED, "places": _PLACES, "several": _SEVERAL,
    "of_singles": _OF_SINGLES, "of_stepped": _OF_STEPPED, "contested": _CONTESTED, "rivals": _RIVALS,
    "of_contested": _OF_CONTESTED, "deleted": _DELETED,
}  # fmt: skip
_WORDS = {
    "levels": "levels read", "keys": "keys found", "places": "places in the hierarchy found",
    "several": "transactions of several versions found", "of_singles": "transactions of one version summed",
    "of_stepped": "transactions of one version a status summed", "of_contested": "all others summed",
}  # fmt: skip


def one_query(events: str) -> str:
    """The same as one question, for who can make no tables: `STATE_SCHEMA` of all keys, in no order.

    Args:
        events: SQL for a relation like core.events.
    """
    # Each once: a number that stands for a key must be the same wherever it is used.
    steps = {name: query.format(events="recompute_events", chosen="") for name, query in _STEPS.items()}
    parts = ",\n".join(
        f"recompute_{name} AS MATERIALIZED ({query})" for name, query in {"events": f"FROM {events}", **steps}.items()
    )
    state = _STATE.format(wanted="").removesuffix(_IN_ORDER)
    return f"WITH {parts}\nSELECT {', '.join(STATE_SCHEMA)} FROM ({state})"


def recompute_stock(
    connection: duckdb.DuckDBPyConnection,
    *,
    events: str = "core.events",
    warehouses: Sequence[str] | None = None,
    progress: Progress = lambda step: None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compute the stock of keys from all events that the connection shows.

    Args:
        connection: Sees the lake, or a relation like core.events; its temporary tables `recompute_…` are ours.
        events: SQL for that relation.
        warehouses: Whose keys; None is all.
        progress: Told each step as it is done.

    Returns:
        (state, places): `STATE_SCHEMA` in order of the key, and `PARENTS_SCHEMA` of every SKU anywhere.
    """
    wanted, chosen = "", ""
    if warehouses is not None:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE recompute_wanted AS {IDS} AS id", [id_list(warehouses)])
        wanted = "WHERE k.warehouse_id IN (FROM recompute_wanted)"
        chosen = "AND (warehouse_id IN (FROM recompute_wanted) OR to_warehouse_id IN (FROM recompute_wanted))"
    try:
        for name, query in _STEPS.items():
            filled = query.format(events=events, chosen=chosen)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE recompute_{name} AS {filled}")
            if name in _WORDS:
                progress(_WORDS[name])
        state = (
            pl.DataFrame(connection.sql(_STATE.format(wanted=wanted)))
            .select(*STATE_SCHEMA)
            .cast(pl.Schema(STATE_SCHEMA))
        )
        places = pl.DataFrame(connection.sql("FROM recompute_places")).select(*PARENTS_SCHEMA)
        return state, places
    finally:
        for name in (*_STEPS, "wanted"):
            connection.execute(f"DROP TABLE IF EXISTS recompute_{name}")
