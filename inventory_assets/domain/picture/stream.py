"""What who listens to changes is told: of which keys, the newest of each, and how one that was away goes on.

Not here: when it is told, and in which form (`inventory_assets.api`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.picture.kept import Kept, R
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Alert, Stock

L = TypeVar("L")
V = TypeVar("V")

# Of one message to who was away: some 500 kB. A version that changed more is told whole.
MOST_ROWS = 2_500
# Looked at in one go, for who wants few of them: what others wait for is 10 ms.
MOST_SEEN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which changes somebody wants; those who want the same are told the same.

    A key never moves from one to another: what matches once always does.

    Attributes:
        warehouses, skus: These only; None is all, those to come too.
        stock, alerts: Whether it wants any.
    """

    warehouses: frozenset[str] | None = None
    skus: frozenset[str] | None = None
    stock: bool = True
    alerts: bool = True

    def takes(self, key: Key) -> bool:
        """Whether changes of a key are wanted."""
        return (self.warehouses is None or key[0] in self.warehouses) and (self.skus is None or key[1] in self.skus)


class News(NamedTuple):
    """What one message says: of each key that changed since, its row as of a version.

    Attributes:
        version: Of which it is.
        stock: In order of versions and keys.
        alerts: Those that are over, too.
    """

    version: int
    stock: Sequence[Stock]
    alerts: Sequence[Alert]


@dataclass(slots=True)
class Pending(Generic[V]):
    """What is to be told of, coalesced: a later row of a key takes the place of the earlier one.

    Attributes:
        stock: By (warehouse, SKU).
        alerts: By id.
    """

    stock: dict[Key, V]
    alerts: dict[str, V]

    def __bool__(self) -> bool:
        return bool(self.stock or self.alerts)


class Listeners(Generic[L]):
    """Who wants a key, found by it: of thousands that want one SKU each, one is asked."""

    def __init__(self) -> None:
        self._of_all: dict[L, Wanted] = {}
        self._of_warehouse: dict[str, dict[L, Wanted]] = {}
        self._of_sku: dict[str, dict[L, Wanted]] = {}

    def add(self, wanted: Wanted, listener: L) -> None:
        """Find a listener from now on."""
        for found, key in self._places(wanted):
            found.setdefault(key, {})[listener] = wanted
        if wanted.skus is None and wanted.warehouses is None:
            self._of_all[listener] = wanted

    def remove(self, wanted: Wanted, listener: L) -> None:
        """Find it no more."""
        for found, key in self._places(wanted):
            mine = found[key]
            del mine[listener]
            if not mine:
                del found[key]
        self._of_all.pop(listener, None)

    def of(self, key: Key) -> Iterator[L]:
        """Who wants changes of a key."""
        yield from self._of_all
        yield from self._of_warehouse.get(key[0], ())
        for listener, wanted in self._of_sku.get(key[1], {}).items():
            if wanted.takes(key):
                yield listener

    def _places(self, wanted: Wanted) -> list[tuple[dict[str, dict[L, Wanted]], str]]:
        if wanted.skus is not None:
            return [(self._of_sku, sku) for sku in wanted.skus]
        return [(self._of_warehouse, warehouse) for warehouse in wanted.warehouses or ()]


def knows(picture: Picture, wanted: Wanted, since: int) -> bool:
    """Whether a picture can say all that changed after a version, which is not later than its own.

    An earlier version may be of before a rebuild, and alerts that ended since are forgotten.
    """
    if wanted.alerts and since < picture.alerts.told_from:
        return False
    return not wanted.stock or since >= picture.stock.told_from


def news(
    picture: Picture, wanted: Wanted, since: int, *, most_rows: int = MOST_ROWS, most_seen: int = MOST_SEEN
) -> News:
    """What to tell next who knows a version, of which `knows` is true; of a version after that, where there is one.

    Args:
        picture: Not of an earlier version.
        wanted: What of it.
        since: The version that is known.
        most_rows: To be told at once, but of one version.
        most_seen: Rows to look at, but of one version.
    """
    version = picture.version
    while True:
        stock = _changed(picture.stock, since, version, most_seen) if wanted.stock else []
        alerts = _changed(picture.alerts, since, version, most_seen) if wanted.alerts else []
        seen = len(stock) + len(alerts)
        mine = News(
            version,
            [row for row in stock if wanted.takes(row.key)],
            [alert for alert in alerts if wanted.takes((alert.warehouse_id, alert.sku))],
        )
        is_little = seen <= most_seen and len(mine.stock) + len(mine.alerts) <= most_rows
        if is_little or version <= since + 1:
            return mine
        # As of an earlier version it is less, unless what changed then changed again: then less still.
        version = since + (version - since) // 2


def _changed(table: Kept[R], since: int, version: int, most_seen: int) -> list[R]:
    most = most_seen + 1 if version > since + 1 else len(table) + 1
    return table.changed(since, version, limit=most)
