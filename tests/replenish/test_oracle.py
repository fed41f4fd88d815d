"""The plan against RULES 42 and 43 read naively (`tests.rules.plans`), on random networks.

Belongs here: networks, and what the two must agree on. Does not: a reading of the rules.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.events.kinds import NO_POSITION, Command
from inventory_assets.domain.replenish.decisions import Decision, Restock, what_is_left
from inventory_assets.domain.replenish.plan import Plan, make_plan
from inventory_assets.domain.replenish.projection import NEVER
from inventory_assets.domain.replenish.shelves import METHOD, Arrivals, PlanSettings, Shelves
from inventory_assets.domain.thresholds.forecast import Forecasts
from inventory_assets.refresh.products import import_products
from inventory_assets.replenish.read import read_shelves
from tests.builders import Document, transaction
from tests.rules.days import accepted
from tests.rules.folding import keys_of
from tests.rules.plans import (
    Coming,
    Decided,
    Line,
    Move,
    Restocked,
    Settings,
    Shelf,
    coming_of,
    faults_of,
    line_of,
    standing,
    what_remains,
)

HALF = 0.5 + 1e-6
"""How far a rounded number is from what it was."""
FIRST = date(2022, 5, 16)
SEASONS = (
    (1,) * 7,
    (1,) * 7,
    (Fraction(1, 2), Fraction(1, 2), 1, 1, 1, Fraction(3, 2), Fraction(3, 2)),
    (7, 0, 0, 0, 0, 0, 0),
)


class Chance(Random):
    """Draws for a network. From one seed: hypothesis draws a value at a time, which takes ten times as long."""

    def maybe(self, value: Any, *, often: int = 2) -> Any:
        """Sometimes not set."""
        return value if self.randrange(often) else None

    def quarters(self, least: int = 0) -> Fraction:
        """Whole quarters, so that a sum of them is exact in floats too."""
        return Fraction(self.randint(least, 60), 4)

    def coming(self, times: Sequence[int]) -> tuple[Coming, ...]:
        """Mostly nothing."""
        found = tuple(Coming(self.randint(-4, 25), self.randint(1, 60)) for _ in range(self.choice(times)))
        return tuple(replace(each, is_supplied=self.randrange(4) > 0) for each in found)


def draw_shelf(chance: Chance, warehouse: str) -> Shelf:
    """A shelf of one of two SKUs; a SKU's product data may differ, as nothing here asks for them to agree."""
    daily, factors = chance.quarters(), chance.choice(SEASONS)
    lead_time = chance.maybe(chance.randint(0, 20), often=6)
    inbound = chance.coming((0, 0, 1, 2))
    return Shelf(
        warehouse,
        chance.choice(("S1", "S1", "S1", "S2")),
        chance.randint(*chance.choice(((-8, 8), (0, 60), (0, 400)))),
        # Without a lead time nobody knows when it comes.
        inbound if lead_time is not None else tuple(replace(each, day=None) for each in inbound),
        chance.coming((0, 0, 0, 1)),
        chance.coming((0, 0, 0, 1)),
        chance.maybe(tuple(daily * factor for factor in factors), often=6),
        chance.choice((0.0, float(chance.quarters()) / 2)),
        mean=chance.quarters() / 4,
        counted=chance.choice((0, 13, 27, 28, 84)),
        lead_time=lead_time,
        order_up_to=chance.maybe(chance.randint(0, 120)),
        price=chance.maybe(chance.quarters()),
        pack=chance.maybe(chance.randint(1, 12)),
        least_order=chance.maybe(chance.randint(0, 30)),
        min_qty=chance.maybe(chance.randint(0, 40)),
        reorder_qty=chance.maybe(chance.randint(0, 60)),
        min_days=chance.maybe(chance.quarters()),
        reorder_days=chance.maybe(chance.quarters()),
        velocity=chance.maybe(chance.quarters(1)),
        is_enabled=chance.randrange(6) > 0,
        service_level=chance.maybe(chance.choice((0.3, 0.5, 0.9, 0.999))),
    )


def draw_settings(chance: Chance) -> Settings:
    """Some others than the defaults."""
    return Settings(
        chance.randint(1, 14), chance.choice((0.4, 0.8, 0.95, 0.99)), chance.choice((1, 1, 5, 12)),
        doubts_overdue=chance.randrange(4) > 0,
    )  # fmt: skip


