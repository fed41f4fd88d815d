"""The plan as a planner works through it: lines with what is decided by now, chosen, sorted, and summed by supplier.

Kept for as long as plan, products and decisions are the same. Here: which lines, in which order, how much. Not here:
what a line says (`words.plan`), nor how it is shown.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import Key
from inventory_assets.lake.query.reader import IDS, LakeReader, id_list
from inventory_assets.lake.tables import PLANS, PRODUCTS, SKU_STATE
from inventory_assets.replenish.decided import Told, has_decisions_after, read_decisions, read_unlanded
from inventory_assets.replenish.lines import Made, asks, orders_now, read_made, read_undecided, with_states
from inventory_assets.words.plan import is_chased

Line = dict[str, Any]
HIDDEN = ("dismissed", "snoozed")


class Show(StrEnum):
    """Which lines of those that ask for something: what cannot wait, what can, too, or what is decided."""

    URGENT = "urgent"
    ALL = "all"
    DECIDED = "decided"


class Sort(StrEnum):
    """In which order a supplier's lines come, and by the same measure the suppliers."""

    URGENCY = "urgency"
    RUNS_OUT = "runs_out"
    RISK = "risk"
    VALUE = "value"
    PRODUCT = "product"
    SKU = "sku"
    WAREHOUSE = "warehouse"


class Wanted(NamedTuple):
    """Which lines; null is all. `is_unsupplied`: those of which no supplier is known. `text`: in a name or SKU."""

    supplier_id: str | None = None
    is_unsupplied: bool = False
    warehouse_id: str | None = None
    category_id: str | None = None
    text: str = ""
    show: Show = Show.URGENT
    sort: Sort = Sort.URGENCY


class Sums(NamedTuple):
    """Of some lines: how many, how many are urgent, units to order, and those at the prices that are known."""

    lines: int
    urgent: int
    units: int
    value: float
    unpriced: int


class Group(NamedTuple):
    """A supplier's lines; null is unknown."""

    supplier_id: str | None
    lines: list[Line]
    sums: Sums


class Head(NamedTuple):
    """How much there is to do of what a filter leaves: urgent, can wait, to chase; and how much is decided.

    `chased` of the urgent; of the `chased_later` the shelf can wait for the next review.
    """

    urgent: Sums
    waiting: Sums
    chased: int
    chased_later: int
    states: dict[str, int]


class Choices(NamedTuple):
    """What lines there are of, for those who choose."""

    suppliers: list[str]
    warehouses: list[str]
    categories: list[str]
    has_unsupplied: bool


class Sheet(NamedTuple):
    """The newest plan; `made` is None where there is none. Lines in the order of `read_lines`, all that ask."""

    made: Made | None
    lines: list[Line]
    choices: Choices


class Sheets:
    """Reads the newest plan, and keeps it: for one reader, in one thread."""

    def __init__(self) -> None:
        self._reader: LakeReader | None = None
        self._version = 0
        self._made: Made | None = None
        self._undecided: list[Line] = []
        self._unlanded: list[Told] = []
        self._sheet: Sheet | None = None

    def read(self, reader: LakeReader) -> Sheet:
        """The plan as of now, with what is decided and has not landed yet."""
        version = reader.query("SELECT coalesce(max(version), 0) FROM meta.versions").item()
        is_known = self._sheet is not None and reader is self._reader and version >= self._version
        is_same = is_known and not (version > self._version and _has_changed(reader, self._version))
        if not is_same:
            self._made, self._undecided = read_made(reader), read_undecided(reader)
        is_decided = is_same and not (version > self._version and has_decisions_after(reader, self._version))
        unlanded = read_unlanded(reader.settings, version) if self._undecided else []
        if not is_decided or unlanded != self._unlanded:
            lines = with_states(self._undecided, read_decisions(reader, unlanded=unlanded))
            choices = self._sheet.choices if is_same and self._sheet is not None else _choices(lines)
            self._sheet = Sheet(self._made, lines, choices)
        self._reader, self._version, self._unlanded = reader, version, unlanded
        assert self._sheet is not None
        return self._sheet


def _has_changed(reader: LakeReader, version: int) -> bool:
    # Files say from which version to which they are: those of before are not opened.
    counts = (f"(SELECT count(*) FROM {table.changes} WHERE version > {version:d})" for table in (PLANS, PRODUCTS))
    return bool(reader.query(f"SELECT {' + '.join(counts)}").item())


def _choices(lines: Sequence[Line]) -> Choices:
    def of(name: str) -> list[str]:
        return sorted({line[name] for line in lines if line[name] is not None})

    has_unsupplied = any(line["supplier_id"] is None for line in lines)
    return Choices(of("supplier_id"), of("warehouse_id"), of("category_id"), has_unsupplied)


def choose(lines: Sequence[Line], wanted: Wanted) -> list[Line]:
    """The lines of a filter but for what it shows of the decided."""
    for name in ("supplier_id", "warehouse_id", "category_id"):
        if (value := getattr(wanted, name)) is not None:
            lines = [line for line in lines if line[name] == value]
    if wanted.is_unsupplied:
        lines = [line for line in lines if line["supplier_id"] is None]
    if text := wanted.text.casefold():
        lines = [
            line for line in lines if text in line["sku"].casefold() or text in (line["product_name"] or "").casefold()
        ]
    return list(lines)


def shown(lines: Sequence[Line], show: Show) -> list[Line]:
    """Those to show."""
    if show is Show.DECIDED:
        return [line for line in lines if line["state"] != "open"]
    return [
        line for line in lines if line["state"] not in HIDDEN and (line["is_urgent"] or show is Show.ALL) and asks(line)
    ]


