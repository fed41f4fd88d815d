"""Business alerts over many keys: what is more than one alert says (R0, "Business Alerts").

Here: from plain rows to findings, each with the numbers it was judged by. Not
here: reading the lake, or what becomes of a finding (`refresh.incidents`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import median
from typing import Any

import msgspec

from inventory_assets.domain.values import DAY_US, HOUR_US, format_time, to_datetime

# Iglewicz & Hoaglin, "How to Detect and Handle Outliers" (1993): 0.6745 scales the median
# absolute deviation to a standard deviation, and scores over 3.5 are outliers.
MAD_SCALE = 0.6745
OUTLIER_SCORE = 3.5
# SKUs, and warehouses of each, that a title names: it must fit a line.
NAMED = 3


class Kind(StrEnum):
    """What an incident is about."""

    CATEGORY_STOCKOUTS = "CATEGORY_STOCKOUTS"
    UNUSUAL_DEPLETION = "UNUSUAL_DEPLETION"
    OVERDUE_RESTOCK = "OVERDUE_RESTOCK"
    BREACH_TREND = "BREACH_TREND"


SEVERITY = {
    Kind.CATEGORY_STOCKOUTS: "CRITICAL",
    Kind.UNUSUAL_DEPLETION: "HIGH",
    Kind.OVERDUE_RESTOCK: "HIGH",
    Kind.BREACH_TREND: "MEDIUM",
}


class IncidentPolicy(msgspec.Struct, frozen=True):
    """When findings are findings.

    `least_stockouts` SKUs in `window_hours` make a category's incident, which
    lasts while so many of its members fire. A day is
    unusual from `least_units` on, against at least `least_weeks` of the eight
    same weekdays before it. A trend is `trend_factor` times the mean week.
    """

    least_stockouts: int = 3
    window_hours: int = 24
    least_units: int = 5
    least_weeks: int = 4
    trend_factor: float = 2.0
    least_breaches: int = 10


class Finding(msgspec.Struct, frozen=True):
    """One subject that is not as it should be, as of a moment.

    `anchor` is the fact that began it, which with kind and subject makes the
    incident's id; `members` are alert ids or transaction ids; `arithmetic`
    every number the judgement used, and the comparison that failed.
    """

    kind: Kind
    subject: str
    anchor: str
    opened_at: int
    title: str
    members: tuple[str, ...]
    arithmetic: dict[str, Any]
    warehouse_id: str | None = None
    sku: str | None = None


ID_PREFIX = "inc-"


def is_incident_id(subject_id: str) -> bool:
    """Whether an id is an incident's; an alert's begins otherwise (RULES 29)."""
    return subject_id.startswith(ID_PREFIX)


def make_incident_id(finding: Finding) -> str:
    """Build an incident's id from what began it: never a clock, never random."""
    parts = [str(finding.kind), finding.subject, finding.anchor]
    compact = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(compact.encode()).hexdigest()[:8]
    return f"{ID_PREFIX}{to_datetime(finding.opened_at):%Y%m%d}-{finding.kind.lower().replace('_', '-')}-{digest}"


def find_category_stockouts(
    stockouts: Iterable[Mapping[str, Any]], opened: Mapping[str, int], now: int, policy: IncidentPolicy
) -> list[Finding]:
    """Find categories with several SKUs out of stock.

    It begins with so many SKUs within the window, and goes on while so many of
    those that went out since the window before its beginning still are: a
    category that stays empty is no better off after a day.

    Args:
        stockouts: Firing STOCKOUT alerts: `category_id warehouse_id sku
            alert_id opened_at`, in order of (opened_at, alert_id).
        opened: By category, when the incident that is open there began.
        now: Microseconds.
        policy: When several are several.
    """
    by_category: dict[str, list[Mapping[str, Any]]] = {}
    for row in stockouts:
        by_category.setdefault(row["category_id"], []).append(row)
    window = policy.window_hours * HOUR_US
    found = []
    for category_id, rows in sorted(by_category.items()):
        is_open = category_id in opened
        recent = rows if is_open else [row for row in rows if row["opened_at"] > now - window]
        last = _nth_sku(recent, policy.least_stockouts)
        if last is None:
            continue
        began_at = opened[category_id] if is_open else last["opened_at"]
        members = [row for row in rows if row["opened_at"] > began_at - window]
        if _nth_sku(members, policy.least_stockouts) is not None:
            found.append(_category_finding(category_id, members, last, is_open=is_open, policy=policy))
    return found


def _nth_sku(rows: Sequence[Mapping[str, Any]], count: int) -> Mapping[str, Any] | None:
    """The stockout with which so many SKUs are out; a SKU counts once, however many shelves are empty."""
    skus: set[str] = set()
    for row in rows:
        skus.add(row["sku"])
        if len(skus) >= count:
            return row
    return None


def _category_finding(
    category_id: str,
    rows: Sequence[Mapping[str, Any]],
    last: Mapping[str, Any],
    *,
    is_open: bool,
    policy: IncidentPolicy,
) -> Finding:
    places: dict[str, list[str]] = {}
    for row in rows:
        places.setdefault(row["sku"], []).append(row["warehouse_id"])
    when = "" if is_open else f" within {policy.window_hours} h"
    named = [f"{sku} ({', '.join(sorted(places[sku])[:NAMED])})" for sku in sorted(places)[:NAMED]]
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    arithmetic = {
        "stockouts": len(rows), "window_hours": policy.window_hours, "least": policy.least_stockouts,
        "skus": sorted(places),
        "warehouses": sorted({row["warehouse_id"] for row in rows}),
        "places": sorted(f"{row['sku']} at {row['warehouse_id']}" for row in rows),
        "comparison": f"{len(places)} SKUs out of stock{when} >= {policy.least_stockouts}",
    }  # fmt: skip
    title = f"{len(places)} SKUs of category {category_id} are out of stock: {', '.join(named)}{more}"
    return Finding(
        Kind.CATEGORY_STOCKOUTS, category_id, last["alert_id"], last["opened_at"], title,
        tuple(row["alert_id"] for row in rows), arithmetic,
    )  # fmt: skip


