"""Stock of every key as sums over sets of events: DuckDB reads, joins and windows (RULES 12-17, 19).

Written from RULES and not from `domain.stock.fold`: no event is looked at alone,
and nothing is kept from one version of the lake to the next. Here: what events
add up to. Not here: sums over nodes (`rollups`), or the other engine (`compare`).
"""

from collections.abc import Callable, Sequence

import duckdb
import polars as pl

from inventory_assets.lake.query.clauses import STOCK_KINDS, latest
from inventory_assets.lake.query.reader import IDS, id_list

STATE_SCHEMA = {
    "warehouse_id": pl.String, "sku": pl.String, "on_hand": pl.Int64, "reserved": pl.Int64, "available": pl.Int64,
    "inbound": pl.Int64, "is_active": pl.Boolean, "is_negative": pl.Boolean, "is_over_reserved": pl.Boolean,
    "is_unstated": pl.Boolean, "is_restock_in_progress": pl.Boolean, "department_id": pl.String,
    "category_id": pl.String, "brand_id": pl.String, "product_id": pl.String, "event_count": pl.Int64,
    "last_event_at": pl.Datetime("us"),
}  # fmt: skip
"""One row per (warehouse_id, sku) that a stock event has named: what core.sku_state shows of it. Units."""

PARENTS_SCHEMA = {
    "sku": pl.String, "department_id": pl.String, "category_id": pl.String, "brand_id": pl.String,
    "product_id": pl.String,
}  # fmt: skip
"""One row per SKU that a stock event has named: where it stands."""

Progress = Callable[[str], None]

_POSITION = "source_epoch, instant, increment"
_IDENTITY = "warehouse_id, transaction_id, line_id"


def _greatest(source: str, *key: str, where: str = "true") -> str:
    """The row at the greatest position: each source's greatest, and of these the greatest by instant (RULES 12)."""
    order = "instant DESC, increment DESC, event_id DESC"
    of_sources = latest(*key, "source", order=f"source_epoch DESC, {order}")
    return f"SELECT * FROM (SELECT * FROM {source} WHERE {where} {of_sources}) {latest(*key, order=order)}"


_LEVELS = f"""
    SELECT warehouse_id, sku, source, {_POSITION}, event_id, has_cluster_time,
        (details->>'on_hand')::BIGINT AS on_hand, (details->>'reserved')::BIGINT AS reserved,
        coalesce((details->>'is_restock_in_progress')::BOOLEAN, false) AS is_restock_in_progress,
        from_json(details->'parents', '["VARCHAR"]') AS parents
    FROM {{events}} WHERE kind = 'level'
"""
# A key's S* for on_hand, and `r_…` the one for reserved stock.
_BASES = f"""
    SELECT s.warehouse_id, s.sku, s.on_hand, s.is_restock_in_progress, s.source, s.source_epoch, s.instant,
        s.increment, s.has_cluster_time, r.reserved, r.source AS r_source, r.source_epoch AS r_source_epoch,
        r.instant AS r_instant, r.increment AS r_increment, r.has_cluster_time AS r_has_cluster_time
    FROM ({_greatest("recompute_levels", "warehouse_id", "sku")}) s
    LEFT JOIN ({_greatest("recompute_levels", "warehouse_id", "sku", where="reserved IS NOT NULL")}) r
        USING (warehouse_id, sku)
"""


def _is_before(prefix: str, *, or_there: str) -> str:
    """Whether `e` comes before the base `b`: on one clock by position, else by time alone (RULES 12)."""
    place = f"(b.{prefix}source_epoch, b.{prefix}instant, b.{prefix}increment)"
    is_one_clock = f"(e.source = b.{prefix}source OR e.source IS NULL OR b.{prefix}source IS NULL)"
    return (
        f"CASE WHEN NOT {is_one_clock} THEN e.instant < b.{prefix}instant "
        f"WHEN ({_of_event}) = {place} THEN {or_there} ELSE ({_of_event}) < {place} END"
    )


_of_event = "e.source_epoch, e.instant, e.increment"


def _contained(prefix: str) -> str:
    is_contained = _is_before(prefix, or_there=f"e.has_cluster_time AND b.{prefix}has_cluster_time")
    # Without a level nothing is.
    return f"coalesce(b.{prefix}instant IS NOT NULL AND {is_contained}, false)"


