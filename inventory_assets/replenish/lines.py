"""Read a plan's lines, the current one's or a past day's, for whoever shows them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from inventory_assets.clock import clock_of
from inventory_assets.domain.events.kinds import Key
from inventory_assets.domain.replenish.decisions import Decision
from inventory_assets.domain.values import to_datetime, to_microseconds_naive
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.clauses import ASKING_LINE
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.lake.tables import PLANS
from inventory_assets.replenish.decided import Decided, read_decisions

# The day to order by as it is shown (`words.plan.order_by_day`), but of who waits for goods.
_DAY = """CASE WHEN l.is_order_urgent
    THEN least(l.order_by, (l.plan_date + (l.review_days - 1)::INTEGER)::DATE) ELSE l.order_by END"""
# Suppliers by their most urgent line, and so the lines of each; of one day the greatest loss first.
_LINES = f"""
    SELECT l.*, p.product_name, p.unit_price FROM {{source}} l LEFT JOIN core.products p USING (sku)
    WHERE {{condition}}
    ORDER BY min(CASE WHEN l.is_urgent THEN {_DAY} END) OVER (PARTITION BY l.supplier_id) NULLS LAST,
        sum(CASE WHEN l.is_urgent THEN l.revenue_at_risk END) OVER (PARTITION BY l.supplier_id) DESC NULLS LAST,
        l.supplier_id NULLS LAST, l.is_urgent DESC, {_DAY} NULLS LAST, l.revenue_at_risk DESC NULLS LAST,
        l.order_quantity DESC NULLS LAST, l.warehouse_id, l.sku
"""
# Made again on one day, a plan writes the lines that changed.
_OF_DAY = f"""(
    SELECT l.* FROM {PLANS.changes} l JOIN (
        SELECT warehouse_id, sku, max(version) AS version FROM {PLANS.changes} WHERE plan_date = DATE '{{day}}'
        GROUP BY ALL
    ) USING (warehouse_id, sku, version)
)"""
STATES = {"plan-accept": "accepted", "plan-dismiss": "dismissed", "plan-snooze": "snoozed"}
STATE = ("state", "decided_by", "decision_reason", "accepted_quantity", "snoozed_until")
"""What was decided on a line, as columns beside its own."""
_ITS = "SELECT * FROM out.plans_changes WHERE line_id = ? ORDER BY version DESC, warehouse_id, sku"


_HIDDEN = ("dismissed", "snoozed")


class UnknownLineError(LakeError):
    """No plan has a line of this id."""


class Chosen(NamedTuple):
    """Which lines; null is all. `day`: of the plan of that day, else of the newest lines."""

    supplier_id: str | None = None
    warehouse_id: str | None = None
    category_id: str | None = None
    day: date | None = None


ALL_LINES = Chosen()


class Made(NamedTuple):
    """The day of a plan, the newest lake version that a line of it is made of, and when a line last changed.

    By the home's clock, UTC: beside a plan of July the machine's November would say that it is months old.
    """

    day: date
    version: int
    at: datetime | None


def read_lines(
    reader: Reader, chosen: Chosen = ALL_LINES, *, is_all: bool = False, is_hidden_too: bool = False
) -> list[dict[str, Any]]:
    """Lines by supplier, the most urgent first, each with what was decided on it.

    Args:
        reader: The lake.
        chosen: Which.
        is_all: Also those that ask for nothing.
        is_hidden_too: Also those that somebody has dismissed or snoozed: a line is dismissed until another one
            comes, a shelf snoozed up to a day. All means them, too.
    """
    lines = with_states(read_undecided(reader, chosen, is_all=is_all), read_decisions(reader))
    return lines if is_all or is_hidden_too else without_hidden(lines)


def read_undecided(reader: Reader, chosen: Chosen = ALL_LINES, *, is_all: bool = False) -> list[dict[str, Any]]:
    """Lines as `read_lines`, the hidden too, without what was decided on them."""
    wanted = chosen._asdict()
    wanted.pop("day")
    given = {name: value for name, value in wanted.items() if value is not None}
    conditions = [*(f"l.{name} = ?" for name in given), "line_id IS NOT NULL" if is_all else ASKING_LINE]
    query = _LINES.format(source=_source(chosen.day), condition=" AND ".join(conditions))
    return list(reader.query(query, list(given.values())).iter_rows(named=True))


def without_hidden(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that nobody has dismissed or snoozed."""
    return [line for line in lines if line["state"] not in _HIDDEN]


def asks(line: dict[str, Any]) -> bool:
    """Whether a line asks for something."""
    return bool(line["is_urgent"] or line["order_quantity"] or line["transfers"])


def orders_now(line: dict[str, Any]) -> bool:
    """Whether a line's order cannot wait for the next review; of releases before it is its line's urgency."""
    return bool(line["order_quantity"]) and bool(
        line["is_urgent"] if line["is_order_urgent"] is None else line["is_order_urgent"]
    )


def read_made(reader: Reader, day: date | None = None) -> Made | None:
    """Of what the newest plan is, or that of a day; None where there is none."""
    found = reader.query(
        f"SELECT max(plan_date), max(as_of_version), max(version) FROM {_source(day)} WHERE line_id IS NOT NULL"
    ).row(0)
    if found[0] is None:
        return None
    at = reader.query("SELECT committed_at FROM meta.versions WHERE version = ?", [found[2]])
    return Made(found[0], found[1], _shown_at(reader, at.item()) if at.height else None)


def _shown_at(reader: Reader, at: datetime) -> datetime:
    # Who writes has no home to ask; what it reads is its own, by the machine's clock.
    if not isinstance(reader, LakeReader):
        return at
    return to_datetime(clock_of(reader.settings).shown_at(to_microseconds_naive(at))).replace(tzinfo=None)


def _source(day: date | None) -> str:
    return PLANS.full_name if day is None else _OF_DAY.format(day=day)


def with_states(lines: Iterable[dict[str, Any]], decisions: Iterable[Decided]) -> list[dict[str, Any]]:
    """Lines with what was decided on each, as `STATE` names it."""
    decided: dict[Key, list[Decision]] = {}
    for key, decision in decisions:
        decided.setdefault(key, []).append(decision)
    return [line | _state(decided.get((line["warehouse_id"], line["sku"]), ()), line) for line in lines]


def _state(decided: Sequence[Decision], row: dict[str, Any]) -> dict[str, Any]:
    on_it, asleep = [], []
    for each in decided:
        is_snooze = each.command.command == "plan-snooze"
        if is_snooze and to_datetime(each.command.until_at or 0).date() > row["plan_date"]:
            asleep.append(each)
        # Of the same id another line may have come, on the same day: nobody has decided on that one.
        elif not is_snooze and (each.line_id, each.line_version) == (row["line_id"], row["version"]):
            on_it.append(each)
    found = max(asleep or on_it, key=lambda each: each.command.event_at, default=None)
    if found is None:
        return dict.fromkeys(STATE) | {"state": "open"}
    command = found.command
    until = None if command.until_at is None else to_datetime(command.until_at).date()
    values = (STATES[command.command], command.issued_by, command.reason, command.quantity, until)
    return dict(zip(STATE, values, strict=True))


def read_state(reader: Reader, line: dict[str, Any]) -> dict[str, Any]:
    """What was decided on a line, as `STATE` names it; it is `open` where nothing was."""
    key = line["warehouse_id"], line["sku"]
    return _state([decision for whose, decision in read_decisions(reader, skus=[line["sku"]]) if whose == key], line)


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
