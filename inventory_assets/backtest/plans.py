"""Try the plan on the lake's history: what it would have ordered, moved, held and lost. Reads only."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from inventory_assets.backtest.run import NoHistoryError, present_rules
from inventory_assets.domain.backtest.past import Coming, Past, Window, past_of
from inventory_assets.domain.backtest.policies import order_up_to_policy, plan_policy
from inventory_assets.domain.backtest.replay import KeyLimits, resolve_keys
from inventory_assets.domain.backtest.supply import Outcome, Placed, Scene, Terms, run_policy, set_scene, what_happened
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.stock.history import run_stock
from inventory_assets.domain.thresholds.resolve import StoredRule, ThresholdDefaults
from inventory_assets.domain.values import DAY_US
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.queries.history import KEYS, last_event_at, read_histories, read_keys

PLAN, URGENT, ORDER_UP_TO, HISTORY = "plan", "plan_urgent", "order_up_to", "history"
_EPOCH = date(1970, 1, 1)
_SHELVES = f"""
    SELECT k.key, k.warehouse_id, k.sku, k.category_id, p.supplier_id, p.lead_time_days, p.order_up_to, p.unit_price,
        p.pack_multiple, p.min_order_qty
    FROM ({KEYS}) k LEFT JOIN {USABLE_PRODUCTS} p USING (sku) ORDER BY k.key
