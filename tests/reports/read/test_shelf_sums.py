"""Sums that are kept are those of all rows, and of the lake; whatever came, was corrected, left or got a price."""

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.picture.picture import Picture, Step
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.follow import Follower
from inventory_assets.reports.read.shelf_sums import PARTS, KeptSums, ShelfSums, read_sums, total_of
from tests.api.asking import stock
from tests.builders import level, messages, transaction

LARGE = 10**12


def sums_of(**named) -> ShelfSums:
    return ShelfSums(**named)


@pytest.fixture
def priced(engine):
    """Two warehouses: with and without stock, with a price, without one, and with one that cannot be meant."""
    engine.commit_burst(
        messages(
            level(LARGE), level(0, sku="S2"), level(7, warehouse_id="W2"), level(5, sku="S3", warehouse_id="W2"),
            level(3, sku="S4", warehouse_id="W2"),
        ),
        inputs=BurstInputs(
            has_products=True,
            products=(Product("S1", unit_price=1.5), Product("S2", unit_price=9.0), Product("S4", unit_price=-1.0)),
        ),
    )  # fmt: skip
    return engine


EXPECTED = {
    "W1": sums_of(
        shelves=2, empty=1, on_hand=LARGE, available=LARGE, stocked=1, priced=1, value_parts=15 * LARGE * PARTS // 10
    ),
    "W2": sums_of(shelves=3, on_hand=15, available=15, stocked=3, priced=1, value_parts=105 * PARTS // 10),
}


def test_sums_of_the_picture_are_those_of_the_lake(settings, priced):
    follower = Follower(settings)
    try:
        picture = follower.load()
    finally:
        follower.close()

    assert EXPECTED == KeptSums().of(picture) == read_sums(LakeReader(settings))


def test_sums_follow_what_changes(settings, priced):
    """Kept over versions, they are what they would be if summed anew."""
    follower, kept = Follower(settings), KeptSums()
    try:
        picture = follower.load()
        kept.of(picture)
        for burst in (
            [transaction("T1", quantity=-7, warehouse_id="W2")], [level(40, sku="S9", warehouse_id="W3")],
            [level(2, sku="S2"), transaction("T2", quantity=-1, warehouse_id="W2", sku="S3")],
        ):  # fmt: skip
            priced.commit_burst(messages(*burst))
            for step in follower.read(picture.epoch, picture.version) or ():
                picture.apply(step)

            assert KeptSums().of(picture) == kept.of(picture)
    finally:
        follower.close()
    assert kept.of(picture)["W3"].shelves == 1 and kept.of(picture)["W2"].empty == 1


def test_what_was_forgotten_is_summed_anew():
    """Of more changes than are kept, none is known any more; the sums are right all the same."""
    picture, kept = Picture(1, kept_changes=1), KeptSums()
    picture.start(1, [(1, 1)], {"stock": [stock(on_hand=10)]})
    kept.of(picture)
    for version in (2, 3, 4):
        picture.apply(Step(version, version, {"stock": [stock(on_hand=10 + version, version=version)]}))

    assert picture.stock.horizon > 1
    assert 14 == kept.of(picture)["W1"].on_hand


def test_a_shelf_that_is_not_in_use_counts_nowhere():
    picture = Picture(1)
    picture.start(1, [(1, 1)], {"stock": [stock(on_hand=10, is_active=False)]})

    assert {} == KeptSums().of(picture)


@pytest.mark.parametrize(
    ("sums", "value"),
    [
        (sums_of(), 0.0),
        (sums_of(stocked=1, on_hand=5), None),
        (sums_of(stocked=2, priced=1, on_hand=5, value_parts=PARTS), 1.0),
    ],
)
def test_a_value_is_unknown_only_where_stock_has_no_price(sums, value):
    assert value == sums.value
    assert value == total_of({"W1": sums}).value
