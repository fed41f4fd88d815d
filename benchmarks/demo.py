"""The demo's first hour, without waiting for it: the past by the engine, then trade by a clock that is told the time.

Prints how long the past takes, and the share of keys with an open alert, as the product judges them, at
the end of every five minutes.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.measure import temporary_engine
from inventory_assets.demo.past import arrived, build_past
from inventory_assets.demo.retailer import SPEED, Retailer
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.verify import verify_lake
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.simulator.pulse import Pulse

STEP_SECONDS = 10
SAMPLE_SECONDS = 300
LEAST_SHARE, MOST_SHARE = 0.005, 0.05


def run(
    *, seeds: tuple[int, ...] = (1, 2, 3), minutes: int = 60, skus: int = 2_000, warehouses: int = 5,
    messages_per_day: float = 3_300, history_days: int = 90, with_verify: bool = False,
) -> None:  # fmt: skip
    """Print the past's cost and the open-alert curve of each seed."""
    for seed in seeds:
        retailer = Retailer(
            seed=seed, skus=skus, warehouses=warehouses, messages_per_day=messages_per_day,
            start_at=datetime(2026, 4, 4, 8, tzinfo=UTC), history_days=history_days,
        )  # fmt: skip
        with temporary_engine() as engine:
            pulse = _build(engine, retailer)
            shares = list(_play(engine, retailer, pulse, minutes))
            verdict = "within" if all(LEAST_SHARE <= share <= MOST_SHARE for share in shares) else "OUT OF"
            print(f"  seed {seed}: {min(shares):.2%} to {max(shares):.2%} open, {verdict} bounds")
            if with_verify:
                found = verify_lake(engine.settings, engine.meaning)
                print(f"  verified {found.version} versions: {found.differences or 'no difference'}")


def _build(engine: Engine, retailer: Retailer) -> Pulse:
    began, worked = time.perf_counter(), time.process_time()
    pulse = Pulse(retailer.simulation())
    engine.land_beside()
    for _ in build_past(engine, retailer, pulse):
        pass
    engine.land()
    seconds = time.perf_counter() - began
    print(
        f"demo, seed {retailer.seed}: {pulse.taken:,} messages of {retailer.history_days} days in {seconds:.0f} s "
        f"({time.process_time() - worked:.0f} s of CPU), {_describe(engine)}"
    )
    return pulse


def _play(engine: Engine, retailer: Retailer, pulse: Pulse, minutes: int) -> Iterator[float]:
    midnight = retailer.opens_at.replace(hour=0) + timedelta(days=1)
    for second in range(STEP_SECONDS, minutes * 60 + 1, STEP_SECONDS):
        now = retailer.opens_at + timedelta(seconds=second * SPEED)
        while now >= midnight:
            # What the product does every night.
            refresh_velocity(engine, midnight.date())
            refresh_dynamic(engine, engine.lake, midnight.date())
            midnight += timedelta(days=1)
        if messages := pulse.take(now, 100_000):
            engine.commit_burst(arrived(messages, pulse.taken - len(messages)))
        if second % SAMPLE_SECONDS == 0 or second == 120:
            for note in pulse.notes(now):
                print(f"    {note.at:%d %b %H:%M} {note.text}")
            print(f"  minute {second // 60:>2} ({now:%a %d %b %H:%M}): {_describe(engine)}")
            yield _firing(engine).total() / len(engine.state.keys)


def _firing(engine: Engine) -> Counter[Condition]:
    alerts = (alert for each in engine.state.alerts.values() for alert in each.values())
    return Counter(alert.condition for alert in alerts if alert.is_firing)


def _describe(engine: Engine) -> str:
    firing = _firing(engine)
    by_kind = ", ".join(f"{condition.lower()} {count}" for condition, count in sorted(firing.items()))
    return f"{firing.total() / len(engine.state.keys):.2%} of keys open ({by_kind})"