"""


class Chosen(NamedTuple):
    """Which shelves count in the figures; null is all. All shelves of their SKUs are tried: goods move between them."""

    warehouse_id: str | None = None
    category_id: str | None = None
    supplier_id: str | None = None


ALL_SHELVES = Chosen()


class Trial(NamedTuple):
    """A back-test of the plan.

    `shelves` names the rows of all else: warehouse_id, sku, unit_price, is_chosen.
    `left_out`: chosen shelves with history, but without a lead time. `unseen`: of
    the demand of each, the units that nobody saw asked for. `first_known`: the
    first day that says anything.
    """

    window: Window
    shelves: pl.DataFrame
    outcomes: dict[str, Outcome]
    placed: dict[str, Placed]
    unseen: np.ndarray
    left_out: int
    first_known: date

    @property
    def span(self) -> tuple[date, date]:
        """The first and the last day."""
        first = _EPOCH + timedelta(days=self.window.first_day)
        return first, first + timedelta(days=self.window.days - 1)


def try_plan(
    reader: Reader, settings: PlanSettings, defaults: ThresholdDefaults, *, days: int, until: date | None = None,
    chosen: Chosen = ALL_SHELVES, on_progress: Callable[[str], None] = lambda _: None,
) -> Trial:  # fmt: skip
    """Fill the shelves by the plan and by the rules over days that are past, and compare with what happened.

    Rules, product data and hierarchy are those of now, as in the back-test of
    rules; all else is as it was known on the morning of each day.

    Args:
        reader: The lake.
        settings: How plans are made.
        defaults: The system's thresholds.
        days: The length of the window.
        until: The day after its last; default: the day of the latest event, which may not be over.
        chosen: What counts.
        on_progress: Called with what is being done.

    Raises:
        NoHistoryError: There is no event, no shelf with a lead time, or none that was known in the window.
    """
    latest = last_event_at(reader)
    if latest is None:
        raise NoHistoryError("the lake has no stock event yet. Publish messages and run `inventory drain`.")
    end = latest // DAY_US if until is None else (until - _EPOCH).days
    window = Window(end - days, days, settings.review_days)
    shelves = _read_shelves(reader, chosen)
    if not shelves["is_chosen"].any():
        raise NoHistoryError(f"no shelf is of {_named(chosen)}. See what is: inventory sql \"SELECT DISTINCT "
                             'warehouse_id, category_id FROM core.sku_state"')  # fmt: skip
    on_progress("reading")
    past, coming = _read_past(reader, window, shelves)
    lacking = shelves.filter(pl.col("is_chosen") & pl.col("lead_time_days").is_null())["key"].to_numpy()
    left_out = int(np.isin(past.key, lacking).sum())
    past = past.take(np.flatnonzero(~np.isin(past.key, shelves.filter(pl.col("lead_time_days").is_null())["key"])))
    rows = shelves[past.key.tolist()]
    _check(rows, left_out, window, days)
    terms = _read_terms(reader, rows, defaults)
    scene = set_scene(window, past, terms, coming)
    outcomes, placed = compare(scene, settings, on_progress)
    outcomes[HISTORY] = what_happened(scene)
    first = int(past.is_known.any(axis=0).argmax()) - WINDOW_DAYS + window.first_day
    return Trial(
        window, rows.select("warehouse_id", "sku", "unit_price", "is_chosen"), outcomes, placed,
        scene.unseen.sum(axis=1), left_out, _EPOCH + timedelta(days=first),
    )  # fmt: skip


def compare(
    scene: Scene, settings: PlanSettings, on_progress: Callable[[str], None] = lambda _: None
) -> tuple[dict[str, Outcome], dict[str, Placed]]:
    """Let the plan and the rules fill the same shelves: what came of each, and what each placed."""
    outcomes, placed = {}, {}
    for name, policy in (
        (PLAN, plan_policy(scene.terms, scene.window, settings)),
        (URGENT, plan_policy(scene.terms, scene.window, settings, is_urgent_only=True)),
        (ORDER_UP_TO, order_up_to_policy(scene.terms, scene.window)),
    ):
        on_progress(name.replace("_", "-"))
        outcomes[name], placed[name] = run_policy(scene, policy)
    return outcomes, placed


def _named(chosen: Chosen) -> str:
    given = {"warehouse": chosen.warehouse_id, "category": chosen.category_id, "supplier": chosen.supplier_id}
    return " and ".join(f"{name} {value!r}" for name, value in given.items() if value is not None) or "this lake"


def _check(rows: pl.DataFrame, left_out: int, window: Window, days: int) -> None:
    if rows["is_chosen"].any():
        return
    if left_out:
        raise NoHistoryError(
            f"none of the {left_out:,} shelves has a lead time, so nobody knows when an order would have come. "
            "Give them theirs: inventory products import FILE"
        )
    first = _EPOCH + timedelta(days=window.first_day)
    raise NoHistoryError(
        f"no shelf was known in the {days:,} days from {first}. Choose days that the history has: --days, --until"
    )


def _read_shelves(reader: Reader, chosen: Chosen) -> pl.DataFrame:
    shelves = reader.query(_SHELVES)
    conditions = [pl.col(name) == value for name, value in chosen._asdict().items() if value is not None]
    is_chosen = pl.all_horizontal(conditions).fill_null(False) if conditions else pl.lit(True)
    return shelves.with_columns(is_chosen=is_chosen)


def _read_past(reader: Reader, window: Window, shelves: pl.DataFrame) -> tuple[Past, Coming]:
    """The past of all shelves of SKUs that are chosen."""
    wanted = np.array(shelves.select(pl.col("is_chosen").any().over("sku")).to_series().to_list(), dtype=bool)
    parts, coming = [], []
    for events in read_histories(reader, (window.first_day + window.days) * DAY_US - 1):
        own = events.filter(pl.Series(wanted[events["key"].to_numpy()]))
        if own.height:
            past, on_its_way = past_of(own, run_stock(own), window)
            parts.append(past.take(np.flatnonzero(past.is_known[:, WINDOW_DAYS:].any(axis=1))))
            coming.append(on_its_way)
    if not parts:
        first = _EPOCH + timedelta(days=window.first_day + window.days)
        raise NoHistoryError(f"there is no stock event before {first}. Choose days that the history has: --until")
    return (
        Past(*(np.concatenate(each) for each in zip(*parts, strict=True))),
        Coming(*(np.concatenate(each) for each in zip(*coming, strict=True))),
    )


def _read_terms(reader: Reader, rows: pl.DataFrame, defaults: ThresholdDefaults) -> Terms:
    rules = present_rules(reader)
    keys, parents = read_keys(reader)
    places = rows["key"].to_list()
    limits = resolve_keys([keys[place] for place in places], [parents[place] for place in places], rules, defaults)
    numbers = _rule_numbers(limits, rules, defaults)
    return Terms(
        sku=rows["sku"].rank("dense").to_numpy(),
        warehouse=rows["warehouse_id"].rank("dense").to_numpy(),
        lead_time_days=rows["lead_time_days"].cast(pl.Int64).to_numpy(),
        **{
            name: rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            for name in ("order_up_to", "unit_price", "pack_multiple", "min_order_qty")
        },
        **{name: numbers[:, column] for column, name in enumerate(_RULE_NUMBERS)},
        is_enabled=np.array([each.is_enabled for each in limits.table] + [True])[limits.places],
        is_embedded=limits.places < 0,
        has_supplier=rows["supplier_id"].is_not_null().to_numpy(),
    )


_RULE_NUMBERS = ("min_qty", "reorder_qty", "min_days", "reorder_days", "service_level", "floor_qty", "ceiling_qty")


def _rule_numbers(limits: KeyLimits, rules: dict, defaults: ThresholdDefaults) -> np.ndarray:
    """What each shelf's rule says itself, before anything is computed; nan for what it does not set."""
    table = []
    for each in limits.table:
        stored: StoredRule = rules[(each.level_type, each.level_id, each.warehouse_id)]
        rule, dynamic = stored.rule, stored.rule.dynamic
        own = (rule.min_threshold_qty, rule.reorder_threshold_qty, rule.min_threshold_days, rule.reorder_threshold_days)
        computed = (None,) * 3 if dynamic is None else (dynamic.service_level, dynamic.floor_qty, dynamic.ceiling_qty)
        table.append([np.nan if value is None else float(value) for value in (*own, *computed)])
    # Last, so that place -1 is it: no rule holds.
    table.append([float(defaults.min_qty), float(defaults.reorder_qty), *[np.nan] * 5])
    return np.array(table)[limits.places]


