"""The stream cannot go on after its token: an alarm, a recorded gap, and a copy, or a stop; never silence."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.connector.faults.conftest import Start
from tests.connector.faults.ends import Shop
from tests.connector.faults.rig import run_command, settings_for
from tests.connector.faults.wire import Wire
from tests.connector.mongo import MongoServer, forgetful_server, new_database_name
from tests.messaging.brokers import Broker

pytestmark = pytest.mark.big


@pytest.fixture(scope="module")
def forgetful() -> Iterator[MongoServer]:
    """A database that remembers the last few changes only."""
    found = forgetful_server(max_entries=20)
    yield found
    found.close()


@pytest.fixture
def shop(forgetful: MongoServer) -> Iterator[Shop]:
    """A shop on it."""
    with forgetful.client(tz_aware=True) as client:
        yield Shop(client, client[new_database_name()])


@pytest.fixture
def settings(forgetful: MongoServer, shop: Shop, broker: Broker, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Settings of a connector on it."""
    return lambda **more: settings_for(shop.database, forgetful.uri, broker, tmp_path, **more)


def stored(settings: dict[str, str]) -> dict[str, Any]:
    """The checkpoint in the file."""
    with sqlite3.connect(settings["RESUME_TOKEN_PATH"]) as connection:
        (text,) = connection.execute("SELECT record FROM checkpoints").fetchone()
    return json.loads(text)


def store(settings: dict[str, str], **changes: Any) -> None:
    """Edit the checkpoint in the file."""
    with sqlite3.connect(settings["RESUME_TOKEN_PATH"]) as connection:
        connection.execute("UPDATE checkpoints SET record = ?", (json.dumps(stored(settings) | changes),))


def lose_history(shop: Shop, server: MongoServer) -> None:
    """Write more than the database remembers."""
    shop.trade(30)
    server.forget_history()


def run_until_streaming(start: Start, settings: dict[str, str]) -> None:
    """A first run, which copies and ends."""
    connector = start(settings)
    connector.await_event("stream_opened")
    assert connector.end() == 0


def test_a_token_past_retention_is_an_alarm_a_gap_and_a_copy_under_a_new_epoch(settings, start, shop, inbox, forgetful):
    """The connector was stopped for longer than the oplog reaches back."""
    run_until_streaming(start, settings())
    before = stored(settings())["source_epoch"]
    lose_history(shop, forgetful)

    connector = start(settings())
    connector.await_event("stream_opened")

    alarm = inbox.await_status("connector_token_lost")
    assert (alarm["severity"], alarm["code"]) == ("alarm", 286)
    assert alarm["healed_by"] > before
    inbox.await_final(shop.database)
    assert connector.end() == 0
    (gap,) = stored(settings())["gaps"]
    assert (gap["code"], gap["healed_by"]) == (286, alarm["healed_by"])
    shown = run_command("status", settings=settings())
    assert "a gap found" in shown.stderr
    assert f"made up for by the copy of epoch {alarm['healed_by']}" in shown.stderr.replace("\n", " ")


def test_a_token_that_ages_out_behind_a_dead_broker_is_told_once_the_broker_is_back(
    settings, start, shop, inbox, broker, forgetful
):
    """The connector runs, cannot publish, and falls behind the oplog."""
    wire = Wire(broker.host)
    connector = start(settings(PUBSUB_EMULATOR_HOST=wire.host, PUBLISH_TIMEOUT_SECONDS=0.5))
    connector.await_event("stream_opened")
    connector.await_(lambda: inbox.statuses("connector_snapshot_finished"))
    wire.cut()
    lose_history(shop, forgetful)
    connector.await_event("token_lost")
    wire.mend()

    assert inbox.await_status("connector_token_lost")["code"] == 286
    inbox.await_final(shop.database)
    assert connector.end() == 0
    wire.close()


def test_notifications_to_stop_it_ends_with_what_to_do_and_goes_on_when_that_is_done(
    settings, start, shop, inbox, forgetful
):
    """`ON_TOKEN_LOST: stop`: each start says the same, until somebody asks for the copy."""
    stop = settings(ON_TOKEN_LOST="stop")
    run_until_streaming(start, stop)
    lose_history(shop, forgetful)

    for _ in range(2):
        connector = start(stop)
        assert connector.join() == 1
        message = connector.events("stopped")[0]["message"]
        assert "inventory connector snapshot" in message
    assert len(stored(stop)["gaps"]) == 1
    assert stored(stop)["gaps"][0]["healed_by"] is None
    assert run_command("snapshot", settings=stop).exit_code == 0
    connector = start(stop)
    connector.await_event("stream_opened")

    inbox.await_final(shop.database)
    assert connector.end() == 0
    assert stored(stop)["gaps"][0]["healed_by"] == stored(stop)["source_epoch"]


@pytest.mark.parametrize("text", ["nonsense", "8262DEADBEEF000000012B0229296E04"])
def test_a_token_that_is_none_is_told_and_healed(text, settings, start, shop, inbox):
    """Somebody edited the store, or restored another database's: 260 and its like."""
    run_until_streaming(start, settings())
    before = stored(settings())["source_epoch"]
    store(settings(), token={"_data": text})
    shop.trade(3)

    connector = start(settings())
    connector.await_event("stream_opened")

    assert inbox.await_status("connector_token_lost")["severity"] == "alarm"
    inbox.await_final(shop.database)
    assert connector.end() == 0
    assert stored(settings())["source_epoch"] > before


def test_the_token_moves_while_nothing_changes(settings, start, inbox):
    """At heartbeats: an idle collection's token would age out otherwise."""
    connector = start(settings(HEARTBEAT_SECONDS=0.2))
    connector.await_event("stream_opened")
    first, handled = stored(settings()), connector.events("handled")

    connector.await_(lambda: stored(settings())["token"] != first["token"])
    connector.await_(lambda: stored(settings())["heartbeat_at"] != first["heartbeat_at"])

    assert connector.end() == 0
    assert connector.events("handled") == handled


def test_a_clock_that_jumps_never_takes_an_epoch_or_a_lag_back(settings, start, shop, inbox, forgetful):
    """Epochs are seconds of the clock, and each is greater than the one before; nothing becomes negative."""
    times = iter([datetime(2030, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)] * 100_000)
    run_until_streaming(start, settings())
    epochs = [stored(settings())["source_epoch"]]
    for at in (datetime(2031, 5, 5, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)):
        store(settings(), token={"_data": "nonsense"})
        connector = start(settings(HEARTBEAT_SECONDS=0.1), now=lambda at=at: at)
        connector.await_event("stream_opened")
        _, body = connector.ask("/readiness")
        assert body["lag_seconds"] is None or body["lag_seconds"] >= 0
        assert body["token_age_seconds"] >= 0
        assert connector.end() == 0
        epochs.append(stored(settings())["source_epoch"])

    assert epochs == sorted(set(epochs))
    connector = start(settings(HEARTBEAT_SECONDS=0.05), now=lambda: next(times))
    connector.await_event("stream_opened")
    beats = len(inbox.statuses("heartbeat"))
    connector.await_(lambda: len(inbox.statuses("heartbeat")) > beats + 10)
    shop.trade(3)
    inbox.await_final(shop.database)
    assert connector.end() == 0
    for beat in inbox.statuses("heartbeat"):
        assert (beat["lag_seconds"] or 0) >= 0
        assert (beat["token_age_seconds"] or 0) >= 0
