"""Make the plan of a day and keep the lines that changed, in `out.plans` (RULES 42)."""

import json
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.outbox.reorders import is_recommended
from inventory_assets.domain.replenish.decisions import LINE_PREFIX, make_line_id
from inventory_assets.domain.replenish.plan import REASONS, Plan, Unknown, make_plan
from inventory_assets.domain.replenish.projection import NEVER
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.season import TWO_YEARS
from inventory_assets.domain.thresholds.forecast import MODELS
from inventory_assets.ingest.burst_rows import OWED, append_owed
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.lake.query.rows import current_rows
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import PLANS
from inventory_assets.lake.transaction import LakeTransaction
from inventory_assets.replenish.read import Read, read_shelves
from inventory_assets.settings import Settings

SAYS = [name for name in PLANS.columns if name not in ("as_of_version", "version")]
"""What a line says: its columns but for those of which version it was made, and in which."""
_FLAGS = {
    flags: ",".join(flag.name.lower() for flag in Unknown(flags) if flag.name) for flags in range(2 * max(Unknown))
}
_SINCE_METHOD = ("is_order_urgent", "overdue", "overdue_since", "order_without_overdue", "arrives_on", "arriving",
                 "waiting_risk_percent")  # fmt: skip
"""What a line made without a method does not say."""
_AS_READ = ("warehouse_id", "sku", "supplier_id", "category_id", "available", "inbound", "pack_multiple",
            "min_order_qty", "order_up_to", "lead_time_days")  # fmt: skip


def settings_of(settings: Settings) -> PlanSettings:
    """How plans are made here."""
    return PlanSettings(
        settings.plan_review_days, settings.plan_service_level, settings.plan_least_transfer,
        TWO_YEARS if settings.plan_yearly_season else None,
    )  # fmt: skip


def plan_lines(
    reader: Reader, version: int, plan_date: date, settings: PlanSettings, *, skus: Collection[str] | None = None
) -> pl.DataFrame:
    """The plan's lines as rows of out.plans, by (sku, warehouse_id).

    Args:
        reader: Shows the version.
        version: Which.
        plan_date: As of when.
        settings: How.
        skus: Of these only: the same rows that the whole plan has.
    """
    read = read_shelves(reader, version, plan_date, skus=skus)
    return frame_lines(read, make_plan(read.shelves, plan_date, settings), version, plan_date, settings)


def refresh_plan(
    engine: Engine, reader: LakeReader, plan_date: date, settings: PlanSettings, *, run_id: str = ""
) -> list[Commit]:
    """Make the plan of a day from what the lake has now, and commit the lines that say something new.

    A line is of its day, and so is its id: another day's are all new (RULES 42).
    Made again on one day, only what changed is written, so a plan made twice of
    one version, date and settings is one commit.

    What asks for an order before the next review is owed to reorder-events with it, once a line.

    Args:
        engine: Where to commit.
        reader: Where to read, so that the writer is not held up; it is pinned to the newest version.
        plan_date: As of when.
        settings: How.
        run_id: For `meta.versions`.

    Returns:
        One commit, or none where no line changed.
    """
    version = pin_version(reader.connection, None)
    now = plan_lines(reader, version, plan_date, settings)
    before = current_rows(reader, PLANS).filter(pl.col("line_id").is_not_null())
    key = list(PLANS.key)
    same = before.select(SAYS).cast(dict(now.select(SAYS).schema))  # type: ignore[arg-type]
    changed = now.join(same, on=SAYS, how="anti", nulls_equal=True)
    gone = before.join(now, on=key, how="anti").select(key)
    rows = pl.concat([changed, PLANS.frame(**{name: gone[name] for name in key})])
    if not rows.height:
        return []
    owed = [] if engine.is_past else _new_recommendations(reader, changed, plan_date)
    lines = rows.select(*key, "plan_date", "order_quantity").iter_rows()
    inputs = BurstInputs(plan_date=plan_date.isoformat(), plan_lines=tuple(lines))

    def write(transaction: LakeTransaction) -> None:
        transaction.append(PLANS, rows)
        append_owed(transaction, owed, Topic.REORDERS)

    return engine.commit_burst([], inputs=inputs, stage=Stage.PLANS, run_id=run_id, also=write)


def _new_recommendations(reader: Reader, lines: pl.DataFrame, plan_date: date) -> list[str]:
    """The ids of lines that ask for an order now, each once; none of a day that a later plan has come after."""
    asking = {line["line_id"] for line in lines.iter_rows(named=True) if is_recommended(line)}
    if not asking:
        return []
    day = make_line_id(plan_date, "", "").removesuffix("--")
    known = reader.query(
        f"SELECT subject_id FROM out.deliveries WHERE channel = ? AND status = '{OWED}' "
        f"AND starts_with(subject_id, '{LINE_PREFIX}') AND subject_id >= ?",
        [Topic.REORDERS, day],
    )["subject_id"].to_list()
    is_overtaken = any(not each.startswith(day) for each in known)
    return [] if is_overtaken else sorted(asking.difference(known))


