"""Each rule of data quality finds a planted fault, by its row's id, and no other rule takes it for its own.

What can come in as a message comes in as one; what only a fault of ours or of a
disk can do is written into the lake's tables.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from inventory_assets.clock import FILE
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.quality.results import ResultStatus
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.tables import SKU_STATE
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.quality.judge import judge_rules
from inventory_assets.quality.rules import RULES
from tests.builders import DAY, TRANSACTIONS, envelope, level, message, messages, moment, rule, transaction
from tests.conftest import OpenFilled
from tests.facts import differences, value

PARENTS = {"department_id": "D1", "category_id": "C1", "brand_id": "B1", "product_id": "P1"}
REPEATED = transaction("T2", quantity=-2, at="08:30")
WEEKS = 5
# A Friday six weeks on: each of the five before it is history.
FRIDAY = DAY + timedelta(days=2 + 7 * WEEKS)


def product(sku: str, **more: Any) -> Product:
    """Product data as a good import has them."""
    names = {"product_name": f"Name of {sku}", "brand_name": "B", "category_name": "C", "department_name": "D"}
    return Product(sku=sku, **{**names, "order_up_to": 90, **more})


def stated(on_hand: int, at: str = "07:00", **more: Any) -> dict[str, Any]:
    """A level with its parents, which carries reserved stock."""
    return level(on_hand, at, **{"reserved_stock": 0, **PARENTS, **more})


@pytest.fixture
def shop(open_filled: OpenFilled) -> Engine:
    """A small shop in which nothing is wrong: rules, stock, trade, a transfer, a deleted key, an alert."""
    return open_filled(_trade)


def _trade(engine: Engine) -> None:
    engine.commit_burst(messages(rule(10, 20)), inputs=BurstInputs(has_products=True, products=tuple(
        product(f"S{number}") for number in range(1, 6))))  # fmt: skip
    engine.commit_burst(
        messages(
            transaction("T-OLD", quantity=-1, at="05:00", status="PENDING"),
            transaction("T-OLD", quantity=-1, at="06:00"),
            stated(90, "06:30"),
            stated(90),
            stated(80, warehouse_id="W2"),
            stated(70, sku="S2"),
            stated(0, sku="S3"),
            envelope(stated(60, sku="S4"), 3600 * 7),
            envelope(None, 3600 * 8, operation="delete", document_key={"warehouse_id": "W1", "sku": "S4"}),
        )
    )  # fmt: skip
    engine.commit_burst(
        messages(
            transaction("T1", quantity=-5),
            REPEATED,
            transaction("T3", quantity=-7, at="08:40", status="CANCELLED"),
            transaction("T4", "RESTOCK", 10, "08:50", status="PENDING"),
            transaction("T5", "TRANSFER", 4, "09:00", status="SHIPPED", to_warehouse_id="W2"),
            transaction("T5", "TRANSFER", 4, "10:00", status="COMPLETED", to_warehouse_id="W2"),
            REPEATED,
        )
    )


def sql(*statements: str) -> Callable[[Engine], object]:
    """Write into the lake's tables, past everything that would refuse it."""
    return lambda engine: [engine.lake.connection.execute(statement) for statement in statements]


def sent(*documents: Any, days: int = 1) -> Callable[[Engine], object]:
    """Send messages, published some days after the samples'."""
    at = DAY + timedelta(days=days)
    return lambda engine: engine.commit_burst([message(document, published_at=at) for document in documents])


def imported(*products: Product) -> Callable[[Engine], object]:
    """Import product data."""
    return lambda e: e.commit_burst([], inputs=BurstInputs(has_products=True, products=products))


