"""What a simulation promises its readers: the same bytes, the rates asked for, believable stock."""

import csv
import io
import itertools
import json
from collections import Counter
from datetime import timedelta

import pytest

from inventory_assets.simulator import (
    SimulatedMessage,
    Simulation,
    SimulationSettings,
    products_csv,
)
from inventory_assets.simulator.ledger import LedgerRow
from inventory_assets.simulator.malformed import DEFECTS
from inventory_assets.simulator.rules import LEVELS, RuleBook, build_rules
from inventory_assets.simulator.settings import SimulationSettingsError
from inventory_assets.simulator.simulation import SimulationOrderError, trade_level

CLEAN = {"duplicate_rate": 0.0, "disorder_rate": 0.0, "malformed_rate": 0.0}


def available(row: LedgerRow) -> int:
    return row.on_hand - row.reserved


def run(settings: SimulationSettings, live: int) -> tuple[Simulation, list[SimulatedMessage], list[SimulatedMessage]]:
    simulation = Simulation(settings)
    opening = list(simulation.opening())
    return simulation, opening, list(itertools.islice(simulation.stream(), live))


def test_equal_settings_give_equal_messages() -> None:
    settings = SimulationSettings(skus=50, seed=11, malformed_rate=0.02, disorder_rate=0.2)

    assert run(settings, 5000)[1:] == run(settings, 5000)[1:]


def test_another_seed_gives_other_messages_under_other_ids() -> None:
    """Two demonstrations on one lake must not contradict each other (RULES 11)."""
    first, second = (run(SimulationSettings(skus=20, seed=seed, envelope_rate=0), 500)[2] for seed in (1, 2))

    ids = [
        {json.loads(m.data)["transaction_id"] for m in messages if m.kind == "transaction"}
        for messages in (first, second)
    ]
    assert ids[0].isdisjoint(ids[1])


def test_opening_is_every_rule_then_one_level_a_key() -> None:
    simulation, opening, _ = run(SimulationSettings(skus=40, warehouses=3), 0)

    kinds = [message.kind for message in opening]
    assert kinds == sorted(kinds, key=["rule", "level"].index)
    levels = [message.ordering_key for message in opening if message.kind == "level"]
    assert sorted(levels) == sorted(f"{w}:{p.sku}" for w in simulation.warehouses for p in simulation.catalog)
    assert all(message.event_time < simulation.settings.start_at for message in opening)


def test_opening_after_stream_is_refused() -> None:
    simulation = Simulation(SimulationSettings(skus=2, warehouses=1))
    next(simulation.stream())

    with pytest.raises(SimulationOrderError):
        next(simulation.opening())


def test_rates_are_those_asked_for() -> None:
    settings = SimulationSettings(
        skus=300,
        duplicate_rate=0.05,
        disorder_rate=0.1,
        malformed_rate=0.03,
        envelope_rate=0.4,
        extended_json_rate=0.2,
    )
    live = run(settings, 20_000)[2]

    share = Counter(message.kind.split(":")[0] for message in live)
    assert share["duplicate"] / len(live) == pytest.approx(0.05, abs=0.01)
    assert share["malformed"] / len(live) == pytest.approx(0.03, abs=0.01)
    valid = [message for message in live if message.kind == "transaction"]
    enveloped = sum(b'"cluster_time"' in message.data for message in valid)
    assert enveloped / len(valid) == pytest.approx(0.4, abs=0.05)
    late = sum(b.event_time < a.event_time for a, b in itertools.pairwise(valid))
    assert late > 0.05 * len(valid)


def test_clean_stream_has_no_noise_and_rising_times() -> None:
    settings = SimulationSettings(skus=50, extended_json_rate=0, **CLEAN)  # type: ignore[arg-type]
    live = run(settings, 5000)[2]

    times = [message.event_time for message in live if message.kind != "rule"]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert {message.kind for message in live} <= {"transaction", "level", "rule"}


def test_event_time_passes_at_the_rate_asked_for() -> None:
    """Mondays at nine are a little over the weekly mean."""
    settings = SimulationSettings(events_per_second=20, skus=200)
    live = run(settings, 25_000)[2]

    elapsed = live[-1].event_time - settings.start_at
    assert len(live) / elapsed.total_seconds() == pytest.approx(20, rel=0.3)


def test_trade_has_a_week_whose_mean_is_one() -> None:
    hours = [trade_level(hour * 3_600_000_000) for hour in range(24 * 7)]

    assert sum(hours) / len(hours) == pytest.approx(1)
    assert max(hours) > 5 * min(hours)


def test_live_mode_follows_the_clock() -> None:
    settings = SimulationSettings(skus=20, **CLEAN)  # type: ignore[arg-type]
    simulation = Simulation(settings)
    list(simulation.opening())
    later = settings.start_at + timedelta(days=3)

    live = list(itertools.islice(simulation.stream(now=lambda: later), 100))

    assert all(timedelta(0) <= m.event_time - later < timedelta(seconds=1) for m in live[50:])


