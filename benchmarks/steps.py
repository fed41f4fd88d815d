"""What a burst costs before it is durable, step by step: one thread, and nothing written."""

import io
import time
from collections import defaultdict
from collections.abc import Iterable

import polars as pl

from benchmarks.measure import BURST, Traffic, median, open_stock, temporary_engine
from inventory_assets.domain.ingest.invariants import check_invariants
from inventory_assets.domain.ingest.process import BurstInputs, Message, parse_burst, process_burst
from inventory_assets.ingest.burst_rows import append_result
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.recall import recall
from inventory_assets.lake.tables import Table


class Steps:
    """Stands in for a transaction: keeps the frames, and how long each took since the last."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = defaultdict(float)
        self.rows: list[tuple[Table, pl.DataFrame]] = []
        self._since = time.perf_counter()

    def done(self, step: str) -> None:
        """Charge a step with the time since the last one."""
        now = time.perf_counter()
        self.ms[step] += (now - self._since) * 1000
        self._since = now

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        """Take the rows of a table, as `append_result` hands them over."""
        self.rows.append((table, rows))
        self.done(f"rows {table.full_name}")


def take_steps(engine: Engine, messages: list[Message]) -> Steps:
    """Do with a burst all that its commit does, but for the commit."""
    state = engine.state
    inputs = BurstInputs(meaning=engine.meaning)
    steps = Steps()
    parsed = parse_burst(messages, engine.meaning.parsing)
    steps.done("parse")
    recall(state, engine.index, parsed, engine.lake)
    steps.done("recall")
    result = process_burst(state, parsed, version=state.version + 1, inputs=inputs)
    steps.done("process")
    append_result(steps, messages, result, inputs)  # type: ignore[arg-type]
    check_invariants(result, len(messages))
    steps.done("invariants")
    body = io.BytesIO()
    for _, rows in steps.rows:
        # One stream after the other; `hstack`, as `with_columns` takes three times as long.
        version = pl.Series("version", [result.version], pl.Int64).new_from_index(0, rows.height)
        rows.hstack([version]).write_ipc_stream(body)
    steps.done("encode")
    result.draft.merge(result.version, messages[-1].publish_at)
    steps.done("merge")
    return steps


def run(*, skus: int = 10_000, warehouses: int = 20, bursts: int = 100, sizes: Iterable[int] = (BURST, 50)) -> None:
    """Print the median of every step, for bursts of several sizes in turn.

    Args:
        skus, warehouses: The keys.
        bursts: How many bursts of each size.
        sizes: Events a burst.
    """
    sizes = tuple(sizes)
    print(f"\nsteps: {skus * warehouses:,} keys, {bursts} bursts of each size, p50 in ms")
    with temporary_engine() as engine:
        traffic = Traffic(skus=skus, warehouses=warehouses)
        open_stock(engine, traffic)
        engine.drop_state()
        taken = [{size: take_steps(engine, traffic.burst(size)).ms for size in sizes} for _ in range(bursts)]
    _print_medians(sizes, taken)


def _print_medians(sizes: tuple[int, ...], taken: list[dict[int, dict[str, float]]]) -> None:
    print(f"  {'events':<28}" + "".join(f"{size:>10,}" for size in sizes))
    for name in dict.fromkeys(name for each in taken for ms in each.values() for name in ms):
        print(
            f"  {name:<28}" + "".join(f"{median([each[size].get(name, 0) for each in taken]):10.2f}" for size in sizes)
        )
    print(f"  {'all':<28}" + "".join(f"{median([sum(each[size].values()) for each in taken]):10.2f}" for size in sizes))
