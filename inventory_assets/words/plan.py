"""A plan's lines in words: why, what to do, the sums, what is not known. Pure; a line is a row of out.plans."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from inventory_assets.domain.replenish.shelves import WAITING_RISK
from inventory_assets.domain.stock.coverage import WINDOW_DAYS, YEARLY_SEASON_DAYS
from inventory_assets.words.numbers import number, rate
from inventory_assets.words.text import clean, listed

Line = Mapping[str, Any]

REASONS = {
    "out": "out of stock now",
    "too_late": "empty before an order can arrive",
    "due": "order before the next review",
    "at_risk": "{risk} % risk of a stockout before an order of the next review arrives",
    "below_limit": "below its limit, and its demand is not known",
    "overdue": "what it needs is overdue",
    "unknown": "what it needs is not known",
    "not_yet": "can wait for the review of {review}",
    "fill_up": "below its order-up-to level; can wait",
    "on_its_way": "what is on its way is enough",
    "limit_is_high": "enough for its demand, though a limit in force asks for more",
    "enough": "enough",
}
NOT_KNOWN = {
    "demand": "demand (under 14 days with stock, or under 3 with a sale)", "lead_time": "lead time", "price": "price",
    "supplier": "supplier", "pack": "pack", "opening_stock": "opening stock",
}  # fmt: skip


# Croston's method with Syntetos and Boylan's correction, and Teunter, Syntetos and Babai's, by what they are for.
_MODELS = {"sba": "intermittent demand", "tsb": "fading demand"}

LOST = ("out", "too_late")
"""The reasons of shelves that no order can keep from being empty."""


def next_review(line: Line) -> date:
    """The day of the look after this plan's."""
    return line["plan_date"] + timedelta(days=line["review_days"])


def waits_for_goods(line: Line) -> bool:
    """Whether an empty shelf is to wait for what comes: an order beside it is for afterwards."""
    return line["reason"] in (*LOST, "below_limit") and bool(line["arriving"]) and not line["is_order_urgent"]


def order_by_day(line: Line) -> date | None:
    """The last day to order: by the forecast, and before the next review where the order cannot wait for that.

    Of a shelf that waits for goods that is the review, or no day where nothing is to be ordered: the forecast's own
    is past, and would say that an order is late.
    """
    if waits_for_goods(line) and line["method"] is not None:
        return next_review(line) if line["order_quantity"] else None
    if line["order_by"] is None or not line["is_order_urgent"]:
        return line["order_by"]
    return min(line["order_by"], next_review(line) - timedelta(days=1))


def reason_text(line: Line) -> str:
    """Why the line says what it says, what is overdue; and the rule that does not see it, with the limit that would."""
    text = REASONS.get(line["reason"], clean(line["reason"]))
    if line["reason"] == "not_yet":
        text = text.format(review=next_review(line))
        if line["waiting_risk_percent"]:
            text += f", at {line['waiting_risk_percent']} % risk of a stockout before what is ordered then arrives"
    elif line["reason"] == "at_risk":
        text = text.format(risk=line["waiting_risk_percent"])
        if line["runs_out_on"] is not None:
            text += f"; by the forecast it lasts until {line['runs_out_on']}"
    elif line["reason"] == "on_its_way" and (line["risk_percent"] or 0) > 100 * WAITING_RISK:
        text += f", at {line['risk_percent']} % risk of a stockout meanwhile"
    elif line["is_order_urgent"] and line["transferred_out"] and line["reason"] not in ("due", *LOST):
        text += "; what it gives it may need again before an order of the next review arrives"
    if line["overdue"]:
        text += f"; {line['overdue']:,} overdue since {line['overdue_since']}"
    if line["seen_by_limit"] is None:
        return text
    rule = f"the rule {clean(line['rule'])} is" if line["rule"] else "its limits are"
    return f"{text}; {rule} too low: a reorder of {line['seen_by_limit']:,} would have seen it"


def moves(line: Line) -> list[dict[str, Any]]:
    """The transfers to and from the line's shelf."""
    return json.loads(line["transfers"]) if line["transfers"] else []


