"""The life of one SKU's shelves in event time: a ledger with the stock right after each event, and what follows of it.

Here: the running stock beside its events, marks of events, limits as steps, sales a week. Not here: reading, pictures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from inventory_assets.domain.stock.history import STATUSES, TRANSACTION, TYPES
from inventory_assets.domain.stock.stock_in_time import run_in_time
from inventory_assets.domain.values import DAY_US

WEEK_US = 7 * DAY_US
# 1970-01-01 was a Thursday: weeks begin on Mondays.
_MONDAY_US = 4 * DAY_US

LEDGER_SCHEMA = {
    "key": pl.Int32, "at": pl.Int64, "event_id": pl.String, "version": pl.Int64, "rank": pl.UInt8, "type": pl.UInt8,
    "status": pl.UInt8, "is_receiver": pl.Boolean, "quantity": pl.Int64, "stated": pl.Int64, "on_hand": pl.Int64,
    "reserved": pl.Int64, "inbound": pl.Int64, "available": pl.Int64, "change": pl.Int64, "sold": pl.Int64,
    "is_active": pl.Boolean, "is_arrival": pl.Boolean, "is_late": pl.Boolean, "is_without_effect": pl.Boolean,
}  # fmt: skip
"""One row per event and shelf, by (key, at): the stock right after it, by event time.

`stated` is what a level counts; `change` is of available. `is_arrival`: a restock or transfer that put goods on the
shelf. `is_late`: it arrived after one that counts later. `is_without_effect`: a transaction that changed nothing, as
what a count contains already.
"""


def ledger_of(events: pl.DataFrame) -> pl.DataFrame:
    """The ledger of some shelves.

    Args:
        events: `HISTORY_SCHEMA`, each key's rows complete from its first event.

    Returns:
        `LEDGER_SCHEMA`.
    """
    if not events.height:
        return pl.DataFrame(schema=LEDGER_SCHEMA)
    later = pl.col("version").reverse().cum_min().reverse().shift(-1).over("key")
    marked = events.with_columns(is_late=(later < pl.col("version")).fill_null(False))
    # As `run_in_time` has its rows: of one moment in the order in which they count.
    in_time = marked.sort("key", "at", maintain_order=True)
    points = run_in_time(events)
    columns = ("on_hand", "reserved", "inbound", "is_active", "sold")
    stock = in_time.rename({"on_hand": "stated", "reserved": "stated_reserved"}).with_columns(
        pl.Series(name, getattr(points, name)) for name in columns
    )

    def change(name: str) -> pl.Expr:
        return (pl.col(name) - pl.col(name).shift(1).over("key")).fill_null(pl.col(name))

    is_transaction = pl.col("rank") == TRANSACTION
    comes = pl.col("type").is_in([TYPES.index("RESTOCK"), TYPES.index("TRANSFER")])
    return (
        stock.with_columns(available=pl.col("on_hand") - pl.col("reserved"))
        .with_columns(
            change=change("available"),
            is_arrival=(is_transaction & comes & (change("on_hand") > 0)).fill_null(False),
            is_without_effect=is_transaction
            & (change("on_hand") == 0) & (change("reserved") == 0) & (change("inbound") == 0),
        )
        .select(list(LEDGER_SCHEMA))
        .cast(pl.Schema(LEDGER_SCHEMA))
    )  # fmt: skip


def kind_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """What an event of a ledger is, (kind, status): a transaction's type and status, LEVEL or DELETED."""
    if row["rank"] != TRANSACTION:
        return ("LEVEL" if row["rank"] == 0 else "DELETED"), ""
    return TYPES[row["type"]], STATUSES[row["status"]]


def until(ledger: pl.DataFrame, moment: int) -> pl.DataFrame:
    """What had happened by a moment."""
    return ledger.filter(pl.col("at") <= moment)


def stock_after(ledger: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """By key, the row of its last event: how it stands after all of these."""
    return {row["key"]: row for row in ledger.group_by("key", maintain_order=True).last().iter_rows(named=True)}


def together(ledger: pl.DataFrame) -> list[tuple[int, int]]:
    """(at, available) of all the keys' stock together, right after each moment at which it changed."""
    changes = ledger.sort("at", maintain_order=True).select(
        "at", pl.when("is_active").then("available").otherwise(0).alias("counted"), "key"
    )
    moved = changes.with_columns(
        moved=pl.col("counted") - pl.col("counted").shift(1).over("key").fill_null(0)
    ).with_columns(total=pl.col("moved").cum_sum())
    return moved.group_by("at", maintain_order=True).agg(pl.col("total").last()).rows()  # type: ignore[return-value]


def sold_by_week(ledger: pl.DataFrame, first: int, last: int) -> list[tuple[int, int]]:
    """(the Monday a week begins on, units of completed orders) of every week from one moment to another."""
    begin, end = _monday(first), _monday(last)
    sold = ledger.filter(pl.col("at") >= begin, pl.col("at") <= last).group_by(
        ((pl.col("at") - _MONDAY_US) // WEEK_US * WEEK_US + _MONDAY_US).alias("week")
    )
    found: dict[int, int] = dict(sold.agg(pl.col("sold").sum()).iter_rows())
    return [(week, found.get(week, 0)) for week in range(begin, end + 1, WEEK_US)]


def _monday(moment: int) -> int:
    return (moment - _MONDAY_US) // WEEK_US * WEEK_US + _MONDAY_US


class LimitStep(NamedTuple):
    """Limits in units from a moment on; None is none. `by` names the rule."""

    at: int
    low: int | None
    reorder: int | None
    low_days: float | None = None
    reorder_days: float | None = None
    by: tuple[str | None, str | None, str | None] = (None, None, None)


def limit_steps(rows: Sequence[Mapping[str, Any]], ledger: pl.DataFrame) -> list[LimitStep]:
    """The limits of a shelf as steps in event time.

    Limits belong to versions, whose time is the machine's. One that a rule's change brought counts from the rule's
    own time; any other from the newest event of the shelf that its version knew. The first holds since ever.

    Args:
        rows: Of one shelf, by version: limits, `version`, `changed_at` (microseconds) of the rule whose change it is.
        ledger: Of the same shelf.
    """
    known = ledger.select("version", "at").sort("version").with_columns(pl.col("at").cum_max())
    versions, times = known["version"], known["at"]
    steps: list[LimitStep] = []
    for row in rows:
        place = int(versions.search_sorted(row["version"], side="right"))
        newest = times[place - 1] if place else 0
        at = row["changed_at"] if row["changed_at"] is not None else newest
        enabled = row["is_enabled"] is not False
        step = LimitStep(
            max(at, steps[-1].at if steps else 0) if steps else 0,
            row["min_threshold_qty"] if enabled else None, row["reorder_threshold_qty"] if enabled else None,
            row["min_threshold_days"] if enabled else None, row["reorder_threshold_days"] if enabled else None,
            (row["rule_level_type"], row["rule_level_id"], row["rule_warehouse_id"]),
        )  # fmt: skip
        if steps and steps[-1][1:] == step[1:]:
            continue
        if steps and steps[-1].at == step.at:
            steps.pop()
        steps.append(step)
    return steps


def limits_at(steps: Sequence[LimitStep], moment: int) -> LimitStep | None:
    """The limits of a moment; None where none are known."""
    return next((step for step in reversed(steps) if step.at <= moment), None)