# What one version does at its own warehouse, and a transfer's at the receiver (RULES 15, 16).
_OWN = """
    CASE WHEN type = 'TRANSFER' THEN CASE WHEN status IN ('SHIPPED', 'COMPLETED') THEN -quantity ELSE 0 END
        WHEN type IN ('RESERVE', 'RELEASE') THEN 0
        WHEN status = 'COMPLETED' THEN quantity ELSE 0 END AS on_hand,
    CASE WHEN type = 'TRANSFER' THEN CASE WHEN status = 'PENDING' THEN quantity ELSE 0 END
        WHEN type = 'RESERVE' THEN CASE WHEN status = 'COMPLETED' THEN quantity ELSE 0 END
        WHEN type = 'RELEASE' THEN CASE WHEN status = 'COMPLETED' THEN -quantity ELSE 0 END
        WHEN status = 'PENDING' AND quantity < 0 THEN -quantity ELSE 0 END AS reserved,
    CASE WHEN type IN ('TRANSFER', 'RESERVE', 'RELEASE') THEN 0
        WHEN status = 'PENDING' AND quantity > 0 THEN quantity ELSE 0 END AS inbound
"""
_RECEIVED = """
    CASE WHEN status = 'COMPLETED' THEN quantity ELSE 0 END AS on_hand, 0 AS reserved,
    CASE WHEN status = 'SHIPPED' THEN quantity ELSE 0 END AS inbound
"""
_NAMED = f"hash({_IDENTITY})"
# Most transactions have one version, which nothing need be compared with. A hash may bring a stranger: it harms nothing.
_SEVERAL = f"""
    SELECT {_NAMED} AS name FROM {{events}} WHERE kind = 'transaction' {{chosen}}
    GROUP BY name HAVING count(*) > 1
"""
_VERSION = f"{_IDENTITY}, sku, type, status, source, {_POSITION}, event_id, has_cluster_time, event_at"
_SIDES = f"""
    SELECT warehouse_id AS place, {_OWN}, {_VERSION} FROM {{events}} WHERE kind = 'transaction' {{chosen}}
    UNION ALL
    SELECT to_warehouse_id AS place, {_RECEIVED}, {_VERSION} FROM {{events}}
    WHERE kind = 'transaction' AND to_warehouse_id IS NOT NULL {{chosen}}
"""
_PLACED = f"""
    SELECT e.*, {_contained("")} AS is_stated, {_contained("r_")} AS is_reserved_stated
    FROM ({_SIDES}) e LEFT JOIN recompute_bases b ON b.warehouse_id = e.place AND b.sku = e.sku
"""
_SINGLES = f"""
    SELECT place, sku, sum(CASE WHEN is_stated THEN 0 ELSE on_hand END)::BIGINT AS on_hand,
        sum(CASE WHEN is_reserved_stated THEN 0 ELSE reserved END)::BIGINT AS reserved,
        sum(inbound)::BIGINT AS inbound, count(*) AS event_count, max(event_at) AS last_event_at
    FROM ({_PLACED}) WHERE {_NAMED} NOT IN (FROM recompute_several) GROUP BY place, sku
"""
# The version that counts (RULES 13): a final one beats the others; then each source's greatest, and of these the
# greatest by instant; on a tie CANCELLED.
_RANK = "CASE status WHEN 'PENDING' THEN 0 WHEN 'SHIPPED' THEN 1 ELSE 2 END"
_WITHIN = "instant, increment, status = 'CANCELLED', event_id"
_EFFECT = f"struct_pack(on_hand := on_hand, reserved := reserved, inbound := inbound, within := ({_WITHIN}))"


def _winner(name: str, condition: str) -> str:
    return f"arg_max({_EFFECT}, (source_epoch, {_WITHIN})) FILTER ({condition}) AS {name}"


def _of_winners(name: str) -> str:
    return f"arg_max({name}, (rank, {name}.within)) FILTER ({name} IS NOT NULL) AS {name}"


