"""What to do about a shelf, in the same words wherever it is said: moves, then the order, and why. Pure.

A line is a row of out.plans, derived for whoever asks (`replenish.advise`).
"""

from collections.abc import Mapping
from typing import Any

from inventory_assets.words.numbers import amount, rate
from inventory_assets.words.plan import (
    LOST,
    NOT_KNOWN,
    Line,
    lift_text,
    moves,
    next_review,
    not_known_text,
    reason_text,
    season_name,
    step_texts,
    sum_texts,
    without_moves,
)
from inventory_assets.words.text import capital, clean, listed

NOTHING_TO_ORDER = "nothing to order"
# A price list has prices and no currency.
PRICE_UNIT = "in the price list's currency"
_OF_TARGET = ("demand", "lead_time")


def steps(line: Line) -> list[str]:
    """`move 30 here from W2`, `order 84 from ACME by 2022-05-20`, a step each; where there is none, what to say."""
    found = step_texts(line)
    if line["order_quantity"]:
        found[-1] += _when(line)
    return found or [_no_step(line)]


def _when(line: Line) -> str:
    # Lines of releases before do not say it, and told all of these as urgent.
    if line["is_order_urgent"] is False:
        return f" at the review of {next_review(line)}"
    if line["reason"] in LOST:
        return " now"
    if line["order_by"] is None:
        return ""
    # What a giver gives away is needed earlier than it would have run out.
    is_before = line["is_order_urgent"] is None or line["order_by"] < next_review(line)
    return f" by {line['order_by']}" if is_before else " before the next review"


def _no_step(line: Line) -> str:
    if line["order_quantity"] is None:
        missing = listed([NOT_KNOWN[name].partition(" (")[0] for name in _OF_TARGET if name in _not_known(line)])
        unset = "no limit or order-up-to level says what it should hold"
        verb = "are" if " and " in missing else "is"
        return f"no quantity is suggested: {unset}" + (f", and its {missing} {verb} not known" if missing else "")
    # Of these shelves nobody says that nothing is to be done.
    if (coming := on_its_way(line)) and line["available"] < line["target"]:
        if line["method"] is None and line["reason"] in LOST:
            return f"chase the {coming:,} on the way"
        if line["method"] is not None and line["reason"] in (*LOST, "below_limit"):
            return f"ask when the {coming:,} on the way come: no lead time is known"
    return f"{NOTHING_TO_ORDER}: {_nothing(line)}"


def _nothing(line: Line) -> str:
    if line["reason"] in (*LOST, "below_limit"):
        if (coming := on_its_way(line)) and line["available"] < line["target"]:
            return f"the {coming:,} on the way fill it"
        return f"its target {line['target']:,} is reached, so no order ends the alert; raise its order-up-to level"
    return reason_text(line)


def _not_known(line: Line) -> list[str]:
    return (line["not_known"] or "").split(",")


def on_its_way(line: Line) -> int:
    """Units that come of themselves: inbound, announced, accepted of an earlier plan."""
    return line["inbound"] + line["announced"] + line["accepted"]


def nothing_because(line: Line) -> str:
    """Why nothing is to be done; empty where something is, or where no quantity is known."""
    return "" if step_texts(line) or not _no_step(line).startswith(NOTHING_TO_ORDER) else _nothing(line)


def action_sentence(line: Line) -> str:
    """What to do, as one sentence without its full stop."""
    return capital(", ".join(steps(line)))


def action_lines(line: Line) -> list[str]:
    """What to do, a line each, with how a move leaves its giver and how the order comes; and why."""
    lines = [capital(step) for step in steps(line)]
    for place, each in enumerate(moves(line)):
        lines[place] += f" (leaves {clean(each['from'])} {each['leaves']:,}, it keeps at least {each['keeps']:,})"
    if line["order_quantity"]:
        lines[-1] += _supply(line)
    return [*lines, *([f"Why: {why(line)}"] if steps(line) != [f"{NOTHING_TO_ORDER}: {why(line)}"] else [])]


def _supply(line: Line) -> str:
    return (f", lead time {line['lead_time_days']:,} days" if line["lead_time_days"] is not None else "") + (
        f", in packs of {line['pack_multiple']:,}" if line["pack_multiple"] else ""
    )


