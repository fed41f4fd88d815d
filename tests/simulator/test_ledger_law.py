"""The ledger is what RULES 14 makes of the emitted messages, in any order and at any cut."""

import itertools
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from inventory_assets.simulator import Simulation, SimulationSettings
from tests.simulator.naive_fold import NaiveFold

# Few keys, many counts, heavy disorder: what a large run meets once an hour, in a second.
CROWDED = {
    "skus": 12,
    "warehouses": 3,
    "events_per_second": 40.0,
    "disorder_rate": 0.4,
    "disorder_window": 80,
    "duplicate_rate": 0.1,
    "malformed_rate": 0.05,
    "cycle_count_rate": 0.05,
    "rule_change_rate": 0.01,
    "control_rate": 0.01,
    "cover_hours": 0.2,
    "lead_day_seconds": 10.0,
}


def ledger_stock(simulation: Simulation) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (row.warehouse_id, row.sku): {
            "on_hand": row.on_hand,
            "reserved": row.reserved,
            "inbound": row.inbound,
        }
        for row in simulation.ledger.rows()
    }


@pytest.mark.parametrize("envelope_rate", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ledger_is_the_fold_of_everything_emitted(seed: int, envelope_rate: float) -> None:
    """Independent code on both sides; they share only the messages' meaning."""
    simulation = Simulation(
        SimulationSettings(seed=seed, envelope_rate=envelope_rate, **CROWDED)  # type: ignore[arg-type]
    )
    messages = [*simulation.opening(), *itertools.islice(simulation.stream(), 8000)]
    Random(seed).shuffle(messages)
    fold = NaiveFold()

    fold.add(messages)

    assert fold.stock() == ledger_stock(simulation)
    assert fold.repeats == simulation.counts["duplicate"] > 0


def test_ledger_is_the_fold_at_every_cut() -> None:
    """A reader may stop anywhere: what is still held back is not in the books."""
    simulation = Simulation(SimulationSettings(seed=5, **CROWDED))  # type: ignore[arg-type]
    fold = NaiveFold()
    fold.add(simulation.opening())

    for number, message in enumerate(itertools.islice(simulation.stream(), 1500)):
        fold.add([message])
        if number % 7 == 0:
            assert fold.stock() == ledger_stock(simulation)


def test_ledger_holds_without_an_opening() -> None:
    """Without a level the base is 0 (RULES 14)."""
    simulation = Simulation(SimulationSettings(seed=6, **CROWDED))  # type: ignore[arg-type]
    fold = NaiveFold()

    fold.add(itertools.islice(simulation.stream(), 3000))

    assert fold.stock() == ledger_stock(simulation)


def test_ledger_is_the_fold_in_live_mode() -> None:
    """Live time may stand still or step back; positions must not."""
    start = datetime(2025, 6, 1, 12, tzinfo=UTC)
    rng = Random(3)
    now = start

    def clock() -> datetime:
        nonlocal now
        now += timedelta(microseconds=rng.choice((-2_000_000, 0, 0, 1, 900_000, 2_500_000)))
        return now

    settings = SimulationSettings(seed=9, start_at=start, **CROWDED)  # type: ignore[arg-type]
    simulation = Simulation(settings)
    fold = NaiveFold()
    fold.add(simulation.opening())

    fold.add(itertools.islice(simulation.stream(now=clock), 6000))

    assert fold.stock() == ledger_stock(simulation)