def step_texts(line: Line) -> list[str]:
    """What to do, a step each, the order last: `move 30 here from W2`, `order 84 from ACME`; empty for nothing."""
    steps = [
        f"move {each['quantity']:,} here from {clean(each['from'])}"
        if each["to"] == line["warehouse_id"]
        else f"move {each['quantity']:,} to {clean(each['to'])}"
        for each in moves(line)
    ]
    if is_chased(line):
        steps.append(_chase_text(line))
    if waits_for_goods(line):
        cost = f"{line['revenue_at_risk']:,.0f} of revenue at risk until then" if line["revenue_at_risk"] else ""
        cost = f" ({cost}{without_moves(line)})" if cost else ""
        steps.append(f"wait for the {line['arriving']:,} due on {line['arrives_on']}{cost}")
    if line["order_quantity"]:
        supplier = f" from {clean(line['supplier_id'])}" if line["supplier_id"] else ""
        steps.append(f"order {line['order_quantity']:,}{supplier}")
    return steps


def is_chased(line: Line) -> bool:
    """Whether the shelf needs what is overdue."""
    return bool(line["overdue"]) and (bool(line["order_without_overdue"]) or line["reason"] in (*LOST, "overdue"))


def _chase_text(line: Line) -> str:
    whom = f"{clean(line['supplier_id'])} for " if line["supplier_id"] else ""
    said = [_needed_by(line)]
    without = line["order_without_overdue"]
    if without and without != line["order_quantity"]:
        instead = f" instead of {line['order_quantity']:,}" if line["order_quantity"] else ""
        # Its dates leave the overdue goods out: they are of an order in their place.
        if line["order_by"] is None:
            said.append(f"if they do not come, order {without:,}{instead}")
        elif line["order_by"] < line["plan_date"]:
            said.append(f"no order comes in time any more: if they do not come, order {without:,}{instead}")
        else:
            last = f"if they are not sure by {line['order_by']}, order {without:,}{instead} that day"
            said.append(f"{last}: later no order comes in time")
    told = "; ".join(text for text in said if text)
    return f"chase {whom}the {line['overdue']:,} overdue since {line['overdue_since']}{f' ({told})' if told else ''}"


def _needed_by(line: Line) -> str:
    """By which day the shelf needs what is overdue; empty where it outlasts its demand."""
    if line["available"] <= 0:
        return "needed now"
    if line["runs_out_on"] is None:
        return "by when they are needed is not known" if line["daily_units"] is None else ""
    return f"needed by {line['runs_out_on']}{without_moves(line)}"


def without_moves(line: Line) -> str:
    """What goes after a number of the outlook where the line moves something here: they are of the shelf as it is."""
    return f", without the {line['transferred_in']:,} moved here" if line["transferred_in"] else ""


def sum_texts(line: Line) -> list[str]:
    """How the order quantity comes about, a sum a text."""
    if line["target"] is None:
        return ["no target is known, so no quantity is suggested"]
    parts = [f"target {line['target']:,}", f"− available {line['available']:,}"]
    parts += [
        f"{sign} {name} {line[column]:,}"
        for sign, name, column in (
            ("−", "inbound", "inbound"), ("−", "announced transfers", "announced"), ("−", "accepted", "accepted"),
            ("−", "moved here", "transferred_in"), ("+", "moved away", "transferred_out"),
        )
        if line[column]
    ]  # fmt: skip
    found = [_target_text(line), f"needed {line['needed']:,} = {' '.join(parts)}{_floored(line)}"]
    order = [f"order {line['order_quantity']:,} = needed {line['needed']:,}"]
    if line["needed"] and line["min_order_qty"] is not None and line["min_order_qty"] > line["needed"]:
        order.append(f"at least {line['min_order_qty']:,}")
    if (line["pack_multiple"] or 1) > 1:
        order.append(f"in packs of {line['pack_multiple']:,}")
    if line["lapsed"]:
        found.append(f"{line['lapsed']:,} accepted before have lapsed: no restock came for them in time")
    found.append(" → ".join(order))
    if line["overdue"]:
        found.append(f"order {line['order_without_overdue']:,} without the {line['overdue']:,} overdue, in doubt")
    return found


def _floored(line: Line) -> str:
    """Where more is there than the target asks for, that nothing is needed."""
    left = line["target"] - line["available"] - line["inbound"] - line["announced"] - line["accepted"]
    left += line["transferred_out"] - line["transferred_in"]
    return f" = {left:,}, so nothing" if left < 0 else ""


def _target_text(line: Line) -> str:
    if line["demand"] is None:
        source = "its order-up-to level" if line["order_up_to"] is not None else "twice the reorder quantity in force"
        return f"target {line['target']:,} = {source}"
    sums = (
        f"demand {number(line['demand'], digits=1)} over {line['horizon_days']} days "
        f"(lead time {line['lead_time_days']} + review {line['review_days']}) "
        f"+ safety stock {line['safety_stock']:,} for {line['service_level']:g} service, rounded up"
    )
    if line["order_up_to"] is not None and line["order_up_to"] == line["target"]:
        return f"target {line['target']:,} = its order-up-to level, the floor of {sums}"
    return f"target {line['target']:,} = {sums}"


