"""A season of the year in the lake: measured of two years of sales, in the plan, and derived again (RULES 42)."""

import json
from datetime import date, timedelta

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.products import import_products
from inventory_assets.replenish.explain import explain_line
from inventory_assets.replenish.lines import read_lines
from inventory_assets.replenish.verify import verify_lines
from inventory_assets.words.plan import demand_text, season_text
from tests.builders import level, transaction
from tests.replenish.shop import plan, take

DAY = date(2022, 5, 20)
LINE = "pln-20220520-W1-S1"
OFF = PlanSettings(season_method=None)


def sales(first, *, sku="S1", category="C1", daily=100):
    """As many a day up to the day before `DAY`; three times as many in eight weeks of the year from it on.

    Daily in the twelve weeks that a forecast is of, and before them a week at once, for the fewer messages.
    """
    ago = [number for number in range((DAY - first).days, 0, -1) if number <= 84 or number % 7 == 0]
    units = [daily * (3 if -number % 364 < 56 else 1) * (1 if number <= 84 else 7) for number in ago]
    opened = first - timedelta(days=1)
    found = [level(sum(units) + 51, f"{opened}T07:00:00Z", sku=sku, category_id=category)]
    if first < DAY - timedelta(days=84):
        found.append(transaction(f"{sku}-first", quantity=-1, at=f"{first}T08:00:00Z", sku=sku))
    return found + [
        transaction(f"{sku}-{number}", quantity=-sold, at=f"{DAY - timedelta(days=number)}T09:00:00Z", sku=sku)
        for number, sold in zip(ago, units, strict=True)
    ]


def fill(engine):
    """S1 has sold for two years, S2 for a month; both are of one category. S3 is of another and has a month."""
    import_products(engine, [Product(sku=sku, lead_time_days=5, unit_price=2.0) for sku in ("S1", "S2", "S3")])
    month = DAY - timedelta(days=30)
    take(engine, *sales(DAY - timedelta(days=730)), *sales(month, sku="S2", daily=10),
         *sales(month, sku="S3", category="C3", daily=10))  # fmt: skip


@pytest.fixture
def engine(open_filled):
    return open_filled(fill)


def measure(engine, day=DAY):
    engine.land()
    return refresh_coverage(engine, LakeReader(engine.settings), day)


def lines_of(engine, *skus):
    engine.land()
    return [line for line in read_lines(LakeReader(engine.settings), is_all=True) if line["sku"] in skus]


def seasons(engine):
    engine.land()
    return LakeReader(engine.settings).rows("SELECT * FROM core.seasons")


def test_two_years_of_a_category_lift_the_plan_of_its_shelves_and_no_others(engine):
    """Up to three times as much is ahead as was sold of late; the shelf that has a month of its own has the category's."""
    measure(engine)
    plan(engine)

    [season] = seasons(engine)
    assert ("CATEGORY", "C1", DAY, 728) == (
        season["level_type"], season["level_id"], season["as_of_date"], (DAY - season["first_sale_date"]).days - 2,
    )  # fmt: skip
    assert season["agreement"] > 0.99
    old, new, other = lines_of(engine, "S1", "S2", "S3")
    assert ["CATEGORY C1", "CATEGORY C1", None] == [line["season_of"] for line in (old, new, other)]
    # Weeks are smoothed with their neighbours: the first one sells less than three times as much, the last before more.
    assert (100, 12, pytest.approx(2.6, abs=0.1)) == (old["daily_units"], old["horizon_days"], old["season_factor"])
    # Of its one month the last week is lifted a little already.
    assert (pytest.approx(282, abs=12), 120) == (new["demand"], other["demand"])
    assert "; × 2." in demand_text(old) and "season of category C1" in demand_text(old)


def test_a_line_with_a_season_is_derived_again_from_two_years_of_sales(engine):
    measure(engine)
    plan(engine)
    lines_of(engine)

    assert (3, 1, []) == verify_lines(engine.settings)
    found = explain_line(engine.settings, LINE)
    assert () == found.differences
    assert found.sold is not None
    assert season_text(found.line, found.sold.season, found.sold.history_days).startswith("yearly season from ")

    engine.lake.connection.execute("UPDATE lake.core.seasons_changes SET agreement = 0.5")
    [changed, *_] = verify_lines(engine.settings).differences
    assert (LINE, "the season of CATEGORY C1 is another one by its two years of sales") == (
        changed.line, changed.difference,
    )  # fmt: skip


@pytest.mark.big
def test_lines_made_without_a_season_are_verified_without_one(engine):
    """Those of a release that knew none have no method at all."""
    measure(engine)
    plan(engine, settings=OFF)
    plain = lines_of(engine, "S1", "S2", "S3")
    plan(engine)

    assert [None] * 3 == [line["season_method"] for line in plain]
    assert [1_200, 120, 120] == [line["demand"] for line in plain]
    assert (6, 2, []) == verify_lines(engine.settings, is_past=True)


@pytest.mark.big
def test_a_day_less_than_two_years_is_no_season(open_engine):
    """And every number is as without the method."""
    engine = open_engine()
    import_products(engine, [Product(sku="S1", lead_time_days=5)])
    take(engine, *sales(DAY - timedelta(days=729)))
    measure(engine)
    plan(engine, settings=OFF)
    [plain] = lines_of(engine, "S1")
    plan(engine)
    [line] = lines_of(engine, "S1")

    assert [] == seasons(engine)
    own = ("season_method", "version", "as_of_version")
    assert [value for name, value in plain.items() if name not in own] == [
        value for name, value in line.items() if name not in own
    ]
    found = explain_line(engine.settings, LINE).sold
    assert found is not None
    assert "no yearly season: none was measured of its sales; inventory coverage --refresh does" == season_text(
        line, found.season, found.history_days
    )
    assert "no yearly season: 30 of 730 days of history" == season_text(line, None, 30)


@pytest.mark.big
def test_seasons_are_measured_once_a_week_and_move_on_with_the_days(engine):
    """Four days on the plan's first week is the second one of the season."""
    measure(engine)
    measure(engine, DAY + timedelta(days=6))
    assert [DAY] == [row["as_of_date"] for row in seasons(engine)]

    plan(engine, DAY + timedelta(days=6))
    [line] = lines_of(engine, "S1")
    assert "CATEGORY C1" == line["season_of"]

    measure(engine, DAY + timedelta(days=7))
    assert [DAY + timedelta(days=7)] == [row["as_of_date"] for row in seasons(engine)]


@pytest.mark.parametrize("days", [-1, pytest.param(29, marks=pytest.mark.big)])
def test_a_season_of_later_or_of_long_ago_says_nothing(engine, days):
    """A plan as of a past day must not see what came after it."""
    measure(engine)
    plan(engine, DAY + timedelta(days=days))

    [line] = lines_of(engine, "S1")
    assert line["season_of"] is None


def test_factors_are_of_weeks_from_the_day_on(engine):
    measure(engine)

    [season] = seasons(engine)
    factors = json.loads(season["factors"])
    assert 52 == len(factors)
    assert min(factors[1:7]) > 2.1 > 1 > max(factors[9:51])
