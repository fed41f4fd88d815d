"""What must hold of firing alerts holds after every stream, and what is planted wrong is found (RULES 24-28)."""

from datetime import UTC, datetime
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from inventory_assets.domain.alerts import evaluate
from inventory_assets.domain.alerts.lifecycle import LifecyclePolicy
from inventory_assets.domain.ingest.alerts import BurstAlerts
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.rules import BurstRules
from inventory_assets.domain.values import DAY_US
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.recompute.alerts import contradictions
from inventory_assets.recompute.limits import recompute_limits
from inventory_assets.recompute.stock import recompute_stock
from tests.builders import ROUGH, command, cut, envelope, level, messages, received, rule, simulated, transaction
from tests.recompute.shop import Shop
from tests.rules.generators import bursts
from tests.rules.playing import play
from tests.rules.test_laws import law

DAY = 24 * 60 * 60 * 1_000_000
NOON = "2022-04-20T12:00:00Z"
OFF = {"alert_settings": {"enabled": False}}
ALERTS = "out.alerts_changes"


def shop_of(*documents, **more):
    """A shop with min 10 and reorder 20, in which things happen in order, each its own burst."""
    shop = Shop(**more)
    for document in (rule(), *documents):
        shop.burst(messages(document))
    return shop


def firing(shop):
    """(sku, condition) of what fires, as the streamed engine keeps it."""
    return shop.query("SELECT sku, alert_type FROM out.alerts WHERE state = 'firing' ORDER BY ALL").rows()


def found(shop):
    """(sku, firing, expected) of all that is wrong."""
    return [(sku, now, expected) for _, sku, _, now, expected in shop.contradictions()]


@law(12)
@given(
    bursts(),
    st.lists(st.sampled_from([None, None, None, "by hand", "by age"]), min_size=1, max_size=5),
    st.sampled_from([0, 10, 60, 24 * 60]),
    st.sampled_from([{}, {"default_min": 10, "default_reorder": 20}]),
)
def test_both_engines_agree_after_any_stream(steps, closings, grace_minutes, defaults):
    """Whatever came late, doubled, of several sources; rules, mutes, deletions, moves, velocities, sweeps, closings."""
    shop = Shop(Meaning(unstated_grace=grace_minutes * 60_000_000, **defaults))
    for step, closing in zip(steps, cycle(closings), strict=False):
        play(shop, [step])
        if closing == "by hand":
            close_one(shop)
        elif closing == "by age":
            expire(shop, "2022-04-20T08:00:00")

    assert_frame_equal(shop.kept_limits(), shop.limits())
    assert [] == shop.contradictions()


def close_one(shop):
    alerts = [alert for key in sorted(shop.state.alerts) for alert in shop.state.alerts[key].values()]
    name = next((alert.alert_id for alert in alerts if alert.is_firing), None)
    if name is not None:
        shop.burst(messages(command("resolve", alert_id=name)))


def expire(shop, now="2022-04-25T00:00:00"):
    policy = LifecyclePolicy(expire=dict.fromkeys(("CRITICAL", "HIGH", "MEDIUM"), 20))
    shop.sweep(datetime.fromisoformat(f"{now}+00:00"), policy=policy)


@pytest.mark.parametrize("seed", [3, 8])
def test_nothing_is_wrong_after_a_rough_stream(seed):
    _, sent = simulated(500, seed=seed, **ROUGH)
    shop = Shop()
    for burst in cut(received(sent), 120):
        shop.burst(burst)

    assert [] == shop.contradictions()
    conditions = {condition for _, condition in firing(shop)}
    assert {"LOW_STOCK", "REORDER"} <= conditions


OPEN = [
    level(30), transaction("T1", quantity=-21),  # 9
]  # fmt: skip


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param([transaction("T2", "RETURN", 1, "08:01")], [("S1", "LOW_STOCK")], id="10 is below 11"),
        pytest.param([transaction("T2", "RETURN", 2, "08:01")], [("S1", "REORDER")], id="11 is better"),
        pytest.param([transaction("T2", "RETURN", 13, "08:01")], [], id="22 is well"),
        pytest.param([transaction("T2", "RETURN", 12, "08:01")], [], id="21 was never below 20"),
        pytest.param([transaction("T2", quantity=-9, at="08:01")], [("S1", "STOCKOUT")], id="none is left"),
        pytest.param(
            [transaction("T2", "RETURN", 2, "08:01"), transaction("T3", "RETURN", 10, "08:02")], [("S1", "REORDER")],
            id="21 is below 22",
        ),
        pytest.param(
            [transaction("T2", "RETURN", 2, "08:01"), transaction("T3", "RESTOCK", 1, "08:02", status="PENDING")], [],
            id="goods are on their way",
        ),
        pytest.param([rule(updated_at="2022-04-20T09:00:00Z", **OFF)], [], id="muted"),
        pytest.param(
            [envelope(None, 9 * 3600, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"})], [],
            id="deleted",
        ),
        pytest.param([rule(5, 8, updated_at="2022-04-20T09:00:00Z")], [], id="a lower limit: 9 is above 8.8"),
        pytest.param([rule(5, 9, updated_at="2022-04-20T09:00:00Z")], [], id="no limit holds what it did not open"),
        pytest.param([command("pause", timestamp="2022-04-20T08:00:00Z")], [("S1", "LOW_STOCK")], id="paused"),
        pytest.param(
            [command("silence", timestamp="2022-04-20T08:01:00Z", minutes=60)], [("S1", "LOW_STOCK")], id="silenced"
        ),
    ],
)  # fmt: skip
def test_what_may_fire(documents, expected):
    shop = shop_of(*OPEN, *documents)

    assert expected == firing(shop)
    assert [] == shop.contradictions()


