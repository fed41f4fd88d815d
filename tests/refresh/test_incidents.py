"""Incidents in a lake: one per subject, over when it is over, members held and let go, and explained."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.alerts.lifecycle import in_force
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.values import read_time
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.refresh.incidents import StockoutLook, rederive, refresh_incidents
from inventory_assets.refresh.products import import_products
from tests.builders import level, message, messages, rule, transaction
from tests.facts import differences, rows, value

OPEN = "SELECT kind, subject, state, notification_count FROM out.incidents ORDER BY kind, subject, opened_at"
HELD = "SELECT count(*) FROM out.alerts WHERE inhibited_by IS NOT NULL"


def at(time):
    return read_time("time", time)


NOON = at("2022-04-20T12:00:00Z")


@pytest.fixture
def stockouts(open_filled):
    """Four SKUs of one category, three of them out of stock by ten."""
    return open_filled(_run_out)


def _run_out(engine):
    engine.commit_burst(messages(rule(10, 20), *(level(100, "07:00", sku=f"S{n}", category_id="C1") for n in range(4))))
    engine.commit_burst(
        messages(*(transaction(f"O{n}", quantity=-100, at=f"0{7 + n}:30", sku=f"S{n}") for n in range(3)))
    )


def test_a_categorys_stockouts_are_one_incident_that_holds_its_members(stockouts):
    [commit] = refresh_incidents(stockouts, NOON)

    assert rows(stockouts.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "open", 1)]
    assert value(stockouts.lake, HELD) == 3
    assert commit.notifications == []
    assert refresh_incidents(stockouts, NOON) == []
    assert refresh_incidents(stockouts, at("2022-04-20T13:00:00Z")) == []

    # A fourth joins the same incident, and is held from the moment it opens: nobody is told.
    [commit] = stockouts.commit_burst(messages(transaction("O3", quantity=-100, at="12:30", sku="S3")))
    assert commit.notifications == []
    assert value(stockouts.lake, HELD) == 4
    refresh_incidents(stockouts, at("2022-04-20T13:00:00Z"))
    assert rows(stockouts.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "open", 1)]
    assert value(stockouts.lake, HELD) == 4
    assert differences(stockouts) == []


def test_its_end_lets_go_and_what_still_fires_is_told_once(stockouts):
    refresh_incidents(stockouts, NOON)
    stockouts.commit_burst(messages(*(transaction(f"R{n}", "RESTOCK", 100, "13:00", sku=f"S{n}") for n in (0, 1))))

    [commit] = refresh_incidents(stockouts, at("2022-04-20T14:00:00Z"))

    assert rows(stockouts.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "resolved", 2)]
    assert value(stockouts.lake, HELD) == 0
    assert [(n.alert_id.split("-")[3], n.number) for n in commit.notifications] == [("S2", 2)]
    assert differences(stockouts) == []


def test_it_lasts_while_everything_is_still_out(stockouts):
    """The window says when it begins; a day later it was "resolved", and all were told again."""
    refresh_incidents(stockouts, NOON)

    for day in (21, 22, 25):
        assert refresh_incidents(stockouts, at(f"2022-04-{day}T12:00:00Z")) == []
    assert rows(stockouts.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "open", 1)]


def test_milder_alerts_and_other_categories_are_told_while_it_is_open(stockouts):
    refresh_incidents(stockouts, NOON)

    [commit] = stockouts.commit_burst(
        messages(
            transaction("O3", quantity=-95, at="12:30", sku="S3"),
            level(0, "12:40", sku="OTHER", category_id="C2"),
        )
    )

    assert sorted(n.alert_id.split("-")[3] for n in commit.notifications) == ["OTHER", "S3"]


@pytest.mark.big
def test_what_joined_between_two_looks_is_let_go_with_the_others(stockouts, open_engine):
    """Nobody had seen it as a member yet; a restarted process holds it all the same."""
    refresh_incidents(stockouts, NOON)
    [commit] = open_engine().commit_burst(messages(transaction("O3", quantity=-100, at="12:30", sku="S3")))
    assert commit.notifications == []
    stockouts.refresh()
    stockouts.commit_burst(messages(*(transaction(f"R{n}", "RESTOCK", 100, "13:00", sku=f"S{n}") for n in (0, 1))))

    [commit] = refresh_incidents(stockouts, at("2022-04-20T14:00:00Z"))

    assert sorted((n.alert_id.split("-")[3], n.number) for n in commit.notifications) == [("S2", 2), ("S3", 1)]
    assert (value(stockouts.lake, HELD), in_force(stockouts.state.inhibitions)) == (0, [])
    assert differences(stockouts) == []


def test_a_sku_that_leaves_the_category_is_let_go(stockouts):
    stockouts.commit_burst(messages(transaction("O3", quantity=-100, at="11:30", sku="S3")))
    refresh_incidents(stockouts, NOON)
    stockouts.commit_burst(messages(level(0, "12:30", sku="S3", category_id="C2")))

    [commit] = refresh_incidents(stockouts, at("2022-04-20T13:00:00Z"))

    assert [n.alert_id.split("-")[3] for n in commit.notifications] == ["S3"]
    assert value(stockouts.lake, HELD) == 3
    assert differences(stockouts) == []


@pytest.mark.big
def test_one_that_begins_again_is_told_again(stockouts):
    """The same alert within its cooldown is the same incident: its number goes on."""
    refresh_incidents(stockouts, at("2022-04-20T09:35:00Z"))
    stockouts.commit_burst(messages(transaction("R2", "RESTOCK", 100, "09:40", sku="S2")))
    refresh_incidents(stockouts, at("2022-04-20T09:45:00Z"))
    stockouts.commit_burst(messages(transaction("O9", quantity=-100, at="09:50", sku="S2")))
    refresh_incidents(stockouts, at("2022-04-20T09:55:00Z"))

    numbers = "SELECT incident_id, state, notification_count FROM out.incidents_changes ORDER BY version"
    found = rows(stockouts.lake, numbers)
    assert len({incident_id for incident_id, *_ in found}) == 1
    assert [row[1:] for row in found] == [("open", 1), ("resolved", 2), ("open", 3)]


def test_an_incident_explains_itself_at_its_version_and_notices_a_change(stockouts, settings):
    refresh_incidents(stockouts, NOON)
    stockouts.commit_burst(messages(transaction("R0", "RESTOCK", 100, "13:00", sku="S0")))
    reader = LakeReader(settings)
    [row] = reader.rows("SELECT * FROM out.incidents")
    show_version(reader.connection, row["as_of_version"])

    assert rederive(reader, row) == []
    arithmetic = json.loads(row["arithmetic"])
    assert arithmetic["comparison"] == "3 SKUs out of stock within 24 h >= 3"
    forged = row | {"arithmetic": json.dumps(arithmetic | {"stockouts": 9}, sort_keys=True)}
    assert [text.split(":")[0] for text in rederive(reader, forged)] == ["arithmetic"]


def test_an_incident_that_has_grown_and_ended_explains_itself(stockouts, settings):
    """It goes on by another rule than it began by, which depends on its being open at that version."""
    refresh_incidents(stockouts, NOON)
    later = at("2022-04-21T20:30:00Z")
    stockouts.commit_burst(messages(transaction("O3", quantity=-100, at="2022-04-21T20:00:00Z", sku="S3")))
    refresh_incidents(stockouts, later)
    everything = (transaction(f"R{n}", "RESTOCK", 200, "2022-04-21T21:00:00Z", sku=f"S{n}") for n in range(4))
    stockouts.commit_burst(messages(*everything))
    refresh_incidents(stockouts, at("2022-04-21T22:00:00Z"))
    reader = LakeReader(settings)
    found = reader.rows("SELECT * FROM out.incidents_changes ORDER BY version")

    assert [(row["state"], len(json.loads(row["members"]))) for row in found] == [
        ("open", 3), ("open", 4), ("resolved", 4),
    ]  # fmt: skip
    assert json.loads(found[1]["arithmetic"])["comparison"] == "4 SKUs out of stock >= 3"
    for row in found:
        reader = LakeReader(settings)
        show_version(reader.connection, row["as_of_version"])
        assert rederive(reader, row) == []


def test_unusual_sales_and_overdue_restocks_of_a_real_history(engine):
    """Eight Wednesdays of 10, then one of 60; a restock ordered ten days ago that takes five."""
    import_products(engine, [Product(sku="S1", lead_time_days=5)])
    weeks = [f"2022-{month:02d}-{day:02d}" for month, day in
             ((2, 23), (3, 2), (3, 9), (3, 16), (3, 23), (3, 30), (4, 6), (4, 13))]  # fmt: skip
    engine.commit_burst(
        messages(
            level(1_000, "2022-02-01T00:00:00Z"),
            *(transaction(f"O{n}", quantity=-10, at=f"{day}T08:00:00Z") for n, day in enumerate(weeks)),
            transaction("BIG", quantity=-60, at="2022-04-20T08:00:00Z"),
            transaction("R1", "RESTOCK", 500, "2022-04-10T08:00:00Z", status="PENDING"),
            transaction("R2", "RESTOCK", 500, "2022-04-19T08:00:00Z", status="PENDING"),
        )
    )

    refresh_incidents(engine, NOON)

    assert rows(engine.lake, OPEN) == [
        ("OVERDUE_RESTOCK", "R1", "open", 1), ("UNUSUAL_DEPLETION", "W1:S1", "open", 1),
    ]  # fmt: skip
    found = json.loads(value(engine.lake, "SELECT arithmetic FROM out.incidents WHERE kind = 'UNUSUAL_DEPLETION'"))
    assert found["same_weekday_units"] == [10] * 8
    assert found["comparison"] == "(60 - 10) / 3.16 = 15.81 > 3.5"

    engine.commit_burst(messages(transaction("R1", "RESTOCK", 500, "2022-04-20T13:00:00Z")))
    refresh_incidents(engine, at("2022-04-21T01:00:00Z"))
    assert {state for _, _, state, _ in rows(engine.lake, OPEN)} == {"resolved"}


def test_incidents_are_told_on_the_status_topic_once(stockouts, broker):
    refresh_incidents(stockouts, NOON)
    ingest = Ingest(stockouts, broker, broker)
    for _ in range(2):
        ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [json.loads(m.data) for m in broker.published if m.topic == Topic.STATUS]
    assert [(m["type"], m["kind"], m["state"], len(m["members"])) for m in told] == [
        ("incident", "CATEGORY_STOCKOUTS", "open", 3)
    ]


@pytest.mark.big
def test_an_incident_of_the_past_is_told_to_nobody_and_one_that_begins_then_is(stockouts, broker):
    """A demo opened with 170 overdue restocks of its history, all told at once; and then the end of each."""
    import_products(stockouts, [Product(sku="S0", lead_time_days=5)])
    restock = transaction("R", "RESTOCK", 50, "2022-04-10T08:00:00Z", status="PENDING", sku="S0")
    stockouts.commit_burst(messages(restock))
    ingest = Ingest(stockouts, broker, broker)
    with stockouts.past():
        refresh_incidents(stockouts, NOON)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    stockouts.commit_burst(messages({**restock, "status": "COMPLETED", "status_changed_at": "2022-04-20T13:00:00Z"}))
    late = transaction("LATE", "RESTOCK", 50, "2022-04-20T13:00:00Z", status="PENDING", sku="S0")
    stockouts.commit_burst(messages(late))
    refresh_incidents(stockouts, at("2022-04-28T12:00:00Z"))
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    told = [json.loads(m.data) for m in broker.published if m.topic == Topic.STATUS]
    assert [("LATE", "open")] == [(m["subject"], m["state"]) for m in told]
    past = "SELECT subject, state, d.notification, d.attempted_at FROM out.deliveries d JOIN out.incidents i "
    assert rows(stockouts.lake, f"{past} ON subject_id = incident_id WHERE status = 'past' ORDER BY ALL") == [
        ("C1", "resolved", 1, None),
        ("C1", "resolved", 2, None),
        ("R", "resolved", 1, None),
        ("R", "resolved", 2, None),
    ]


def test_a_running_loop_finds_a_categorys_stockouts_by_itself(engine, broker, monkeypatch):
    """An hour is long for a CRITICAL; but it looks only where a shelf has run out or was filled."""
    monkeypatch.setattr("inventory_assets.ingest.ingest.SWEEP_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("inventory_assets.refresh.incidents.STOCKOUTS_EVERY_SECONDS", 0.0)
    now = datetime.now(UTC)
    minutes_ago = lambda minutes: (now - timedelta(minutes=minutes)).isoformat()  # noqa: E731
    orders = [transaction(f"O{n}", quantity=-100, at=minutes_ago(9 - n), sku=f"S{n}") for n in range(3)]
    levels = [level(100, minutes_ago(30), sku=f"S{n}", category_id="C1") for n in range(3)]
    engine.commit_burst([message(body, published_at=now) for body in [*levels, *orders]])
    ingest = Ingest(engine, broker, broker, StockoutLook())

    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    version = engine.state.version
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert rows(engine.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "open", 1)]
    assert len([m for m in broker.published if m.topic == Topic.STATUS]) == 1
    assert [stage for (stage,) in rows(engine.lake, f"SELECT stage FROM meta.versions WHERE version > {version}")] in (
        [], ["deliveries"],
    )  # fmt: skip
    assert differences(engine) == []


def test_a_loop_looks_once_what_moved_has_landed_and_lands_nothing_for_it(engine):
    """A landing takes a second beside bursts, and they would wait for it."""
    engine.lake.is_landed_by_others = True
    _run_out(engine)
    look, before = StockoutLook(), engine.lake.head()

    assert look(engine, NOON, "") == []
    assert engine.lake.head().landed == before.landed < before.version

    engine.lake.land()
    [commit] = look(engine, NOON, "")
    assert commit.version == before.version + 1
    assert engine.lake.head().landed == before.version
    assert rows(engine.lake, OPEN) == [("CATEGORY_STOCKOUTS", "C1", "open", 1)]


def test_an_incident_of_the_running_process_is_told_without_a_restart(stockouts, broker, monkeypatch):
    monkeypatch.setattr("inventory_assets.ingest.ingest.SWEEP_EVERY_SECONDS", 0.0)
    ingest = Ingest(stockouts, broker, broker)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
    refresh_incidents(stockouts, NOON)
    ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert len([m for m in broker.published if m.topic == Topic.STATUS]) == 1