def trade(
    *, usual: tuple[int, int], friday: tuple[int, int], hours: tuple[int, ...] = (9,)
) -> Callable[[Engine], object]:
    """Six Fridays' returns: (how many an hour, of how many units); on the last one others."""

    def send(engine: Engine) -> None:
        for week in range(WEEKS + 1):
            day = FRIDAY - timedelta(weeks=WEEKS - week)
            number, units = usual if week < WEEKS else friday
            made = [
                transaction(
                    f"R{week}-{hour}-{n}", "RETURN", units, (day + timedelta(hours=hour, minutes=n % 60)).isoformat()
                )
                for hour in (hours if week < WEEKS else hours[:1])
                for n in range(number)
            ]
            engine.commit_burst([message(each, published_at=day + timedelta(hours=12)) for each in made])

    return send


def both(*plants: Callable[[Engine], object]) -> Callable[[Engine], object]:
    """One after the other."""
    return lambda engine: [plant(engine) for plant in plants]


def with_base(statement: str) -> Callable[[Engine], object]:
    """Write into the compacted copy of the stock."""

    def plant(engine: Engine) -> None:
        base = Maintenance(engine.lake).compact(SKU_STATE)
        engine.lake.connection.execute(statement.replace("{base}", f"lake.{SKU_STATE.base_name(base)}"))

    return plant


class Fault(NamedTuple):
    """A fault, the id by which its rule finds it, and when the lake is judged (after the samples' day)."""

    plant: Callable[[Engine], object]
    row_id: str
    now: timedelta = timedelta(days=1)


SHIPPED = transaction("T9", "TRANSFER", 4, "11:00", status="SHIPPED", to_warehouse_id="W2")
EVENING_AFTER = FRIDAY - DAY + timedelta(days=1, hours=12)


def heard(*, days: int) -> Callable[[Engine], object]:
    """Another warehouse sends something, so that the lake is known to go on."""
    at = (DAY + timedelta(days=days, hours=1)).isoformat()
    return sent(transaction("T-LATER", "RETURN", 1, at, warehouse_id="W2"), days=days + 1)


