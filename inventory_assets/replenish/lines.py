"""Read the plan's current lines, for whoever shows them."""

from typing import Any

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import PLANS

# Suppliers by their most urgent line, and so the lines of each.
_LINES = f"""
    SELECT l.*, p.product_name FROM {PLANS.full_name} l LEFT JOIN core.products p USING (sku)
    WHERE {{condition}}
    ORDER BY min(CASE WHEN l.is_urgent THEN l.order_by END) OVER (PARTITION BY l.supplier_id) NULLS LAST,
        l.supplier_id NULLS LAST, l.is_urgent DESC, l.order_by NULLS LAST, l.revenue_at_risk DESC NULLS LAST,
        l.warehouse_id, l.sku
"""
_ASKS = "(l.is_urgent OR l.order_quantity > 0 OR l.transfers IS NOT NULL)"
_ITS = "SELECT * FROM out.plans_changes WHERE line_id = ? ORDER BY version DESC, warehouse_id, sku"


class UnknownLineError(LakeError):
    """No plan has a line of this id."""


def read_lines(
    reader: Reader,
    *,
    supplier_id: str | None = None,
    warehouse_id: str | None = None,
    category_id: str | None = None,
    is_all: bool = False,
) -> list[dict[str, Any]]:
    """The current lines by supplier, the most urgent first; only those that ask for something, unless `is_all`."""
    wanted = {"supplier_id": supplier_id, "warehouse_id": warehouse_id, "category_id": category_id}
    given = {name: value for name, value in wanted.items() if value is not None}
    conditions = [*(f"l.{name} = ?" for name in given), *(() if is_all else (_ASKS,))]
    found = reader.query(_LINES.format(condition=" AND ".join(conditions) or "true"), list(given.values()))
    return list(found.iter_rows(named=True))


def read_line(reader: Reader, line_id: str) -> dict[str, Any]:
    """The newest line of an id, also where another one has come after it.

    Raises:
        UnknownLineError: There is none.
    """
    found = reader.query(_ITS, [line_id])
    if not found.height:
        raise UnknownLineError(
            f"no plan has a line {line_id!r}. `inventory plan --all` lists the lines; `inventory plan --refresh` "
            "makes a plan of now."
        )
    return found.row(0, named=True)


def current_line_id(reader: Reader, warehouse_id: str, sku: str) -> str | None:
    """The id of the line that a shelf has now; None where it is in no plan any more."""
    found = reader.query(
        f"SELECT line_id FROM {PLANS.full_name} WHERE warehouse_id = ? AND sku = ?", [warehouse_id, sku]
    )
    return found.item() if found.height else None