def test_every_kind_of_transaction_and_status_occurs() -> None:
    settings = SimulationSettings(skus=200, lead_day_seconds=5, cover_hours=0.1, envelope_rate=0)
    live = run(settings, 60_000)[2]

    documents = [json.loads(m.data) for m in live if m.kind == "transaction"]
    seen = {(d["transaction_type"], d["status"]) for d in documents}
    assert seen == {
        *((kind, "COMPLETED") for kind in ("ADJUSTMENT", "RESERVE", "RELEASE")),
        *(("ORDER", s) for s in ("PENDING", "COMPLETED", "CANCELLED")),
        *(("RESTOCK", s) for s in ("PENDING", "COMPLETED", "CANCELLED")),
        ("RETURN", "PENDING"),
        ("RETURN", "COMPLETED"),
        *(("TRANSFER", s) for s in ("PENDING", "SHIPPED", "COMPLETED", "CANCELLED")),
    }


def test_signs_follow_the_type() -> None:
    """RULES 8: a valid message never breaks them."""
    live = run(SimulationSettings(skus=100, envelope_rate=0, extended_json_rate=0), 10_000)[2]

    for message in live:
        if message.kind == "transaction":
            document = json.loads(message.data)
            kind, quantity = document["transaction_type"], document["quantity"]
            assert quantity != 0
            assert kind == "ADJUSTMENT" or (quantity < 0) == (kind == "ORDER")


def test_every_defect_is_sent_and_named() -> None:
    live = run(SimulationSettings(skus=10, malformed_rate=0.5), 8000)[2]

    sent = {m.kind.removeprefix("malformed:") for m in live if m.kind.startswith("malformed")}
    assert sent == set(DEFECTS)


def test_opening_stock_has_some_breaches_and_few_stockouts() -> None:
    settings = SimulationSettings()
    simulation = Simulation(settings)
    list(simulation.opening())
    book = RuleBook(build_rules(simulation.catalog, simulation.warehouses, settings.seed))
    products = {product.sku: product for product in simulation.catalog}

    rows = list(simulation.ledger.rows())
    breached = sum(
        available(row) < (book.resolve(products[row.sku], row.warehouse_id).reorder_qty or 0) for row in rows
    )
    assert 0.01 <= breached / len(rows) <= 0.02
    assert 0 < sum(available(row) <= 0 for row in rows) < breached / 4


def test_restocks_bring_stock_back() -> None:
    """However long it runs, nearly every shelf has something on it."""
    settings = SimulationSettings(skus=100, cover_hours=0.5, events_per_second=50, **CLEAN)  # type: ignore[arg-type]
    simulation, _, _ = run(settings, 40_000)

    rows = list(simulation.ledger.rows())
    assert sum(available(row) <= 0 for row in rows) < 0.1 * len(rows)
    assert sum(row.on_hand for row in rows) > 0


def test_rules_cover_every_level() -> None:
    simulation = Simulation(SimulationSettings())
    rules = build_rules(simulation.catalog, simulation.warehouses, 7)

    assert {rule.level_type for rule in rules} == set(LEVELS)
    assert sum(not rule.is_enabled for rule in rules) == 1
    assert any(rule.warehouse_id for rule in rules)
    assert any(rule.min_days for rule in rules)
    assert len({(r.level_type, r.level_id, r.warehouse_id) for r in rules}) == len(rules)


@pytest.mark.parametrize("skus", [1, 2000, 20_000])
def test_catalog_ids_are_unique_and_parents_consistent(skus: int) -> None:
    catalog = Simulation(SimulationSettings(skus=skus, warehouses=1)).catalog

    assert len({product.sku for product in catalog}) == len(catalog) == skus
    parents = {(p.product_id, p.brand_id, p.category_id, p.department_id) for p in catalog}
    assert len(parents) == len({product.product_id for product in catalog})
    assert all(product.order_up_to % product.pack_multiple == 0 for product in catalog)


def test_products_csv_lists_the_catalog() -> None:
    catalog = Simulation(SimulationSettings(skus=30, warehouses=1)).catalog

    rows = list(csv.DictReader(io.StringIO(products_csv(catalog))))
    assert [row["sku"] for row in rows] == [product.sku for product in catalog]
    assert ",".join(rows[0]) == (
        "sku,product_id,product_name,variant_name,brand_id,brand_name,category_id,category_name,"
        "department_id,department_name,supplier_id,lead_time_days,order_up_to,unit_price,"
        "pack_multiple"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"skus": 0},
        {"seed": -1},
        {"skus": 1_000_000, "warehouses": 11},
        {"events_per_second": float("nan")},
        {"cover_hours": float("inf")},
        {"lead_day_seconds": 0},
        {"start_at": SimulationSettings().start_at.replace(year=9999)},
        {"duplicate_rate": 1.5},
        {"events_per_second": 0},
        {"start_at": SimulationSettings().start_at.replace(tzinfo=None)},
        {"source_epoch": 3},
    ],
)
def test_nonsense_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SimulationSettingsError):
        SimulationSettings(**wrong)  # type: ignore[arg-type]
