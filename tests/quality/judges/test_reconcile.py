"""`out.alert_quality`: what each number of it is, on a history worked out by hand."""

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import command, level, messages, moment, rule, transaction
from tests.conftest import copy_home

QUALITY = (
    "SELECT sku, alert_type, state, told, is_false, is_repeat, owner, acknowledge_minutes, resolve_minutes, rule "
    "FROM out.alert_quality WHERE sku = ? ORDER BY opened_at"
)


@pytest.fixture(scope="module")
def lake(empty_home, tmp_path_factory):
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("quality"))))
    engine.commit_burst(messages(rule(10, 20), *(level(100, "07:00", sku=f"S{n}") for n in (1, 2, 3))))

    def low(sku, name, time="08:00"):
        engine.commit_burst(messages(transaction(name, quantity=-95, at=time, sku=sku)))

    def up(sku, name, type_, time):
        engine.commit_burst(messages(transaction(name, type_, 95, time, sku=sku)))

    low("S1", "A1")
    alert_id = engine.lake.query("SELECT alert_id FROM out.alerts").item()
    engine.commit_burst(messages(command("ack", alert_id=alert_id, issued_by="dana", timestamp=moment("08:12"))))
    up("S1", "A2", "RESTOCK", "09:00")
    low("S2", "B1")
    up("S2", "B2", "ADJUSTMENT", "08:30")
    low("S2", "B3", "10:00")
    low("S3", "C1")
    yield engine.lake
    engine.close()


@pytest.mark.parametrize(
    ("sku", "expected"),
    [
        ("S1", [("S1", "LOW_STOCK", "resolved", 1, False, False, "dana", 12.0, 60.0, "GLOBAL")]),
        (
            "S2",
            [
                ("S2", "LOW_STOCK", "resolved", 1, True, False, None, None, 30.0, "GLOBAL"),
                ("S2", "LOW_STOCK", "firing", 1, None, True, None, None, None, "GLOBAL"),
            ],
        ),
        ("S3", [("S3", "LOW_STOCK", "firing", 1, None, False, None, None, None, "GLOBAL")]),
    ],
    ids=["acknowledged, restocked", "over by itself, then again", "open"],
)
def test_each_number_is_what_the_history_says(lake, sku, expected):
    assert lake.query(QUALITY, [sku]).rows() == expected