@pytest.mark.parametrize("end", [close_one, expire])
@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([], []),
        ([transaction("T2", "RETURN", 1, "10:00")], []),  # what would have held it holds it closed
        ([transaction("T2", "RETURN", 2, "10:00")], []),  # better, not well
        ([transaction("T2", quantity=-9, at="10:00")], [("S1", "STOCKOUT")]),
        ([transaction("T2", "RETURN", 20, "10:00"), transaction("T3", quantity=-20, at="10:01")], [("S1", "LOW_STOCK")]),
    ],
)  # fmt: skip
def test_what_was_closed_stays_so_until_it_is_worse_or_well(end, documents, expected):
    shop = shop_of(*OPEN)
    end(shop)
    assert [] == firing(shop)

    for document in documents:
        shop.burst(messages(document))

    assert expected == firing(shop)
    assert [] == shop.contradictions()


def test_days_hold_an_alert_that_days_opened():
    """14 days of two a day are 28; until 1.1 x 28 it stays, and where units alone opened it, it does not."""
    shop = Shop()
    shop.velocities("2022-04-20", {("W1", "S1"): 2.0, ("W1", "S2"): 2.0})
    shop.burst(
        messages(rule(None, 10, reorder_threshold_days=14), level(27), level(27, sku="S2", restock_in_progress=True))
    )
    shop.burst(messages(level(30, "08:00"), level(30, "08:00", sku="S2")))

    assert [("S1", "REORDER")] == firing(shop)
    assert [] == shop.contradictions()
    shop.connection.execute(
        f"UPDATE {ALERTS} SET record = replace(record, '\"is_days_breached\":true', '\"is_days_breached\":false')"
    )
    assert [("S1", "REORDER", None)] == found(shop)


def test_an_unstated_key_in_its_grace_is_not_judged():
    shop = shop_of(transaction("T1"))
    assert [] == firing(shop)
    assert [] == shop.contradictions()

    shop.burst(messages(transaction("T2", at="2022-04-21T08:00:00Z")))

    assert [("S1", "STOCKOUT")] == firing(shop)
    assert [] == shop.contradictions()
    shop.connection.execute(f"UPDATE {ALERTS} SET state = 'resolved'")
    assert [("S1", None, "STOCKOUT")] == found(shop)


def test_an_unstated_key_that_a_sweep_judged():
    shop = shop_of(transaction("T1"))
    shop.sweep(datetime(2022, 4, 25, tzinfo=UTC))
    assert [("S1", "STOCKOUT")] == firing(shop)

    shop.burst(messages(transaction("T2", "RETURN", 12, "08:30")))

    assert [("S1", "REORDER")] == firing(shop)
    assert [] == shop.contradictions()
    shop.connection.execute(f"UPDATE {ALERTS} SET state = 'firing' WHERE alert_type = 'STOCKOUT'")
    assert [("S1", "REORDER", "REORDER"), ("S1", "STOCKOUT", "REORDER")] == sorted(found(shop))


