"""What is said of a season of the year: what it is of, or why there is none."""

from datetime import date

import pytest

from inventory_assets.words.plan import demand_text, season_text

MADE = {
    "season_method": "two_years", "season_of": "DEPARTMENT TOYS", "season_factor": 1.5, "horizon_days": 12,
    "daily_units": 7.1, "daily_deviation": 1.4, "model": "seasonal_mean",
}  # fmt: skip
NONE = MADE | {"season_of": None, "season_factor": None}
FOUND = {"as_of_date": date(2026, 11, 30), "units": 12_345, "agreement": 0.834, "weight": 0.91}


@pytest.mark.parametrize(
    ("line", "season", "days", "said"),
    [
        (MADE, FOUND, 800, "yearly season from 12,345 sold in 104 weeks: the two years before 2026-11-30 agree by 0.83, "
                           "so 91 % of it counts"),
        (NONE, None, 729, "no yearly season: 729 of 730 days of history"),
        (NONE, None, 730, "no yearly season: none was measured of its sales; inventory coverage --refresh does"),
        (NONE | {"season_method": None}, FOUND, 800, "no yearly season: the line was made without one, of 84 days"),
        (NONE, FOUND | {"agreement": 0.2, "weight": 0.0}, 800,
         "no yearly season: the two years before 2026-11-30 agree by 0.20, which may be chance"),
        (NONE, FOUND | {"agreement": None, "weight": 0.0}, 800,
         "no yearly season: the two years before 2026-11-30 agree not at all, which may be chance"),
        (NONE | {"daily_units": None}, FOUND, 800, "no yearly season: no forecast to lift"),
        (NONE, FOUND, 800, "no yearly season: it was measured as of 2026-11-30; inventory coverage --refresh does so anew"),
    ],
)  # fmt: skip
def test_a_season_says_what_it_is_of_or_why_there_is_none(line, season, days, said):
    assert said == season_text(line, season, days)


def test_demand_is_said_with_what_lifts_it():
    assert demand_text(NONE) == "7.1 a day, deviation 1.4 (seasonal mean)"
    assert demand_text(MADE) == demand_text(NONE) + "; × 1.50 over 12 days for the season of department TOYS"
