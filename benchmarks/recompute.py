"""Stock and sums from all events at once, against SQL by hand for the sums alone, over the same files.

Each is run in a process of its own, in turn. What the SQL leaves out is
printed with the ratio, and on how many keys its numbers are the same.
"""

import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.measure import START_AT, median
from benchmarks.snapshots import Cost, apart
from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.tables import CORE_EVENTS
from inventory_assets.recompute.rollups import recompute_rollups
from inventory_assets.recompute.stock import recompute_stock
from inventory_assets.settings import Settings

MORE = (
    "what a level contains, version by version; two databases' clocks; epochs and ties; levels without reserved "
    "stock; deletions, flags, parents, counts, the last event; sums for six levels of the hierarchy"
)
WAREHOUSES = 20
DAY_US = 86_400_000_000
DAYS = 90
FILES = 10
LEVELS_PER_KEY = 3
# What the patterns below come to.
EVENTS_PER_TRANSACTION = 1.39

# Of 100 transactions: what they are, and the statuses that they go through.
_PATTERNS = """
    (VALUES (0, 'ORDER', ['COMPLETED']), (55, 'ORDER', ['PENDING', 'COMPLETED']),
        (70, 'ORDER', ['PENDING', 'CANCELLED']), (74, 'ORDER', ['PENDING', 'COMPLETED', 'CANCELLED']),
        (75, 'RESTOCK', ['PENDING', 'COMPLETED']), (82, 'RESTOCK', ['PENDING']), (83, 'RETURN', ['COMPLETED']),
        (87, 'ADJUSTMENT', ['COMPLETED']), (89, 'TRANSFER', ['PENDING', 'SHIPPED', 'COMPLETED']),
        (94, 'TRANSFER', ['PENDING', 'SHIPPED']), (95, 'RESERVE', ['COMPLETED']), (98, 'RELEASE', ['COMPLETED']))
    patterns(least, type, statuses)
"""
# One row per event, with what its columns are made of. `chance` is its own, and the same in every run.
_FACTS = f"""
    CREATE TEMP TABLE facts AS
    WITH transactions AS (
        SELECT number, type, statuses, (hash(number, 2) % {{keys}}::UBIGINT)::BIGINT AS key,
            {START_AT} + (hash(number, 3) % {DAYS * DAY_US}::UBIGINT)::BIGINT AS at_us
        FROM (SELECT unnest(range({{transactions}})) AS number)
        ASOF JOIN {_PATTERNS} ON hash(number, 1) % 100 >= least
    ), facts AS (
        SELECT 'transaction' AS kind, number, key, type, unnest(statuses) AS status,
            at_us + (generate_subscripts(statuses, 1) - 1) * {DAY_US} // 12 AS at_us
        FROM transactions
        UNION ALL
        SELECT 'level', number, number % {{keys}}, NULL, NULL, {START_AT} + CASE WHEN number < {{keys}} THEN 0
            ELSE (hash(number, 4) % {DAYS * DAY_US}::UBIGINT)::BIGINT END
        FROM (SELECT unnest(range({{keys}} * {LEVELS_PER_KEY})) AS number)
        UNION ALL
        SELECT 'tombstone', number, number * 50, NULL, NULL,
            {START_AT} + (hash(number, 5) % {DAYS * DAY_US}::UBIGINT)::BIGINT
        FROM (SELECT unnest(range({{keys}} // 50)) AS number)
    )
    SELECT *, hash(kind, number, status) AS chance,
        -- One in ten is late, by up to three days.
        at_us + CASE WHEN hash(kind, number, status, 6) % 10 = 0
            THEN (hash(kind, number, status, 7) % {3 * DAY_US}::UBIGINT)::BIGINT ELSE 0 END AS arrived_at
    FROM facts
"""
# Every second warehouse has a connector, whose clock is its database's; the others send documents.
_NAMED = """
    SELECT *, format('WH-{:02d}', key % 20) AS warehouse_id, key % 2 = 1 AS has_cluster_time,
        format('NORVANE-PRISM-{:06d}', key // 20) AS sku, make_timestamp(at_us) AS event_at,
        CASE WHEN kind = 'transaction' THEN format('TRX-{:08x}-{:08d}', hash(number) % 65536, number) END
            AS transaction_id,
        CASE WHEN type = 'TRANSFER' THEN format('WH-{:02d}', (key + 1 + number % 19) % 20) END AS to_warehouse_id,
        CASE WHEN has_cluster_time THEN at_us // 1000000 * 1000000 ELSE at_us END AS instant,
        CASE WHEN has_cluster_time THEN (chance % 50)::BIGINT ELSE 0 END AS increment,
        CASE WHEN has_cluster_time THEN 'connector-' || lower(warehouse_id) ELSE '' END AS source,
        CASE WHEN kind = 'level' THEN json_object('event_id', '', 'warehouse_id', warehouse_id, 'sku', sku,
            'on_hand', 50 + (chance % 400)::BIGINT, 'reserved', (chance % 7)::BIGINT,
            'parents', [format('DEPARTMENT-{}', key // 20 % 10), format('CATEGORY-{}', key // 20 % 100),
                format('BRAND-{}', key // 20 % 1000), format('PRODUCT-{}', key // 80)],
            'min_threshold', 20, 'reorder_threshold', 40, 'is_restock_in_progress', chance % 10 = 0,
            'event_at', at_us, 'position', [0, instant, increment], 'has_cluster_time', has_cluster_time,
            'source', source)
        WHEN kind = 'tombstone' THEN json_object('warehouse_id', warehouse_id, 'sku', sku, 'event_at', at_us) END
            AS details,
        CASE WHEN has_cluster_time THEN format(':{}.{}', instant // 1000000, increment)
            WHEN kind = 'transaction' THEN '' ELSE strftime(event_at, ':%Y-%m-%dT%H%%3A%M%%3A%S.%fZ') END AS place
    FROM slice
"""
_QUANTITY = """
    CASE WHEN kind = 'transaction' THEN CASE type WHEN 'ORDER' THEN -1 - (hash(number, 8) % 5)::BIGINT
        WHEN 'RESTOCK' THEN 60 WHEN 'ADJUSTMENT' THEN CASE WHEN number % 2 = 0 THEN -2 ELSE 3 END
        ELSE 1 + (hash(number, 8) % 3)::BIGINT END END
"""
_EVENTS = f"""
    SELECT row_number() OVER (ORDER BY arrived_at, chance) // 1000 + first AS version,
        row_number() OVER (ORDER BY arrived_at, chance) % 1000 AS seq,
        concat_ws(':', kind, warehouse_id, coalesce(transaction_id, sku), status) || place AS event_id,
        hash(warehouse_id, coalesce(transaction_id, event_id))::HUGEINT - 9223372036854775808 AS entity_key,
        NULL AS row_key, kind, warehouse_id, sku, to_warehouse_id, transaction_id, type, status,
        {_QUANTITY} AS quantity, (chance % 500)::BIGINT AS available, event_at, event_at::DATE AS event_date,
        0 AS source_epoch, instant, increment, has_cluster_time, 'applied' AS outcome, details, source,
        NULL AS line_id
    FROM ({_NAMED}) ORDER BY arrived_at, chance
"""