def why(line: Line) -> str:
    """Why the line says so, the rule that does not see it, and what is not known."""
    unknown = not_known_text(line)
    return reason_text(line) + (f"; not known: {unknown}" if unknown else "")


def difference_sentence(body: Mapping[str, Any], line: Line | None) -> str:
    """Why an alert's message suggests another quantity than the plan; empty where it does not.

    The message speaks of one shelf and its limits (RULES 30); demand, what
    comes and other warehouses are not in it.
    """
    suggested = (body["restock_recommendation"] or {}).get("suggested_quantity")
    if line is None or (suggested == line["order_quantity"] and not moves(line)):
        return ""
    said = "no quantity" if suggested is None else f"{suggested:,}"
    by = "no limit or order-up-to level says one" if suggested is None else "what fills the shelf by its limits alone"
    asks = "no quantity" if line["order_quantity"] is None else f"{line['order_quantity']:,}"
    if moved := line["transferred_in"] - line["transferred_out"]:
        asks += f" and {abs(moved):,} moved {'here' if moved > 0 else 'away'}"
    if line["demand"] is not None:
        because = f"demand of {amount(line['demand'])} over the next {line['horizon_days']:,} days"
        if line["season_of"] is not None:
            because += f", by the season of {season_name(line)}"
    else:
        counted = [
            f"{line['accepted']:,} accepted before" if line["accepted"] else "",
            f"{line['announced']:,} announced" if line["announced"] else "",
            f"{line['min_order_qty']:,} the least order" if line["min_order_qty"] else "",
        ]
        because = listed([text for text in counted if text]) or reason_text(line)
    return f"The message suggests {said}, {by}; the plan asks for {asks}: {because}"


def days_left(line: Line | None) -> int | None:
    """Whole days from the plan's date until the shelf runs out; None where nobody knows, or never."""
    return None if line is None or line["runs_out_on"] is None else (line["runs_out_on"] - line["plan_date"]).days


def outlook_lines(line: Line) -> list[str]:
    """When it runs out, how likely before an order can arrive, and what that costs; nothing where unknown."""
    lines = []
    if line["daily_units"] is not None:
        left = days_left(line)
        ends = {None: "it does not run out", 0: "sold out now" if line["available"] <= 0 else "runs out today"}
        text = ends[left] if left in ends else f"runs out on {line['runs_out_on']}"
        lift = lift_text(line)
        lines.append(f"Sells {rate(line['daily_units'])} a day{', ' + lift if lift else ''}: {text}{_risk(line)}")
    if line["revenue_at_risk"]:
        is_waiting = line["available"] <= 0 and line["arriving"] and not line["is_order_urgent"]
        until = f"the {line['arriving']:,} due on {line['arrives_on']} are there" if is_waiting else "an order arrives"
        lines.append(f"Revenue at risk until {until}{without_moves(line)}: {line['revenue_at_risk']:,.2f} {PRICE_UNIT}")
    return lines


def _risk(line: Line) -> str:
    if not line["risk_percent"] or line["available"] <= 0:
        return ""
    return f"; {line['risk_percent']} % risk of a stockout before an order placed now arrives{without_moves(line)}"


def fields(line: Line | None) -> dict[str, Any] | None:
    """The advice as JSON has it: what to do and why in words, and the line's own numbers."""
    if line is None:
        return None
    shown = (
        "line_id", "plan_date", "as_of_version", "reason", "is_urgent", "runs_out_on", "order_by", "order_quantity",
        "needed", "target", "available", "inbound", "supplier_id", "lead_time_days", "daily_units", "risk_percent",
        "revenue_at_risk", "rule", "seen_by_limit", "season_of", "season_factor", "is_order_urgent", "overdue",
        "overdue_since", "order_without_overdue", "arrives_on", "arriving", "waiting_risk_percent",
    )  # fmt: skip
    dates = ("plan_date", "runs_out_on", "order_by", "overdue_since", "arrives_on")
    return {
        "what_to_do": steps(line),
        "why": why(line),
        "sums": sum_texts(line),
        **{name: str(line[name]) if name in dates and line[name] is not None else line[name] for name in shown},
        "transfers": moves(line),
        "not_known": _not_known(line) if line["not_known"] else [],
    }
