"""Ids in order, for lists in pages: sorted once, and again only where one was added."""

from collections.abc import Callable, Iterator
from operator import length_hint
from weakref import WeakKeyDictionary

from inventory_assets.domain.picture.picture import Picture

_orders: "WeakKeyDictionary[Picture, dict[str, list[str]]]" = WeakKeyDictionary()


def in_order(picture: Picture, kind: str, ids: Callable[[], Iterator[str]]) -> list[str]:
    """The ids of a kind that a picture has had, in order. A picture forgets none, so their number says if one came."""
    orders = _orders.setdefault(picture, {})
    known = orders.get(kind)
    if known is None or len(known) != length_hint(ids()):
        known = orders[kind] = sorted(ids())
    return known
