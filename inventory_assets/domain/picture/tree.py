"""The tree of stock that a picture shows now, with the alerts that are open below each node (RULES 19-20)."""

from collections.abc import Callable, Iterable, Mapping

from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Sums
from inventory_assets.domain.stock.hierarchy import Node, level_ids, nodes_of
from inventory_assets.domain.stock.tree import ABOVE, RANKS, ROOT, WAREHOUSE, Branch, Place, Step

Counts = Mapping[Node, tuple[int, int]]
"""By node, how many alerts are open below it, and the place in RANKS of the worst; warehouses as (id, "", "")."""


def count_alerts(picture: Picture) -> Counts:
    """Count the open alerts at every node above them, and at the root of each warehouse."""
    found: dict[Node, tuple[int, int]] = {}
    for alert in picture.alerts:
        stock = picture.stock.get((alert.warehouse_id, alert.sku))
        if stock is None:
            continue
        rank = RANKS.index(alert.priority) if alert.priority in RANKS else len(RANKS) - 1
        parents = (stock.department_id, stock.category_id, stock.brand_id, stock.product_id)
        for node in [*nodes_of(alert.warehouse_id, alert.sku, parents), (alert.warehouse_id, *ROOT), (None, *ROOT)]:
            count, worst = found.get(node, (0, rank))
            found[node] = (count + 1, min(worst, rank))
    return found


class PictureTree:
    """A tree over a picture: to be asked while the picture stays as it is."""

    def __init__(self, picture: Picture, counts: Counts) -> None:
        """Make it.

        Args:
            picture: What it shows.
            counts: `count_alerts` of it.
        """
        self._picture = picture
        self._counts = counts

    def warehouses(self) -> list[Branch]:
        """Every warehouse, by id."""
        found = (self._root(each, WAREHOUSE, each) for each in self._picture.warehouses())
        return [each for each in found if each is not None]

    def node(self, place: Place, warehouse: str | None) -> Branch | None:
        """One node, in one warehouse or all; None where it has no active shelf."""
        if place == ROOT:
            return self._root(warehouse, "", "")
        sums = self._picture.sums_of(*place, warehouse)
        return None if sums is None else self._branch(sums, warehouse)

    def children(self, place: Place, warehouse: str | None) -> list[Branch]:
        """What stands right below a node, in no order."""
        if place == ROOT:
            return [self._branch(each, warehouse) for each in self._departments(warehouse)]
        below = self._picture.children_of(*place, warehouse)
        return [self._branch(each, warehouse) for each in below]

    def path(self, place: Place) -> list[Step]:
        """The nodes from a department down to this one, itself the last; empty where nothing is known of it."""
        level, level_id = place
        sku = None if place == ROOT else self._picture.some_sku(level, level_id)
        if sku is None:
            return []
        own = dict(level_ids(sku, self._picture.parents_of_sku(sku)))
        levels = ABOVE[: ABOVE.index(level) + 1] if level in ABOVE else (level,)
        return [Step(each, own[each], self._name(each, own[each])) for each in levels]

    def find(self, text: str, warehouse: str | None, most: int) -> list[Branch]:
        """SKUs whose id or name has a text in it, the exact one first, then by id."""
        wanted = text.lower()
        picture = self._picture
        found = {sku for sku in picture.skus() if wanted in sku.lower()}
        found |= {
            each.sku
            for each in picture.products
            if wanted in (_whole(each.product_name, each.variant_name) or "").lower()
        }
        branches: list[Branch] = []
        for sku in sorted(found, key=lambda each: (each != text, each)):
            branch = self.node(("SKU", sku), warehouse)
            if branch is not None:
                branches.append(branch)
                if len(branches) == most:
                    break
        return branches

    def _departments(self, warehouse: str | None) -> Iterable[Sums]:
        found = (self._picture.sums_of("DEPARTMENT", each, warehouse) for each in self._picture.departments())
        return (each for each in found if each is not None)

    def _root(self, warehouse: str | None, level: str, level_id: str) -> Branch | None:
        sums = list(self._departments(warehouse))
        if not sums:
            return None
        return Branch(
            level, level_id, level_id, sum(each.on_hand for each in sums), sum(each.reserved for each in sums),
            sum(each.inbound for each in sums), sum(each.sku_count for each in sums), *self._alerts((warehouse, *ROOT)),
        )  # fmt: skip

    def _branch(self, sums: Sums, warehouse: str | None) -> Branch:
        level, level_id = sums.level, sums.level_id
        return Branch(
            level, level_id, self._name(level, level_id), sums.on_hand, sums.reserved, sums.inbound, sums.sku_count,
            *self._alerts((warehouse, level, level_id)),
        )  # fmt: skip

    def _alerts(self, node: Node) -> tuple[int, int | None]:
        return self._counts.get(node, (0, None))

    def _name(self, level: str, level_id: str) -> str:
        sku = level_id if level == "SKU" else self._picture.some_sku(level, level_id)
        if sku is None:
            return level_id
        product = self._picture.products.get(sku)
        own = self._picture.parents_of_sku(sku)[2] if level == "CATEGORY_BRAND" else level_id
        return (product and _NAMES[level](product)) or own


def _whole(product_name: str | None, variant_name: str | None) -> str | None:
    return " ".join(filter(None, (product_name, variant_name))) or None


_NAMES: Mapping[str, Callable[..., str | None]] = {
    "DEPARTMENT": lambda each: each.department_name, "CATEGORY": lambda each: each.category_name,
    "BRAND": lambda each: each.brand_name, "CATEGORY_BRAND": lambda each: each.brand_name,
    "PRODUCT": lambda each: each.product_name, "SKU": lambda each: _whole(each.product_name, each.variant_name),
}  # fmt: skip