def quantity(line: Line) -> int:
    """Units to order: what was accepted, else what the line says."""
    if line["state"] == "accepted" and line["accepted_quantity"] is not None:
        return int(line["accepted_quantity"])
    return line["order_quantity"] or 0


def value(line: Line) -> float | None:
    """What the order costs, in the price list's currency; None without a price."""
    return None if line["unit_price"] is None else quantity(line) * float(line["unit_price"])


def sums(lines: Sequence[Line]) -> Sums:
    """How much some lines are; what is dismissed or snoozed orders nothing."""
    ordering = [line for line in lines if quantity(line) and line["state"] not in HIDDEN]
    values = [value(line) for line in ordering]
    return Sums(
        len(lines), sum(bool(line["is_urgent"]) for line in lines), sum(map(quantity, ordering)),
        sum(each for each in values if each is not None), values.count(None),
    )  # fmt: skip


def to_order(lines: Sequence[Line], show: Show) -> list[Line]:
    """Those of a list that are still to be ordered; among the decided those that were.

    A line may be urgent for a move while its order can wait; what is accepted is on order.
    """
    if show is Show.DECIDED:
        return [line for line in lines if line["state"] == "accepted"]
    return [line for line in lines if line["state"] == "open" and (show is Show.ALL or orders_now(line))]


def head(lines: Sequence[Line]) -> Head:
    """How much there is to do of chosen lines."""
    open_ = [line for line in lines if line["state"] not in HIDDEN]
    urgent = [line for line in open_ if line["is_urgent"]]
    undecided = [line for line in open_ if line["state"] == "open"]
    now, later = (sums([line for line in undecided if orders_now(line) is is_now]) for is_now in (True, False))
    waiting = sum(not line["is_urgent"] for line in open_)
    return Head(
        now._replace(lines=len(urgent), urgent=len(urgent)), later._replace(lines=waiting, urgent=0),
        sum(map(is_chased, urgent)), sum(is_chased(line) for line in open_ if not line["is_urgent"]),
        dict(Counter(line["state"] for line in lines if line["state"] != "open")),
    )  # fmt: skip


def group(lines: Sequence[Line], sort: Sort, show: Show) -> list[Group]:
    """Lines by supplier, with sums of what of them is to be ordered."""
    by_supplier: dict[str | None, list[Line]] = {}
    for line in lines:
        by_supplier.setdefault(line["supplier_id"], []).append(line)
    found = [Group(supplier, _sorted(mine, sort), _sums_of(mine, show)) for supplier, mine in by_supplier.items()]
    if sort is Sort.URGENCY:
        return found
    if sort is Sort.VALUE:
        return sorted(found, key=lambda each: (-each.sums.value, each.supplier_id or ""))
    if sort in (Sort.PRODUCT, Sort.SKU, Sort.WAREHOUSE):
        return sorted(found, key=lambda each: (each.supplier_id is None, each.supplier_id or ""))
    return sorted(found, key=lambda each: (_by(each.lines[0], sort), each.supplier_id or ""))


def _sums_of(lines: Sequence[Line], show: Show) -> Sums:
    urgent = sum(bool(line["is_urgent"]) for line in lines)
    return sums(to_order(lines, show))._replace(lines=len(lines), urgent=urgent)


def _sorted(lines: list[Line], sort: Sort) -> list[Line]:
    return lines if sort is Sort.URGENCY else sorted(lines, key=lambda line: (_by(line, sort), *_shelf(line)))


def _by(line: Line, sort: Sort) -> Any:
    if sort is Sort.RUNS_OUT:
        return line["runs_out_on"] is None, line["runs_out_on"]
    if sort is Sort.RISK:
        return -(line["revenue_at_risk"] or 0.0), -(line["risk_percent"] or 0)
    if sort is Sort.VALUE:
        return -(value(line) or 0.0)
    if sort is Sort.WAREHOUSE:
        return line["warehouse_id"]
    if sort is Sort.SKU:
        return line["sku"]
    return (line["product_name"] or line["sku"]).casefold()


def _shelf(line: Line) -> tuple[str, str]:
    return line["sku"], line["warehouse_id"]


class Part(NamedTuple):
    """A group's lines on a page; whether some of it are on the page before, and on the next."""

    group: Group
    lines: list[Line]
    is_continued: bool
    goes_on: bool


def cut(groups: Sequence[Group], offset: int, limit: int) -> list[Part]:
    """The lines of a page, with the groups they are of."""
    found, before = [], 0
    for each in groups:
        first, last = max(0, offset - before), min(len(each.lines), offset + limit - before)
        if first < last:
            found.append(Part(each, each.lines[first:last], first > 0, last < len(each.lines)))
        before += len(each.lines)
    return found


class StockNow(NamedTuple):
    """What can be sold, and what is on its way, in units."""

    available: int
    inbound: int


def read_stock(reader: LakeReader, keys: Collection[Key]) -> dict[Key, StockNow]:
    """The stock of some shelves as it is now: a plan's is that of its own version."""
    rows = reader.query(
        f"SELECT warehouse_id, sku, available, inbound FROM {SKU_STATE.full_name} WHERE sku IN ({IDS})",
        [id_list(sku for _, sku in keys)],
    )
    wanted = set(keys)
    return {
        (warehouse_id, sku): StockNow(available, inbound)
        for warehouse_id, sku, available, inbound in rows.iter_rows()
        if (warehouse_id, sku) in wanted
    }
