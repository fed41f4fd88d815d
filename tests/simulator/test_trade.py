"""A shop at the pace of trade: its days, its rules, what goes wrong in it; and the shop in a hurry, as ever."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice, pairwise
from typing import Any

import pytest

from inventory_assets.simulator import Simulation, SimulationSettings
from inventory_assets.simulator.planning import full_shelf, limits_of
from inventory_assets.simulator.pulse import Pulse
from inventory_assets.simulator.rules import ThresholdRule
from inventory_assets.simulator.settings import SimulationSettingsError, trade_settings

START_AT = datetime(2026, 4, 4, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def trade(*, skus: int = 40, warehouses: int = 3, per_day: float = 150, history: int = 20, **more: Any) -> Simulation:
    settings = trade_settings(
        seed=1, skus=skus, warehouses=warehouses, messages_per_day=per_day, start_at=START_AT,
        history=timedelta(days=history),
    )  # fmt: skip
    return Simulation(replace(settings, **more))


def until(simulation: Simulation, end: datetime) -> list:
    return Pulse(simulation).take(end, 1_000_000)


def test_the_shop_in_a_hurry_sends_what_it_always_sent() -> None:
    """`inventory simulate` promises equal bytes for equal settings, from one release to the next."""
    simulation = Simulation(SimulationSettings(seed=3, skus=40, warehouses=3, malformed_rate=0.03, disorder_rate=0.15))
    sent = [*simulation.opening(), *islice(simulation.stream(), 3_000)]

    digest = sha256(b"\n".join(message.data for message in sent)).hexdigest()
    assert digest[:16] == "d46cb1eb04248340"


def test_a_day_has_as_many_messages_as_asked_for_and_a_week_its_rhythm() -> None:
    sent = until(trade(per_day=300, history=28), START_AT + 28 * DAY)

    live = Counter((message.event_time - START_AT).days for message in sent if message.event_time >= START_AT)
    assert sum(live.values()) / 28 == pytest.approx(300, rel=0.1)
    # START_AT is a Saturday, the strongest day; Tuesday is the weakest.
    assert sum(live[day] for day in range(0, 28, 7)) > 1.1 * sum(live[day] for day in range(3, 28, 7))


def test_a_delivery_takes_the_days_its_supplier_says_and_sometimes_three_times_as_long() -> None:
    simulation = trade(history=60, late_delivery_rate=0.5)
    ordered: dict[str, datetime] = {}
    ratios = []
    lead = {product.sku: product.lead_time_days for product in simulation.catalog}
    for message in until(simulation, START_AT + 60 * DAY):
        if b'"RESTOCK"' not in message.data:
            continue
        document = json.loads(message.data)
        document = document.get("document", document)
        name = document["transaction_id"]
        if document["status"] == "PENDING":
            ordered[name] = message.event_time
        elif name in ordered:
            ratios.append((message.event_time - ordered[name]) / DAY / lead[document["sku"]])

    assert len(ratios) > 30
    assert all(0.7 < ratio < 3.7 for ratio in ratios)
    assert 0.2 * len(ratios) < sum(ratio > 2 for ratio in ratios) < 0.8 * len(ratios)


def test_most_categories_follow_demand_some_hold_days_few_a_number() -> None:
    rules = [
        json.loads(message.data) for message in trade(skus=2_000, warehouses=1).opening() if message.kind == "rule"
    ]
    rules = [rule.get("document", rule) for rule in rules]

    of_categories = [rule for rule in rules if rule["level_type"] == "CATEGORY"]
    dynamic = sum(rule.get("mode") == "dynamic" for rule in of_categories)
    by_days = sum(rule["min_threshold_days"] is not None for rule in of_categories)
    flat = sum(rule["min_threshold_qty"] is not None for rule in of_categories)
    assert dynamic > 0.6 * len(of_categories) > by_days > flat > 0
    assert dynamic + by_days + flat == len(of_categories)


@pytest.mark.parametrize("daily", [0.01, 0.3, 4.0, 60.0])
@pytest.mark.parametrize(
    "rule",
    [
        ThresholdRule("CATEGORY", "C", None, None, None, service_level=0.98),
        ThresholdRule("CATEGORY", "C", None, None, None, 4, 14),
        ThresholdRule("CATEGORY", "C", None, 3, 8),
    ],
    ids=["dynamic", "days", "flat"],
)
def test_the_planner_orders_above_what_the_rule_asks_and_a_full_shelf_is_above_that(rule, daily) -> None:
    """Else a shelf that was just filled would breach."""
    for lead_time_days in (2, 14):
        limits = limits_of(rule, daily / 86_400, lead_time_days)
        shelf = full_shelf(daily / 86_400, lead_time_days, 28)

        assert limits.min_qty < limits.reorder_qty
        assert limits.reorder_qty <= limits.order_at < shelf


def test_four_things_go_wrong_in_the_three_days_after_the_history() -> None:
    simulation = trade(per_day=400)
    until(simulation, START_AT + 23 * DAY)

    opens_at = START_AT + 20 * DAY
    assert ["late_delivery", "flash_sale", "silent_connector", "silent_connector", "bad_feed"] == [
        note.kind for note in simulation.notes
    ]
    assert all(opens_at < note.at < opens_at + 3 * DAY for note in simulation.notes)


def test_a_late_delivery_comes_six_days_after_it_is_told() -> None:
    simulation = trade(per_day=400)
    sent = until(simulation, START_AT + 32 * DAY)
    note = next(note for note in simulation.notes if note.kind == "late_delivery")
    shelf = next(
        (warehouse, product)
        for product in simulation.catalog
        for warehouse in simulation.warehouses
        if f"of {product.product_name} {product.variant_name}".removesuffix(" Standard") + f" for {warehouse}"
        in note.text
    )

    key = f"{shelf[0]}:{shelf[1].sku}"
    restocks = [m for m in sent if m.ordering_key == key and b'"RESTOCK"' in m.data and b'"PENDING"' not in m.data]
    arrivals = [message.event_time for message in restocks if message.event_time >= note.at]
    assert min(arrivals) >= note.at + 6 * DAY


def test_a_flash_sale_multiplies_a_products_orders() -> None:
    simulation = trade(per_day=800)
    sent = until(simulation, START_AT + 23 * DAY)
    note = next(note for note in simulation.notes if note.kind == "flash_sale")
    product_id = next(p.product_id for p in simulation.catalog if note.text.endswith(f"for {p.product_name}"))
    skus = {product.sku for product in simulation.catalog if product.product_id == product_id}

    def orders(start: datetime) -> int:
        return sum(
            start <= m.event_time < start + timedelta(hours=10)
            and b'"ORDER"' in m.data
            and m.ordering_key.split(":")[1] in skus
            for m in sent
        )

    assert orders(note.at) > 2 * orders(note.at - 7 * DAY)


def test_a_silent_warehouse_sends_nothing_and_then_everything_in_its_order() -> None:
    simulation = trade(per_day=400)
    sent = until(simulation, START_AT + 23 * DAY)
    begins, ends = (note.at for note in simulation.notes if note.kind == "silent_connector")
    warehouse = simulation.warehouses[-1]

    latest = START_AT
    kept = []
    for message in sent:
        is_of_it = message.ordering_key.startswith(f"{warehouse}:")
        if is_of_it and begins < message.event_time < ends:
            assert latest > ends - timedelta(hours=1)
            kept.append(message.event_time)
        elif not is_of_it:
            latest = max(latest, message.event_time)
    assert len(kept) > 10
    # But for the few that any network sends late.
    assert sum(b < a for a, b in pairwise(kept)) < 0.1 * len(kept)


def test_a_bad_feed_is_forty_broken_messages_of_one_warehouse() -> None:
    simulation = trade(per_day=400)
    sent = until(simulation, START_AT + 23 * DAY)
    note = next(note for note in simulation.notes if note.kind == "bad_feed")

    broken = [m for m in sent if m.kind.startswith("malformed") and timedelta(0) <= m.event_time - note.at < DAY / 24]
    assert len(broken) >= 40
    assert sum(m.ordering_key.startswith(simulation.warehouses[0]) for m in broken) >= 40
    assert {"malformed:far_future", "malformed:before_history"}.isdisjoint(m.kind for m in sent)


def test_a_pulse_that_begins_again_goes_on_with_the_same_messages() -> None:
    whole = Pulse(trade())
    first = whole.take(START_AT + DAY, 1_000)
    rest = whole.take(START_AT + 2 * DAY, 1_000)

    again = Pulse(trade(), taken=len(first))

    assert again.reached == max(message.event_time for message in first)
    assert rest == again.take(START_AT + 2 * DAY, 1_000)


def test_a_pulse_hands_out_no_message_before_its_time_and_no_more_than_asked_for() -> None:
    pulse = Pulse(trade())
    now = START_AT + DAY
    lots = []
    while lot := pulse.take(now, 50):
        lots.append(lot)

    assert {50} == {len(lot) for lot in lots[:-1]}
    assert all(message.event_time <= now for lot in lots for message in lot)
    assert pulse.taken == sum(map(len, lots))
    assert pulse.take(now, 50) == []


def test_a_note_is_handed_out_once_when_its_time_has_come() -> None:
    pulse = Pulse(trade(per_day=400))
    noon = START_AT + 20 * DAY + timedelta(hours=4)
    pulse.take(noon, 1_000_000)

    assert ["late_delivery"] == [note.kind for note in pulse.notes(noon)]
    assert [] == pulse.notes(noon)


def test_incidents_without_a_time_zone_are_refused() -> None:
    with pytest.raises(SimulationSettingsError, match="incidents_at was"):
        SimulationSettings(incidents_at=datetime(2026, 1, 1))
