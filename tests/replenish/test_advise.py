"""Advice is the plan's lines of some SKUs, of any version and in one look-up (RULES 42-43)."""

from datetime import date

import msgspec
import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.refresh.products import import_products
from inventory_assets.replenish.advise import advise
from inventory_assets.replenish.make import plan_lines
from inventory_assets.replenish.moment import last_day
from inventory_assets.words.advice import action_lines, steps, why
from inventory_assets.words.plan import moves
from tests.builders import command, level, rule, transaction
from tests.replenish.shop import S1, SETTINGS, fill, plan, take

LAST_SALE = date(2022, 5, 19)


@pytest.fixture
def engine(open_filled):
    return open_filled(fill)


def advice_of(engine, *skus, version=None):
    engine.land()
    return advise(engine.lake, skus, SETTINGS, version=version or engine.state.version)


def test_it_is_the_plans_line_of_the_newest_events_day(engine):
    """Ten a day, 20 left, five days of lead: as of the day of the last sale, whose sales are not complete."""
    found = advice_of(engine, "S1")

    engine.land()
    whole = plan_lines(engine.lake, engine.state.version, LAST_SALE, SETTINGS)
    assert {(row["warehouse_id"], row["sku"]): row for row in whole.filter(whole["sku"] == "S1").to_dicts()} == found
    assert LAST_SALE == found["W1", "S1"]["plan_date"] == last_day(engine.lake, engine.state.version)
    # 132 for twelve days, less 20 there and 30 moved, is 82: in sixes 84.
    assert ["move 30 here from W2", "order 84 from ACME now"] == steps(found["W1", "S1"])
    # It keeps its own demand of 50 and its safety stock of 12.
    assert (["move 30 to W1"], 470, 62) == (
        steps(found["W2", "S1"]),
        *(moves(found["W2", "S1"])[0][name] for name in ("leaves", "keeps")),
    )


def test_it_is_of_its_version_whatever_came_later(engine):
    """A second try of a notification says what the first one said."""
    plan(engine, LAST_SALE)
    version = engine.state.version
    before = advice_of(engine, "S1", "S2", version=version)
    take(
        engine,
        rule(40, 90, updated_at="2022-05-19T20:00:00Z"),
        level(3, "2022-05-19T21:00:00Z", sku="S2"),
        transaction("R1", "RESTOCK", 60, "2022-05-19T22:00:00Z", status="PENDING"),
        transaction("X", "TRANSFER", 5, "2022-05-19T22:00:00Z", status="PENDING", warehouse_id="W2", to_warehouse_id="W1"),
        command("plan-accept", plan_line_id="pln-20220519-W1-S1", timestamp="2022-05-19T23:00:00Z"),
    )  # fmt: skip
    import_products(engine, [msgspec.structs.replace(S1, lead_time_days=9)])

    assert before == advice_of(engine, "S1", "S2", version=version)
    now = advice_of(engine, "S1")["W1", "S1"]
    assert (60, 5, 84, 9) == tuple(now[name] for name in ("inbound", "announced", "accepted", "lead_time_days"))


class Counting:
    """A reader that counts what it is asked."""

    def __init__(self, reader):
        self.reader, self.asked = reader, 0

    def query(self, sql, parameters=None):
        self.asked += 1
        return self.reader.query(sql, parameters)

    def batches(self, sql):
        self.asked += 1
        return self.reader.batches(sql)


def test_one_look_up_is_for_all_skus(engine):
    take(engine, *(level(n, "2022-05-18T08:00:00Z", sku=f"X{n}") for n in range(40)))
    engine.land()
    one, many = Counting(engine.lake), Counting(engine.lake)
    advise(one, ["S1"], SETTINGS, version=engine.state.version)
    found = advise(many, ["S1", "S2", *(f"X{n}" for n in range(40))], SETTINGS, version=engine.state.version)

    assert one.asked == many.asked
    assert 43 == len(found)


def test_nothing_is_asked_where_there_is_nothing_to_say(engine):
    none = Counting(engine.lake)

    assert {} == advise(none, [], SETTINGS, version=1)
    assert 0 == none.asked
    assert {} == advice_of(engine, "S'9")


def test_a_later_clock_sets_no_day_after_the_commit(engine):
    """An event may be a day ahead of its publish time; demand of days to come is not known."""
    engine.land()
    committed = engine.lake.query("SELECT max(committed_at)::DATE AS d FROM meta.versions").item()
    take(engine, level(9, f"{committed}T00:00:00Z", sku="S3"))

    assert last_day(engine.lake, engine.state.version) <= committed


@pytest.mark.parametrize(
    ("product", "unknown"),
    [
        (Product("S2", supplier_id="ACME", lead_time_days=5, unit_price=2.0), "pack"),
        (Product("S2", lead_time_days=5, unit_price=2.0, pack_multiple=6), "supplier"),
        (Product("S2", supplier_id="ACME", lead_time_days=5, pack_multiple=6), "price"),
        (Product("S2", supplier_id="ACME", unit_price=2.0, pack_multiple=6), "lead time"),
    ],
)
def test_what_is_missing_of_a_product_is_said(engine, product, unknown):
    import_products(engine, [product])
    line = advice_of(engine, "S2")["W1", "S2"]

    assert f"not known: {unknown}" in why(line)
    text = " ".join(action_lines(line))
    assert not {"nan", "None", "inf"} & set(text.replace(",", " ").split())


def test_negative_stock_in_one_warehouse_alone_is_ordered_up_from_below_zero(engine):
    """Its demand is not known: twice the reorder threshold, less what is not there."""
    take(
        engine,
        level(5, "2022-05-18T08:00:00Z", sku="S4"),
        transaction("N1", quantity=-9, at="2022-05-19T08:00:00Z", sku="S4"),
    )
    line = advice_of(engine, "S4")["W1", "S4"]

    assert (-4, 2 * 15 + 4) == (line["available"], line["order_quantity"])
    assert ["order 34 now"] == steps(line)
