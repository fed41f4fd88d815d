"""The plan tried on the invoices of a real year: does it hold less, or sell more, than ordering up to a level?

Belongs here: what the file lacks and is made up, which README.md lists. The sums are
`domain.backtest`'s, those of `inventory plan backtest`.

    python -m examples.online_retail.plan_backtest online_retail.parquet --days 60
"""

import argparse
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from examples.online_retail.convert import is_product, stock_fact
from inventory_assets.backtest.plans import Trial, compare, figures
from inventory_assets.domain.backtest.past import Window, past_of
from inventory_assets.domain.backtest.supply import Terms, set_scene
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.stock.history import HISTORY_SCHEMA, LEVEL, STATUSES, TRANSACTION, TYPES, run_stock
from inventory_assets.domain.values import DAY_US

EPOCH = date(1970, 1, 1)
LAST_DAY = date(2011, 12, 9)
"""The file's last, which ends at noon."""
OPENING_DAYS, LEAST_DAYS, MOST_DAYS = 28, 3, 14
"""Made up: every shelf begins with four weeks of sales, and suppliers take 3 to 14 days."""


def read_events(parquet: Path, window: Window) -> tuple[pl.DataFrame, list[str]]:
    """The file's lines as a history.

    Returns:
        (events, skus): `HISTORY_SCHEMA`, and what each key number stands for.
    """
    lines = pl.read_parquet(parquet, columns=["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice"])
    facts = [
        stock_fact(invoice, quantity, price) if is_product(code) else None
        for invoice, code, quantity, price in lines.select(
            "InvoiceNo", "StockCode", "Quantity", "UnitPrice"
        ).iter_rows()
    ]
    begins = window.first_day * DAY_US
    moves = (
        lines.select(sku="StockCode", at=pl.col("InvoiceDate").dt.epoch("us"))
        .with_columns(
            type=pl.Series([None if fact is None else TYPES.index(fact.transaction_type) for fact in facts]),
            quantity=pl.Series([None if fact is None else fact.quantity for fact in facts]),
            rank=pl.lit(TRANSACTION),
        )
        .with_row_index("entity")
        .filter(pl.col("type").is_not_null() & (pl.col("at") < begins + window.days * DAY_US))
        # What is first sold in the window has no month before it to take an opening from.
        .filter(pl.col("at").min().over("sku") < begins)
    )
    skus = moves["sku"].unique().sort().to_list()
    # The stock of the year is not known, so every day of it counts as one with stock.
    levels = moves.group_by("sku").agg(at=pl.col("at").min() - DAY_US).with_columns(
        on_hand=pl.lit(10**9), rank=pl.lit(LEVEL)
    )  # fmt: skip
    return _as_history(pl.concat([moves, levels], how="diagonal_relaxed"), skus), skus


def _as_history(rows: pl.DataFrame, skus: list[str]) -> pl.DataFrame:
    found = rows.join(pl.DataFrame({"sku": skus}).with_row_index("key"), on="sku").with_columns(
        status=pl.when(pl.col("rank") == TRANSACTION).then(STATUSES.index("COMPLETED")),
        instant=pl.col("at"), source_epoch=pl.lit(0), increment=pl.lit(0), has_cluster_time=pl.lit(False),
        is_receiver=pl.lit(False), version=pl.lit(1), source=pl.lit(""), event_id=pl.col("entity").cast(pl.String),
    )  # fmt: skip
    columns = [
        (pl.col(name) if name in found.columns else pl.lit(None).alias(name)).cast(kind)
        for name, kind in HISTORY_SCHEMA.items()
    ]
    return found.select(columns).sort("key", "instant", "rank", "entity")


def make_terms(parquet: Path, skus: list[str]) -> Terms:
    """Lead times by the hash of the SKU, prices of the file; the limits a planner sets for 95 % of the time."""
    prices = dict(
        pl.read_parquet(parquet, columns=["StockCode", "UnitPrice"]).filter(pl.col("UnitPrice") > 0)
        .group_by("StockCode").agg(pl.col("UnitPrice").median()).iter_rows()
    )  # fmt: skip
    spread = MOST_DAYS - LEAST_DAYS + 1
    lead = [LEAST_DAYS + int(sha256(sku.encode()).hexdigest(), 16) % spread for sku in skus]
    unset = np.full(len(skus), np.nan)
    return Terms(
        sku=np.arange(len(skus)), warehouse=np.zeros(len(skus), dtype=np.int64), lead_time_days=np.array(lead),
        order_up_to=unset, unit_price=np.array([prices.get(sku, np.nan) for sku in skus]), pack_multiple=unset,
        min_order_qty=unset, min_qty=unset, reorder_qty=unset, min_days=unset, reorder_days=unset,
        is_enabled=np.ones(len(skus), dtype=bool), service_level=np.full(len(skus), 0.95), floor_qty=unset,
        ceiling_qty=unset, is_embedded=np.zeros(len(skus), dtype=bool), has_supplier=np.ones(len(skus), dtype=bool),
    )  # fmt: skip


def try_on(parquet: Path, days: int) -> list[dict[str, Any]]:
    """The figures of the plan and of order-up-to; what happened is not known, as the file has no restocks."""
    settings = PlanSettings()
    window = Window((LAST_DAY - EPOCH).days - days, days, settings.review_days)
    events, skus = read_events(parquet, window)
    past, coming = past_of(events, run_stock(events), window)
    keys = np.flatnonzero(past.is_known[:, WINDOW_DAYS:].any(axis=1))
    past.on_hand[:, 0] = past.sold[:, WINDOW_DAYS - OPENING_DAYS : WINDOW_DAYS].sum(axis=1)
    terms = make_terms(parquet, skus)
    scene = set_scene(window, past.take(keys), Terms(*(each[keys] for each in terms)), coming)
    outcomes, placed = compare(scene, settings)
    shelves = pl.DataFrame(
        {"warehouse_id": "WH-UK", "sku": [skus[key] for key in keys.tolist()], "unit_price": terms.unit_price[keys]}
    )
    shelves = shelves.with_columns(warehouse_id=pl.lit("WH-UK"), is_chosen=pl.lit(True))
    return figures(Trial(window, shelves, outcomes, placed, scene.unseen.sum(axis=1), 0, EPOCH))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.online_retail.plan_backtest")
    parser.add_argument("parquet", type=Path)
    parser.add_argument("--days", type=int, default=60, help="how many of the last days are tried (default 60)")
    chosen = parser.parse_args(arguments)
    if not chosen.parquet.is_file():
        parser.error(f"{chosen.parquet} is no file; expected online_retail.parquet, see README.md")
    if not 1 <= chosen.days <= 280:
        parser.error(f"--days was {chosen.days}; expected 1 to 280, as a forecast takes the 84 days before")
    pl.DataFrame(try_on(chosen.parquet, chosen.days)).write_csv(sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
