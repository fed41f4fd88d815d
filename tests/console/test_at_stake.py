"""What is at stake with an alert: worked out by hand, and the same from the picture as from the lake, in each order."""

import csv
import io
from datetime import date
from types import SimpleNamespace

import pytest

from inventory_assets.console import questions
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.queries.at_stake import FIELDS, cover_days
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from tests.builders import transaction
from tests.console.planner import fill
from tests.console.test_pictured import within
from tests.replenish.shop import DAY, plan, take, trade

# Ten of each are sold a day. Nothing is left of the first, and 40 are late; nor of the second. Of the third no price
# is known; of the last nobody ever sold one.
LATE, EMPTY, UNPRICED, UNSOLD = "S6", "S4", "S8", "=S7"


@pytest.fixture
def shop(open_filled):
    return open_filled(_trade)


def _trade(engine):
    fill(engine)
    mug = Product(sku=LATE, product_name="=Mug", supplier_id="ACME", lead_time_days=6, unit_price=2.0)
    import_products(engine, [mug, Product(sku=UNPRICED, lead_time_days=3)])
    take(
        engine, *trade(LATE, 0), *trade(UNPRICED, 8), *trade(UNSOLD, 2, sold=(0,)),
        transaction("R1", "RESTOCK", 40, "2022-05-01T08:00:00Z", status="PENDING", sku=LATE),
    )  # fmt: skip
    refresh_velocity(engine, DAY)
    plan(engine)
    engine.land()


def test_each_number_is_that_of_the_shelf(settings, shop):
    rows, _ = questions.list_alerts({}, 100)(LakeReader(settings))

    found = {row["sku"]: SimpleNamespace(**row) for row in rows}

    assert {LATE, EMPTY, UNPRICED, UNSOLD} == set(found)
    # Until an order placed now arrives: 6 days at 10 a day and 2 each; 4 days at 5 each.
    assert (0.0, 120.0, 6) == (found[LATE].cover_days, found[LATE].revenue_at_risk, found[LATE].lead_time_days)
    assert (0.0, 200.0, 4) == (found[EMPTY].cover_days, found[EMPTY].revenue_at_risk, found[EMPTY].lead_time_days)
    assert (40, 40, date(2022, 5, 7)) == (found[LATE].inbound_now, found[LATE].overdue, found[LATE].overdue_since)
    assert (0.8, None) == (found[UNPRICED].cover_days, found[UNPRICED].revenue_at_risk)
    assert (None, None) == (found[UNSOLD].cover_days, found[UNSOLD].revenue_at_risk)


@pytest.mark.parametrize(
    ("sort", "first"), [("risk", [EMPTY, LATE]), ("cover", [EMPTY, LATE, UNPRICED, UNSOLD]), ("worst", [EMPTY])]
)
def test_the_picture_has_them_as_the_lake_and_in_its_order(settings, shop, sort, first):
    async def what(pictured, picture, door):
        picture = await pictured.picture_of_alerts()
        alerts = pictured.worst_alerts(picture, {"sort": sort})
        return await pictured.list_alerts(picture, alerts), pictured.alert_rows(picture, alerts)

    rows, bare = within(settings, what)
    reader = LakeReader(settings)
    of_lake, _ = questions.list_alerts({"sort": sort}, 100)(reader)

    assert first == [row["sku"] for row in rows][: len(first)]
    kept = [[(row["sku"], *(row[name] for name in FIELDS)) for row in each] for each in (rows, bare, of_lake)]
    assert kept[0] == kept[1] == kept[2]
    whole = questions.list_all_alerts({"sort": sort})(reader)
    assert kept[0] == [(row["sku"], *(row[name] for name in FIELDS)) for row in whole]


def test_all_are_a_file_in_the_order_of_the_page(shop, console):
    file = console.get("/alerts.csv?sort=risk&warehouse=W1")

    rows = list(csv.DictReader(io.StringIO(file.text, newline="")))
    assert [EMPTY, LATE] == [row["sku"] for row in rows][:2]
    assert ("200.0", "'=Mug", "2022-05-07") == (
        rows[0]["revenue_at_risk"], rows[1]["product_name"], rows[1]["overdue_since"],
    )  # fmt: skip
    assert "'=S7" in {row["sku"] for row in rows}
    assert "attachment" in file.headers["content-disposition"]
    assert 400 == console.get("/alerts.csv?sort=nothing").status
    page = console.get("/alerts?sort=risk").text
    assert "/alerts.csv?sort=risk" in page and page.index("Vase") < page.index("=Mug")


@pytest.mark.parametrize(
    ("available", "daily", "days"), [(5, 10.0, 0.5), (-5, 10.0, -0.5), (5, 0.0, None), (5, None, None)]
)
def test_cover_is_known_where_something_is_sold(available, daily, days):
    assert days == cover_days(available, daily)
