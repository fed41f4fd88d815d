"""A SKU's past as its page shows it: the drawing, the bars, the ledger. Pure; what is escaped is for templates."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import polars as pl

from inventory_assets.console.pages.views import alert_href
from inventory_assets.domain.stock.shelf_history import (
    LimitStep,
    kind_of,
    limit_steps,
    limits_at,
    sold_by_week,
    stock_after,
    together,
    until,
)
from inventory_assets.domain.values import DAY_US, to_datetime, to_microseconds
from inventory_assets.queries.shelf_history import SkuHistory
from inventory_assets.words.alerts import TITLES
from inventory_assets.words.ledger import event_words
from inventory_assets.words.stock_chart import Opened, Outlook, draw_stock, draw_weeks

DAYS = ("7", "30", "90", "365")
DEFAULT_DAYS = "90"
# Half a year of bars: more are too thin to point at.
MOST_WEEKS = 26
NO_LIMIT = -1


class Past:
    """A SKU's past up to a moment, of one of its shelves or of all together."""

    def __init__(self, history: SkuHistory, *, last: int, days: int, warehouse: str | None) -> None:
        """Make it.

        Args:
            history: What was read.
            last: The moment, in microseconds.
            days: How far back the drawing goes.
            warehouse: Which shelf; None is all of them.
        """
        self.last, self.first = last, last - days * DAY_US
        self.warehouse = warehouse
        self._history = history
        self._number = {name: number for number, name in enumerate(history.warehouses)}
        self._all = until(history.ledger, last)
        self.ledger = self._all if warehouse is None else self._of(warehouse)

    def _of(self, warehouse: str) -> pl.DataFrame:
        return self._all.filter(pl.col("key") == self._number.get(warehouse, -1))

    def steps(self, warehouse: str) -> list[LimitStep]:
        """The limits of a shelf over time."""
        rows = [row for row in self._history.limits if row["warehouse_id"] == warehouse]
        return limit_steps(rows, self._of(warehouse))

    @property
    def series(self) -> list[tuple[int, int]]:
        """Available from each moment on."""
        if self.warehouse is None:
            return together(self.ledger)
        last = self.ledger.group_by("at", maintain_order=True).agg(pl.col("available").last())
        return last.rows()  # type: ignore[return-value]

    @property
    def arrivals(self) -> list[tuple[int, int]]:
        """(at, units) of the goods that came, oldest first."""
        return self.ledger.filter("is_arrival").sort("at").select("at", "change").rows()  # type: ignore[return-value]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that had opened by then, oldest first; over is what was over by then."""
        return [
            row | {"resolved_us": None if (row["resolved_us"] or self.last + 1) > self.last else row["resolved_us"]}
            for row in self._history.alerts
            if row["opened_us"] <= self.last and self.warehouse in (None, row["warehouse_id"])
        ]

    def outlook(self) -> Outlook | None:
        """What the newest plan expects of the shelf after the moment."""
        line = None if self.warehouse is None else self._history.plan.get(self.warehouse)
        if line is None or line["projected"] is None or line["horizon_days"] is None:
            return None
        end = datetime.combine(line["plan_date"] + timedelta(line["horizon_days"]), time(), UTC)
        ends = to_microseconds(end)
        if ends <= self.last:
            return None
        return Outlook(self.last, ends, line["projected"], line["projected_low"], line["projected_high"])

    def weeks(self) -> list[tuple[int, int]]:
        """Units sold a week."""
        first = max(self.first, self.last - MOST_WEEKS * 7 * DAY_US)
        return sold_by_week(self.ledger, first, self.last)

    def shelves(self) -> list[dict[str, Any]]:
        """Every shelf as it stood at the moment, by warehouse."""
        found = stock_after(self._all)
        rows = []
        for warehouse, number in self._number.items():
            stock = found.get(number)
            if stock is None:
                continue
            step = limits_at(self.steps(warehouse), self.last)
            alert = next((row for row in reversed(self.alerts_of(warehouse)) if row["resolved_us"] is None), None)
            rows.append({
                "warehouse_id": warehouse, **{name: stock[name] for name in _STOCK},
                "min_threshold_qty": step and step.low, "reorder_threshold_qty": step and step.reorder,
                "min_threshold_days": step and step.low_days, "reorder_threshold_days": step and step.reorder_days,
                "alert_id": alert and alert["alert_id"], "alert_type": alert and alert["alert_type"],
                "priority": alert and alert["priority"],
            })  # fmt: skip
        return rows

    def alerts_of(self, warehouse: str) -> list[dict[str, Any]]:
        """The alerts of one shelf that had opened by then."""
        return [row for row in self.alerts if row["warehouse_id"] == warehouse]

    def entries(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """A part of the ledger, the newest first."""
        rows = self.ledger.sort("at", maintain_order=True).reverse()[offset : offset + limit]
        return [self._entry(row) for row in rows.iter_rows(named=True)]

    def _entry(self, row: Mapping[str, Any]) -> dict[str, Any]:
        kind, status = kind_of(row)
        return {
            "at": to_datetime(row["at"]), "warehouse_id": self._history.warehouses[row["key"]],
            "event_id": row["event_id"],
            "kind": kind, "status": status, "is_receiver": row["is_receiver"],
            "quantity": row["stated"] if kind == "LEVEL" else row["quantity"], "change": row["change"],
            **{name: row[name] for name in _STOCK if name != "is_active"},
            "is_late": row["is_late"], "is_without_effect": row["is_without_effect"], "version": row["version"],
        }  # fmt: skip


_STOCK = ("on_hand", "reserved", "available", "inbound", "is_active")


def chart_of(past: Past, what: str, *, daily_units: float | None, is_now: bool) -> dict[str, Any] | None:
    """The drawing of a past, with its limits where it is one shelf's.

    Args:
        past: What happened.
        what: Whose it is.
        daily_units: What the shelf sells a day now, which limits in days are drawn by; None is not known.
        is_now: What is to come can be said.
    """
    steps = [] if past.warehouse is None else past.steps(past.warehouse)

    def limit(name: str) -> list[tuple[int, int]]:
        return [(step.at, _units(getattr(step, name), getattr(step, f"{name}_days"), daily_units)) for step in steps]

    return draw_stock(
        past.series, first=past.first, last=past.last, low=limit("low"), reorder=limit("reorder"),
        arrivals=past.arrivals, outlook=past.outlook() if is_now else None, what=what,
        alerts=[
            Opened(
                row["opened_us"], row["resolved_us"],
                f"{TITLES.get(row['alert_type'], row['alert_type'])} at {row['warehouse_id']}", row["priority"].lower(),
            )
            for row in past.alerts
        ],
    )  # fmt: skip


def _units(units: int | None, days: float | None, daily_units: float | None) -> int:
    in_days = None if days is None or daily_units is None else math.ceil(days * daily_units)
    # Of a limit in both the first that is crossed counts.
    return max((each for each in (units, in_days) if each is not None), default=NO_LIMIT)


def bars_of(past: Past) -> dict[str, Any] | None:
    """The bars of a past's sales."""
    weeks = past.weeks()
    return draw_weeks(weeks, first=weeks[0][0], last=past.last) if weeks else None


def marked(past: Past) -> list[dict[str, Any]]:
    """What is marked in the drawing as a list, the newest first: for who does not see it."""
    marks = [
        {"at": at, "what": "arrival", "units": units, "href": None, "until": None}
        for at, units in past.arrivals if at >= past.first
    ] + [
        {"at": row["opened_us"], "what": TITLES.get(row["alert_type"], row["alert_type"]), "units": None,
         "href": alert_href(row["alert_id"]), "until": row["resolved_us"], "warehouse": row["warehouse_id"]}
        for row in past.alerts if (row["resolved_us"] or past.last) >= past.first
    ]  # fmt: skip
    if past.warehouse is not None:
        marks += [
            {"at": step.at, "what": "limits", "units": None, "href": None, "until": None, "low": step.low,
             "reorder": step.reorder}
            for step in past.steps(past.warehouse) if step.at >= past.first
        ]  # fmt: skip
    for each in marks:
        for name in ("at", "until"):
            each[name] = None if each[name] is None else to_datetime(each[name])
    return sorted(marks, key=lambda each: each["at"], reverse=True)


def ledger_view(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries with what they are called."""
    return [
        {**each, "words": event_words(each["kind"], each["status"], is_receiver=each["is_receiver"])}
        for each in entries
    ]


def minute_of(moment: int) -> str:
    """A moment as a date picker has it."""
    return f"{to_datetime(moment):%Y-%m-%dT%H:%M}"