def robust_score(value: float, history: Sequence[float]) -> tuple[float, float, float]:
    """Score how far a value is above its history, in robust standard deviations.

    The modified z-score of Iglewicz & Hoaglin (1993): 0.6745 (x - median) / MAD.
    Where the history varies less than counts do by chance, the deviation is
    that of a Poisson count, its square root, and never under one unit.

    Returns:
        (score, median, deviation): the deviation already scaled.
    """
    middle = median(history)
    mad = median([abs(each - middle) for each in history])
    deviation = max(mad / MAD_SCALE, middle**0.5, 1.0)
    return (value - middle) / deviation, middle, deviation


def find_unusual_depletion(days: Iterable[Mapping[str, Any]], policy: IncidentPolicy) -> list[Finding]:
    """Find keys that sell today as they do not on this weekday.

    Args:
        days: Per key: `warehouse_id sku date day_at units history event_ids`.
            `units` of completed orders so far today; `history` those of the same
            weekday in up to eight weeks before, since the key is known, zeros
            included; `day_at` the day's first microsecond.
        policy: The least units and weeks.
    """
    found = []
    for row in days:
        units, history = row["units"], row["history"]
        if units < policy.least_units or len(history) < policy.least_weeks:
            continue
        score, middle, deviation = robust_score(units, history)
        if score <= OUTLIER_SCORE:
            continue
        key = f"{row['warehouse_id']}:{row['sku']}"
        arithmetic = {
            "date": row["date"], "units": units, "same_weekday_units": list(history), "median": middle,
            "deviation": round(deviation, 4), "score": round(score, 4),
            "comparison": f"({units} - {middle:g}) / {deviation:.2f} = {score:.2f} > {OUTLIER_SCORE}",
            "source": "modified z-score, Iglewicz & Hoaglin 1993",
        }  # fmt: skip
        title = f"{units} units of {row['sku']} went at {row['warehouse_id']} on {row['date']}, usual is {middle:g}"
        found.append(
            Finding(
                Kind.UNUSUAL_DEPLETION, key, row["date"], row["day_at"], title, tuple(row["transaction_ids"]),
                arithmetic, row["warehouse_id"], row["sku"],
            )
        )  # fmt: skip
    return found


def find_overdue_restocks(restocks: Iterable[Mapping[str, Any]], now: int) -> list[Finding]:
    """Find stock on order for longer than its supplier takes.

    Args:
        restocks: PENDING restocks: `transaction_id warehouse_id sku quantity
            ordered_at lead_time_days`; a null lead time judges nothing.
        now: Microseconds.
    """
    found = []
    for row in restocks:
        days = row["lead_time_days"]
        if days is None:
            continue
        due_at = row["ordered_at"] + days * DAY_US
        if now <= due_at:
            continue
        arithmetic = {
            "quantity": row["quantity"], "ordered_at": format_time(row["ordered_at"]), "lead_time_days": days,
            "due_at": format_time(due_at),
            "comparison": f"not completed by {format_time(due_at)[:16]}Z = ordered + {days} days",
        }  # fmt: skip
        title = (
            f"restock of {row['quantity']} {row['sku']} at {row['warehouse_id']} is overdue ({row['transaction_id']})"
        )
        found.append(
            Finding(
                Kind.OVERDUE_RESTOCK, row["transaction_id"], row["transaction_id"], due_at, title,
                (row["transaction_id"],), arithmetic, row["warehouse_id"], row["sku"],
            )
        )  # fmt: skip
    return found


def find_breach_trends(weeks: Iterable[Mapping[str, Any]], policy: IncidentPolicy) -> list[Finding]:
    """Find warehouses whose breaches of a week are many more than in the weeks before.

    Args:
        weeks: Per warehouse: `warehouse_id breaches earlier day_at alert_ids`.
            `earlier` are the counts of up to four weeks before, since its first
            alert; `day_at` begins the day that ends the week.
        policy: The least breaches, and the factor over the mean.
    """
    found = []
    for row in weeks:
        earlier = row["earlier"]
        if len(earlier) < 2 or row["breaches"] < policy.least_breaches:
            continue
        mean = sum(earlier) / len(earlier)
        # Counts scatter by their square root; three of those are no chance.
        limit = max(policy.trend_factor * mean, mean + 3 * max(mean, 1.0) ** 0.5)
        if row["breaches"] <= limit:
            continue
        arithmetic = {
            "breaches": row["breaches"], "earlier_weeks": list(earlier), "mean": round(mean, 4),
            "limit": round(limit, 4),
            "comparison": f"{row['breaches']} breaches in 7 days > {limit:.1f} = "
            f"max({policy.trend_factor:g} x {mean:.1f}, {mean:.1f} + 3 sd)",
        }  # fmt: skip
        title = f"{row['breaches']} breaches at {row['warehouse_id']} in 7 days, {mean:.1f} in a usual week"
        # Anchored to the warehouse's open spell by the stage: one incident while it lasts.
        anchor = format_time(row["day_at"])[:10]
        found.append(
            Finding(
                Kind.BREACH_TREND, row["warehouse_id"], anchor, row["day_at"], title, tuple(row["alert_ids"]),
                arithmetic, row["warehouse_id"],
            )
        )  # fmt: skip
    return found
