"""What a season of the year is worth: errors of forecasts with it and without, on sales made up or in a file.

A forecast is the mean of the twelve weeks before, as a plan's; with the season
it is lifted as a plan lifts it. The error is WAPE: the sum of what each was off
by, over the sum of what was sold. No forecast sees a week after it was made.

    python -m benchmarks season
    python -m benchmarks.season weekly.csv      # columns series, week, units; weeks without a gap
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from inventory_assets.domain.stock.season import YEAR_WEEKS, yearly_seasons
from inventory_assets.domain.thresholds.forecast import WINDOW_WEEKS

HORIZONS = (1, 2, 4, 8)
_WEEKS = 2 * YEAR_WEEKS
_TRIED_WEEKS = 16


def run(*, categories: int = 60, skus: int = 20) -> None:
    """Print the errors of forecasts of four weeks, by how much a SKU sells a week and whose season lifts it.

    Args:
        categories, skus: So many, with so many SKUs each; those of a category have one season.
    """
    print(f"\nseason of the year: WAPE of the next four weeks, {categories} categories of {skus} SKUs, made up")
    print("  season  units a week | none   its own  its category's")
    for kind in ("none", "wave", "peak"):
        for rate in (0.3, 1, 3, 10, 50):
            expected, sales = _made_up(kind, rate, categories, skus)
            pools = sales.reshape(categories, skus, -1).sum(axis=1)
            plain, own = errors(sales, sales, 4, expected=expected)
            _, pooled = errors(sales, np.repeat(pools, skus, axis=0), 4, expected=expected)
            print(f"  {kind:<6}  {rate:>12g} | {plain:.3f}  {own:.3f}    {pooled:.3f}")


def errors(
    sales: np.ndarray, pools: np.ndarray, weeks: int, *, expected: np.ndarray | None = None
) -> tuple[float, float]:
    """WAPE without the season and with it, of forecasts made after each week from the third year on.

    Args:
        sales: Units, a series a row and a week a column.
        pools: Of each series the sales that its season is found in.
        weeks: How far ahead.
        expected: What each week's sales are drawn from, where that is known: chance is nobody's error.
    """
    truth = sales if expected is None else expected
    off, lifted_off, total = 0.0, 0.0, 0.0
    for made in range(_WEEKS, sales.shape[1] - weeks + 1):
        factors = yearly_seasons(pools[:, made - _WEEKS : made]).factors
        plain = sales[:, made - WINDOW_WEEKS : made].mean(axis=1) * weeks
        lift = factors[:, :weeks].mean(axis=1) / factors[:, YEAR_WEEKS - WINDOW_WEEKS :].mean(axis=1)
        came = truth[:, made : made + weeks].sum(axis=1)
        off += np.abs(came - plain).sum()
        lifted_off += np.abs(came - plain * lift).sum()
        total += came.sum()
    return off / total, lifted_off / total


def _made_up(kind: str, rate: float, categories: int, skus: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(5)
    weeks = np.arange(_WEEKS + _TRIED_WEEKS)
    begins = chance.uniform(0, YEAR_WEEKS, (categories, 1))
    away = np.abs((weeks - begins + YEAR_WEEKS / 2) % YEAR_WEEKS - YEAR_WEEKS / 2)
    season = {
        "none": np.ones((categories, len(weeks))),
        "wave": 1 + 0.5 * np.cos(2 * np.pi * away / YEAR_WEEKS),
        "peak": 1 + 2 * np.exp(-((away / 2) ** 2)),
    }[kind]
    season /= season[:, :YEAR_WEEKS].mean(axis=1, keepdims=True)
    means = rate * chance.lognormal(0, 0.7, (categories * skus, 1))
    expected = means * np.repeat(season, skus, axis=0)
    # Twice the variance of Poisson's: customers take more than one.
    return expected, chance.poisson(chance.gamma(expected, 1.0)).astype(np.float64)


def try_on(weekly: Path) -> None:
    """Print the errors of a file's series, each its own pool, and of all together."""
    rows = pl.read_csv(weekly, schema_overrides={"series": pl.String, "units": pl.Float64}).sort("series", "week")
    names = rows["series"].unique(maintain_order=True).to_list()
    sales = np.array([rows.filter(pl.col("series") == name)["units"].to_numpy() for name in names])
    print(f"{len(names)} series of {sales.shape[1]} weeks; WAPE without a season → with it")
    for weeks in HORIZONS:
        each = [errors(own[None, :], own[None, :], weeks) for own in sales]
        parts = ", ".join(f"{name} {was:.3f} → {is_:.3f}" for name, (was, is_) in zip(names, each, strict=True))
        was, is_ = errors(sales, sales, weeks)
        print(f"  {weeks} weeks ahead: all {was:.3f} → {is_:.3f}; {parts}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.season")
    parser.add_argument("weekly", type=Path)
    try_on(parser.parse_args().weekly)