def frame_lines(read: Read, plan: Plan, version: int, plan_date: date, settings: PlanSettings) -> pl.DataFrame:
    """A plan's lines as rows of out.plans, in the order of what was read."""
    rows, shelves, lines = read.rows, read.shelves, plan.lines
    known = shelves.forecasts
    is_blind = ~np.isnan(lines.seen_by_limit)
    whole = {
        "announced": shelves.announced, "accepted": shelves.accepted, "lapsed": shelves.lapsed,
        "transferred_in": lines.taken, "transferred_out": lines.given, "needed": lines.needed, "target": lines.target,
        "order_quantity": lines.order_quantity, "risk_percent": lines.risk_percent, "projected": lines.projected,
        "projected_low": lines.projected_low, "projected_high": lines.projected_high,
        "safety_stock": lines.safety_stock, "horizon_days": lines.horizon_days, "seen_by_limit": lines.seen_by_limit,
        "overdue": lines.overdue, "order_without_overdue": lines.order_without_overdue, "arriving": lines.arriving,
        "waiting_risk_percent": lines.waiting_risk_percent,
    }  # fmt: skip
    numbers = {
        "revenue_at_risk": lines.revenue_at_risk, "demand": lines.forecast,
        "daily_units": np.where(known.is_known, known.daily, np.nan),
        "daily_deviation": np.where(known.is_known, known.deviation, np.nan),
        "season_factor": lines.season_factor,
        "service_level": np.where(np.isnan(shelves.service_level), settings.service_level, shelves.service_level),
    }  # fmt: skip
    found = PLANS.frame(
        **{name: rows[name] for name in _AS_READ},
        **{name: _whole(values) for name, values in whole.items()},
        **{name: pl.Series(values, nan_to_null=True) for name, values in numbers.items()},
        # As `make_line_id` builds one, all at once: a date is slow to write.
        line_id=make_line_id(plan_date, "", "").removesuffix("-") + rows["warehouse_id"] + "-" + rows["sku"],
        runs_out_on=_day(lines.runs_out, plan_date),
        order_by=_day(lines.order_by, plan_date),
        reason=REASONS[lines.reason],
        is_urgent=lines.is_urgent,
        is_order_urgent=lines.is_order_urgent,
        overdue_since=_day(lines.overdue_since, plan_date),
        arrives_on=_day(lines.arrives, plan_date),
        not_known=[_FLAGS[flags] or None for flags in lines.unknown.tolist()],
        transfers=_transfers(rows, plan),
        model=_where(known.is_known, MODELS[known.model].tolist()),
        rule=_where(is_blind, rows["rule"].to_list()),
        season_of=_where(~np.isnan(lines.season_factor), read.season_of),
    ).with_columns(
        plan_date=pl.lit(plan_date), as_of_version=pl.lit(version, pl.Int64),
        review_days=pl.lit(settings.review_days, pl.Int64), least_transfer=pl.lit(settings.least_transfer, pl.Int64),
        default_service_level=pl.lit(settings.service_level, pl.Float64),
        season_method=pl.lit(settings.season_method, pl.String), method=pl.lit(settings.method, pl.Int64),
    )  # fmt: skip
    if settings.method is not None:
        return found
    return found.with_columns(pl.lit(None, PLANS.types[name]).alias(name) for name in _SINCE_METHOD)


def _where(holds: np.ndarray, names: Sequence[str | None]) -> list[str | None]:
    return [name if has else None for name, has in zip(names, holds.tolist(), strict=True)]


def _whole(values: np.ndarray) -> pl.Series:
    # What no integer holds is beyond all stock there is.
    return pl.Series(values.astype(np.float64), nan_to_null=True).cast(pl.Int64, strict=False)


def _day(days: np.ndarray, plan_date: date) -> pl.Series:
    found = pl.Series(np.where(days == NEVER, np.nan, days), nan_to_null=True).cast(pl.Int64, strict=False)
    return (found + (plan_date - date(1970, 1, 1)).days).cast(pl.Int32).cast(pl.Date)


def _transfers(rows: pl.DataFrame, plan: Plan) -> list[str | None]:
    """Of each line the transfers to and from it, as JSON; null for none."""
    warehouses, available = rows["warehouse_id"].to_list(), rows["available"].to_list()
    found: dict[int, list[dict[str, Any]]] = {}
    for giver, taker, quantity, keeps in plan.transfers:
        left = available[giver] - int(plan.lines.given[giver])
        move = {
            "from": warehouses[giver], "to": warehouses[taker], "quantity": quantity, "leaves": left, "keeps": keeps
        }  # fmt: skip
        found.setdefault(giver, []).append(move)
        found.setdefault(taker, []).append(move)
    return [
        json.dumps(found[row], ensure_ascii=False, separators=(",", ":")) if row in found else None
        for row in range(rows.height)
    ]