_OF_SOURCES = f"""
    SELECT place, sku, {_IDENTITY}, {_RANK} AS rank, source, {_winner("now", "true")},
        {_winner("stated", "is_stated")}, {_winner("reserved_stated", "is_reserved_stated")},
        count(*) AS event_count, max(event_at) AS last_event_at
    FROM ({_PLACED}) WHERE {_NAMED} IN (FROM recompute_several) GROUP BY ALL
"""
_COUNTING = f"""
    SELECT place, sku, {_of_winners("now")}, {_of_winners("stated")}, {_of_winners("reserved_stated")},
        sum(event_count) AS event_count, max(last_event_at) AS last_event_at
    FROM ({_OF_SOURCES}) GROUP BY place, sku, {_IDENTITY}
"""
_MULTIPLES = f"""
    SELECT place, sku, sum(now.on_hand - coalesce(stated.on_hand, 0))::BIGINT AS on_hand,
        sum(now.reserved - coalesce(reserved_stated.reserved, 0))::BIGINT AS reserved,
        sum(now.inbound)::BIGINT AS inbound, sum(event_count)::BIGINT AS event_count,
        max(last_event_at) AS last_event_at
    FROM ({_COUNTING}) GROUP BY place, sku
"""
_DOCUMENTS = """
    SELECT warehouse_id AS place, sku, 0 AS on_hand, 0 AS reserved, 0 AS inbound, count(*) AS event_count,
        max(event_at) AS last_event_at
    FROM {events} WHERE kind IN ('level', 'tombstone') {chosen} GROUP BY ALL
"""
# A document's deletion ends a key from its position on, its level's own included (RULES 17).
_DELETED = f"""
    SELECT DISTINCT e.warehouse_id, e.sku FROM {{events}} e
    LEFT JOIN recompute_bases b ON b.warehouse_id = e.warehouse_id AND b.sku = e.sku
    WHERE e.kind = 'tombstone' AND (b.instant IS NULL OR NOT ({_is_before("", or_there="false")}))
"""
_STATE = """
    WITH moved AS (
        SELECT place AS warehouse_id, sku, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved,
            sum(inbound)::BIGINT AS inbound, sum(event_count)::BIGINT AS event_count,
            max(last_event_at) AS last_event_at
        FROM (FROM recompute_singles UNION ALL FROM recompute_multiples UNION ALL FROM recompute_documents)
        {wanted} GROUP BY ALL
    ), state AS (
        SELECT m.warehouse_id, m.sku, coalesce(b.on_hand, 0) + m.on_hand AS on_hand,
            coalesce(b.reserved, 0) + m.reserved AS reserved, m.inbound, d.sku IS NULL AS is_active,
            b.instant IS NULL AS is_unstated, coalesce(b.is_restock_in_progress, false) AS is_restock_in_progress,
            p.department_id, p.category_id, p.brand_id, p.product_id, m.event_count, m.last_event_at
        FROM moved m LEFT JOIN recompute_bases b USING (warehouse_id, sku)
        LEFT JOIN recompute_deleted d USING (warehouse_id, sku) JOIN recompute_places p ON p.sku = m.sku
    )
    SELECT *, on_hand - reserved AS available, on_hand < 0 AS is_negative, reserved > on_hand AS is_over_reserved
    FROM state ORDER BY warehouse_id, sku
"""
_PLACES = f"""
    SELECT s.sku, {
    ", ".join(
        f"coalesce(g.parents[{i}], 'UNKNOWN') AS {name}"
        for i, name in enumerate(("department_id", "category_id", "brand_id", "product_id"), 1)
    )
}
    FROM (SELECT DISTINCT sku FROM {{events}} WHERE kind IN {STOCK_KINDS}) s
    LEFT JOIN ({_greatest("recompute_levels", "sku")}) g USING (sku)
"""


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
        wanted = "WHERE place IN (FROM recompute_wanted)"
        chosen = "AND (warehouse_id IN (FROM recompute_wanted) OR to_warehouse_id IN (FROM recompute_wanted))"
    steps = {
        "levels": _LEVELS, "bases": _BASES, "places": _PLACES, "several": _SEVERAL, "singles": _SINGLES,
        "multiples": _MULTIPLES, "documents": _DOCUMENTS, "deleted": _DELETED,
    }  # fmt: skip
    try:
        for name, query in steps.items():
            filled = query.format(events=events, chosen=chosen)
            connection.execute(f"CREATE OR REPLACE TEMP TABLE recompute_{name} AS {filled}")
            progress(name)
        state = (
            pl.DataFrame(connection.sql(_STATE.format(wanted=wanted)))
            .select(*STATE_SCHEMA)
            .cast(pl.Schema(STATE_SCHEMA))
        )
        places = pl.DataFrame(connection.sql("FROM recompute_places")).select(*PARENTS_SCHEMA)
        return state, places
    finally:
        for name in (*steps, "wanted"):
            connection.execute(f"DROP TABLE IF EXISTS recompute_{name}")