FAULTS = {
    "outcomes_sum_to_messages": Fault(sql("UPDATE lake.meta.versions SET messages = 9 WHERE version = 1"), "1"),
    "versions_have_no_gap": Fault(sql("DELETE FROM lake.meta.versions WHERE version = 2"), "3"),
    "message_numbers_have_no_gap": Fault(
        sql("UPDATE lake.raw.messages SET seq = 99 WHERE outcome = 'duplicate'"), "3"
    ),
    "messages_are_complete": Fault(
        sql("UPDATE lake.raw.messages SET message_id = NULL WHERE outcome = 'duplicate'"), "3:6"
    ),
    "few_messages_are_refused": Fault(
        sent(*(transaction(f"N{n}", "RETURN", 1, "12:00") for n in range(100)), *(transaction("", n) for n in range(3))),
        TRANSACTIONS,
    ),
    "events_are_complete": Fault(
        sql("UPDATE lake.core.events SET sku = NULL WHERE kind = 'level' AND event_at = '2022-04-20 06:30:00'"), "2:2"
    ),
    "optional_fields_fit": Fault(sent(stated(70, sku="S2", at="12:00", pack_multiple=0)), "W1:pack_multiple"),
    "event_ids_are_unique": Fault(
        sql("INSERT INTO lake.core.events FROM lake.core.events WHERE event_at = '2022-04-20 06:30:00'"),
        "level:W1:S1:2022-04-20T06%3A30%3A00.000000Z",
    ),
    "events_are_of_a_known_kind": Fault(
        sql("UPDATE lake.core.events SET type = 'THEFT' WHERE transaction_id = 'T3'"), "transaction:W1:T3:CANCELLED"
    ),
    "events_have_their_message": Fault(
        sql("UPDATE lake.raw.messages SET outcome = 'applied', event_id = 'x' WHERE outcome = 'duplicate'"), "3:6"
    ),
    "transactions_keep_their_place": Fault(
        sql("UPDATE lake.core.events SET sku = 'S2' WHERE transaction_id = 'T-OLD' AND status = 'PENDING'"), "T-OLD"
    ),
    "transfers_have_two_ends": Fault(
        sql("UPDATE lake.core.events SET to_warehouse_id = 'W2' WHERE transaction_id = 'T3'"),
        "transaction:W1:T3:CANCELLED",
    ),
    "transfers_arrive": Fault(both(sent(SHIPPED), heard(days=20)), "W1:T9:", timedelta(days=21)),
    "transfers_arrive_whole": Fault(
        sent(SHIPPED, SHIPPED | {"status": "COMPLETED", "quantity": 3, "timestamp": moment("12:00")}), "W1:T9:"
    ),
    "goods_go_to_active_keys": Fault(
        sent(transaction("T9", "RESTOCK", 4, "11:00", sku="S4")), "transaction:W1:T9:COMPLETED"
    ),
    "events_are_not_ahead": Fault(
        sent(transaction("T9", at="2022-04-21T00:06:00Z")), "transaction:W1:T9:COMPLETED"
    ),
    "events_arrive_in_time": Fault(
        sent(*(transaction(f"N{n}", "RETURN", 1, "12:00") for n in range(100)), days=3), "W1", timedelta(days=3)
    ),
    "warehouses_are_known": Fault(sent(SHIPPED | {"to_warehouse_id": "w2"}), "w2"),
    "no_day_is_silent": Fault(
        both(trade(usual=(6, 1), friday=(0, 0)), heard(days=38)), f"W1:{FRIDAY:%Y-%m-%d}", EVENING_AFTER
    ),
    "no_hour_is_silent": Fault(
        trade(usual=(6, 1), friday=(12, 1), hours=(9, 10)),
        f"W1:{FRIDAY:%Y-%m-%d}T10%3A00Z",
        FRIDAY - DAY + timedelta(hours=12),
    ),
    "volume_is_usual": Fault(
        trade(usual=(6, 10), friday=(60, 1)), f"W1:{FRIDAY:%Y-%m-%d}", EVENING_AFTER
    ),
    "quantity_is_usual": Fault(
        trade(usual=(6, 10), friday=(6, 900)), f"W1:{FRIDAY:%Y-%m-%d}", EVENING_AFTER
    ),
    "levels_agree_with_the_ledger": Fault(
        sent(stated(88, "12:00"), stated(60, "13:00")), "level:W1:S1:2022-04-20T12%3A00%3A00.000000Z"
    ),
    "no_key_lost": Fault(sql("DELETE FROM lake.core.sku_state_changes WHERE sku = 'S4'"), "W1:S4"),
    "keys_are_unique": Fault(with_base("INSERT INTO {base} FROM {base} WHERE sku = 'S4'"), "W1:S4"),
    "stock_is_complete": Fault(
        sql("UPDATE lake.core.sku_state_changes SET reserved = NULL WHERE sku = 'S4'"), "W1:S4"
    ),
    "stock_follows_from_events": Fault(
        sql("UPDATE lake.core.sku_state_changes SET on_hand = 61 WHERE sku = 'S4'"), "W1:S4"
    ),
    "inbound_is_under_way": Fault(
        sql("UPDATE lake.core.sku_state_changes SET inbound = 5 WHERE sku = 'S4'"), "W1:S4"
    ),
    "no_stock_is_negative": Fault(sent(stated(-3, sku="S5")), "W1:S5"),
    "no_stock_is_over_reserved": Fault(sent(stated(5, sku="S5", reserved_stock=9)), "W1:S5"),
    "skus_have_product_data": Fault(sent(stated(50, sku="=S|9")), "=S|9"),
    "parents_are_known": Fault(sent(stated(50, sku="S5", brand_id=None)), "S5"),
    "products_have_names": Fault(imported(product("S2", category_name=None)), "S2"),
    "rollups_equal_leaves": Fault(
        sql("UPDATE lake.core.rollups_changes SET reserved = 7 WHERE warehouse_id = 'W1' AND level = 'BRAND'"),
        "W1:BRAND",
    ),
    "rules_are_valid": Fault(
        sql("UPDATE lake.core.threshold_rules_changes SET min_threshold_qty = 30"), "GLOBAL::"
    ),
    # A dynamic rule whose demand is unknown falls back to its floor, and its own minimum is above that.
    "limits_are_valid": Fault(
        sent(rule(60, None, mode="dynamic", service_level=0.9, floor_qty=50, level_type="SKU", level_id="S2")), "W1:S2"
    ),
    "every_key_has_limits": Fault(
        sql("DELETE FROM lake.core.resolved_thresholds_changes WHERE sku = 'S2'"), "W1:S2"
    ),
    "orders_reach_the_reorder_point": Fault(imported(product("S2", order_up_to=19)), "W1:S2"),
    "alerts_agree_with_stock": Fault(
        sql("DELETE FROM lake.out.alerts_changes WHERE alert_id LIKE '%-S3-%'",
            "DELETE FROM lake.out.alert_transitions WHERE alert_id LIKE '%-S3-%'"),
        "W1:S3",
    ),
    "one_alert_fires_a_key": Fault(
        sql("INSERT INTO lake.out.alerts_changes SELECT * REPLACE (alert_id || 'x' AS alert_id, "
            "opened_at + INTERVAL 1 HOUR AS opened_at) FROM lake.out.alerts_changes WHERE sku = 'S3'",
            "INSERT INTO lake.out.alert_transitions SELECT * REPLACE (alert_id || 'x' AS alert_id) "
            "FROM lake.out.alert_transitions WHERE alert_id LIKE '%-S3-%'"),
        "W1:S3",
    ),
    "transitions_have_their_alert": Fault(
        sql("INSERT INTO lake.out.alert_transitions (version, seq, alert_id) VALUES (3, 9, 'alt-x')"), "alt-x"
    ),
}  # fmt: skip