FAULTS = {
    "an alert set to resolved": (f"UPDATE {ALERTS} SET state = 'resolved' WHERE sku = 'LOW'", [("LOW", None, "LOW_STOCK")]),
    "an alert that is gone": (f"DELETE FROM {ALERTS} WHERE sku = 'OUT'", [("OUT", None, "STOCKOUT")]),
    "another condition": (
        f"UPDATE {ALERTS} SET alert_type = 'REORDER' WHERE sku = 'LOW'", [("LOW", "REORDER", "LOW_STOCK")]
    ),
    "a worse one that nothing holds": (
        f"UPDATE {ALERTS} SET alert_type = 'STOCKOUT' WHERE sku = 'LOW'", [("LOW", "STOCKOUT", "LOW_STOCK")]
    ),
    "a muted key": (f"UPDATE {ALERTS} SET sku = 'MUTED' WHERE sku = 'LOW'",
                    [("LOW", None, "LOW_STOCK"), ("MUTED", "LOW_STOCK", None)]),
    "a key that is well": (f"UPDATE {ALERTS} SET sku = 'WELL' WHERE sku = 'LOW'",
                           [("LOW", None, "LOW_STOCK"), ("WELL", "LOW_STOCK", None)]),
    "a deleted key": (f"UPDATE {ALERTS} SET sku = 'GONE' WHERE sku = 'LOW'",
                      [("GONE", "LOW_STOCK", None), ("LOW", None, "LOW_STOCK")]),
    "a key of no stock": (f"UPDATE {ALERTS} SET sku = 'S9' WHERE sku = 'LOW'",
                          [("LOW", None, "LOW_STOCK"), ("S9", "LOW_STOCK", None)]),
    "a key that restocks": (f"UPDATE {ALERTS} SET sku = 'COMING' WHERE sku = 'MORE'",
                            [("COMING", "REORDER", None), ("MORE", None, "REORDER")]),
    "two of one key": (
        f"INSERT INTO {ALERTS} SELECT * REPLACE ('alt-2' AS alert_id, 'REORDER' AS alert_type) FROM {ALERTS} WHERE sku = 'LOW'",
        [("LOW", "REORDER", "LOW_STOCK"), ("LOW", "LOW_STOCK", "LOW_STOCK")],
    ),
    "stock of an event that the fold lost": (
        "UPDATE core.events SET details = replace(details, '\"on_hand\":100', '\"on_hand\":3') WHERE sku = 'WELL'",
        [("WELL", None, "LOW_STOCK")],
    ),
    "a rule that the stream lost": (
        "UPDATE core.events SET details = replace(details, '\"min_threshold_qty\":10', '\"min_threshold_qty\":4') "
        "WHERE kind = 'threshold'",
        [("LOW", "LOW_STOCK", "REORDER")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_at_its_key(statement, expected):
    gone = {"warehouse_id": "W1", "sku": "GONE"}
    shop = Shop()
    shop.burst(
        messages(
            rule(), rule(level_type="SKU", level_id="MUTED", **OFF), level(100, sku="WELL"), level(9, sku="LOW"),
            level(0, sku="OUT"), level(15, sku="MORE"), level(15, sku="COMING", restock_in_progress=True),
            level(5, sku="MUTED"), level(5, sku="GONE"), envelope(None, 8 * 3600, operation="delete", document_key=gone),
        )
    )  # fmt: skip
    assert [("LOW", "LOW_STOCK"), ("MORE", "REORDER"), ("OUT", "STOCKOUT")] == firing(shop)
    assert [] == shop.contradictions()
    shop.connection.execute(statement)

    assert expected == found(shop)


def test_only_the_warehouses_asked_for():
    shop = shop_of(level(5), level(5, warehouse_id="W2"))
    shop.connection.execute(f"UPDATE {ALERTS} SET state = 'resolved'")

    assert [("W2", "S1", None, None, "LOW_STOCK")] == shop.contradictions(["W2"])
    assert 2 == len(shop.contradictions())


def test_as_of_an_earlier_version(engine):
    """What came later neither mends nor breaks what was."""
    engine.commit_burst(messages(rule(), level(5)))
    engine.commit_burst(messages(rule(1, 2, updated_at="2022-04-20T08:00:00Z"), level(100, "09:00")))
    engine.land()
    reader = LakeReader(engine.settings)
    pin_version(reader.connection, 1)

    stock, _ = recompute_stock(reader.connection)
    limits = recompute_limits(reader, stock, engine.meaning.defaults)
    wrong = contradictions(reader, stock, limits, unstated_grace=DAY_US)

    reader.connection.close()
    assert [(5, 10)] == stock.join(limits, on="sku").select("available", "min_threshold_qty").rows()
    assert 0 == wrong.height


def _never(*args):
    return False


def _always(*args):
    return True


CODE_FAULTS = {
    "an alert that nothing ends": (
        evaluate, "_is_within", _always, [level(5), level(100, "08:00")], [("S1", "LOW_STOCK", None)]
    ),
    "a restock that does not mute": (
        evaluate, "is_restocking", _never, [level(15, restock_in_progress=True)], [("S1", "REORDER", None)]
    ),
    "days that are not counted": (
        evaluate, "_is_below_days", _never, [rule(None, None, min_threshold_days=1, updated_at=NOON), level(1)],
        [("S1", None, "LOW_STOCK")],
    ),
    "a grace without end": (
        BurstAlerts, "is_in_grace", lambda self, state, at: state.is_unstated,
        [transaction("T1"), transaction("T2", at="2022-04-21T09:00:00Z")], [("S1", None, "STOCKOUT")],
    ),
    "a closing that nothing ends": (
        evaluate, "_step_closed", lambda *args: ({}, []),
        [level(9), command("resolve", timestamp=NOON), level(0, "13:00")], [("S1", None, "STOCKOUT")],
    ),
    "a rule that judges nothing": (
        BurstRules, "resolve_again", _never, [level(15), rule(16, 20, updated_at=NOON)],
        [("S1", "REORDER", "LOW_STOCK")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "name", "wrong", "documents", "expected"), CODE_FAULTS.values(), ids=CODE_FAULTS)
def test_a_fault_of_the_streamed_engine_shows_at_its_key(where, name, wrong, documents, expected, monkeypatch):
    monkeypatch.setattr(where, name, wrong)
    shop = Shop()
    shop.velocities("2022-04-19", {("W1", "S1"): 2.0})
    for document in (rule(), *documents):
        if document.get("command") == "resolve":
            document = document | {"alert_id": next(iter(shop.state.alerts["W1", "S1"].values())).alert_id}
        shop.burst(messages(document))

    assert expected == found(shop)
