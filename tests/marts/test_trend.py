"""`marts.velocities.trend`: even demand is called even, and a real change is found. The macro alone, without dbt."""

import duckdb
import jinja2
import numpy as np
import polars as pl
import pytest

from inventory_assets.project_files import project_dir

MACROS = project_dir() / "dbt_project" / "macros"
SHELVES, MONTH = 4_000, 28
# `trend_score` of dbt_project.yml.
SCORE = 2


def score(before, now):
    """`change_score` of each row: units of single days, of the month before and of the month."""
    templates = "".join((MACROS / name).read_text() for name in ("arithmetic.sql", "evidence.sql"))
    call = "{{ change_score('units', 'days', 'variance', 'units_before', 'days_before', 'variance_before') }}"
    expression = jinja2.Environment().from_string(templates + call).render().strip()
    frame = pl.DataFrame(
        {
            "units": now.sum(axis=1), "days": [now.shape[1]] * len(now), "variance": now.var(axis=1, ddof=1),
            "units_before": before.sum(axis=1), "days_before": [before.shape[1]] * len(before),
            "variance_before": before.var(axis=1, ddof=1),
        }
    )  # fmt: skip
    connection = duckdb.connect()
    connection.register("frame", frame.to_arrow())
    return pl.DataFrame(connection.sql(f"SELECT {expression} AS score FROM frame"))["score"]


def called(scores):
    """Share of the shelves that are called rising or falling."""
    return (scores.abs() > SCORE).sum() / len(scores)


@pytest.mark.parametrize("daily_units", [0.02, 0.1, 0.5, 2, 10, 100])
def test_flat_poisson_demand_is_called_steady(daily_units):
    """Nine in ten shelves were called rising or falling by a tenth, which noise alone exceeds."""
    rng = np.random.default_rng(7)

    assert called(score(*rng.poisson(daily_units, (2, SHELVES, MONTH)))) <= 0.05


@pytest.mark.parametrize("of_order", [(1, 2, 3), (1, 1, 1, 24)])
def test_orders_of_several_units_and_weekdays_are_chance_too(of_order):
    """A customer who takes two dozen is no trend, nor is a Saturday."""
    rng = np.random.default_rng(8)
    weekdays = np.tile([0.6, 0.8, 0.9, 1.0, 1.2, 1.6, 0.9], MONTH // 7)
    orders = rng.poisson(weekdays, (2, SHELVES, MONTH))
    units = np.vectorize(lambda count: rng.choice(of_order, count).sum(), otypes=[int])(orders)

    assert called(score(*units)) <= 0.055


@pytest.mark.parametrize(("before", "now", "found"), [(2, 4, 0.9), (2, 1, 0.7), (10, 13, 0.8)])
def test_a_real_change_is_found(before, now, found):
    rng = np.random.default_rng(9)
    scores = score(rng.poisson(before, (SHELVES, MONTH)), rng.poisson(now, (SHELVES, MONTH)))

    assert ((scores * np.sign(now - before)) > SCORE).sum() / SHELVES >= found


def test_a_month_of_few_days_counts_by_its_days():
    """Two weeks against four at one rate are no fall."""
    rng = np.random.default_rng(10)

    assert called(score(rng.poisson(3, (SHELVES, MONTH)), rng.poisson(3, (SHELVES, 14)))) <= 0.05


def test_where_nothing_sold_there_is_no_trend():
    nothing = np.zeros((1, MONTH), dtype=int)

    assert [None] == score(nothing, nothing).to_list()
