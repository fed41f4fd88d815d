"""The picture of one lake version, and how it becomes that of the next.

Whoever answers reads it without a pause between: it is changed between two answers only, so none mixes versions.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import UNKNOWN_PARENTS, Key, ParentIds
from inventory_assets.domain.picture.kept import Kept
from inventory_assets.domain.picture.rows import Alert, Limits, PlanLine, Product, Row, Stock, Sums
from inventory_assets.domain.stock.hierarchy import level_ids

# How many replaced rows are kept of each table: what a client that was away can go on from.
KEPT_CHANGES = 100_000
# Of tables of which nobody asks what changed: enough for an answer in pages.
KEPT_FEW = 20_000
# Of so many versions it is known when they were committed: a day of ten a second, in 16 MB.
MOST_MOMENTS = 1_000_000
_PARENTS = attrgetter("sku", "department_id", "category_id", "brand_id", "product_id")
LISTED = frozenset({"stock", "alerts"})
"""Tables of which it is known what changed since when."""
# Below a node are some that have moved away; a name is not worth looking at all of them.
MOST_LOOKED_AT = 200


class Step(NamedTuple):
    """What one version changed.

    Attributes:
        version: Which.
        committed_us: When it was committed.
        rows: By table, by the names of `Picture`.
    """

    version: int
    committed_us: int
    rows: Mapping[str, Sequence[Any]]


class Changed(NamedTuple):
    """What one version changed, in order of keys: for who listens."""

    version: int
    committed_us: int
    stock: Sequence[Stock]
    alerts: Sequence[Alert]


class Picture:
    """The current rows that answers need, of one version.

    Attributes:
        epoch: Of the lake; another one is another picture.
        version: Which version it shows.
        committed_us: When that was committed.
    """

    def __init__(
        self, epoch: int, *, kept_changes: int = KEPT_CHANGES, most_moments: int = MOST_MOMENTS
    ) -> None:  # fmt: skip
        few = min(KEPT_FEW, kept_changes)
        self._most_moments = most_moments
        self.epoch = epoch
        self.version = 0
        self.committed_us = 0
        self.stock: Kept[Stock] = Kept(kept_changes, "warehouse_id", "sku", is_listed=True)
        self.sums: Kept[Sums] = Kept(few, "warehouse_id", "level", "level_id")
        self.limits: Kept[Limits] = Kept(few, "warehouse_id", "sku")
        self.products: Kept[Product] = Kept(few, "sku")
        self.alerts: Kept[Alert] = Kept(kept_changes, "alert_id", is_listed=True)
        self.lines: Kept[PlanLine] = Kept(few, "warehouse_id", "sku")
        # Warehouses of a SKU, SKUs of a product, children of a node: which there were, ever; the rows say which are.
        # Most SKUs have the warehouses of others: these are one tuple.
        self._warehouses: dict[str, tuple[str, ...]] = {}
        self._places: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._counts: dict[str, int] = {}
        self._skus: dict[str, dict[str, None]] = {}
        self._children: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
        self._parents: dict[str, ParentIds] = {}
        self._alerts: dict[Key, dict[str, None]] = {}
        self._departments: dict[str, None] = {}
        # Numbers, not objects: of a process that serves for weeks there are as many as it keeps.
        self._moments = array("q")
        self._versions = array("q")

    @property
    def tables(self) -> dict[str, Kept[Any]]:
        """Its tables by name."""
        return {
            "stock": self.stock, "sums": self.sums, "limits": self.limits, "products": self.products,
            "alerts": self.alerts, "lines": self.lines,
        }  # fmt: skip

    @property
    def horizon(self) -> int:
        """The earliest version that all its tables can still show."""
        return max(table.horizon for table in self.tables.values())

    def start(
        self, version: int, moments: Iterable[tuple[int, int]], rows: Mapping[str, Sequence[Row]], *,
        since: int | None = None,
    ) -> None:  # fmt: skip
        """Show a version.

        Args:
            version: Which.
            moments: (version, committed at) of the versions up to it, in order, as far back as times are asked for.
            rows: By table, all that it had; of those in `LISTED` also what was replaced after `since`.
            since: After which version of these tables it is known what changed; None is `version`.
        """
        for name, table in self.tables.items():
            table.start(
                rows.get(name, ()), version, since=since if name in LISTED else None,
                keys_of=self.stock if name == "limits" else None,
            )  # fmt: skip
            if name == "stock":
                self._index_all(rows.get(name, ()))
            else:
                self._index(name, rows.get(name, ()))
        self.version = version
        for each, at in moments:
            self._versions.append(each)
            self._moments.append(at)
        self.committed_us = self._moments[-1] if self._moments else 0

    def apply(self, step: Step) -> Changed:
        """Go on to the next version."""
        if step.version != self.version + 1:
            raise ValueError(f"the version was {step.version}, expected {self.version + 1}: one cannot be left out")
        taken: dict[str, list[Any]] = {}
        for name, rows in step.rows.items():
            taken[name] = self.tables[name].put(rows)
            self._index(name, rows)
        self.version, self.committed_us = step.version, step.committed_us
        self._versions.append(step.version)
        self._moments.append(max(step.committed_us, self._moments[-1]) if self._moments else step.committed_us)
        if len(self._versions) > self._most_moments + self._most_moments // 4:
            del self._versions[: -self._most_moments], self._moments[: -self._most_moments]
        return Changed(step.version, step.committed_us, taken.get("stock", ()), taken.get("alerts", ()))

    def version_at(self, moment_us: int) -> int:
        """The last version that was committed by a moment; 0 where that is before all that it knows."""
        place = bisect_right(self._moments, moment_us)
        return self._versions[place - 1] if place else 0

    def committed_at(self, version: int) -> int | None:
        """When a version was committed, in microseconds; None where it does not know."""
        place = bisect_right(self._versions, version) - 1
        return self._moments[place] if place >= 0 and self._versions[place] == version else None

    def stock_of_sku(self, sku: str, version: int | None = None) -> list[Stock]:
        """The stock of a SKU in every warehouse that has had it, by warehouse; empty where none has."""
        at = self.version if version is None else version
        found = (self.stock.at((warehouse, sku), at) for warehouse in self._warehouses.get(sku, ()))
        return [row for row in found if row is not None]

    def skus_of_product(self, product_id: str, version: int | None = None) -> list[str]:
        """The SKUs whose stock is this product's in some warehouse, in order."""
        at = self.version if version is None else version
        return [
            sku
            for sku in sorted(self._skus.get(product_id, ()))
            if any(row.product_id == product_id for row in self.stock_of_sku(sku, at))
        ]

    def sums_of(
        self, level: str, level_id: str, warehouse_id: str | None = None, version: int | None = None
    ) -> Sums | None:
        """The sums of a node; None where it has no active key."""
        at = self.version if version is None else version
        if warehouse_id is not None and level in OF_KEYS:
            skus: Iterable[str] = [level_id] if level == "SKU" else self._skus.get(level_id) or ()
            return _sum(level, level_id, [row for sku in skus if (row := self.stock.at((warehouse_id, sku), at))])
        return self.sums.at((warehouse_id, level, level_id), at)

    def children_of(
        self, level: str, level_id: str, warehouse_id: str | None = None, version: int | None = None
    ) -> list[Sums]:
        """The nodes right below one, by level and id: department, category, category and brand, product, SKU.

        Below a brand are its products. Those below a node but a department's sum to it; a category that moved to
        another department while its SKUs stand in both is below both.
        """
        at = self.version if version is None else version
        found = []
        for child_level, child_id in sorted(self._children.get((level, level_id), ())):
            row = self.sums_of(child_level, child_id, warehouse_id, at)
            if row is not None and self._is_below(row, level, level_id, at):
                found.append(row)
        return found

    def _is_below(self, row: Sums, level: str, level_id: str, version: int) -> bool:
        if row.level == "SKU":
            skus = [row.level_id]
        elif row.level == "PRODUCT":
            skus = self.skus_of_product(row.level_id, version)
        else:
            return row.parent_id is None or row.parent_id == level_id
        return any(
            (level, level_id) in level_ids(sku, parents_of(stock))
            for sku in skus
            for stock in self.stock_of_sku(sku, version)
        )

    def alert_of(self, key: Key) -> Alert | None:
        """The alert that fires for a key: at most one does (RULES 26)."""
        found = (self.alerts.get(alert_id) for alert_id in self._alerts.get(key, ()))
        return next((alert for alert in found if alert is not None), None)

    def departments(self) -> list[str]:
        """Every department that has had a SKU, in order."""
        return sorted(self._departments)

    def warehouses(self) -> list[str]:
        """Every warehouse that has had a SKU, in order."""
        return sorted(self._counts)

    def some_sku(self, level: str, level_id: str) -> str | None:
        """A SKU that stands below a node, by what is known of it last; None where none does."""
        nodes, looked = [(level, level_id)], 0
        while nodes and looked < MOST_LOOKED_AT:
            node = nodes.pop()
            looked += 1
            if node[0] == "SKU":
                if (level, level_id) in level_ids(node[1], self._parents.get(node[1], UNKNOWN_PARENTS)):
                    return node[1]
                continue
            nodes += islice(self._children.get(node, ()), MOST_LOOKED_AT)
        return None

    def parents_of_sku(self, sku: str) -> ParentIds:
        """Where a SKU stands, by what is known of it last."""
        return self._parents.get(sku, UNKNOWN_PARENTS)

    def skus(self) -> Iterator[str]:
        """Every SKU, in no order."""
        return iter(self._warehouses)

    def skus_in(self, warehouse_id: str) -> Iterator[str]:
        """Every SKU that a warehouse has had, in no order. It walks all SKUs: `count_in` says whether one came."""
        return (sku for sku, places in self._warehouses.items() if warehouse_id in places)

    def count_in(self, warehouse_id: str) -> int:
        """How many they are."""
        return self._counts.get(warehouse_id, 0)

    def product_ids(self) -> Iterator[str]:
        """Every product that has had a SKU, in no order."""
        return iter(self._skus)

    def _index_all(self, rows: Iterable[Any]) -> None:
        # As `_index` of each row, in a third of the time: what many share is looked at once.
        found: dict[str, list[str]] = {}
        for warehouse_id, sku in self.stock.keys():  # noqa: SIM118 (it iterates rows)
            found.setdefault(sku, []).append(warehouse_id)
        for sku, warehouses in found.items():
            places = tuple(sorted(warehouses))
            self._warehouses[sku] = self._places.setdefault(places, places)
            for warehouse_id in places:
                self._counts[warehouse_id] = self._counts.get(warehouse_id, 0) + 1
        # Of a SKU whose rows differ the last one holds.
        for sku, *parents in reversed(dict.fromkeys(map(_PARENTS, reversed(list(rows))))):
            self._parents[sku] = (parents[0], parents[1], parents[2], parents[3])
            self._link(sku, self._parents[sku])

    def _index(self, name: str, rows: Iterable[Any]) -> None:
        if name == "stock":
            for row in rows:
                if row.warehouse_id not in (places := self._warehouses.get(row.sku, ())):
                    places = tuple(sorted((*places, row.warehouse_id)))
                    self._counts[row.warehouse_id] = self._counts.get(row.warehouse_id, 0) + 1
                    self._warehouses[row.sku] = self._places.setdefault(places, places)
                parents = parents_of(row)
                if self._parents.get(row.sku) != parents:
                    self._parents[row.sku] = parents
                    self._link(row.sku, parents)
        elif name == "alerts":
            for row in rows:
                mine = self._alerts.setdefault((row.warehouse_id, row.sku), {})
                mine.pop(row.alert_id, None)
                if not row.is_gone:
                    mine[row.alert_id] = None

    def _link(self, sku: str, parents: ParentIds) -> None:
        department, category, brand, category_brand, product, itself = level_ids(sku, parents)
        self._skus.setdefault(parents[3], {})[sku] = None
        self._departments.setdefault(parents[0])
        for above, below in (
            (department, category), (category, category_brand), (category_brand, product), (brand, product),
            (product, itself),
        ):  # fmt: skip
            self._children.setdefault(above, {})[below] = None


def parents_of(row: Stock) -> ParentIds:
    """Where a key's SKU stands (RULES 19)."""
    return row.department_id, row.category_id, row.brand_id, row.product_id


OF_KEYS = frozenset({"PRODUCT", "SKU"})
"""Levels whose sums in one warehouse are made of its keys, a few: there are as many of them as keys."""


def _sum(level: str, level_id: str, rows: Sequence[Stock]) -> Sums | None:
    mine = [row for row in rows if row.is_active and (level == "SKU" or row.product_id == level_id)]
    if not mine:
        return None
    brands = {row.brand_id for row in mine}
    return Sums(
        mine[0].warehouse_id, level, level_id,
        mine[0].product_id if level == "SKU" else next(iter(brands)) if len(brands) == 1 else None,
        sum(row.on_hand for row in mine), sum(row.reserved for row in mine), sum(row.inbound for row in mine),
        len(mine),
        # Those that have moved to another product, too: with that these sums changed.
        max(row.version for row in rows),
    )  # fmt: skip