def findings(engine: Engine, now: timedelta = timedelta(days=1)) -> dict[str, tuple[str, ...]]:
    """What every rule finds, by name."""
    judged = judge_rules(engine.lake, engine.settings, RULES, now=to_microseconds(DAY + now))
    for each in judged:
        assert len(each.result.sample_ids) == each.result.failing_count
    return {each.rule.name: each.result.sample_ids for each in judged if each.result.status is ResultStatus.FAIL}


def test_a_sound_shop_passes_every_rule(shop):
    """So whatever a test below finds was planted."""
    assert {} == findings(shop)
    assert 1 == value(shop.lake, "SELECT count(*) FROM out.alerts WHERE state = 'firing'")
    assert [] == differences(shop)


# Every third always; `make test-all` plants the others.
@pytest.mark.parametrize(
    "name", [name if n % 6 == 0 else pytest.param(name, marks=pytest.mark.big) for n, name in enumerate(FAULTS)]
)
def test_a_planted_fault_is_found_by_its_rule_and_no_other(name, shop):
    fault = FAULTS[name]
    fault.plant(shop)

    assert {name: (fault.row_id,)} == findings(shop, fault.now)


def test_what_comes_at_once_by_the_homes_clock_is_not_late(shop):
    """A demo's messages are published months after what they tell of, and at once by its own clock."""
    begun = {"real": (DAY + timedelta(days=3)).isoformat(), "shown": (DAY + timedelta(hours=12)).isoformat()}
    (shop.settings.home / FILE).write_text(json.dumps(begun | {"speed": 144}))

    FAULTS["events_arrive_in_time"].plant(shop)

    assert {} == findings(shop, timedelta(days=3))


def test_what_a_demo_loaded_before_its_clock_began_is_not_late(shop):
    """Its warning stood from the first minute on and was about the history that every demo begins with."""
    begun = {"real": (DAY + timedelta(days=4)).isoformat(), "shown": (DAY + timedelta(days=2)).isoformat()}
    (shop.settings.home / FILE).write_text(json.dumps(begun | {"speed": 144}))

    FAULTS["events_arrive_in_time"].plant(shop)

    assert {} == findings(shop, timedelta(days=3))


def test_every_rule_has_a_planted_fault():
    assert {each.name for each in RULES} == {*FAULTS}
