"""What people decided on lines of a plan, and what is left of what they accepted (RULES 36, 42). Pure.

Of several decisions on one line the latest by its own time holds: a dismissal
takes an acceptance back, a snooze only hides. Each unit of RESTOCK first seen after an acceptance
takes one off, the oldest acceptance first; what is left lapses.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from inventory_assets.domain.events.kinds import Command, Key, Rejection
from inventory_assets.domain.replenish.shelves import DEFAULT_LEAD_DAYS

LINE_PREFIX = "pln-"


class PlanLine(NamedTuple):
    """The line of a key in the newest plan: its date, and what it says to order."""

    day: date
    quantity: int | None


def make_line_id(plan_date: date, warehouse_id: str, sku: str) -> str:
    """Build a line's id (RULES 42)."""
    return f"{LINE_PREFIX}{plan_date:%Y%m%d}-{warehouse_id}-{sku}"


def keys_of(line_id: str) -> list[Key]:
    """The shelves that a line's id may be of: ids may hold dashes themselves."""
    parts = line_id.split("-")[2:]
    return [("-".join(parts[:cut]), "-".join(parts[cut:])) for cut in range(1, len(parts))]


def refuse(lines: Mapping[Key, PlanLine | None], command: Command) -> Rejection | None:
    """The refusal of a decision that does not fit the present lines; None where it does."""
    line_id = command.plan_line_id or ""
    known = {
        key: line
        for key in keys_of(line_id)
        if (line := lines.get(key)) is not None
        and command.warehouse_id in (None, key[0])
        and command.sku in (None, key[1])
    }
    if not known:
        return Rejection("unknown_line", f"no plan of now has a line {line_id!r}; `inventory plan --all` lists them")
    present = {key: line for key, line in known.items() if make_line_id(line.day, *key) == line_id}
    if not present:
        key, line = next(iter(known.items()))
        now = make_line_id(line.day, *key)
        return Rejection("superseded_line", f"{line_id!r} is not its shelf's line any more: {now!r} is; decide on that")
    if len(present) > 1:
        shelves = " and ".join(f"SKU {sku!r} at {warehouse_id!r}" for warehouse_id, sku in present)
        return Rejection("unknown_line", f"{line_id!r} is a line of {shelves}; give warehouse_id and sku, too")
    (line,) = present.values()
    if command.command == "plan-accept" and command.quantity is None and not line.quantity:
        return Rejection("illegal_transition", f"line {line_id!r} orders nothing; give the quantity that is accepted")
    return None


class Decision(NamedTuple):
    """A command on a line, and its place in the lake: what came later was seen later.

    `line_version`: the lake's that the line was made in; on one day several can have one id.
    """

    line_id: str
    line_date: date
    command: Command
    seen: tuple[int, int]
    line_version: int = 0


class Restock(NamedTuple):
    """Units of a RESTOCK as first seen: the place in the lake and the day of the version that told of them.

    A cancelled one has taken its units off all the same: what was ordered and is
    not coming has to be ordered again. `order_id`: what names the transaction in the lake.
    """

    seen: tuple[int, int]
    day: date
    quantity: int
    order_id: int = 0


class Left(NamedTuple):
    """Units that still count, with the date of the line that each part is of; and what has lapsed."""

    parts: tuple[tuple[date, int], ...]
    lapsed: int

    @property
    def units(self) -> int:
        """All that counts."""
        return sum(quantity for _, quantity in self.parts)


def decisions_that_hold(decisions: Iterable[Decision]) -> list[Decision]:
    """What holds of decisions on one shelf's lines, in their own order of time.

    A dismissal ends all that was decided on its id. Of one line the latest
    acceptance counts, and of a line that came after it under the same id, on the
    same day, one more: it orders what the first did not. A snooze stands beside.
    """
    found: dict[tuple[str, int, bool], Decision] = {}
    for each in sorted(decisions, key=_moment):
        is_snooze = each.command.command == "plan-snooze"
        if each.command.command == "plan-dismiss":
            found = {place: other for place, other in found.items() if place[0] != each.line_id or place[2]}
        found[each.line_id, 0 if is_snooze else each.line_version, is_snooze] = each
    return list(found.values())


def _moment(decision: Decision) -> tuple[int, str]:
    return decision.command.event_at, decision.command.event_id


def lapse_date(line_date: date, lead_time_days: int | None) -> date:
    """The first day on which an accepted line of a date counts no more."""
    return line_date + timedelta(days=DEFAULT_LEAD_DAYS if lead_time_days is None else max(1, 2 * lead_time_days))


class Allotted(NamedTuple):
    """What became of one acceptance: the units that restocks took off it, and what they left; `has_lapsed` by the day.

    `taken`: the restocks, as they were seen, and the units that each took off.
    """

    decision: Decision
    taken: tuple[tuple[Restock, int], ...]
    left: int
    has_lapsed: bool


def allot(
    accepted: Sequence[Decision], restocks: Sequence[Restock], day: date, *, lead_time_days: int | None
) -> list[Allotted]:
    """Share one shelf's restocks out among its acceptances as of a day, the oldest first.

    Days are those of the lines, not of the clock at which somebody accepted: a
    plan of last week is judged as last week.
    """
    # Accepted of a later plan than this one: it counts for that, and later ones.
    known = sorted((each for each in accepted if each.line_date <= day), key=lambda each: each.seen)
    left = [each.command.quantity or 0 for each in known]
    taken: list[list[tuple[Restock, int]]] = [[] for _ in known]
    for restock in sorted(restocks):
        units = restock.quantity
        for place, each in enumerate(known):
            # What came after it had lapsed answers a later acceptance.
            if each.seen < restock.seen and restock.day < lapse_date(each.line_date, lead_time_days):
                if own := min(units, left[place]):
                    taken[place].append((restock, own))
                left[place] -= own
                units -= own
    return [
        Allotted(each, tuple(mine), units, day >= lapse_date(each.line_date, lead_time_days))
        for each, mine, units in zip(known, taken, left, strict=True)
    ]


def what_is_left(
    accepted: Sequence[Decision], restocks: Sequence[Restock], plan_date: date, lead_time_days: int | None
) -> Left:
    """What is left of one shelf's accepted quantities as of a plan's date."""
    found = allot(accepted, restocks, plan_date, lead_time_days=lead_time_days)
    parts = tuple((each.decision.line_date, each.left) for each in found if each.left and not each.has_lapsed)
    return Left(parts, sum(each.left for each in found if each.has_lapsed))