# The latest version of each transaction, once by a window and once by arg_max: the quicker is what we are held to.
_RANK = "CASE status WHEN 'PENDING' THEN 0 WHEN 'SHIPPED' THEN 1 ELSE 2 END"
_TRANSACTIONS = "FROM events WHERE kind = 'transaction'"
_BY_WINDOW = f"""
    SELECT warehouse_id, sku, to_warehouse_id, type, status, quantity, instant, increment {_TRANSACTIONS}
    {latest("warehouse_id", "transaction_id", "line_id", order=f"{_RANK} DESC, instant DESC, increment DESC")}
"""
_BY_ARG_MAX = f"""
    SELECT warehouse_id, unnest(arg_max(struct_pack(sku, to_warehouse_id, type, status, quantity, instant, increment),
        ({_RANK}, instant, increment))) {_TRANSACTIONS} GROUP BY warehouse_id, transaction_id, line_id
"""
_SUMS = """
    WITH latest AS ({latest}),
    levels AS (
        SELECT warehouse_id, sku, max((instant, increment)) AS place,
            unnest(arg_max(struct_pack(on_hand := (details->>'on_hand')::BIGINT,
                reserved := (details->>'reserved')::BIGINT), (instant, increment)))
        FROM events WHERE kind = 'level' GROUP BY warehouse_id, sku
    ), moves AS (
        SELECT warehouse_id, sku, (instant, increment) AS place,
            CASE WHEN type = 'TRANSFER' AND status IN ('SHIPPED', 'COMPLETED') THEN -quantity
                WHEN type NOT IN ('TRANSFER', 'RESERVE', 'RELEASE') AND status = 'COMPLETED' THEN quantity
                ELSE 0 END AS on_hand,
            CASE WHEN type = 'TRANSFER' AND status = 'PENDING' THEN quantity
                WHEN type = 'RESERVE' AND status = 'COMPLETED' THEN quantity
                WHEN type = 'RELEASE' AND status = 'COMPLETED' THEN -quantity
                WHEN status = 'PENDING' AND quantity < 0 THEN -quantity ELSE 0 END AS reserved,
            CASE WHEN type NOT IN ('TRANSFER', 'RESERVE', 'RELEASE') AND status = 'PENDING' AND quantity > 0
                THEN quantity ELSE 0 END AS inbound
        FROM latest
        UNION ALL
        SELECT to_warehouse_id, sku, (instant, increment), CASE WHEN status = 'COMPLETED' THEN quantity ELSE 0 END, 0,
            CASE WHEN status = 'SHIPPED' THEN quantity ELSE 0 END
        FROM latest WHERE to_warehouse_id IS NOT NULL
    ), moved AS (
        SELECT m.warehouse_id, m.sku, sum(inbound) AS inbound,
            sum(CASE WHEN m.place <= l.place THEN 0 ELSE m.on_hand END) AS on_hand,
            sum(CASE WHEN m.place <= l.place THEN 0 ELSE m.reserved END) AS reserved
        FROM moves m LEFT JOIN levels l ON l.warehouse_id = m.warehouse_id AND l.sku = m.sku GROUP BY ALL
    )
    SELECT warehouse_id, sku, (coalesce(l.on_hand, 0) + coalesce(m.on_hand, 0))::BIGINT AS on_hand,
        (coalesce(l.reserved, 0) + coalesce(m.reserved, 0))::BIGINT AS reserved,
        coalesce(inbound, 0)::BIGINT AS inbound
    FROM levels l FULL JOIN moved m USING (warehouse_id, sku)
"""
BY_HAND = {"a window": _SUMS.format(latest=_BY_WINDOW), "arg_max": _SUMS.format(latest=_BY_ARG_MAX)}


