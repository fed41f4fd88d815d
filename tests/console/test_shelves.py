"""The tree of a moment is worked out once, kept, and waited for no longer than a page may; without a picture the lake answers."""

import asyncio

import pytest

from inventory_assets.console.door import Door
from inventory_assets.console.facts import Facts
from inventory_assets.console.pictured import Pictured
from inventory_assets.console.shelves import MOST_PASTS, Shelves
from inventory_assets.domain.stock.tree import ROOT, StockFrame
from inventory_assets.domain.values import to_microseconds
from inventory_assets.picture.live import Live
from tests.builders import DAY

EIGHT = to_microseconds(DAY) + 8 * 3_600_000_000


def within(settings, what, *, live=True, keep_seconds=0.0):
    async def run():
        source, door = Live(settings), Door(settings, keep_seconds=0)
        pictured = Pictured(settings, source if live else None, Facts(door, is_exact=True), is_exact=True)
        shelves = Shelves(settings, pictured, keep_seconds=keep_seconds)
        try:
            return await what(shelves)
        finally:
            shelves.close()
            source.close()
            door.close()

    return asyncio.run(run())


@pytest.mark.parametrize("live", [True, False])
def test_with_and_without_a_picture_the_tree_is_the_same(settings, shop, live):
    async def what(shelves):
        tree, shown = await shelves.tree()
        return tree.node(ROOT, None).available, sorted(tree.children(ROOT, "W1")), shown is not None

    available, children, is_pictured = within(settings, what, live=live)

    assert (5, live) == (available, is_pictured)
    assert [5] == [each.available for each in children]


@pytest.mark.parametrize("live", [True, False])
def test_a_history_is_of_all_warehouses_or_of_one(settings, shop, live):
    async def what(shelves):
        return [(await shelves.history("S2", warehouse)).warehouses for warehouse in (None, "W1", "W2")]

    assert [["W2"], [], ["W2"]] == within(settings, what, live=live)


def test_a_past_is_worked_out_once_and_few_are_kept(settings, shop):
    async def what(shelves):
        first = await shelves.tree_at(EIGHT, patience=None)
        again = await shelves.tree_at(EIGHT, patience=None)
        for minute in range(MOST_PASTS):
            await shelves.tree_at(EIGHT + 1 + minute, patience=None)
        return first is again, await shelves.tree_at(EIGHT, patience=None) is first

    assert (True, False) == within(settings, what, keep_seconds=60.0)


def test_who_has_no_patience_is_told_to_come_again(settings, shop):
    async def what(shelves):
        at_once = await shelves.tree_at(EIGHT, patience=0)
        return at_once, await shelves.tree_at(EIGHT, patience=None)

    pending, found = within(settings, what, keep_seconds=60.0)

    assert pending is None
    assert isinstance(found, StockFrame)


def test_a_lists_children_are_made_once_a_version(settings, shop):
    async def what(shelves):
        (first, _), (second, _) = await shelves.tree(), await shelves.tree()
        return first.children(ROOT, None) is second.children(ROOT, None)

    assert within(settings, what)


def test_now_is_the_lakes_moment(settings, shop):
    """Not the machine's: a history that was taken in at once ends with its own last event."""

    async def what(shelves):
        return await shelves.now(), await shelves.now()

    first, second = within(settings, what, keep_seconds=60.0)

    assert EIGHT <= first == second
