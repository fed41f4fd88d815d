"""Closing stock of the keys that nothing happened to, from the second engine. Reads only.

In most days most keys see no event, and their row is the state at the day
before, which sums over sets of events give in a tenth of the time that folding
whole histories takes. Not here: what happened within the days (`daily_stock`).
"""

from datetime import date

from inventory_assets.domain.stock.stock_in_time import Points, empty_points
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.recompute.run import Source
from inventory_assets.recompute.stock import recompute_stock

# The second engine reads all events, whomever it is asked for; of fewer keys folding is as quick.
LEAST_SHARE = 0.5

_SETTLED = "settled_keys"
_CHOOSE = f"""
    CREATE OR REPLACE TEMP TABLE {_SETTLED} AS
    WITH busy AS (
        SELECT warehouse_id, to_warehouse_id, sku FROM core.events
        WHERE kind IN {STOCK_KINDS} AND version <= {{version}} AND event_date BETWEEN '{{first}}' AND '{{last}}'
    )
    SELECT key, warehouse_id, sku FROM {{keys}}
    ANTI JOIN (
        SELECT warehouse_id, sku FROM busy UNION ALL
        SELECT to_warehouse_id, sku FROM busy WHERE to_warehouse_id IS NOT NULL
    ) USING (warehouse_id, sku)
"""
_BEFORE = "(SELECT * FROM core.events WHERE version <= {version} AND event_date < '{first}')"
_RANK = "CASE kind WHEN 'level' THEN 0 WHEN 'transaction' THEN 1 ELSE 2 END"
_PLACE = f"(source_epoch, instant, increment, {_RANK}, event_id)"
# What `Points.version` says: the greatest from the latest level on, in the order they count in.
_VERSIONS = f"""
    WITH placed AS (
        SELECT k.key, e.version, e.kind, {_PLACE} AS place
        FROM {_BEFORE} e JOIN {_SETTLED} k ON k.warehouse_id = e.warehouse_id AND k.sku = e.sku
        WHERE kind IN {STOCK_KINDS}
        UNION ALL
        SELECT k.key, e.version, e.kind, {_PLACE} AS place
        FROM {_BEFORE} e JOIN {_SETTLED} k ON k.warehouse_id = e.to_warehouse_id AND k.sku = e.sku
        WHERE kind = 'transaction'
    ), levels AS (
        SELECT key, max(place) AS level FROM placed WHERE kind = 'level' GROUP BY key
    )
    SELECT key, max(version) AS version FROM placed LEFT JOIN levels USING (key)
    WHERE level IS NULL OR place >= level GROUP BY key
"""


def take_settled(reader: Source, keys: str, first: date, last: date, *, version: int) -> Points:
    """Take the keys out of a table to which nothing happened in a range of days, where they are most of it.

    Args:
        reader: The lake.
        keys: A temporary table of (key, warehouse_id, sku); what is returned is deleted from it.
        first, last: The days, both included.
        version: Events that later versions took in do not count.

    Returns:
        Of each key that has a state before `first`, its last row; what was sold and how long it was out are 0.
    """
    reader.query(_CHOOSE.format(keys=keys, first=first, last=last, version=version))
    every, settled = (reader.query(f"SELECT count(*) AS n FROM {name}").item() for name in (keys, _SETTLED))
    if settled < every * LEAST_SHARE or not settled:
        return empty_points(0)
    reader.query(f"DELETE FROM {keys} WHERE key IN (SELECT key FROM {_SETTLED})")
    state, _ = recompute_stock(reader.connection, events=_BEFORE.format(version=version, first=first))
    numbered = reader.query(f"SELECT * FROM {_SETTLED}").join(
        reader.query(_VERSIONS.format(version=version, first=first)), on="key"
    )
    rows = state.join(numbered, on=["warehouse_id", "sku"]).sort("key")
    nothing = empty_points(rows.height).sold
    return Points(
        key=rows["key"].to_numpy(), at=rows["last_event_at"].to_physical().to_numpy(),
        on_hand=rows["on_hand"].to_numpy(), reserved=rows["reserved"].to_numpy(), inbound=rows["inbound"].to_numpy(),
        is_active=rows["is_active"].to_numpy(), sold=nothing, stockout=nothing, version=rows["version"].to_numpy(),
    )  # fmt: skip
