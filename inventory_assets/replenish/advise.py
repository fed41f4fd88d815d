"""What to do about some shelves: their lines of a plan of one lake version, derived where they are asked for.

It is the plan's own function over all warehouses of a SKU (RULES 42-43), so
that `inventory explain`, lists, reports, the console and notifications say
what the plan says. Not here: the words (`words.advice`).
"""

from collections.abc import Collection
from datetime import date

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.reader import Reader
from inventory_assets.replenish.make import plan_lines
from inventory_assets.replenish.moment import last_day
from inventory_assets.words.plan import Line


def advise(
    reader: Reader, skus: Collection[str], settings: PlanSettings, *, version: int, day: date | None = None
) -> dict[Key, Line]:
    """The lines of some SKUs' active shelves, by key; one look-up, whether for one SKU or for hundreds.

    Args:
        reader: Shows this version or a later one.
        skus: Which.
        settings: How to plan.
        version: What they are derived from.
        day: The plan's date; None is that of the version's moment (`moment.last_day`).
    """
    if not skus:
        return {}
    plan_date = day or last_day(reader, version)
    if plan_date is None:
        return {}
    found = plan_lines(reader, version, plan_date, settings, skus=skus)
    return {(row["warehouse_id"], row["sku"]): row for row in found.iter_rows(named=True)}