def as_shelves(network: Sequence[Shelf]) -> Shelves:
    """The same network as the product takes it."""
    coming = [
        (row, each.day, each.units, is_inbound, each.is_supplied)
        for row, shelf in enumerate(network)
        for parts, is_inbound in ((shelf.inbound, True), (shelf.announced, False), (shelf.accepted, False))
        for each in parts
        if each.day is not None
    ]
    kinds = (np.int64, np.int64, np.int64, bool, bool)

    def numbers(name: str) -> np.ndarray:
        found = [getattr(shelf, name) for shelf in network]
        return np.array([np.nan if value is None else float(value) for value in found])

    def sums(name: str) -> np.ndarray:
        return np.array([sum(each.units for each in getattr(shelf, name)) for shelf in network], dtype=np.int64)

    size = len(network)
    return Shelves(
        sku=np.unique([shelf.sku for shelf in network], return_inverse=True)[1],
        warehouse=np.arange(size),
        available=np.array([shelf.available for shelf in network], dtype=np.int64),
        **{name: sums(name) for name in ("inbound", "announced", "accepted")},
        lapsed=np.zeros(size, dtype=np.int64),
        lead_time_days=numbers("lead_time"),
        unit_price=numbers("price"),
        pack_multiple=numbers("pack"),
        min_order_qty=numbers("least_order"),
        daily_units=numbers("velocity"),
        **{name: numbers(name) for name in ("order_up_to", "min_qty", "reorder_qty", "min_days", "reorder_days", "service_level")},
        is_enabled=np.array([shelf.is_enabled for shelf in network]),
        has_supplier=np.ones(size, dtype=bool),
        is_stated=np.ones(size, dtype=bool),
        forecasts=_forecasts(network),
        arrivals=Arrivals(*(np.array([each[place] for each in coming], dtype=kind) for place, kind in enumerate(kinds))),
    )  # fmt: skip


def _forecasts(network: Sequence[Shelf]) -> Forecasts:
    daily = [sum(shelf.demand) / 7 if shelf.demand else shelf.mean for shelf in network]
    factors = [
        [float(each / mean) for each in shelf.demand] if shelf.demand and mean else [1.0] * 7
        for shelf, mean in zip(network, daily, strict=True)
    ]
    return Forecasts(
        np.array([shelf.demand is not None for shelf in network]),
        np.array([float(each) for each in daily]),
        np.array([shelf.deviation for shelf in network]),
        np.array(factors),
        np.zeros(len(network), dtype=np.int64),
        np.array([float(shelf.mean) for shelf in network]),
        np.array([shelf.counted for shelf in network]),
    )


def plan_of(network: Sequence[Shelf], plan_date: date, settings: Settings) -> Plan:
    """The product's plan of a network."""
    own = PlanSettings(
        settings.review_days, settings.service_level, settings.least_transfer,
        method=METHOD if settings.doubts_overdue else None,
    )  # fmt: skip
    return make_plan(as_shelves(network), plan_date, own)


def said(plan: Plan, row: int) -> dict[str, float | None]:
    """A line of the product's; None for unknown and for never."""
    found = {name: values[row].item() for name, values in plan.lines._asdict().items()}
    return {name: None if value != value or value == NEVER else value for name, value in found.items()}


def expected_of(line: Line) -> dict[str, Any]:
    """The oracle's line in the product's names."""
    return {
        "horizon_days": line.horizon,
        "forecast": _near(line.forecast),
        "projected": _near(line.projected, HALF),
        "projected_low": _near(line.low, HALF),
        "projected_high": _near(line.high, HALF),
        "runs_out": line.runs_out,
        "order_by": line.order_by,
        "safety_stock": line.safety_stock,
        "target": line.target,
        "needed": line.needed,
        "order_quantity": line.order,
        "risk_percent": _near(line.risk, HALF),
        "revenue_at_risk": _near(line.revenue, HALF / 100),
        "is_urgent": line.is_urgent,
        "is_order_urgent": line.is_order_urgent,
        "overdue": line.overdue,
        "overdue_since": line.overdue_since,
        "order_without_overdue": line.order_without_overdue,
        "arrives": line.arrives,
        "arriving": line.arriving,
        "waiting_risk_percent": _near(line.waiting_risk, HALF),
    }


def _near(value: Fraction | float | None, by: float = 1e-6) -> Any:
    return None if value is None else pytest.approx(float(value), abs=by)


@given(st.integers(0, 2**40))
def test_a_plan_is_what_the_rules_say(seed):
    """Each line, given what the plan moves, and that it may move that (RULES 42, 43)."""
    chance = Chance(seed)
    network = [draw_shelf(chance, f"W{number}") for number in range(chance.randint(1, 6))]
    plan_date, settings = FIRST + timedelta(chance.randrange(7)), draw_settings(chance)
    plan = plan_of(network, plan_date, settings)
    moves = [Move(move.giver, move.taker, move.quantity) for move in plan.transfers]

    assert [] == faults_of(network, moves, plan_date, settings)
    for row, shelf in enumerate(network):
        taken = sum(move.units for move in moves if move.taker == row)
        given_ = sum(move.units for move in moves if move.giver == row)
        expected = expected_of(line_of(shelf, plan_date, settings, taken=taken, given=given_))
        if not settings.doubts_overdue:
            # Of releases before only what they said.
            expected = dict(list(expected.items())[:13])
        assert expected == {name: value for name, value in said(plan, row).items() if name in expected}, shelf


