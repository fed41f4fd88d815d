"""Read what was accepted of any plan's lines, and what became of it: ordered, on its way, arrived, overdue (RULES 42).

Not here: how units are counted (`domain.replenish.ordered`), nor how it is said (`words.ordered`).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.replenish.decisions import Decision, allot
from inventory_assets.domain.replenish.ordered import Delivery, OrderState, what_became
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS, counting_versions
from inventory_assets.lake.query.reader import IDS, LakeReader, Reader, id_list
from inventory_assets.lake.tables import PLANS
from inventory_assets.replenish.decided import Told, read_decisions, read_restocks, read_unlanded
from inventory_assets.replenish.lines import read_made
from inventory_assets.replenish.moment import last_day

Row = dict[str, Any]
TO_COME = (OrderState.OVERDUE, OrderState.ON_ORDER)
"""The states of what somebody still waits for."""
COLUMNS = (
    "line_id", "sku", "product_name", "warehouse_id", "supplier_id", "category_id", "accepted_quantity", "accepted_by",
    "accepted_at", "reason", "plan_date", "lead_time_days", "expected_on", "state", "arrived", "arrived_on",
    "announced", "unheard", "overdue", "lapsed", "cancelled", "as_of_date",
)  # fmt: skip
_PRODUCTS = f"SELECT sku, product_name, lead_time_days FROM {USABLE_PRODUCTS} WHERE sku IN ({IDS})"
_LINES = f"""
    SELECT line_id, version, warehouse_id, sku, supplier_id, category_id FROM {PLANS.changes} WHERE line_id IN ({IDS})
"""
_DELIVERIES = "SELECT entity_key, status, quantity, event_date FROM ({})".format(
    counting_versions("*", f"type = 'RESTOCK' AND sku IN ({IDS})")
)


class OrderedWanted(NamedTuple):
    """Which acceptances; null is all. `since`: accepted on that day or later. `text`: in a name or SKU."""

    since: date | None = None
    supplier_id: str | None = None
    is_unsupplied: bool = False
    warehouse_id: str | None = None
    category_id: str | None = None
    text: str = ""
    is_to_come: bool = False


class Ordered(NamedTuple):
    """What was accepted, the newest first, as of a day; no day where there is no plan."""

    day: date | None
    rows: list[Row]


def read_ordered(reader: Reader, *, unlanded: Sequence[Told] = ()) -> Ordered:
    """All acceptances that hold, of every plan's lines, with what became of each.

    A line that was dismissed afterwards is not ordered. The day is that of the
    newest plan, or of the lake's newest moment where that is later: what a plan
    counts as accepted is what is said here of its day.

    Args:
        reader: The lake.
        unlanded: What was decided and has not landed, as `read_unlanded` has it.
    """
    made = read_made(reader)
    if made is None:
        return Ordered(None, [])
    version = reader.query("SELECT max(version) FROM meta.versions").item()
    day = max(made.day, last_day(reader, version) or made.day)
    accepted: dict[Key, list[Decision]] = {}
    for key, decision in read_decisions(reader, unlanded=unlanded):
        if decision.command.command == "plan-accept":
            accepted.setdefault(key, []).append(decision)
    if not accepted:
        return Ordered(day, [])
    rows = _rows(reader, accepted, day)
    return Ordered(day, sorted(rows, key=lambda row: (row["accepted_at"], row["line_id"]), reverse=True))


def read_ordered_at_once(reader: LakeReader) -> Ordered:
    """The same, with what was decided and has not landed yet."""
    version = reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item()
    return read_ordered(reader, unlanded=read_unlanded(reader.settings, version))


def _rows(reader: Reader, accepted: dict[Key, list[Decision]], day: date) -> Iterable[Row]:
    skus = [id_list({sku for _, sku in accepted})]
    products = {row["sku"]: row for row in reader.query(_PRODUCTS, skus).iter_rows(named=True)}
    deliveries = {row[0]: Delivery(*row[1:]) for row in reader.query(_DELIVERIES, skus).iter_rows()}
    restocks = read_restocks(reader, accepted)
    line_ids = id_list({each.line_id for mine in accepted.values() for each in mine})
    lines = {row[:4]: row[4:] for row in reader.query(_LINES, [line_ids]).iter_rows()}
    for key, mine in accepted.items():
        product = products.get(key[1], {"product_name": None, "lead_time_days": None})
        lead = product["lead_time_days"]
        allotted = allot(mine, restocks.get(key, ()), day, lead_time_days=lead)
        for each, became in zip(allotted, what_became(allotted, deliveries, day, lead_time_days=lead), strict=True):
            line_id, plan_date, command, _, made = each.decision
            supplier_id, category_id = lines[line_id, made, *key]
            whole = {
                "line_id": line_id, "sku": key[1], "product_name": product["product_name"], "warehouse_id": key[0],
                "supplier_id": supplier_id, "category_id": category_id, "accepted_quantity": command.quantity or 0,
                "accepted_by": command.issued_by, "accepted_at": to_datetime(command.event_at),
                "reason": command.reason, "plan_date": plan_date, "lead_time_days": lead, "as_of_date": day,
                **became._asdict(), "state": str(became.state),
            }  # fmt: skip
            yield {name: whole[name] for name in COLUMNS}


def choose_ordered(rows: Sequence[Row], wanted: OrderedWanted) -> list[Row]:
    """Those of a filter, in their order."""
    text = wanted.text.casefold()
    return [
        row
        for row in rows
        if (wanted.since is None or row["accepted_at"].date() >= wanted.since)
        and all(getattr(wanted, name) in (None, row[name]) for name in ("supplier_id", "warehouse_id", "category_id"))
        and not (wanted.is_unsupplied and row["supplier_id"] is not None)
        and (not text or text in row["sku"].casefold() or text in (row["product_name"] or "").casefold())
        and (not wanted.is_to_come or row["state"] in TO_COME)
    ]