def run(*, events: int = 10_000_000, keys: int = 200_000, rounds: int = 3) -> None:
    """Print what stock and sums cost beside SQL by hand, and within 1 GB: of a tenth first, so that growth is seen.

    Args:
        events, keys: The size of the history.
        rounds: How often each is run; the median counts.
    """
    for part in (10, 1):
        with tempfile.TemporaryDirectory(prefix="inventory-bench-") as folder:
            _run(Path(folder), events // part, keys // part, rounds)


def _run(home: Path, events: int, keys: int, rounds: int) -> None:
    apart(make_files, home, events, keys)
    size = sum(path.stat().st_size for path in home.glob("events*")) / 2**20
    print(f"\nrecompute: {events:,} events of {keys:,} keys in {FILES} files, {size:,.0f} MiB", flush=True)
    costs: dict[str, list[Cost]] = {name: [] for name in (*BY_HAND, "ours")}
    for _ in range(rounds):
        for name in BY_HAND:
            costs[name].append(apart(by_hand, home, name))
        costs["ours"].append(apart(ours, home))
    for name in BY_HAND:
        _print(f"the sums by hand, {name}", costs[name])
    _print("ours, state and rollups", costs["ours"])
    best = {field: min(_median(costs[name], field) for name in BY_HAND) for field in ("seconds", "processor")}
    speed = {field: best[field] / _median(costs["ours"], field) for field in best}
    print(
        f"  {speed['seconds']:.2f} times the speed of the quicker SQL by the clock, "
        f"{speed['processor']:.2f} in processor time; done besides: {MORE}"
    )
    print(f"  {_agreeing(home)}")
    _print("ours within 1 GB, the rest on disk", [apart(ours, home, "1GB", True)])


def make_files(home: Path, events: int, keys: int) -> None:
    """Write `events` rows of core.events in the order of arrival."""
    connection = _connection(home, "8GB")
    transactions = int((events - keys * LEVELS_PER_KEY - keys // 50) / EVENTS_PER_TRANSACTION)
    connection.execute(_FACTS.format(keys=keys, transactions=transactions))
    whole = "min(arrived_at), (max(arrived_at) - min(arrived_at)) // {0} + 1 FROM facts"
    first, span = connection.execute(f"SELECT {whole.format(FILES)}").fetchone()  # type: ignore[misc]  # one row
    names = ", ".join(f"{name}::{kind} AS {name}" for name, kind in CORE_EVENTS.columns.items())
    for number in range(FILES):
        chosen = f"(arrived_at - {first}) // {span} = {number}"
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW slice AS SELECT *, {number * events} AS first FROM facts WHERE {chosen}"
        )
        connection.execute(
            f"COPY (SELECT {names} FROM ({_EVENTS})) TO '{home}/events{number}.parquet' (FORMAT parquet)"
        )


def by_hand(home: Path, name: str) -> None:
    """The sums alone."""
    pl.DataFrame(_connection(home).sql(BY_HAND[name])).write_parquet(home / "hand.parquet")


def ours(home: Path, memory_limit: str = "4GB", told: bool = False) -> None:
    """State and sums; `told` prints each step's seconds."""
    connection, at = _connection(home, memory_limit), time.perf_counter()

    def tell(step: str) -> None:
        if told:
            print(f"    {step}: {time.perf_counter() - at:.2f} s", flush=True)

    state, places = recompute_stock(connection, events="events", progress=tell)
    tell("state")
    recompute_rollups(state, places)
    tell("rollups")
    state.write_parquet(home / "ours.parquet")


def _connection(home: Path, memory_limit: str = "4GB") -> duckdb.DuckDBPyConnection:
    """The product's own, its spill below `home`."""
    connection = open_duckdb(Settings(home=home, duckdb_threads=2, duckdb_memory_limit=memory_limit))
    if list(home.glob("events*")):
        connection.execute(f"CREATE TEMP VIEW events AS FROM read_parquet('{home}/events*.parquet')")
    return connection


def _agreeing(home: Path) -> str:
    frames = [pl.read_parquet(home / f"{name}.parquet") for name in ("hand", "ours")]
    columns = frames[0].columns
    same = frames[1].select(columns).join(frames[0], on=columns, how="semi").height
    return f"the same on_hand, reserved and inbound on {same:,} of {frames[1].height:,} keys"


def _median(costs: list[Cost], field: str) -> float:
    return median([getattr(cost, field) for cost in costs])


def _print(what: str, costs: list[Cost]) -> None:
    seconds = [cost.seconds for cost in costs]
    spread = f"{min(seconds):.1f}-{max(seconds):.1f}; " if len(costs) > 1 else ""
    print(
        f"  {what}: {median(seconds):.1f} s ({spread}{_median(costs, 'processor'):.1f} s of processor time), "
        f"{max(cost.memory_gib for cost in costs):.2f} GiB",
        flush=True,
    )