COLUMNS = (
    "policy", "asked", "sold", "lost", "service_level", "periods_in_stock", "lost_value", "held_units", "held_value",
    "orders", "ordered_units", "transfers", "moved_units",
)  # fmt: skip


def figures(trial: Trial) -> list[dict[str, Any]]:
    """A row for the plan, its urgent lines, order-up-to, what happened; null for nothing to divide by, or no price."""
    is_chosen = trial.shelves["is_chosen"].to_numpy()
    price = trial.shelves["unit_price"].cast(pl.Float64).fill_null(np.nan).to_numpy()[is_chosen]
    rows = []
    for name, outcome in trial.outcomes.items():
        own = Outcome(*(values[is_chosen] for values in outcome))
        asked, sold = int(own.demand.sum()), int(own.sold.sum())
        held = own.held / trial.window.days
        periods = int(own.asked_periods.sum())
        figure = (
            name, asked, sold, asked - sold, _share(sold, asked), _share(int(own.kept_periods.sum()), periods),
            _value(own.demand - own.sold, price), round(float(held.sum()), 1), _value(held, price),
            int(own.orders.sum()), int(own.ordered.sum()), int(own.moves.sum()), int(own.moved.sum()),
        )  # fmt: skip
        rows.append(dict(zip(COLUMNS, figure, strict=True)))
    return rows


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _value(units: np.ndarray, price: np.ndarray) -> float | None:
    """At the prices that are known."""
    return None if np.isnan(price).all() else round(float(np.nansum(units * price)), 2)


PLACED_COLUMNS = ("policy", "day", "warehouse_id", "sku", "quantity", "from_warehouse_id")


def list_placed(trial: Trial, *, is_transfers: bool) -> list[dict[str, Any]]:
    """The orders of each policy, or the transfers, by day; those of the chosen shelves."""
    warehouses, skus = (trial.shelves[name].to_list() for name in ("warehouse_id", "sku"))
    is_chosen, first = trial.shelves["is_chosen"].to_list(), trial.span[0]
    return [
        {
            "policy": name, "day": first + timedelta(days=day), "warehouse_id": warehouses[row], "sku": skus[row],
            "quantity": quantity, "from_warehouse_id": warehouses[giver] if giver >= 0 else None,
        }
        for name, placed in trial.placed.items()
        for day, row, giver, quantity in zip(*(each.tolist() for each in placed), strict=True)
        if is_chosen[row] and (giver >= 0) == is_transfers
    ]  # fmt: skip
