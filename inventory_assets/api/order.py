"""What lists give in pages, in order: sorted once, and again only where it has changed."""

from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from inventory_assets.domain.picture.picture import Picture

# Of so many versions of a table the rows stay sorted: pages follow each other within seconds.
MOST_LISTINGS = 16
R = TypeVar("R")
_orders: "WeakKeyDictionary[Picture, dict[str, list[str]]]" = WeakKeyDictionary()


def in_order(picture: Picture, kind: str, ids: Callable[[], Iterator[str]], *, count: int | None = None) -> list[str]:
    """The ids of a kind that a picture has had, in order. A picture forgets none, so their number says if one came.

    Args:
        picture: Whose.
        kind: Which, for finding them again.
        ids: Gives them, in any order.
        count: How many they are, where an iterator does not say it.
    """
    orders = _orders.setdefault(picture, {})
    known = orders.get(kind)
    if known is None or len(known) != (length_hint(ids()) if count is None else count):
        known = orders[kind] = sorted(ids())
    return known


def skus_in_order(picture: Picture, warehouse: str) -> list[str]:
    """The SKUs that a warehouse has had, in order: what it has not had is walked once, not with each page."""
    count = picture.count_in(warehouse)
    # Who asks for what nobody has heard of must not fill memory with its names.
    return in_order(picture, f"skus of {warehouse}", lambda: picture.skus_in(warehouse), count=count) if count else []


_listings: "WeakKeyDictionary[Picture, dict[tuple[str, int], list[Any]]]" = WeakKeyDictionary()


def listing(
    picture: Picture, name: str, version: int, rows: Callable[[], Iterable[R]], key: Callable[[R], Any]
) -> list[R]:
    """The rows of a table as of a version, by a key.

    Args:
        picture: Whose.
        name: The table's.
        version: Which.
        rows: Gives them, in any order.
        key: By what they are sorted.
    """
    known = _listings.setdefault(picture, {})
    found = known.get((name, version))
    if found is None:
        found = known[name, version] = sorted(rows(), key=key)
        if len(known) > MOST_LISTINGS:
            del known[next(iter(known))]
    return found
