"""Each file that was looked at is shown once, however often the sensor looks or is started anew."""

from contextlib import contextmanager

import dagster as dg
import pytest

from inventory_assets.publishing.ledger import Ledger, Taken, Verdict
from inventory_assets.session import SESSIONS
from inventory_assets.settings import load_settings
from sensors.drop import DropCursor, describe, drop_sensor, tell
from tests.messaging.brokers import eventually, our_emulator

ROWS = "sku,warehouse_id,quantity,timestamp\nS1,W1,5,2025-03-01T08:00:00Z\n"
PUBLISHED = Taken(name="a.csv", verdict=Verdict.PUBLISHED, at=1_741_000_000_000_000, rows=3, sent=3, topic="t", seq=7)
REFUSED = Taken(
    name="`b`.csv", verdict=Verdict.REFUSED, at=1_741_000_000_000_000, rows=2, bad=1, why="rows of it are wrong",
    problems=("line 3: `x`",), seq=8,
)  # fmt: skip


@contextmanager
def ticking(instance):
    """Ticks, each with the cursor of the one before."""
    cursor = None

    def tick() -> dg.SensorResult:
        nonlocal cursor
        found = drop_sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
        assert isinstance(found, dg.SensorResult)
        cursor = found.cursor
        return found

    yield tick
    SESSIONS.close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_HOME", str(tmp_path))
    return tmp_path


def test_a_published_file_is_a_materialization_and_another_an_observation():
    events, cursor = tell([PUBLISHED, REFUSED], DropCursor(6))

    assert [dg.AssetMaterialization, dg.AssetObservation] == [type(each) for each in events]
    assert [("a.csv", 3, 0), ("`b`.csv", 0, 1)] == [
        tuple(each.metadata[name].value for name in ("file", "sent", "wrong")) for each in events
    ]
    assert "- `line 3: 'x'`" == events[1].metadata["wrong_rows"].value
    assert DropCursor(8) == cursor
    assert ([], cursor) == tell([], cursor)


def test_where_there_is_no_folder_nothing_happens(home, instance):
    with ticking(instance) as tick:
        tick()
        found = tick()

    assert ([], "0") == (found.asset_events, str(DropCursor.parse(found.cursor).seq))
    assert "no such folder" in found.skip_reason.skip_message
    assert not (home / "publish").exists()


def test_a_file_is_published_and_shown_once(home, instance, monkeypatch):
    (home / "drop").mkdir()
    (home / "drop" / "a.csv").write_text(ROWS)
    with our_emulator() as host, ticking(instance) as tick:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
        monkeypatch.setattr("inventory_assets.publishing.drop.SETTLE_US", 0)
        [event] = eventually(lambda: tick().asset_events, every=0.2)
        again = [tick().asset_events for _ in range(3)]

    assert ("a.csv", "published") == tuple(event.metadata[name].value for name in ("file", "verdict"))
    assert [[]] * 3 == again
    assert "1 message published." in (home / "drop" / "a.csv.report.txt").read_text()


def test_a_broker_that_is_away_is_said_and_the_file_stays_to_be_taken(home, instance, monkeypatch):
    (home / "drop").mkdir()
    (home / "drop" / "a.csv").write_text(ROWS)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr("inventory_assets.publishing.drop.SETTLE_US", 0)
    with ticking(instance) as tick:
        said = eventually(lambda: "does not answer" in (text := tick().skip_reason.skip_message) and text, every=0.2)

    assert "inventory emulator" in said
    assert 0 == Ledger(home, load_settings().drop_uri).newest_seq()


def test_new_records_of_dagsters_are_told_the_last_files_only(home, instance):
    ledger = Ledger(home, str(home / "drop"))
    for number in range(60):
        ledger.record("p", Taken(name=f"{number}.csv", verdict=Verdict.KNOWN, at=0), ("", ""))
    with ticking(instance) as tick:
        names = [each.metadata["file"].value for each in tick().asset_events]

    assert [f"{number}.csv" for number in range(10, 60)] == names


def test_what_waits_is_said():
    assert "nothing in 'x' yet" in describe(None, "x")
