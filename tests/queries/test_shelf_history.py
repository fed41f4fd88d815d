"""What is read of a SKU's past and of all shelves at a moment is what happened by then, at both ends of a transfer."""

import pytest

from inventory_assets.domain.stock.shelf_history import stock_after, until
from inventory_assets.domain.stock.tree import StockFrame
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.shelf_history import read_shelves, read_shelves_at, read_sku_history, warehouses_of
from inventory_assets.settings import Settings
from tests.builders import DAY, level, messages, rule, transaction

ODD = "it's / 100% :#?"


def trade(engine):
    """A transfer of 30 shipped at 09:00 and received at 11:00, a count at 10:00, at last a sale of 08:30, late."""
    sent = {"quantity": 30, "to_warehouse_id": "W2"}
    engine.commit_burst(
        messages(
            rule(50, 90), level(100), level(5, warehouse_id="W2"), transaction("T1", at="08:00"), level(7, sku=ODD)
        )
    )
    engine.commit_burst(messages(transaction("M1", "TRANSFER", at="09:00", status="SHIPPED", **sent)))
    engine.commit_burst(messages(level(44, "10:00")))
    engine.commit_burst(messages(transaction("M1", "TRANSFER", at="11:00", **sent)))
    engine.commit_burst(messages(transaction("T2", quantity=-3, at="08:30")))


@pytest.fixture(scope="module")
def reader(filled, tmp_path_factory):
    reader = LakeReader(Settings(home=filled(trade, tmp_path_factory.mktemp("shelves"))))
    yield reader
    reader.connection.close()


def at(hour):
    return to_microseconds(DAY) + int(hour * 3_600_000_000)


@pytest.mark.parametrize(
    ("hour", "sender", "receiver"),
    [(7, 100, (5, 0)), (8.5, 96, (5, 0)), (9, 66, (5, 30)), (10, 44, (5, 30)), (11, 44, (35, 0))],
)
def test_a_sku_and_all_shelves_say_the_same_of_a_moment(reader, hour, sender, receiver):
    history = read_sku_history(reader, "S1", ["W2", "W1"])
    rows = stock_after(until(history.ledger, at(hour)))
    shelves = read_shelves_at(reader, at(hour)).filter(sku="S1").sort("warehouse_id")

    assert ["W1", "W2"] == history.warehouses == shelves["warehouse_id"].to_list()
    assert [sender, receiver[0]] == [rows[key]["on_hand"] for key in (0, 1)] == shelves["on_hand"].to_list()
    assert receiver[1] == rows[1]["inbound"] == shelves["inbound"][1]


def test_before_all_there_is_nothing(reader):
    assert 0 == read_shelves_at(reader, at(6)).height


def test_the_newest_moment_is_now(reader):
    """The second witness: folded again, the tree is the lake's."""
    now, then = StockFrame(read_shelves(reader)), StockFrame(read_shelves_at(reader, at(23)))

    assert now.warehouses() == then.warehouses()
    assert sorted(now.children(("PRODUCT", "UNKNOWN"), None)) == sorted(then.children(("PRODUCT", "UNKNOWN"), None))


def test_alerts_were_open_from_when_they_opened(reader):
    """REORDER at 09:00, when 66 are below 90; the count of 44 is low and opens the worse one."""
    opened = [read_shelves_at(reader, at(hour)).filter(sku="S1", warehouse_id="W1")["priority"][0] for hour in (8, 9.5)]

    assert opened[0] is None and opened[1] is not None


def test_limits_and_alerts_come_along(reader):
    history = read_sku_history(reader, "S1", ["W1"])

    assert {(50, 90)} == {(row["min_threshold_qty"], row["reorder_threshold_qty"]) for row in history.limits}
    assert {"W1"} == {row["warehouse_id"] for row in history.alerts}
    assert {} == history.plan


def test_a_sku_may_have_any_sign_in_it(reader):
    assert ["W1"] == warehouses_of(reader, ODD)
    assert [7] == read_sku_history(reader, ODD, ["W1"]).ledger["available"].to_list()


def test_of_what_is_not_known_there_is_an_empty_past(reader):
    assert [] == warehouses_of(reader, "none")
    assert 0 == read_sku_history(reader, "none", []).ledger.height