@given(st.integers(0, 2**40))
def test_what_is_left_of_accepted_lines_is_what_the_rules_say(seed):
    """Decisions and restocks in any order (RULES 42)."""
    chance = Chance(seed)
    places = chance.sample(range(40), 12)
    decided = [
        Decided(
            chance.choice(("plan-accept", "plan-accept", "plan-accept", "plan-dismiss", "plan-snooze")),
            FIRST + timedelta(chance.randrange(12)), (place, 0), chance.randint(0, 6), at,
        )
        for at, place in enumerate(places[: chance.randint(0, 6)])
    ]  # fmt: skip
    restocks = [
        Restocked((place, 0), FIRST + timedelta(chance.randrange(25)), chance.randint(1, 8))
        for place in places[6 : chance.randint(6, 12)]
    ]
    plan_date, lead_time = FIRST + timedelta(chance.randrange(25)), chance.choice((None, 0, 1, 3, 9))
    holding = standing(decided)
    left, lapsed = what_remains(holding, restocks, plan_date, lead_time)
    found = what_is_left(
        [_decision(each) for each in holding],
        [Restock(each.seen, each.day, each.units) for each in restocks],
        plan_date,
        lead_time,
    )

    assert (left, lapsed) == ({day: units for day, units in found.parts if units}, found.lapsed)


def _decision(decided: Decided) -> Decision:
    line = f"pln-{decided.line_date:%Y%m%d}-W1-S1"
    command = Command(
        f"c{decided.at}", decided.name, None, None, "why", "ann", decided.at, NO_POSITION, plan_line_id=line,
        quantity=decided.units,
    )  # fmt: skip
    return Decision(line, decided.line_date, command, decided.seen)


def draw_versions(chance: Chance, name: str) -> list[Document]:
    """A transaction of one of twelve shelves, some versions of it in no order, each with its own quantity and day."""
    kind = chance.choice(("RESTOCK", "RESTOCK", "RETURN", "ADJUSTMENT", "ORDER", "RESERVE", "TRANSFER", "TRANSFER"))
    where, to = chance.sample(("W1", "W2", "W3"), 2)
    fields = {"sku": f"S{chance.randrange(4)}", "warehouse_id": where}
    statuses = ["PENDING", "PENDING", "COMPLETED", "CANCELLED"]
    if kind == "TRANSFER":
        fields["to_warehouse_id"] = to
        statuses += ["SHIPPED", "SHIPPED", "SHIPPED"]
    return [
        transaction(
            name, kind, chance.randint(1, 9) * (-1 if kind == "ORDER" else 1),
            f"2022-05-{chance.randint(1, 15):02d}T{chance.randrange(24):02d}:00:00Z", status=status, **fields,
        )
        for status in sorted({chance.choice(statuses) for _ in range(chance.choice((1, 1, 2)))}, reverse=True)
    ]  # fmt: skip


def test_what_is_on_its_way_is_what_the_events_say(open_engine):
    """Of each transaction the version that counts, and no other (RULES 13-16)."""
    chance, engine = Chance(2), open_engine()
    messages, events = accepted([each for number in range(80) for each in draw_versions(chance, f"T{number}")])
    engine.commit_burst(messages)
    lead_times = {f"S{number}": 3 * number for number in range(4)}
    import_products(engine, [Product(sku=sku, lead_time_days=days) for sku, days in lead_times.items()])
    engine.land()
    read = read_shelves(engine.lake, engine.state.version, FIRST)
    coming = [list(values) for values in zip(*(column.tolist() for column in read.shelves.arrivals), strict=True)]

    assert keys_of(events) == sorted(read.rows.select("warehouse_id", "sku").rows())
    for row, (key, inbound) in enumerate(
        zip(read.rows.select("warehouse_id", "sku").rows(), read.rows["inbound"], strict=True)
    ):
        own, announced = coming_of(events, key, FIRST, lead_times[key[1]])
        expected = [[row, each.day, each.units, True, each.is_supplied] for each in own]
        expected += [[row, each.day, each.units, False, False] for each in announced]
        assert sorted(expected) == sorted(each for each in coming if each[0] == row)
        assert sum(each.units for each in own) == inbound
        assert sum(each.units for each in announced) == read.shelves.announced[row]