def demand_text(line: Line) -> str:
    """What the forecast says."""
    if line["daily_units"] is None:
        return "demand is not known"
    lift = lift_text(line)
    return (
        f"{rate(line['daily_units'])} a day, deviation {rate(line['daily_deviation'])} "
        f"({_MODELS.get(line['model'], line['model'].replace('_', ' '))}){'; ' + lift if lift else ''}"
    )


def lift_text(line: Line) -> str:
    """By how much the season of the year lifts the forecast of the horizon, and whose it is; empty without one."""
    if line["season_factor"] is None:
        return ""
    return f"× {line['season_factor']:.2f} over {line['horizon_days']:,} days for the season of {season_name(line)}"


def season_name(line: Line) -> str:
    """The pool whose season a line has: `category TEA`."""
    kind, _, id_ = line["season_of"].partition(" ")
    return f"{kind if kind == 'SKU' else kind.lower()} {clean(id_)}"


def season_text(line: Line, season: Mapping[str, Any] | None, history_days: int) -> str:
    """What the season of the year is of, or why there is none.

    Args:
        line: A line.
        season: Of its pool, a row of core.seasons; None where there is none.
        history_days: Of the shelf.
    """
    if season is None and history_days < YEARLY_SEASON_DAYS:
        return f"no yearly season: {history_days:,} of {YEARLY_SEASON_DAYS} days of history"
    if line["season_method"] is None:
        return f"no yearly season: the line was made without one, of {WINDOW_DAYS} days"
    if season is None:
        return "no yearly season: none was measured of its sales; inventory coverage --refresh does"
    agreement = "not at all" if season["agreement"] is None else f"by {season['agreement']:.2f}"
    years = f"the two years before {season['as_of_date']} agree {agreement}"
    if line["season_factor"] is not None:
        counts = f"{100 * season['weight']:.0f} % of it counts"
        return f"yearly season from {season['units']:,} sold in 104 weeks: {years}, so {counts}"
    if not season["weight"]:
        return f"no yearly season: {years}, which may be chance"
    if line["horizon_days"] is None or line["daily_units"] is None:
        return "no yearly season: no forecast to lift"
    return f"no yearly season: it was measured as of {season['as_of_date']}; inventory coverage --refresh does so anew"


def outlook_text(line: Line) -> str:
    """What comes of the shelf if nobody does anything, no move either; empty where nothing can be said."""
    parts = []
    if line["runs_out_on"] is not None:
        parts.append(f"runs out on {line['runs_out_on']}")
    if (day := order_by_day(line)) is not None:
        parts.append(f"order by {day}")
    if line["arriving"]:
        parts.append(f"{line['arriving']:,} come on {line['arrives_on']}")
    if line["overdue"]:
        parts.append(f"{line['overdue']:,} overdue since {line['overdue_since']}, in doubt")
    if line["projected"] is not None:
        parts.append(
            f"{line['projected']:,} after {line['horizon_days']} days "
            f"(80 %: {line['projected_low']:,} to {line['projected_high']:,})"
        )
    if line["risk_percent"] is not None:
        parts.append(f"{line['risk_percent']} % risk of a stockout before an order placed now arrives")
    if line["revenue_at_risk"]:
        parts.append(f"{line['revenue_at_risk']:,.0f} of revenue at risk until then")
    text = "; ".join(parts)
    return f"without the {line['transferred_in']:,} moved here: {text}" if text and line["transferred_in"] else text


def decision_text(line: Line) -> str:
    """What somebody decided on the line; empty where nobody has."""
    if line["state"] == "open":
        return ""
    units = f" {line['accepted_quantity']:,}" if line["state"] == "accepted" else ""
    until = f" until {line['snoozed_until']}" if line["state"] == "snoozed" else ""
    return f"{line['state']}{units}{until} by {clean(line['decided_by'])}: {clean(line['decision_reason'])}"


def not_known_text(line: Line) -> str:
    """What is not known; empty where nothing is missing."""
    names = (line["not_known"] or "").split(",") if line["not_known"] else []
    return listed([NOT_KNOWN.get(name, name) for name in names])


def transfer_text(move: Mapping[str, Any]) -> str:
    """One transfer, and how it leaves its giver."""
    return (
        f"{move['quantity']:,} from {clean(move['from'])} to {clean(move['to'])}: leaves {clean(move['from'])} "
        f"{move['leaves']:,}, it keeps at least {move['keeps']:,}"
    )
